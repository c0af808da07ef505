// SPDX-License-Identifier: GPL-3.0-or-later
// In the meeting: its picture, who speaks and for how long still, what runs (recording, stream), and the buttons.
import { AudioMutedOutlined, AudioOutlined, CheckOutlined, CloseOutlined, ControlOutlined, DesktopOutlined, EllipsisOutlined, MessageOutlined, SoundOutlined, TeamOutlined, VideoCameraOutlined, WarningOutlined } from '@ant-design/icons';
import { App, Button, Input } from 'antd';
import { useEffect, useRef, useState, type FormEvent, type ReactNode } from 'react';
import { clock } from '../../app/format';
import { catalogue, type Key } from '../../app/catalogue';
import { t, tWord } from '../../app/i18n';
import { useNow } from '../../app/use';
import { Choice, Field } from '../../ui/field';
import { useAct } from '../../ui/wrong';
import type { Call, CallState } from './call';
import { Chairing } from './chairing';
import { useSpeaker } from './devices';
import { countdown, isNext, left, voteOpen } from './state';
import type { Member, Vote } from './types';
import { VoteResult } from './vote-result';
import { StreamsChoice, Tiles, tilesOf } from './tiles';

function Picture({ stream, label, className }: { stream: MediaStream; label: string; className: string }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current!;
    element.srcObject = stream;
    void element.play().catch(() => undefined);
  }, [stream]);
  return <video ref={video} className={className} autoPlay playsInline muted aria-label={label} />;
}

/** The sound by itself; a browser that wants a touch first gets a plain button. */
function Sound({ stream, speaker }: { stream: MediaStream; speaker: string }) {
  const audio = useRef<HTMLAudioElement>(null), [blocked, setBlocked] = useState(false);
  const play = () => void audio.current?.play().then(() => setBlocked(false), (error: Error) => { if (error.name === 'NotAllowedError') setBlocked(true); });
  useEffect(() => {
    audio.current!.srcObject = stream;
    void useSpeaker(audio.current!, speaker);
    play();
  }, [stream, speaker]);
  return <><audio ref={audio} autoPlay />{blocked && <button type="button" className="meet-unblock" onClick={play}>{t('meet.hear')}</button>}</>;
}

/** Does the other side present? Its line shows pictures only then. */
function useFlowing(stream: MediaStream | null): boolean {
  const [flowing, setFlowing] = useState(false);
  useEffect(() => {
    const track = stream?.getVideoTracks()[0];
    if (!track) return setFlowing(false);
    const look = () => setFlowing(!track.muted && track.readyState === 'live');
    look();
    track.addEventListener('mute', look);
    track.addEventListener('unmute', look);
    return () => { track.removeEventListener('mute', look); track.removeEventListener('unmute', look); };
  }, [stream]);
  return flowing;
}

function Press({ icon, label, on, danger, press, badge, expanded }: { icon: ReactNode; label: string; on?: boolean; danger?: boolean; press: () => void; badge?: number; expanded?: boolean }) {
  return (
    <button type="button" className={`meet-key${on ? ' on' : ''}${danger ? ' danger' : ''}`} aria-pressed={expanded === undefined ? on : undefined} aria-expanded={expanded} onClick={press}>
      <span aria-hidden="true">{icon}</span><small>{label}</small>{badge ? <b className="meet-badge">{badge}</b> : null}
    </button>
  );
}

function Chat({ call, state }: { call: Call; state: CallState }) {
  const [text, setText] = useState(''), [to, setTo] = useState<'all' | 'secretary'>('all');
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => { end.current?.scrollIntoView({ block: 'end' }); }, [state.chat.length]); /* newer browsers answer with a promise */
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() && call.say(to, text.trim())) setText('');
  };
  return (
    <>
      <div className="meet-lines" role="log" aria-label={t('meet.chat')} tabIndex={0}>
        {state.chat.length === 0 && <p className="soft">{t('meet.chatEmpty')}</p>}
        {state.chat.map((line, i) => (
          <p key={i} className={line.mine ? 'mine' : ''}><b>{line.mine ? t('meet.me') : line.from}</b>{line.to === 'secretary' && <i> → {t('meet.toSecretary')}</i>} <small>{clock(line.time * 1000)}</small><br />{line.text}</p>))}
        <div ref={end} />
      </div>
      <form onSubmit={send} className="meet-write">
        <select className="choice" aria-label={t('meet.to')} value={to} onChange={(e) => setTo(e.target.value as 'all' | 'secretary')}><option value="all">{t('meet.toAll')}</option><option value="secretary">{t('meet.toSecretary')}</option></select>
        <Input aria-label={t('meet.write')} placeholder={t('meet.write')} value={text} maxLength={1000} onChange={(e) => setText(e.target.value)} />
        <Button type="primary" htmlType="submit">{t('meet.send')}</Button>
      </form>
    </>
  );
}

