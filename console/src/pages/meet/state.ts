// SPDX-License-Identifier: GPL-3.0-or-later
// A room as it stands, kept up to date by its events: the same for who sits in it and for the chair's desk. Pure.
import type { Channel, Floor, Member, Room, Vote } from './types';

export type RoomState = { room: Room | null; members: Member[]; floor: Floor; votes: Vote[]; content: string | null; channels: Channel[] };
export const EMPTY: RoomState = { room: null, members: [], floor: { holder: null, deadline_ms: null, queue: [] }, votes: [], content: null, channels: [] };

type Data = Record<string, unknown>;
const text = (data: Data, name: string) => (typeof data[name] === 'string' ? (data[name] as string) : '');
const flag = (data: Data, name: string) => data[name] === true;

function withMember(state: RoomState, id: string, change: Partial<Member>): RoomState {
  const old = state.members.find((m) => m.id === id);
  if (!old || (Object.keys(change) as (keyof Member)[]).every((key) => old[key] === change[key])) return state;
  return { ...state, members: state.members.map((m) => (m.id === id ? { ...m, ...change } : m)) };
}
const withRoom = (state: RoomState, change: Partial<Room>): RoomState => (state.room ? { ...state, room: { ...state.room, ...change } } : state);

/** The end of a speaking time by this machine's clock, which may be minutes off: from what was left when it was told. */
export const byOwnClock = (floor: Floor, now: number): Floor => (typeof floor.left_ms === 'number' ? { ...floor, deadline_ms: now + floor.left_ms } : floor);

/** null: the event says too little, the whole is to be read again. The same object: it changes nothing. */
export function apply(state: RoomState, event: string, data: Data, now = Date.now()): RoomState | null {
  const id = text(data, 'member');
  if (event.startsWith('floor.')) {
    const floor = data.floor as Floor | undefined;
    return floor && Array.isArray(floor.queue) ? { ...state, floor: byOwnClock(floor, now) } : null;
  }
  switch (event) {
    case 'member.talking': return withMember(state, id, { talking: flag(data, 'talking') });
    case 'member.muted': return withMember(state, id, { muted: flag(data, 'muted') });
    case 'member.self-muted': return withMember(state, id, { self_muted: flag(data, 'muted') });
    case 'member.self-video-muted': return withMember(state, id, { self_video_muted: flag(data, 'muted') });
    case 'member.video-muted': return withMember(state, id, { video_muted: flag(data, 'muted') });
    case 'channels.changed': return Array.isArray(data.channels) ? { ...state, channels: data.channels as Channel[] } : null;
    case 'member.deaf': return withMember(state, id, { deaf: flag(data, 'deaf') });
    case 'member.away': return withMember(state, id, { away: flag(data, 'away') });
    case 'member.role': return withMember(state, id, { role: text(data, 'role') as Member['role'] });
    case 'member.left': return { ...state, members: state.members.filter((m) => m.id !== id), content: state.content === id ? null : state.content };
    case 'room.mutes': {
      const muted = new Set((data.muted as string[] | undefined) ?? []), open = new Set((data.unmuted as string[] | undefined) ?? []);
      return { ...state, members: state.members.map((m) => (muted.has(m.id) ? { ...m, muted: true } : open.has(m.id) ? { ...m, muted: false } : m)) };
    }
    case 'room.locked': return withRoom(state, { locked: flag(data, 'locked') });
    case 'room.layout': return withRoom(state, { layout: text(data, 'layout'), seats: (data.seats as (string | null)[] | undefined) ?? [], ...(typeof data.tour_s === 'number' ? { tour_s: data.tour_s } : {}) });
    case 'room.tour': return withRoom(state, { tour_s: Number(data.seconds) || 0 });
    case 'layout.changed': return 'spotlight' in data ? withRoom(state, { spotlight: text(data, 'spotlight') || null }) : null;
    case 'view.changed': return withMember(state, id, { view: text(data, 'layout') ? { layout: text(data, 'layout'), seats: data.seats as (string | null)[], by: data.by === 'chair' ? 'chair' : 'self', shown: data.shown !== false, why: text(data, 'why') || undefined } : null });
    case 'content.started': return { ...state, content: id || null };
    case 'content.stopped': return { ...state, content: null };
    case 'recording.started': return withRoom(state, { recorded: true });
    case 'recording.stopped': return withRoom(state, { recorded: false });
    case 'stream.started': return withRoom(state, { streamed: true });
    case 'stream.stopped': return withRoom(state, { streamed: false });
    case 'vote.opened': case 'vote.closed': {
      const vote = data.result as Vote | undefined;
      return vote?.id ? { ...state, votes: [...state.votes.filter((v) => v.id !== vote.id), vote] } : null;
    }
    case 'vote.cast': case 'vote.withdrawn':
      return { ...state, votes: state.votes.map((v) => (v.id === text(data, 'vote') ? { ...v, cast: Number(data.cast) || v.cast } : v)) };
    case 'room.speaker': case 'member.pin-failed': case 'dial.ringing': return state;
    default: return event.startsWith('member.') || event.startsWith('room.') || event.startsWith('layout.') ? null : state;
  }
}

