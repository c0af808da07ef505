// SPDX-License-Identifier: GPL-3.0-or-later
// The chair's desk: who is there and how, who speaks and who waits, and everything that is done to the meeting.
import { App, Button, Input, Modal } from 'antd';
import { useEffect, useMemo, useState, type FormEvent } from 'react';
import { get, patch, post, put, remove, seg } from '../../app/api';
import { live } from '../../app/events';
import { language, t, tWord } from '../../app/i18n';
import { Link } from '../../app/router';
import { useSession } from '../../app/session';
import { useData, useNow } from '../../app/use';
import { plain } from '../../ui/areas';
import { Confirm } from '../../ui/confirm';
import { Badge, Choice, Field } from '../../ui/field';
import { useAct, Wrong } from '../../ui/wrong';
import './desk.css';
import { FloorCard, given, nameIn } from './desk-floor';
import { StateIcons, VoteResult } from './stage';
import { apply, byOwnClock, EMPTY, trouble, voteOpen, type RoomState } from './state';
import { ROLES, type Dial, type Floor, type Member, type Role, type Room, type Vote } from './types';

const LAYOUTS = ['auto', 'single', '1+5', '1+7', '2x2', '3x3', '4x4', '5x5', '6x6', '9x8', 'pip'] as const;
type Both = { vi: string; en: string };
type Verdict = { hops: { name: string; state: 'ok' | 'suspect' | 'broken' | 'unknown' }[]; broken: string | null; cause: Both; advice: Both };
type Diagnosis = { sound: Verdict; picture: Verdict };

/** The room as it stands: read once, then by its events; read again where an event says too little, and every 5 s for the figures. */
function useRoom(name: string) {
  const room = useData<Room>(`/rooms/${seg(name)}`, ['room.', 'recording.', 'stream.', 'content.'], 30000);
  const members = useData<{ members: Member[] }>(`/rooms/${seg(name)}/members`, ['member.joined', 'member.lobby', 'member.left', 'member.role'], 5000);
  const floor = useData<Floor>(`/rooms/${seg(name)}/floor`, [], 15000);
  const votes = useData<{ votes: Vote[] }>(`/rooms/${seg(name)}/votes`, [], 30000);
  const dials = useData<{ dials: Dial[] }>(`/rooms/${seg(name)}/dials`, ['dial.', 'member.left'], 15000);
  const [state, setState] = useState<RoomState>(EMPTY);

  /* each by itself: what one read brings must not put an older read of another over what the events have told since */
  useEffect(() => { if (room.data) setState((old) => ({ ...old, room: room.data!, content: room.data!.content?.member ?? null })); }, [room.data]);
  useEffect(() => { if (members.data) setState((old) => ({ ...old, members: members.data!.members })); }, [members.data]);
  useEffect(() => { if (floor.data) setState((old) => ({ ...old, floor: byOwnClock(floor.data!, Date.now()) })); }, [floor.data]);
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

function OpenVote({ room, close }: { room: string; close: () => void }) {
  const [form, setForm] = useState({ question: '', choices: '', secret: false });
  const act = useAct();
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const choices = form.choices.split('\n').map((x) => x.trim()).filter(Boolean);
    if (await act(() => post(`/rooms/${seg(room)}/votes`, { question: form.question.trim(), secret: form.secret, ...(choices.length ? { choices } : {}) }), { done: t('desk.voteOpened') })) close();
  };
  return (
    <Modal open title={t('desk.voteOpen')} onCancel={close} footer={null}>
      <form onSubmit={(e) => void send(e)}>
        <Field label={t('desk.question')}>{(id) => <Input id={id} required maxLength={300} value={form.question} onChange={(e) => setForm({ ...form, question: e.target.value })} />}</Field>
        <Field label={t('desk.choices')} hint={t('desk.choicesHint')}>{(id) => <Input.TextArea id={id} rows={3} value={form.choices} onChange={(e) => setForm({ ...form, choices: e.target.value })} />}</Field>
        <label className="row" style={{ marginBottom: 12 }}><input type="checkbox" checked={form.secret} onChange={(e) => setForm({ ...form, secret: e.target.checked })} />{t('desk.secret')}</label>
        <Button type="primary" size="large" block htmlType="submit">{t('desk.voteGo')}</Button>
      </form>
    </Modal>
  );
}

