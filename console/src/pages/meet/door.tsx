// SPDX-License-Identifier: GPL-3.0-or-later
// Before the meeting: is the camera seen, the microphone heard, the loudspeaker audible; a name, and one big button.
import { Button, Input } from 'antd';
import { useCallback, useEffect, useRef, useState, type FormEvent } from 'react';
import { t } from '../../app/i18n';
import { LanguageSwitch } from '../../app/sign-in';
import { Field } from '../../ui/field';
import { keepDevices, keptDevices, meter, openDevices, testTone, type Chosen, type DeviceTrouble } from './devices';
import { targetFrom, type Target } from './target';

const UNHEARD_MS = 8000; /* somebody who was told to speak has spoken by then */

export function Level({ stream, label }: { stream: MediaStream; label: string }) {
  const bar = useRef<HTMLElement>(null), [heard, setHeard] = useState(false), [late, setLate] = useState(false);
  useEffect(() => {
    setHeard(false);
    setLate(false);
    const timer = window.setTimeout(() => setLate(true), UNHEARD_MS);
    const stop = meter(stream, (level) => {
      if (bar.current) bar.current.style.width = `${Math.round(level * 100)}%`;
      if (level > 0.35) setHeard(true);
    });
    return () => { window.clearTimeout(timer); stop(); };
  }, [stream]);
  return (
    <div className="door-level">
      <span>{heard && '✔ '}{heard ? t('door.heard') : label}</span>
      <div className="level" role="img" aria-label={label}><i ref={bar} /></div>
      {late && !heard && <p role="status" className="door-unheard">{t('door.unheard')}</p>}
    </div>
  );
}

function Preview({ stream }: { stream: MediaStream }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => { if (video.current) video.current.srcObject = stream; }, [stream]);
  return <video ref={video} className="mirror" autoPlay playsInline muted aria-label={t('door.preview')} />;
}

function Trouble({ sound, picture }: { sound: DeviceTrouble | null; picture: DeviceTrouble | null }) {
  const same = sound !== null && sound === picture;
  return (
    <div role="alert" className="door-trouble">
      {same ? <p><b>{t('door.bothMissing')}</b> {t(`door.trouble.${sound}`)}</p> : <>
        {sound && <p><b>{t('door.noMicrophone')}</b> {t(`door.trouble.${sound}`)}</p>}
        {picture && <p><b>{t('door.noCamera')}</b> {t(`door.trouble.${picture}`)}</p>}
      </>}
      <p className="soft">{t('door.withoutToo')}</p>
    </div>
  );
}

function DeviceChoice({ kind, all, value, choose }: { kind: 'audioinput' | 'videoinput' | 'audiooutput'; all: MediaDeviceInfo[]; value: string; choose: (id: string) => void }) {
  const some = all.filter((d) => d.kind === kind && d.deviceId);
  if (some.length === 0) return null;
  return (
    <Field label={t(`door.${kind}`)}>{(id) => (
      <select id={id} className="choice" style={{ width: '100%' }} value={some.some((d) => d.deviceId === value) ? value : some[0].deviceId} onChange={(e) => choose(e.target.value)}>
        {some.map((d, i) => <option key={d.deviceId} value={d.deviceId}>{d.label || `${t(`door.${kind}`)} ${i + 1}`}</option>)}
      </select>)}
    </Field>
  );
}

export type Entry = { name: string; target: Target; stream: MediaStream | null; speaker: string };