export type Told = { type: string; data: Data };
/** Several events, in their order. again: one of them says too little, the whole is to be read again. */
export function applyAll(state: RoomState, events: readonly Told[], now = Date.now()): { state: RoomState; again: boolean } {
  let again = false;
  for (const { type, data } of events) {
    const next = apply(state, type, data, now);
    again ||= next === null;
    state = next ?? state;
  }
  return { state, again };
}

export const voteOpen = (state: RoomState): Vote | undefined => [...state.votes].reverse().find((v) => v.open);
/** Milliseconds that the speaker has left, null without a limit. */
export function left(floor: Floor, nowMs: number): number | null {
  return floor.holder === null || floor.deadline_ms === null ? null : Math.max(0, floor.deadline_ms - nowMs);
}
/** Speaks next: the first in the queue who is here, while another has the floor. */
export const isNext = (floor: Floor, member: string): boolean => floor.holder !== null && floor.holder !== member && floor.queue.find((q) => !q.away)?.member === member;
export function countdown(ms: number): string {
  const s = Math.ceil(ms / 1000);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
}

/** From there on a line is in trouble. */
export const ALARM = { loss_percent: 5, delay_ms: 400, jitter_ms: 60 } as const;

/** Why a member's line is bad: what is first worth a look. "": nothing is. */
export function trouble(m: Member): '' | 'away' | 'no-packets' | 'loss' | 'delay' | 'jitter' | 'frozen' | 'silent' {
  const s = m.stats ?? {};
  if (m.away) return 'away';
  if (m.media && m.media.audio !== 'none' && (s.audio_packets_received ?? 1) === 0) return 'no-packets';
  if (Math.max(s.audio_loss_percent ?? 0, s.video_loss_percent ?? 0) >= ALARM.loss_percent) return 'loss';
  if ((s.round_trip_us ?? 0) > ALARM.delay_ms * 1000) return 'delay';
  if ((s.audio_jitter_us ?? 0) > ALARM.jitter_ms * 1000) return 'jitter';
  if ((s.video_frozen_ms ?? 0) > 15000 && (s.video_in_bps ?? 1) === 0 && m.media?.video !== 'none') return 'frozen';
  return '';
}

const NAMES = ['id', 'name', 'uri', 'role', 'in_lobby'] as const;
const ROW = [...NAMES, 'muted', 'self_muted', 'video_muted', 'talking', 'away'] as const;
/** Do both lists name the same people in the same roles? */
export const sameNames = (a: readonly Member[], b: readonly Member[]): boolean => a === b || (a.length === b.length && a.every((m, i) => NAMES.every((key) => m[key] === b[i][key])));
/** Does the desk show the same of both? Figures count only as far as they are trouble. */
export const sameRow = (a: Member, b: Member): boolean =>
  a === b || (ROW.every((key) => a[key] === b[key]) && a.view?.layout === b.view?.layout && a.view?.shown === b.view?.shown && trouble(a) === trouble(b));
