// SPDX-License-Identifier: GPL-3.0-or-later
// The chair's desk: who is there and how, who speaks and who waits, and everything that is done to the meeting.
import { App, Button, Modal } from 'antd';
import { memo, useCallback, useMemo, useRef, useState } from 'react';
import { get, patch, post, put, remove, seg } from '../../app/api';
import { language, t, tWord } from '../../app/i18n';
import { go } from '../../app/router';
import { useSession } from '../../app/session';
import { useData } from '../../app/use';
import { Confirm } from '../../ui/confirm';
import { Badge } from '../../ui/field';
import { useAct, Wrong } from '../../ui/wrong';
import './desk.css';
import { BannerCard, CallsCard } from './desk-calls';
import { ChannelsCard } from './desk-channels';
import { FloorCard, given, nameIn } from './desk-floor';
import { MembersCard, type RowActs } from './desk-members';
import { ViewCard } from './desk-view';
import { VoteCard } from './desk-vote';
import { apiDoer, type Doer } from './doer';
import { sameNames, type RoomState } from './state';
import type { Member, Role } from './types';
import { useRoom, type Show } from './use-room';

type Both = { vi: string; en: string };
type Verdict = { hops: { name: string; state: 'ok' | 'suspect' | 'broken' | 'unknown' }[]; broken: string | null; cause: Both; advice: Both };
type Diagnosis = { sound: Verdict; picture: Verdict };

function Why({ room, member, close }: { room: string; member: Member; close: () => void }) {
  const found = useData<Diagnosis>(`/rooms/${seg(room)}/members/${seg(member.id)}/diagnosis`);
  const part = (title: string, verdict: Verdict) => (
    <section>
      <h3>{title}</h3>
      <p><b>{verdict.cause[language()]}</b><br />{verdict.advice[language()]}</p>
      <ol className="desk-hops">{verdict.hops.map((h) => (
        <li key={h.name}><Badge tone={h.state === 'ok' ? 'good' : h.state === 'broken' ? 'bad' : h.state === 'suspect' ? 'warn' : 'idle'}>{tWord('hop', h.name)}</Badge></li>))}
      </ol>
    </section>
  );
  return (
    <Modal open title={t('desk.whyTitle', { name: member.name })} onCancel={close} footer={<Button onClick={close}>{t('close')}</Button>}>
      {found.loading && <p role="status">{t('desk.whyLooking')}</p>}
      {found.failure && <Wrong failure={found.failure} retry={found.reload} />}
      {found.data && <>{part(t('desk.sound'), found.data.sound)}{part(t('desk.picture'), found.data.picture)}</>}
    </Modal>
  );
}

/** What changes how a member takes part, each shown at once. */
function useRowActs(base: string, doIt: Doer, show: Show, why: (m: Member) => void): RowActs {
  const act = useAct(), { modal } = App.useApp();
  return useMemo(() => {
    const of = (m: Member) => `${base}/members/${seg(m.id)}`;
    const shown = (m: Member, body: Partial<Member>) => show((s) => ({ ...s, members: s.members.map((x) => (x.id === m.id ? { ...x, ...body } : x)) }));
    return {
      why,
      give: (m) => void act(() => doIt('floor-give', { member: m.id }), { about: m.id, undo: show((s) => given(s, m.id)) }),
      change: (m, body) => void act(() => patch(of(m), body), { about: m.id, undo: shown(m, body) }),
      view: (m, layout) => void act(() => (layout ? put(`${of(m)}/view`, { layout }) : remove(`${of(m)}/view`)), { about: m.id, undo: shown(m, { view: layout ? { layout, by: 'chair', shown: true } : null }) }),
      spotlight: (m) => void act(() => put(`${base}/spotlight`, { member: m.id }), { about: m.id, done: t('desk.spotlit', { name: m.name }) }),
      remove: (m) => void modal.confirm({ title: t('desk.kickSure', { name: m.name }), okText: t('desk.kick'), cancelText: t('cancel'), onOk: () => act(() => remove(of(m)), { about: m.id, undo: show((s) => ({ ...s, members: s.members.filter((x) => x.id !== m.id) })) }) }),
    };
  }, [base, doIt, show, why, act, modal]);
}

/** What this account may do in the room; the same function while that stays so. */
function useCan(base: string): (what: string) => boolean {
  const { may } = useSession(), all = may('operate');
  const rights = useData<{ role: Role | null; may: string[] }>(`${base}/may`, ['member.role', 'member.joined', 'member.left'], 60000);
  const list = rights.data?.may.join(' ') ?? '';
  return useCallback((what: string) => all || list.split(' ').includes(what), [all, list]);
}

