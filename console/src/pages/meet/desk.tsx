// SPDX-License-Identifier: GPL-3.0-or-later
// The chair's desk: who is there and how, who speaks and who waits, and everything that is done to the meeting.
import { App, Button, Input, Modal } from 'antd';
import { useEffect, useMemo, useState } from 'react';
import { get, patch, post, put, remove, seg } from '../../app/api';
import { live } from '../../app/events';
import { language, t, tWord } from '../../app/i18n';
import { go } from '../../app/router';
import { useSession } from '../../app/session';
import { useData, useNow } from '../../app/use';
import { plain } from '../../ui/areas';
import { Confirm } from '../../ui/confirm';
import { Badge, Choice, Field } from '../../ui/field';
import { useAct, Wrong } from '../../ui/wrong';
import './desk.css';
import { ChannelsCard } from './desk-channels';
import { FloorCard, given, nameIn } from './desk-floor';
import { LAYOUTS, ViewCard } from './desk-view';
import { VoteCard } from './desk-vote';
import { apiDoer } from './doer';
import { StateIcons } from './stage';
import { apply, byOwnClock, EMPTY, trouble, type RoomState } from './state';
import { ROLES, type Channel, type Dial, type Floor, type Member, type Role, type Room, type Vote } from './types';

type Both = { vi: string; en: string };
type Verdict = { hops: { name: string; state: 'ok' | 'suspect' | 'broken' | 'unknown' }[]; broken: string | null; cause: Both; advice: Both };
type Diagnosis = { sound: Verdict; picture: Verdict };

/** The room as it stands: read once, then by its events; read again where an event says too little, and every 5 s for the figures. */
function useRoom(name: string) {
  const room = useData<Room>(`/rooms/${seg(name)}`, ['room.', 'recording.', 'stream.', 'content.'], 30000);
  const members = useData<{ members: Member[] }>(`/rooms/${seg(name)}/members`, ['member.joined', 'member.lobby', 'member.left', 'member.role'], 5000);
  const floor = useData<Floor>(`/rooms/${seg(name)}/floor`, [], 15000);
  const votes = useData<{ votes: Vote[] }>(`/rooms/${seg(name)}/votes`, [], 30000);
  const channels = useData<{ channels: Channel[] }>(`/rooms/${seg(name)}/channels`, ['member.joined', 'member.left'], 30000);
  const dials = useData<{ dials: Dial[] }>(`/rooms/${seg(name)}/dials`, ['dial.', 'member.left'], 15000);
  const [state, setState] = useState<RoomState>(EMPTY);

  /* each by itself: what one read brings must not put an older read of another over what the events have told since */
  useEffect(() => { if (room.data) setState((old) => ({ ...old, room: room.data!, content: room.data!.content?.member ?? null })); }, [room.data]);
  useEffect(() => { if (members.data) setState((old) => ({ ...old, members: members.data!.members })); }, [members.data]);
  useEffect(() => { if (floor.data) setState((old) => ({ ...old, floor: byOwnClock(floor.data!, Date.now()) })); }, [floor.data]);
  useEffect(() => { if (channels.data) setState((old) => ({ ...old, channels: channels.data!.channels })); }, [channels.data]);
  useEffect(() => { if (votes.data) setState((old) => ({ ...old, votes: votes.data!.votes })); }, [votes.data]);
  useEffect(() => live.on((event) => {
    const data = (event.data ?? {}) as Record<string, unknown>;
    if (data.room !== name) return;
    setState((old) => {
      const next = apply(old, event.type, data);
      if (next === null) window.setTimeout(() => { members.reload(); floor.reload(); }, 0);
      return next ?? old;
    });
  }), [name]);
  const reload = () => { room.reload(); members.reload(); floor.reload(); votes.reload(); dials.reload(); };
  /** Shows a change at once; the answer takes it back when it fails. */
  const show = (fn: (s: RoomState) => RoomState) => {
    let before: RoomState | null = null;
    setState((old) => { before ??= old; return fn(old); });
    return () => { if (before) setState(before); reload(); };
  };
  return { state, dials: dials.data?.dials ?? [], failure: room.failure ?? members.failure, show, reload };
}

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

