// SPDX-License-Identifier: GPL-3.0-or-later
import { useCallback, useEffect, useRef, useState } from 'react';
import { seg } from '../../app/api';
import { Batch } from '../../app/batch';
import { live } from '../../app/events';
import type { Failure } from '../../app/failure';
import { useData } from '../../app/use';
import { applyAll, byOwnClock, EMPTY, type RoomState, type Told } from './state';
import type { Channel, Dial, Floor, Member, Room, Vote } from './types';

/** Shows a change at once; what it returns takes it back when the server refuses it. */
export type Show = (fn: (s: RoomState) => RoomState) => () => void;
const NO_DIALS: readonly Dial[] = [];

/** The room as it stands: read once, then by its events, those of one frame at once; read again where an event says too little, and every 5 s for the
 * figures. show and reload stay the same functions. */
export function useRoom(name: string): { state: RoomState; dials: readonly Dial[]; failure: Failure | null; show: Show; reload: () => void } {
  const room = useData<Room>(`/rooms/${seg(name)}`, ['room.', 'recording.', 'stream.', 'content.'], 30000);
  const members = useData<{ members: Member[] }>(`/rooms/${seg(name)}/members`, ['member.joined', 'member.lobby', 'member.left', 'member.role'], 5000);
  const floor = useData<Floor>(`/rooms/${seg(name)}/floor`, ['again'], 15000);
  const votes = useData<{ votes: Vote[] }>(`/rooms/${seg(name)}/votes`, ['again'], 30000);
  const channels = useData<{ channels: Channel[] }>(`/rooms/${seg(name)}/channels`, ['member.joined', 'member.left'], 30000);
  const dials = useData<{ dials: Dial[] }>(`/rooms/${seg(name)}/dials`, ['dial.', 'member.left'], 15000);
  const [state, setState] = useState<RoomState>(EMPTY), latest = useRef<RoomState>(EMPTY); /* latest: also what is not drawn yet */
  const put = useCallback((next: RoomState) => { latest.current = next; setState(next); }, []);
  const [batch] = useState(() => new Batch<Told>((events) => {
    const next = applyAll(latest.current, events);
    put(next.state);
    if (next.again) { members.reload(); floor.reload(); }
  }));
  /* after what was told before it, so that nothing older is put over it */
  const set = useCallback((fn: (s: RoomState) => RoomState) => { batch.flush(); put(fn(latest.current)); }, [batch, put]);

  /* each by itself: what one read brings must not put an older read of another over what the events have told since */
  useEffect(() => { if (room.data) set((old) => ({ ...old, room: room.data!, content: room.data!.content?.member ?? null })); }, [room.data]);
  useEffect(() => { if (members.data) set((old) => ({ ...old, members: members.data!.members })); }, [members.data]);
  useEffect(() => { if (floor.data) set((old) => ({ ...old, floor: byOwnClock(floor.data!, Date.now()) })); }, [floor.data]);
  useEffect(() => { if (channels.data) set((old) => ({ ...old, channels: channels.data!.channels })); }, [channels.data]);
  useEffect(() => { if (votes.data) set((old) => ({ ...old, votes: votes.data!.votes })); }, [votes.data]);
  useEffect(() => {
    const off = live.on((event) => {
      const data = (event.data ?? {}) as Record<string, unknown>;
      if (data.room === name) batch.add({ type: event.type, data });
    });
    return () => { off(); batch.drop(); };
  }, [name, batch]);
  const reload = useCallback(() => { for (const read of [room, members, floor, votes, channels, dials]) read.reload(); }, []);
  const show = useCallback<Show>((fn) => {
    let before = EMPTY;
    set((old) => { before = old; return fn(old); });
    return () => { set(() => before); reload(); };
  }, [set, reload]);
  return { state, dials: dials.data?.dials ?? NO_DIALS, failure: room.failure ?? members.failure, show, reload };
}