export function Door({ target, name: known, wrong, enter }: { target: Target; name: string; wrong: string; enter: (entry: Entry) => void }) {
  const [chosen, setChosen] = useState<Chosen>(keptDevices);
  const [opened, setOpened] = useState<Awaited<ReturnType<typeof openDevices>> | null>(null);
  const [all, setAll] = useState<MediaDeviceInfo[]>([]);
  const [name, setName] = useState(known);
  const [room, setRoom] = useState(target.room ?? '');
  const [problem, setProblem] = useState('');
  const [tone, setTone] = useState<'idle' | 'on' | 'done'>('idle');
  const given = useRef(false), now = useRef<MediaStream | null>(null);
  const open = useCallback(async (wanted: Chosen) => {
    now.current?.getTracks().forEach((x) => x.stop());
    const result = await openDevices(wanted);
    now.current = result.stream;
    setOpened(result);
    setAll((await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? []);
  }, []);
  useEffect(() => {
    void open(chosen);
    const changed = () => void navigator.mediaDevices.enumerateDevices().then(setAll, () => undefined);
    navigator.mediaDevices?.addEventListener?.('devicechange', changed);
    return () => {
      navigator.mediaDevices?.removeEventListener?.('devicechange', changed);
      if (!given.current) now.current?.getTracks().forEach((x) => x.stop());
    };
  }, []);
  useEffect(() => { if (known && !name) setName(known); }, [known]);
  const pick = (change: Partial<Chosen>) => {
    const next = { ...chosen, ...change };
    setChosen(next);
    keepDevices(next);
    if (!('speaker' in change)) void open(next);
  };
  const go = (event: FormEvent) => {
    event.preventDefault();
    const where = target.code ? target : targetFrom(room);
    if (!where) return setProblem(t('door.whichRoom'));
    if (!name.trim()) return setProblem(t('door.needName'));
    given.current = true;
    enter({ name: name.trim(), target: where, stream: opened?.stream ?? null, speaker: chosen.speaker });
  };
  const hasSound = (opened?.stream?.getAudioTracks().length ?? 0) > 0, hasPicture = (opened?.stream?.getVideoTracks().length ?? 0) > 0;
  return (
    <main className="door">
      <form className="door-card" onSubmit={go}>
        <div className="row between"><h1>{t('door.title')}</h1><LanguageSwitch /></div>
        {wrong && <div role="alert" className="door-trouble"><b>{wrong}</b></div>}
        <div className="door-grid">
          <div>
            <div className="door-preview">{hasPicture ? <Preview stream={opened!.stream!} /> : <span>{opened ? t('door.noPicture') : t('door.allow')}</span>}</div>
            {hasSound && <Level stream={opened!.stream!} label={t('door.speak')} />}
            <Button block onClick={() => { setTone('on'); void testTone(chosen.speaker).catch(() => undefined).finally(() => setTone('done')); }}>
              {tone === 'on' ? t('door.toneOn') : tone === 'done' ? t('door.toneAgain') : t('door.tone')}
            </Button>
            {tone === 'done' && <p className="soft" style={{ margin: '6px 0 0' }}>{t('door.toneHelp')}</p>}
          </div>
          <div>
            {opened && (opened.sound || opened.picture) && <><Trouble sound={opened.sound} picture={opened.picture} /><Button block style={{ marginBottom: 12 }} onClick={() => void open(chosen)}>{t('door.again')}</Button></>}
            {!target.code && !target.room && <Field label={t('door.room')} hint={t('door.roomHint')}>{(id) => <Input id={id} size="large" value={room} autoCapitalize="none" onChange={(e) => setRoom(e.target.value)} />}</Field>}
            <Field label={t('door.name')} hint={t('door.nameHint')}>{(id) => <Input id={id} name="name" size="large" maxLength={120} value={name} autoComplete="name" onChange={(e) => setName(e.target.value)} />}</Field>
            {problem && <p role="alert" style={{ color: 'var(--bad)', fontWeight: 600 }}>{problem}</p>}
            <Button className="door-go" type="primary" size="large" block htmlType="submit" disabled={opened === null}>{t('door.go')}</Button>
            <details className="door-devices"><summary>{t('door.devices')}</summary>
              <DeviceChoice kind="audioinput" all={all} value={chosen.microphone} choose={(microphone) => pick({ microphone })} />
              <DeviceChoice kind="videoinput" all={all} value={chosen.camera} choose={(camera) => pick({ camera })} />
              <DeviceChoice kind="audiooutput" all={all} value={chosen.speaker} choose={(speaker) => pick({ speaker })} />
            </details>
          </div>
        </div>
      </form>
    </main>
  );
}
