// SPDX-License-Identifier: GPL-3.0-or-later
// Into a meeting: by a link with a code (no account needed), by a room's name, or back into one's seat after a reload.
import { Button, Input } from 'antd';
import { useEffect, useRef, useState, useSyncExternalStore, type FormEvent } from 'react';
import { get } from '../../app/api';
import { t, tWord } from '../../app/i18n';
import { Link } from '../../app/router';
import type { Session } from '../../app/types';
import { Field } from '../../ui/field';
import { Call, forgetSeat, keptSeat, type CallState } from './call';
import { keptDevices, openDevices } from './devices';
import { Door, type Entry } from './door';
import { Stage } from './stage';
import { targetOf, type Target } from './target';
import './meet.css';

const NAME = 'mediad.name';
const keptName = (): string => { try { return localStorage.getItem(NAME) ?? ''; } catch { return ''; } };

/** What the server's refusal means, in the reader's words; its own when there are none. */
function sayRefusal(code: string, message: string): string {
  const when = code === 'too-early' ? /\d\d:\d\d \d\d\/\d\d\/\d{4}$/.exec(message)?.[0] : undefined;
  if (when) return t('join.too-early', { when });
  const said = tWord('join', code);
  return said === `join.${code}` || said === code ? message || code : said;
}

function Asked({ call, state }: { call: Call; state: CallState }) {
  const [value, setValue] = useState('');
  const what = state.ask ?? 'pin';
  const send = (event: FormEvent) => {
    event.preventDefault();
    call.answer(what === 'pin' ? { pin: value.trim() } : { name: value.trim() });
    setValue('');
  };
  return (
    <main className="center"><form className="card" onSubmit={send}>
      <h1 style={{ marginBottom: 12 }}>{t(`join.ask.${what}`)}</h1>
      <Field label={t(what === 'pin' ? 'join.pin' : 'door.name')} hint={what === 'pin' ? t('join.pinHint') : undefined} wrong={state.trouble?.message && what === 'pin' && state.trouble.code !== 'ask-pin' ? state.trouble.message : undefined}>
        {(id) => <Input id={id} size="large" autoFocus required inputMode={what === 'pin' ? 'numeric' : 'text'} value={value} onChange={(e) => setValue(e.target.value)} />}
      </Field>
      <Button type="primary" size="large" block htmlType="submit">{t('join.goOn')}</Button>
      <Button type="link" onClick={() => call.leave()}>{t('cancel')}</Button>
    </form></main>
  );
}

function Wait({ call, state }: { call: Call; state: CallState }) {
  return (
    <main className="center"><div className="card" role="status">
      <h1 style={{ marginBottom: 12 }}>{state.phase === 'lobby' ? t('join.lobby') : t('join.connecting')}</h1>
      <p>{state.phase === 'lobby' ? t('join.lobbyHint') : t('join.connectingHint')}</p>
      {state.trouble && <p role="alert"><b>{sayRefusal(state.trouble.code, state.trouble.message)}</b></p>}
      <Button onClick={() => call.leave()}>{t('meet.leave')}</Button>
    </div></main>
  );
}

function Over({ state, again }: { state: CallState; again: () => void }) {
  const { code, reason } = state.over!;
  const left = code === 'left', ended = code === 'ended', was = state.member !== '';
  const [signedIn, setSignedIn] = useState(false);
  useEffect(() => { void get<Session>('/session').then(() => setSignedIn(true), () => undefined); }, []);
  return (
    <main className="center"><div className="card" role="status">
      <h1 style={{ marginBottom: 12 }}>{left ? t('over.left') : ended ? t('over.ended') : was ? t('over.title') : t('over.notIn')}</h1>
      {left || ended ? <p>{t('over.done')}{left && ` ${t('over.mistake')}`}</p> : <p>{sayRefusal(code, reason)}</p>}
      {!ended && <Button type="primary" size="large" block onClick={again}>{was ? t('over.again') : t('over.try')}</Button>}
      {signedIn && <p style={{ marginTop: 12 }}><Link to="/meetings">{t('over.meetings')}</Link></p>}
    </div></main>
  );
}

function InCall({ call, speaker, again }: { call: Call; speaker: string; again: () => void }) {
  const state = useSyncExternalStore(call.subscribe, call.snapshot);
  useEffect(() => { document.title = `${state.room.room?.title || t('door.title')} – ${t('brand')}`; }, [state.room.room?.title]);
  useEffect(() => { /* for whoever helps on the telephone: what the page sees of itself */
    (window as unknown as { mediadCall?: Call }).mediadCall = call;
  }, [call]);
  if (state.phase === 'over') return <Over state={state} again={again} />;
  if (state.phase === 'asked') return <Asked call={call} state={state} />;
  if (state.phase === 'lobby' || (state.phase === 'connecting' && !state.member)) return <Wait call={call} state={state} />;
  return <Stage call={call} state={state} speaker={speaker} />;
}

export default function Join({ target: given }: { target?: Target }) {
  const target = given ?? targetOf(location.pathname, location.hash) ?? {};
  const [name, setName] = useState(keptName);
  const [call, setCall] = useState<Call | null>(null);
  const [speaker, setSpeaker] = useState(() => keptDevices().speaker);
  const seat = useRef(keptSeat());
  const same = seat.current !== null && seat.current.code === target.code && (target.code !== undefined || seat.current.room === target.room || target.room === undefined);
  const [returning, setReturning] = useState(same);
  const held = useRef<Call | null>(null);
  const begin = (next: Call): void => { held.current = next; setCall(next); };

  useEffect(() => () => held.current?.leave(), []); /* another page, "Back": nobody is heard or seen from a page that is not there (a reload keeps the seat) */

  useEffect(() => { void get<Session>('/session').then((s) => setName((old) => old || s.user), () => undefined); }, []);
  useEffect(() => { /* a reload goes back into its seat without a question */
    if (!same) return;
    const { resume, at: _, camera, muted, streams, ...wanted } = seat.current!;
    let gone = false;
    forgetSeat();
    void openDevices(keptDevices()).then(({ stream }) => {
      if (gone) return stream?.getTracks().forEach((x) => x.stop());
      if (camera === false) stream?.getVideoTracks().forEach((x) => { x.enabled = false; });
      if (muted) stream?.getAudioTracks().forEach((x) => { x.enabled = false; });
      const next = new Call(wanted, stream);
      next.start(resume, streams);
      begin(next);
      setReturning(false);
    });
    return () => { gone = true; };
  }, []);
  const enter = (entry: Entry) => {
    try { localStorage.setItem(NAME, entry.name); } catch { /* a browser that keeps nothing */ }
    setName(entry.name);
    setSpeaker(entry.speaker);
    const next = new Call({ ...entry.target, name: entry.name }, entry.stream);
    next.start();
    begin(next);
  };
  if (call) return <InCall call={call} speaker={speaker} again={() => setCall(null)} />;
  if (returning) return <main className="center"><div className="card" role="status"><h1>{t('join.returning')}</h1></div></main>;
  return <Door target={target} name={name} wrong="" enter={enter} />;
}