/** What is chosen is shown at once, and taken back when it was not taken. may: this member has a vote. */
function Ballot({ vote, may, refused, cast }: { vote: Vote; may: boolean; refused: unknown; cast: (choice: number) => boolean }) {
  const [mine, setMine] = useState<number | null>(null);
  const before = useRef<number | null>(null);
  useEffect(() => { if (refused) setMine(before.current); }, [refused]);
  const choose = (i: number) => {
    before.current = mine;
    if (cast(i)) setMine(i);
  };
  return (
    <div>
      <h2>{vote.question}</h2>
      <p className="soft">{vote.secret ? t('vote.secretHint') : t('vote.namedHint')}</p>
      {vote.open ? <div className="meet-choices">{vote.choices.map((c, i) => (
        <Button key={c.key} size="large" block type={mine === i ? 'primary' : 'default'} aria-pressed={mine === i} disabled={!may} onClick={() => choose(i)}>{mine === i && '✔ '}{c.text}</Button>))}
      </div> : <VoteResult vote={vote} />}
      <p className="soft" aria-live="polite">{!vote.open ? t('vote.closed') : !may ? t('vote.watch') : mine === null ? t('vote.press') : t('vote.cast', { n: vote.cast })}</p>
    </div>
  );
}

/** How somebody is, at one glance; the words beside it say the same. */
export function StateIcons({ m, floor, hand }: { m: Member; floor: string | null; hand: boolean }) {
  return (
    <span className="meet-icons" aria-hidden="true">
      {(floor === m.id || m.talking) && <SoundOutlined style={{ color: '#2a8f4b' }} />}{m.muted || m.self_muted ? <AudioMutedOutlined /> : <AudioOutlined />}
      {hand && '✋'}{m.away && <WarningOutlined style={{ color: '#d33a32' }} />}
    </span>
  );
}

function People({ state }: { state: CallState }) {
  const { floor, members } = state.room;
  const waiting = new Map(floor.queue.map((q, i) => [q.member, i + 1]));
  return (
    <ul className="list meet-people">{members.filter((m) => !m.in_lobby).map((m) => (
      <li key={m.id}><b>{m.name || m.uri}</b>{m.id === state.member && ` (${t('meet.me')})`} <span className="soft">{tWord('meetRole', m.role)}{waiting.has(m.id) ? ` · ✋ ${waiting.get(m.id)}` : ''}</span>
        <span style={{ float: 'right' }}><StateIcons m={m} floor={floor.holder} hand={false} /></span></li>))}
    </ul>
  );
}

function Signs({ state, now }: { state: CallState; now: number }) {
  const { room, floor, members } = state.room;
  const holder = members.find((m) => m.id === floor.holder), rest = left(floor, now);
  const talking = holder ?? members.find((m) => m.talking);
  return (
    <div className="meet-signs">
      <b className="meet-title">{room?.title || room?.name || ''}</b>
      {room?.recorded && <span className="meet-sign rec">● {t('meet.rec')}</span>}
      {room?.streamed && <span className="meet-sign live">◉ {t('meet.live')}</span>}
      {room?.confidential && <span className="meet-sign live">{t('meet.confidential')}</span>}
      {talking && <span className="meet-sign"><SoundOutlined aria-hidden="true" /> {holder ? t('meet.hasFloor', { name: holder.name }) : talking.name}</span>}
      {rest !== null && <span className={`meet-sign time${rest < 30000 ? ' soon' : ''}`} role="timer">{countdown(rest)}</span>}
      <span role="status">
        {floor.holder === state.member && <span className="meet-sign mine">{t('meet.yourTurn')}</span>}
        {isNext(floor, state.member) && <span className="meet-sign next">{t('meet.youAreNext')}</span>}
      </span>
    </div>
  );
}

/* What only tells how things are now goes by itself; what went wrong stays until it is closed. */
const NEWS = ['share-ended', 'share-passed', 'share-taken'];