export default function Desk({ params }: { params: Record<string, string> }) {
  const name = params.room, base = `/rooms/${seg(name)}`;
  const { state, dials, failure, show, reload } = useRoom(name);
  const { may } = useSession();
  const { modal } = App.useApp();
  const act = useAct(), now = useNow(1000);
  const [search, setSearch] = useState(''), [target, setTarget] = useState(''), [tour, setTour] = useState(false), [banner, setBanner] = useState('');
  const [why, setWhy] = useState<Member | null>(null), [asking, setAsking] = useState(false), [ending, setEnding] = useState(false);
  const { room, members, floor, votes } = state;
  const runs = may('operate'), vote = voteOpen(state) ?? votes[votes.length - 1];
  const lobby = members.filter((m) => m.in_lobby), here = members.filter((m) => !m.in_lobby);
  const hands = useMemo(() => new Map(floor.queue.map((q, i) => [q.member, i + 1])), [floor.queue]);
  const shown = here.filter((m) => plain(m.name).includes(plain(search))).sort((a, b) => Number(b.id === floor.holder) - Number(a.id === floor.holder) || (hands.get(a.id) ?? 999) - (hands.get(b.id) ?? 999) || ROLES.indexOf(a.role) - ROLES.indexOf(b.role) || plain(a.name).localeCompare(plain(b.name)));
  const nameOf = (id: string) => nameIn(state, id);
  const change = (m: Member, body: Partial<Member>) => void act(() => patch(`${base}/members/${seg(m.id)}`, body), { undo: show((s) => ({ ...s, members: s.members.map((x) => (x.id === m.id ? { ...x, ...body } : x)) })) });
  const give = (id: string) => void act(() => post(`${base}/floor/give`, { member: id }), { undo: show((s) => given(s, id)) });
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
          <Link to={`/join/${seg(name)}`} className="ant-btn">{t('desk.join')}</Link>
          {runs && <>
            <Button size="large" onClick={() => void act(() => put(`${base}/mute`, { muted: true, except_chair: true }), { done: t('desk.mutedAll'), undo: show((s) => ({ ...s, members: s.members.map((m) => (m.role === 'chair' ? m : { ...m, muted: true })) })) })}>{t('desk.muteAll')}</Button>
            <Button onClick={() => void act(() => put(`${base}/lock`, { locked: !room?.locked }), { undo: show((s) => (s.room ? { ...s, room: { ...s.room, locked: !s.room.locked } } : s)) })}>{room?.locked ? t('desk.unlock') : t('desk.lock')}</Button>
            {!room?.confidential && <><Button onClick={() => void record()}>{room?.recorded ? t('desk.recordStop') : t('desk.record')}</Button><Button onClick={() => void stream()}>{room?.streamed ? t('desk.streamStop') : t('desk.stream')}</Button></>}
            <Button danger onClick={() => setEnding(true)}>{t('desk.end')}</Button>
          </>}
        </div>
      </div>
      {failure && <Wrong failure={failure} retry={reload} />}
      {lobby.length > 0 && <section className="card" style={{ marginBottom: 14, borderColor: 'var(--warn)' }} aria-live="polite">
        <h2>{t('desk.lobby', { n: lobby.length })}</h2>
        <div className="row">{lobby.map((m) => <Button key={m.id} disabled={!runs} type="primary" onClick={() => void act(() => post(`${base}/members/${seg(m.id)}/admit`), { done: t('desk.admitted', { name: m.name }) }).then(reload)}>{t('desk.admit', { name: m.name })}</Button>)}</div>
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
                    <div className="soft">{tWord('meetRole', m.role)}{m.muted ? ` · ${t('desk.isMuted')}` : m.self_muted ? ` · ${t('desk.isSelfMuted')}` : ''}{m.talking ? ` · ${t('desk.talks')}` : ''}{hands.has(m.id) ? ` · ${t('desk.handAt', { n: hands.get(m.id)! })}` : ''}</div>
                    {bad && <Badge tone={bad === 'away' || bad === 'no-packets' ? 'bad' : 'warn'}>{t(`weak.${bad}`)}</Badge>}</div>
                  {runs && <div className="row">
                    {floor.holder !== m.id && <Button type={hands.has(m.id) ? 'primary' : 'default'} onClick={() => give(m.id)}>{t('desk.give')}</Button>}
                    <Button onClick={() => change(m, { muted: !m.muted })}>{m.muted ? t('desk.unmute') : t('desk.mute')}</Button>
                    <details className="desk-more"><summary aria-label={t('desk.moreOf', { name: m.name })}>⋯</summary><div>
                      <Button block onClick={() => setWhy(m)}>{t('desk.why')}</Button>
                      <Button block onClick={() => void act(() => put(`${base}/spotlight`, { member: m.id }), { done: t('desk.spotlit', { name: m.name }) })}>{t('desk.spotlight')}</Button>
                      <Button block onClick={() => change(m, { video_muted: !m.video_muted })}>{m.video_muted ? t('desk.showVideo') : t('desk.hideVideo')}</Button>
                      <Choice aria-label={t('desk.role')} value={m.role} choose={(role: Role) => change(m, { role })} options={ROLES.map((r) => [r, tWord('meetRole', r)] as const)} />
                      <Button block danger onClick={() => void modal.confirm({ title: t('desk.kickSure', { name: m.name }), okText: t('desk.kick'), cancelText: t('cancel'), onOk: () => act(() => remove(`${base}/members/${seg(m.id)}`), { undo: show((s) => ({ ...s, members: s.members.filter((x) => x.id !== m.id) })) }) })}>{t('desk.kick')}</Button>
                    </div></details>
                  </div>}
                </div>
              </li>);
          })}</ul>
          {shown.length === 0 && <p className="soft">{t('desk.nobody')}</p>}
        </section>
        <div className="cards">
          <FloorCard base={base} state={state} runs={runs} now={now} show={show} reload={reload} />
          <section className="card">
            <h2>{t('desk.view')}</h2>
            <div className="row">{LAYOUTS.map((l) => <Button key={l} disabled={!runs} type={room?.layout === l ? 'primary' : 'default'} aria-pressed={room?.layout === l} onClick={() => void act(() => put(`${base}/layout`, { layout: l }), { undo: show((s) => (s.room ? { ...s, room: { ...s.room, layout: l } } : s)) })}>{tWord('layout', l)}</Button>)}</div>
            {runs && <div className="row" style={{ marginTop: 10 }}><Button aria-pressed={tour} onClick={() => void act(() => put(`${base}/tour`, { period_s: tour ? 0 : 15 }), { done: tour ? t('desk.tourOff') : t('desk.tourOn') }).then((ok) => { if (ok) setTour(!tour); })}>{tour ? t('desk.tourStop') : t('desk.tour')}</Button>
              <Button onClick={() => void act(() => put(`${base}/spotlight`, { member: null }), { done: t('done') })}>{t('desk.unspotlight')}</Button>
              {state.content && <Button onClick={() => void act(() => post(`${base}/content/stop`), { undo: show((s) => ({ ...s, content: null })) })}>{t('desk.stopContent')}</Button>}</div>}
          </section>
          {runs && <form className="card" onSubmit={(e) => { e.preventDefault(); void act(() => put(`${base}/banner`, { text: banner.trim() || null, clock: true }), { done: t('done') }); }}>
            <Field label={t('desk.banner')} hint={t('desk.bannerHint')}>{(id) => <Input id={id} maxLength={200} value={banner} onChange={(e) => setBanner(e.target.value)} />}</Field>
            <Button htmlType="submit">{t('desk.bannerGo')}</Button>
          </form>}
          <section className="card">
            <div className="row between"><h2>{t('meet.vote')}</h2>{runs && !vote?.open && <Button type="primary" onClick={() => setAsking(true)}>{t('desk.voteOpen')}</Button>}</div>
            {vote ? <><p><b>{vote.question}</b> <span className="soft">{t('desk.votes', { n: vote.cast, all: vote.entitled ?? here.length })}</span></p><VoteResult vote={vote} />
              {runs && vote.open && <Button type="primary" danger onClick={() => void act(() => post(`${base}/votes/${seg(vote.id)}/close`), { done: t('vote.closed') }).then(reload)}>{t('desk.voteClose')}</Button>}</> : <p className="soft">{t('vote.none')}</p>}
          </section>
          <section className="card">
            <h2>{t('desk.calls')}</h2>
            {runs && <form className="row" onSubmit={(e) => { e.preventDefault(); if (target.trim()) void act(() => post(`${base}/dials`, { targets: [target.trim()], redial: true }), { done: t('desk.calling', { name: target.trim() }) }).then((ok) => { if (ok) setTarget(''); reload(); }); }}>
              <Input aria-label={t('desk.whom')} placeholder={t('desk.whom')} value={target} onChange={(e) => setTarget(e.target.value)} style={{ flex: 1, minWidth: 160 }} /><Button htmlType="submit" type="primary">{t('desk.call')}</Button></form>}
            <ul className="list" style={{ marginTop: 10 }}>{dials.map((d) => (
              <li key={d.target} className="row between" style={{ padding: '6px 0' }}><span>{d.target} <Badge tone={d.state === 'up' ? 'good' : d.state === 'failed' || d.state === 'given-up' ? 'bad' : 'idle'}>{tWord('dialState', d.state)}</Badge></span>
                {runs && <span className="row">{d.state !== 'up' && <Button onClick={() => void act(() => post(`${base}/dials`, { targets: [d.target], redial: true })).then(reload)}>{t('desk.again')}</Button>}
                  <Button onClick={() => void act(() => remove(`${base}/dials/${seg(d.target)}`)).then(reload)}>{t('desk.stopCall')}</Button></span>}</li>))}
            </ul>
          </section>
        </div>
      </div>
      {why && <Why room={name} member={why} close={() => setWhy(null)} />}
      {asking && <OpenVote room={name} close={() => { setAsking(false); reload(); }} />}
      <Confirm open={ending} close={() => setEnding(false)} title={t('desk.endTitle')} go={t('desk.end')} danger doIt={async () => { if (await act(() => post(`${base}/end`), { done: t('desk.ended') })) setEnding(false); reload(); }}><p>{t('desk.endWhat', { n: here.length })}</p></Confirm>
    </>
  );
}
