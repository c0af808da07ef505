// SPDX-License-Identifier: GPL-3.0-or-later
// Speaking into the microphone: a level to see that it hears, a pause to think, a listen before it goes anywhere.
import { useEffect, useRef, useState } from 'react';
import { span } from '../../app/format';
import { Failure } from '../../app/failure';
import { t } from '../../app/i18n';
import { Button } from '../../ui/button';
import { Wrong } from '../../ui/wrong';

const TYPES = ['audio/webm;codecs=opus', 'audio/ogg;codecs=opus', 'audio/mp4', 'audio/webm'];

/** A level for the eye: 0 below -60 dBFS, 1 at full scale. */
export function levelOf(samples: Float32Array): number {
  let sum = 0;
  for (const s of samples) sum += s * s;
  const db = 10 * Math.log10(sum / Math.max(1, samples.length) + 1e-12);
  return Math.min(1, Math.max(0, (db + 60) / 60));
}

/** use: takes the recording; true when it was taken, and there is nothing more to hear here. */
export function Recorder({ use, again }: { use: (sound: Blob) => Promise<boolean>; again: boolean }) {
  const [state, setState] = useState<'idle' | 'on' | 'ready'>('idle');
  const [level, setLevel] = useState(0);
  const [seconds, setSeconds] = useState(0);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [url, setUrl] = useState('');
  const [busy, setBusy] = useState(false);
  const parts = useRef<Blob[]>([]), sound = useRef<Blob | null>(null), end = useRef<() => void>(() => undefined);
  useEffect(() => () => end.current(), []);
  useEffect(() => () => { if (url) URL.revokeObjectURL(url); }, [url]);

  const start = async () => {
    setFailure(null);
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: true, autoGainControl: true } });
    } catch (error) {
      return setFailure(new Failure(0, 'no-microphone', (error as Error).message, '', 'getUserMedia'));
    }
    const type = TYPES.find((x) => MediaRecorder.isTypeSupported(x));
    const recorder = new MediaRecorder(stream, { mimeType: type, audioBitsPerSecond: 96000 });
    const context = new AudioContext(), analyser = context.createAnalyser(), samples = new Float32Array(1024);
    analyser.fftSize = 1024;
    context.createMediaStreamSource(stream).connect(analyser);
    const began = Date.now();
    const timer = window.setInterval(() => { analyser.getFloatTimeDomainData(samples); setLevel(levelOf(samples)); setSeconds(Math.round((Date.now() - began) / 1000)); }, 80);
    parts.current = [];
    recorder.ondataavailable = (e) => { if (e.data.size) parts.current.push(e.data); };
    recorder.onstop = () => {
      sound.current = new Blob(parts.current, { type: recorder.mimeType || 'audio/webm' });
      setUrl(URL.createObjectURL(sound.current));
      setState('ready');
    };
    end.current = () => {
      end.current = () => undefined;
      window.clearInterval(timer);
      if (recorder.state !== 'inactive') recorder.stop();
      stream.getTracks().forEach((track) => track.stop());
      void context.close();
    };
    recorder.start(1000);
    setSeconds(0);
    setState('on');
  };
  return (
    <div className="field">
      <span className="label">{t('record.title')}</span>
      {failure && <Wrong failure={failure} />}
      {state === 'on' && <>
        <div className="level" role="meter" aria-label={t('record.level')} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(level * 100)}><i style={{ width: `${level * 100}%` }} /></div>
        <div role="status">{t('record.running', { span: span(seconds * 1e6) })} {seconds > 2 && level < 0.08 && <b>{t('record.quiet')}</b>}</div>
      </>}
      {state === 'ready' && <audio controls src={url} style={{ width: '100%' }} aria-label={t('record.listen')} />}
      <div className="row">
        {state === 'on' ? <Button size="large" danger type="primary" onClick={() => end.current()}>■ {t('record.stop')}</Button> : <Button size="large" onClick={() => void start()}>● {state === 'ready' || again ? t('record.again') : t('record.start')}</Button>}
        {state === 'ready' && <Button size="large" type="primary" loading={busy} onClick={() => { setBusy(true); void use(sound.current!).then((taken) => { if (taken) setState('idle'); }).finally(() => setBusy(false)); }}>{t('record.use')}</Button>}
      </div>
    </div>
  );
}