function Notice({ state, call }: { state: CallState; call: Call }) {
  let text: ReactNode = null;
  if (state.phase === 'back') text = t('meet.back');
  else if (state.media === 'broken') text = t('meet.broken');
  else if (state.media === 'connecting') text = t('meet.connecting');
  const [read, setRead] = useState(false);
  const news = state.trouble !== null && NEWS.includes(state.trouble.code);
  useEffect(() => {
    if (!news) return;
    const timer = window.setTimeout(() => call.clearTrouble(), 12000);
    return () => window.clearTimeout(timer);
  }, [news, state.trouble, call]);
  /* the seconds are for the eye: said aloud they would come again each second */
  if (text) return <div className="meet-notice" role="status">{text}{state.phase === 'back' && <span aria-hidden="true"> ({Math.round(state.backMs / 1000)} s)</span>}</div>;
  if (!state.trouble && state.room.room?.confidential && !read) return <div className="meet-notice" role="status">{t('confidential.notice')} <button type="button" onClick={() => setRead(true)}>{t('confidential.read')}</button></div>;
  if (!state.trouble) return null;
  const key = `join.${state.trouble.code}`;
  return <div className="meet-notice" role={news ? 'status' : 'alert'}>{key in catalogue ? t(key as Key, state.trouble.values) : state.trouble.message} <button type="button" onClick={() => call.clearTrouble()}>{t('close')}</button></div>;
}

const LAYOUTS = ['single', '1+5', '2x2', '3x3', '4x4'] as const;