export default function Desk({ params }: { params: Record<string, string> }) {
  const name = params.room, base = `/rooms/${seg(name)}`;
  const { state, dials, failure, show, reload } = useRoom(name);
  const { may } = useSession();
  const { modal } = App.useApp();
  const act = useAct(), now = useNow(1000);
  const [search, setSearch] = useState(''), [target, setTarget] = useState(''), [banner, setBanner] = useState('');
  const [why, setWhy] = useState<Member | null>(null), [ending, setEnding] = useState(false);
  const { room, members, floor } = state;
  const rights = useData<{ role: Role | null; may: string[] }>(`${base}/may`, ['member.role', 'member.joined', 'member.left'], 60000);
  const can = (what: string) => may('operate') || (rights.data?.may.includes(what) ?? false);
  const doIt = useMemo(() => apiDoer(base), [base]);
  const lobby = members.filter((m) => m.in_lobby), here = members.filter((m) => !m.in_lobby);
  const hands = useMemo(() => new Map(floor.queue.map((q, i) => [q.member, i + 1])), [floor.queue]);
  const shown = here.filter((m) => plain(m.name).includes(plain(search))).sort((a, b) => Number(b.id === floor.holder) - Number(a.id === floor.holder) || (hands.get(a.id) ?? 999) - (hands.get(b.id) ?? 999) || ROLES.indexOf(a.role) - ROLES.indexOf(b.role) || plain(a.name).localeCompare(plain(b.name)));
  const nameOf = (id: string) => nameIn(state, id);
  const change = (m: Member, body: Partial<Member>) => void act(() => patch(`${base}/members/${seg(m.id)}`, body), { undo: show((s) => ({ ...s, members: s.members.map((x) => (x.id === m.id ? { ...x, ...body } : x)) })) });
  const view = (m: Member, layout: string) => void act(() => (layout ? put(`${base}/members/${seg(m.id)}/view`, { layout }) : remove(`${base}/members/${seg(m.id)}/view`)),
    { undo: show((s) => ({ ...s, members: s.members.map((x) => (x.id === m.id ? { ...x, view: layout ? { layout, by: 'chair', shown: true } : null } : x)) })) });
  const give = (id: string) => void act(() => doIt('floor-give', { member: id }), { undo: show((s) => given(s, id)) });
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
  if (failure && !room) return <Wrong failure={failure} retry={reload} />;
  return (
    <>
      <div className="head">
        <div><h1>{room?.title ?? name}</h1><div className="row" style={{ marginTop: 4 }}>
          <span className="soft">{t('desk.count', { n: here.length })}</span>
          {room?.recorded && <Badge tone="bad">{t('meet.rec')}</Badge>}{room?.streamed && <Badge tone="warn">{t('meet.live')}</Badge>}{room?.locked && <Badge tone="idle">{t('desk.locked')}</Badge>}
          {room?.confidential && <Badge tone="warn">{t('meet.confidential')}</Badge>}{state.content && <Badge tone="good">{t('desk.presents', { name: nameOf(state.content) })}</Badge>}
        </div></div>
        <div className="row noprint">
          <Button onClick={() => go(`/join/${seg(name)}`)}>{t('desk.join')}</Button>
          {can('mute-others') && <Button size="large" onClick={() => void act(() => doIt('mute-all'), { done: t('desk.mutedAll'), undo: show((s) => ({ ...s, members: s.members.map((m) => (m.role === 'chair' ? m : { ...m, muted: true })) })) })}>{t('desk.muteAll')}</Button>}
          {can('lock') && <Button onClick={() => void act(() => put(`${base}/lock`, { locked: !room?.locked }), { undo: show((s) => (s.room ? { ...s, room: { ...s.room, locked: !s.room.locked } } : s)) })}>{room?.locked ? t('desk.unlock') : t('desk.lock')}</Button>}
          {can('record') && !room?.confidential && <><Button onClick={() => void record()}>{room?.recorded ? t('desk.recordStop') : t('desk.record')}</Button><Button onClick={() => void stream()}>{room?.streamed ? t('desk.streamStop') : t('desk.stream')}</Button></>}
          {can('end') && <Button danger onClick={() => setEnding(true)}>{t('desk.end')}</Button>}
        </div>
      </div>
      {failure && <Wrong failure={failure} retry={reload} />}
      {lobby.length > 0 && <section className="card" style={{ marginBottom: 14, borderColor: 'var(--warn)' }} aria-live="polite">
        <h2>{t('desk.lobby', { n: lobby.length })}</h2>
        <div className="row">{lobby.map((m) => <Button key={m.id} disabled={!can('admit')} type="primary" onClick={() => void act(() => doIt('admit', { member: m.id }), { done: t('desk.admitted', { name: m.name }) }).then(reload)}>{t('desk.admit', { name: m.name })}</Button>)}</div>
      </section>}
      <div className="wide">
        <section className="card">
          <div className="row between"><h2>{t('desk.members')}</h2><Input aria-label={t('desk.search')} placeholder={t('desk.search')} allowClear style={{ maxWidth: 260 }} value={search} onChange={(e) => setSearch(e.target.value)} /></div>
          <ul className="list desk-members">{shown.map((m) => {
            const bad = trouble(m);
            return (
              <li key={m.id} data-member={m.id}>
                <div className="row between">
                  <div style={{ minWidth: 0 }}><b>{m.name || m.uri}</b> <StateIcons m={m} floor={floor.holder} hand={hands.has(m.id)} />
                    <div className="soft">{tWord('meetRole', m.role)}{m.muted ? ` · ${t('desk.isMuted')}` : m.self_muted ? ` · ${t('desk.isSelfMuted')}` : ''}{m.talking ? ` · ${t('desk.talks')}` : ''}{hands.has(m.id) ? ` · ${t('desk.handAt', { n: hands.get(m.id)! })}` : ''}{m.view ? ` · ${m.view.shown === false ? t('desk.viewNotShown') : t('desk.viewOwn', { layout: tWord('layout', m.view.layout) })}` : ''}</div>
                    {bad && <Badge tone={bad === 'away' || bad === 'no-packets' ? 'bad' : 'warn'}>{t(`weak.${bad}`)}</Badge>}</div>
                  <div className="row">
                    {can('run-floor') && floor.holder !== m.id && <Button type={hands.has(m.id) ? 'primary' : 'default'} onClick={() => give(m.id)}>{t('desk.give')}</Button>}
                    {can('mute-others') && <Button onClick={() => change(m, { muted: !m.muted })}>{m.muted ? t('desk.unmute') : t('desk.mute')}</Button>}
                    {(can('set-layout') || can('kick')) && <details className="desk-more"><summary aria-label={t('desk.moreOf', { name: m.name })}>⋯</summary><div>
                      <Button block onClick={() => setWhy(m)}>{t('desk.why')}</Button>
                      {can('set-layout') && <><Button block onClick={() => void act(() => put(`${base}/spotlight`, { member: m.id }), { done: t('desk.spotlit', { name: m.name }) })}>{t('desk.spotlight')}</Button>
                        <Choice aria-label={t('desk.viewOf', { name: m.name })} value={m.view?.layout ?? ''} choose={(layout: string) => view(m, layout)} options={[['', t('desk.viewRoom')] as const, ...LAYOUTS.map((l) => [l as string, t('desk.viewOwn', { layout: tWord('layout', l) })] as const)]} /></>}
                      {can('mute-others') && <Button block onClick={() => change(m, { video_muted: !m.video_muted })}>{m.video_muted ? t('desk.showVideo') : t('desk.hideVideo')}</Button>}
                      {can('set-roles') && <Choice aria-label={t('desk.role')} value={m.role} choose={(role: Role) => change(m, { role })} options={ROLES.map((r) => [r, tWord('meetRole', r)] as const)} />}
                      {can('kick') && <Button block danger onClick={() => void modal.confirm({ title: t('desk.kickSure', { name: m.name }), okText: t('desk.kick'), cancelText: t('cancel'), onOk: () => act(() => remove(`${base}/members/${seg(m.id)}`), { undo: show((s) => ({ ...s, members: s.members.filter((x) => x.id !== m.id) })) }) })}>{t('desk.kick')}</Button>}
                    </div></details>}
                  </div>
                </div>
              </li>);
          })}</ul>
          {shown.length === 0 && <p className="soft">{t('desk.nobody')}</p>}
        </section>
        <div className="cards">
          <FloorCard doIt={doIt} state={state} runs={can('run-floor')} now={now} show={show} />
          <ViewCard base={base} state={state} runs={can('set-layout')} show={show} />
          {can('banner') && <form className="card" onSubmit={(e) => { e.preventDefault(); void act(() => put(`${base}/banner`, { text: banner.trim() || null, clock: true }), { done: t('done') }); }}>
            <Field label={t('desk.banner')} hint={t('desk.bannerHint')}>{(id) => <Input id={id} maxLength={200} value={banner} onChange={(e) => setBanner(e.target.value)} />}</Field>
            <Button htmlType="submit">{t('desk.bannerGo')}</Button>
          </form>}
          {can('pairs') && <ChannelsCard base={base} state={state} show={show} />}
          <VoteCard doIt={doIt} state={state} runs={can('run-votes')} done={reload} />
          <section className="card">
            <h2>{t('desk.calls')}</h2>
            {can('dial') && <form className="row" onSubmit={(e) => { e.preventDefault(); if (target.trim()) void act(() => post(`${base}/dials`, { targets: [target.trim()], redial: true }), { done: t('desk.calling', { name: target.trim() }) }).then((ok) => { if (ok) setTarget(''); reload(); }); }}>
              <Input aria-label={t('desk.whom')} placeholder={t('desk.whom')} value={target} onChange={(e) => setTarget(e.target.value)} style={{ flex: 1, minWidth: 160 }} /><Button htmlType="submit" type="primary">{t('desk.call')}</Button></form>}
            <ul className="list" style={{ marginTop: 10 }}>{dials.map((d) => (
              <li key={d.target} className="row between" style={{ padding: '6px 0' }}><span>{d.target} <Badge tone={d.state === 'up' ? 'good' : d.state === 'failed' || d.state === 'given-up' ? 'bad' : 'idle'}>{tWord('dialState', d.state)}</Badge></span>
                {can('dial') && <span className="row">{d.state !== 'up' && <Button onClick={() => void act(() => post(`${base}/dials`, { targets: [d.target], redial: true })).then(reload)}>{t('desk.again')}</Button>}
                  <Button onClick={() => void act(() => remove(`${base}/dials/${seg(d.target)}`)).then(reload)}>{t('desk.stopCall')}</Button></span>}</li>))}
            </ul>
          </section>
        </div>
      </div>
      {why && <Why room={name} member={why} close={() => setWhy(null)} />}
      <Confirm open={ending} close={() => setEnding(false)} title={t('desk.endTitle')} go={t('desk.end')} danger doIt={async () => { if (await act(() => post(`${base}/end`), { done: t('desk.ended') })) setEnding(false); reload(); }}><p>{t('desk.endWhat', { n: here.length })}</p></Confirm>
    </>
  );
}