type HeadProps = { name: string; state: RoomState; can: (what: string) => boolean; doIt: Doer; show: Show; reload: () => void };
const Head = memo(function Head({ name, state, can, doIt, show, reload }: HeadProps) {
  const { room, content, members } = state, base = `/rooms/${seg(name)}`, n = members.filter((m) => !m.in_lobby).length;
  const act = useAct(), [ending, setEnding] = useState(false);
  const record = async () => {
    if (!room?.recorded) return void act(() => post(`${base}/recordings`), { done: t('desk.recording') }).then(reload);
    const running = await get<{ recordings: { id: string; state: string }[] }>(`/recordings?room=${seg(name)}`).catch(() => ({ recordings: [] }));
    await act(() => Promise.all(running.recordings.filter((r) => r.state === 'running').map((r) => post(`/recordings/${seg(r.id)}/stop`))), { done: t('desk.recordStopped') });
    reload();
  };
  const stream = async () => {
    if (!room?.streamed) return void act(() => post(`${base}/streams`, {}), { done: t('desk.streaming') }).then(reload);
    const running = await get<{ streams: { id: string; room: string }[] }>('/streams').catch(() => ({ streams: [] }));
    await act(() => Promise.all(running.streams.filter((s) => s.room === name).map((s) => remove(`/streams/${seg(s.id)}`))), { done: t('desk.streamStopped') });
    reload();
  };
  return (
    <div className="head">
      <div><h1>{room?.title ?? name}</h1><div className="row" style={{ marginTop: 4 }}>
        <span className="soft">{t('desk.count', { n })}</span>
        {room?.recorded && <Badge tone="bad" sign="●">{t('meet.rec')}</Badge>}{room?.streamed && <Badge tone="warn" sign="◉">{t('meet.live')}</Badge>}{room?.locked && <Badge tone="idle">{t('desk.locked')}</Badge>}
        {room?.confidential && <Badge tone="warn">{t('meet.confidential')}</Badge>}{content && <Badge tone="good">{t('desk.presents', { name: nameIn(state, content) })}</Badge>}
      </div>{room?.confidential && <p className="lost" role="status" style={{ margin: '8px 0 0' }}>{t('confidential.notice')}</p>}</div>
      <div className="row noprint">
        <Button onClick={() => go(`/join/${seg(name)}`)}>{t('desk.join')}</Button>
        {can('mute-others') && <Button size="large" onClick={() => void act(() => doIt('mute-all'), { done: t('desk.mutedAll'), undo: show((s) => ({ ...s, members: s.members.map((m) => (m.role === 'chair' ? m : { ...m, muted: true })) })) })}>{t('desk.muteAll')}</Button>}
        {can('lock') && <Button onClick={() => void act(() => put(`${base}/lock`, { locked: !room?.locked }), { undo: show((s) => (s.room ? { ...s, room: { ...s.room, locked: !s.room.locked } } : s)) })}>{room?.locked ? t('desk.unlock') : t('desk.lock')}</Button>}
        {can('record') && !room?.confidential && <><Button onClick={() => void record()}>{room?.recorded ? t('desk.recordStop') : t('desk.record')}</Button><Button onClick={() => void stream()}>{room?.streamed ? t('desk.streamStop') : t('desk.stream')}</Button></>}
        {can('record') && room?.confidential && <span className="soft">{t('confidential.noRecord')}</span>}
        {can('end') && <Button danger onClick={() => setEnding(true)}>{t('desk.end')}</Button>}
      </div>
      <Confirm open={ending} close={() => setEnding(false)} title={t('desk.endTitle')} go={t('desk.end')} danger doIt={async () => { if (await act(() => post(`${base}/end`), { done: t('desk.ended') })) setEnding(false); reload(); }}><p>{t('desk.endWhat', { n })}</p></Confirm>
    </div>
  );
});

const Lobby = memo(function Lobby({ members, can, doIt, reload }: { members: readonly Member[]; can: (what: string) => boolean; doIt: Doer; reload: () => void }) {
  const act = useAct(), waiting = members.filter((m) => m.in_lobby);
  if (waiting.length === 0) return null;
  return (
    <section className="card" style={{ marginBottom: 14, borderColor: 'var(--warn)' }} aria-live="polite">
      <h2>{t('desk.lobby', { n: waiting.length })}</h2>
      <div className="row">{waiting.map((m) => <Button key={m.id} disabled={!can('admit')} type="primary" onClick={() => void act(() => doIt('admit', { member: m.id }), { done: t('desk.admitted', { name: m.name }) }).then(reload)}>{t('desk.admit', { name: m.name })}</Button>)}</div>
    </section>
  );
});

export default function Desk({ params }: { params: Record<string, string> }) {
  const name = params.room, base = `/rooms/${seg(name)}`;
  const { state, dials, failure, show, reload } = useRoom(name);
  const [why, setWhy] = useState<Member | null>(null);
  const doIt = useMemo(() => apiDoer(base), [base]), can = useCan(base), acts = useRowActs(base, doIt, show, setWhy);
  /* who talks and how the lines are is the list's alone: what only names people is not drawn again for it */
  const names = useRef(state.members);
  if (!sameNames(names.current, state.members)) names.current = state.members;
  const quiet = useMemo(() => ({ ...state, members: names.current }), [names.current, state.room, state.floor, state.votes, state.content, state.channels]);
  if (failure && !state.room) return <Wrong failure={failure} retry={reload} />;
  return (
    <>
      <Head name={name} state={quiet} can={can} doIt={doIt} show={show} reload={reload} />
      {failure && <Wrong failure={failure} retry={reload} />}
      <Lobby members={quiet.members} can={can} doIt={doIt} reload={reload} />
      <div className="wide">
        <MembersCard members={state.members} floor={state.floor} can={can} acts={acts} />
        <div className="cards">
          <FloorCard doIt={doIt} state={quiet} runs={can('run-floor')} show={show} />
          <ViewCard base={base} state={quiet} runs={can('set-layout')} show={show} />
          {can('banner') && <BannerCard base={base} />}
          {can('pairs') && <ChannelsCard base={base} state={quiet} show={show} />}
          <VoteCard doIt={doIt} state={quiet} runs={can('run-votes')} done={reload} />
          <CallsCard base={base} dials={dials} runs={can('dial')} reload={reload} />
        </div>
      </div>
      {why && <Why room={name} member={why} close={() => setWhy(null)} />}
    </>
  );
}