export function Stage({ call, state, speaker }: { call: Call; state: CallState; speaker: string }) {
  const { message } = App.useApp();
  const act = useAct(), now = useNow(500), runs = state.may.includes('run-floor');
  const [panel, setPanel] = useState<'chat' | 'people' | 'vote' | 'more' | 'chairing' | null>(null);
  const [seen, setSeen] = useState(0);
  const { floor, content, votes, channels } = state.room, listens = channels.find((c) => c.listeners?.includes(state.member))?.name ?? '';
  const flowing = useFlowing(state.content);
  const hand = floor.queue.some((q) => q.member === state.member), place = floor.queue.findIndex((q) => q.member === state.member) + 1;
  const vote = voteOpen(state.room) ?? votes[votes.length - 1], open = vote?.open === true;
  const me = state.room.members.find((m) => m.id === state.member);
  const tiles = tilesOf(state), beside = tiles.find((x) => x.main)?.stream ?? state.main;
  const showContent = content !== null && content !== state.member && flowing && state.content !== null;
  const silenced = me?.muted === true && !state.muted;
  const presenter = content !== state.member ? state.room.members.find((m) => m.id === content) : undefined;

  useEffect(() => { if (open) setPanel('vote'); }, [open, vote?.id]);
  useEffect(() => { if (panel === 'chat') setSeen(state.chat.length); }, [panel, state.chat.length]);
  const toggle = (name: typeof panel) => setPanel(panel === name ? null : name);
  const share = () => {
    if (state.sharing) return call.unshare();
    void call.share().catch((error: Error) => { if (error.name !== 'NotAllowedError') void message.error(t('meet.shareFailed')); });
  };
  const canShare = 'getDisplayMedia' in (navigator.mediaDevices ?? {});
  const watches = state.role === 'observer';
  return (
    <main className="meet">
      {state.sound && <Sound stream={state.sound} speaker={speaker} />}
      <Signs state={state} now={now} />
      <Notice state={state} call={call} />
      <div className={`meet-stage${panel ? ' with-panel' : ''}`}>
        <div className="meet-pictures">
          {showContent && <Picture stream={state.content!} label={t('meet.content')} className="meet-big content" />}
          {tiles.length > 0 && !showContent && <Tiles state={state} tiles={tiles} />}
          {beside && (showContent || tiles.length === 0) && <Picture stream={beside} label={t('meet.picture')} className={showContent ? 'meet-small' : 'meet-big main'} />}
          <div className="meet-told">
            {state.sharing && <span>{t('meet.sharing')}</span>}
            {presenter && <span>{t('desk.presents', { name: presenter.name })}</span>}
            {presenter && state.may.includes('set-layout') && <Button danger onClick={() => void act(() => call.act('content-stop'))}>{t('meet.stopOf', { name: presenter.name })}</Button>}
            {me?.video_muted && <span>{t('meet.hidden')}</span>}
            {listens && <span>{t('channel.listening', { name: listens })}</span>}
            {silenced && <span>{t(floor.holder && floor.holder !== state.member ? 'meet.silencedFloor' : 'meet.silenced')}</span>}
          </div>
        </div>
        {panel && (
          <section className="meet-panel" aria-label={t(`meet.${panel}`)}>
            <div className="row between"><h2>{t(`meet.${panel}`)}</h2><Button aria-label={t('close')} onClick={() => setPanel(null)}>✕</Button></div>
            {panel === 'chat' && <Chat call={call} state={state} />}
            {panel === 'people' && <People state={state} />}
            {panel === 'chairing' && <Chairing call={call} state={state} />}
            {panel === 'vote' && (vote ? <Ballot key={vote.id} vote={vote} may={state.may.includes('vote')} refused={state.trouble?.of === 'vote' ? state.trouble : null} cast={(choice) => call.vote(vote.id, choice)} /> : <p>{t('vote.none')}</p>)}
            {panel === 'more' && <div className="meet-choices">
              {canShare && !watches && <Button size="large" block onClick={share}>{state.sharing ? t('meet.unshare') : t('meet.share')}</Button>}
              <Button size="large" block onClick={() => setPanel('people')}>{t('meet.people')}</Button>
              <Button size="large" block onClick={() => setPanel('vote')}>{t('meet.vote')}</Button>
              <StreamsChoice call={call} state={state} />
              {channels.length > 0 && <Field label={t('channel.hear')}>{(id) => <Choice id={id} value={listens} choose={(c: string) => call.listen(c || null)} options={[['', t('channel.original')] as const, ...channels.map((c) => [c.name, c.name] as const)]} />}</Field>}
              <h3>{t('meet.myLayout')}</h3>
              <div className="row"><Button onClick={() => call.view(null)}>{t('meet.asAll')}</Button>{LAYOUTS.map((l) => <Button key={l} onClick={() => call.view(l)}>{tWord('layout', l)}</Button>)}</div>
              <Button block onClick={() => void document.documentElement.requestFullscreen?.().catch(() => undefined)}>{t('meet.full')}</Button>
            </div>}
          </section>)}
      </div>
      <div className="meet-keys" role="toolbar" aria-label={t('meet.keys')}>
        {!watches && <Press icon={state.muted ? <AudioMutedOutlined /> : <AudioOutlined />} label={state.muted ? t('meet.unmute') : t('meet.mute')} on={!state.muted} press={() => call.setMuted(!state.muted)} />}
        {!watches && <Press icon={state.cameraOff ? <CloseOutlined /> : <VideoCameraOutlined />} label={state.cameraOff ? t('meet.cameraOn') : t('meet.cameraOff')} on={!state.cameraOff} press={() => call.setCameraOff(!state.cameraOff)} />}
        {!watches && (floor.holder === state.member
          ? <Press icon={<CheckOutlined />} label={t('meet.floorDone')} on press={() => call.floorDone()} />
          : <Press icon="✋" label={hand ? t('meet.handDown', { n: place }) : t('meet.handUp')} on={hand} press={() => call.raise(!hand)} />)}
        {canShare && !watches && <span className="wide-only"><Press icon={<DesktopOutlined />} label={state.sharing ? t('meet.unshare') : t('meet.share')} on={state.sharing} press={share} /></span>}
        {runs && <Press icon={<ControlOutlined />} label={t('meet.chairing')} expanded={panel === 'chairing'} press={() => toggle('chairing')} badge={panel === 'chairing' ? 0 : floor.queue.length} />}
        <Press icon={<MessageOutlined />} label={t('meet.chat')} expanded={panel === 'chat'} press={() => toggle('chat')} badge={panel === 'chat' ? 0 : Math.max(0, state.chat.length - seen)} />
        <span className="wide-only"><Press icon={<TeamOutlined />} label={t('meet.people')} expanded={panel === 'people'} press={() => toggle('people')} /></span>
        <Press icon={<EllipsisOutlined />} label={t('meet.more')} expanded={panel === 'more'} press={() => toggle('more')} badge={open && panel !== 'vote' ? 1 : 0} />
        <Press icon={<CloseOutlined />} label={t('meet.leave')} danger press={() => call.leave()} />
      </div>
    </main>
  );
}
