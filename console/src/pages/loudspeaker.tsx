// SPDX-License-Identifier: GPL-3.0-or-later
// One loudspeaker: why it is silent, what it says of itself, what it played, and what it may be told.
import { Button } from 'antd';
import { useState, type ReactNode } from 'react';
import { post, put, seg } from '../app/api';
import { clock, decimal, moment, number, since } from '../app/format';
import { t, tWord } from '../app/i18n';
import type { Params } from '../app/pages';
import { Link } from '../app/router';
import { useSession } from '../app/session';
import type { Device, Health, Play, Run, Silence } from '../app/types';
import { useData, useNow } from '../app/use';
import { useAreaName } from '../ui/areas';
import { Badge } from '../ui/field';
import type { State } from '../ui/health';
import { outcomeTone, sayReason, steps } from '../ui/run';
import { useAct, Wrong } from '../ui/wrong';
import { call } from '../app/api';

type Command = { id: string; verb: string; who: string; issued_us: number; devices: number; done: number; refused: number; timed_out: number };
const COMMANDS = ['restart', 'line-test', 'send-log', 'fetch'] as const;

/** Being offline is what was seen; where something else explains it, that is the cause. */
const EXPLAINS = ['outage', 'no-power', 'no-signal', 'not-enrolled', 'certificate'];
/** Nothing is broken: it is meant to be silent. */
const MEANT = ['disabled', 'quiet-hours', 'pre-empted', 'not-approved'];

/** It says 0 itself though more is set here: somebody turned it down at the box, or it has not heard of what was set. */
const isSilenced = (c: Silence): boolean => /set is [1-9]/.test(c.text);

/** What the server found, as a sentence with its figures: {a}, {b} are the numbers in the server's own words. */
export function evidence(c: Silence, nameOf: (code: string) => string): string {
  const [a = '', b = ''] = c.text.match(/-?\d+(\.\d+)?/g)?.map((n) => (n.includes('.') ? decimal(Number(n)) : n)) ?? [];
  const shared = c.cause === 'outage' && /: (area|carrier|power) (.+)$/.exec(c.text);
  if (shared) return t(`saysOutage.${shared[1] as 'area' | 'carrier' | 'power'}`, { n: a, what: shared[1] === 'area' ? nameOf(shared[2]) : shared[2] });
  if (c.cause === 'volume' && isSilenced(c)) return t('saysCause.silenced', { b });
  const failed = c.cause === 'last-failed' && /^last announcement: \w+: (.+)$/.exec(c.text);
  if (failed) return t('saysCause.last-failed-why', { why: sayReason(failed[1]) });
  const said = tWord('saysCause', c.cause);
  return said === c.cause ? c.text : said.replace('{a}', a).replace('{b}', b);
}

/** Are the quiet hours "21:30-05:00" on at that moment of the province? */
export function isQuiet(hours: string | undefined, nowMs: number): boolean {
  const found = /^(\d\d:\d\d)-(\d\d:\d\d)$/.exec(hours ?? '');
  if (!found) return false;
  const [, from, to] = found, now = clock(nowMs * 1000);
  return from <= to ? now >= from && now < to : now >= from || now < to;
}

export function causesOf(causes: Silence[], state: State | undefined, quiet: string | undefined, nowMs: number): Silence[] {
  const list = [...causes];
  if (state?.cause && !list.some((c) => c.cause === state.cause)) list.unshift({ cause: state.cause, text: state.text ?? '', since_us: state.since_us ?? 0, sure: true });
  if (isQuiet(quiet, nowMs)) { /* what it refused because of them is no fault of its own */
    list.splice(0, list.length, ...list.filter((c) => !(c.cause === 'last-failed' && c.text.endsWith('quiet hours'))));
    list.push({ cause: 'quiet-hours', text: quiet!, since_us: 0, sure: true });
  }
  return list.some((c) => EXPLAINS.includes(c.cause)) ? list.filter((c) => c.cause !== 'offline') : list;
}

/** The command that mends a cause, where one does. */
const MENDS: Record<string, (typeof COMMANDS)[number]> = { 'no-media': 'fetch', 'no-schedule': 'restart', clock: 'restart', 'line-open': 'line-test' };

function WhySilent({ list, state, quiet, mendBy }: { list: Silence[]; state: State | undefined; quiet: string | undefined; mendBy: (c: Silence) => ReactNode }) {
  const nameOf = useAreaName();
  if (!list.length)
    return <div className="row"><Badge tone={state?.there === 'unknown' ? 'idle' : 'good'}>{state?.there === 'unknown' ? t('cause.unknown') : t('why.fine')}</Badge><span>{t('why.fineHint')}</span></div>;
  return (
    <ol className="why">
      {list.map((c, i) => {
        const mend = tWord('mendCause', c.cause);
        return (
          <li key={c.cause + String(i)}>
            <div className="row"><Badge tone={MEANT.includes(c.cause) ? 'idle' : i === 0 ? 'bad' : 'warn'}>{tWord('cause', c.cause)}</Badge>{!c.sure && <span className="soft">{t('why.maybe')}</span>}{c.since_us > 0 && <span className="soft">{t('why.since', { at: moment(c.since_us), span: since(c.since_us) })}</span>}</div>
            <div>{c.cause === 'quiet-hours' ? t('why.quiet', { hours: quiet ?? '' }) : evidence(c, nameOf)}</div>
            {mend !== c.cause && <div className="mend row between"><span><b>{t('why.do')}</b> {c.cause === 'volume' && isSilenced(c) ? t('mendCause.silenced') : mend}</span>{mendBy(c)}</div>}
          </li>);
      })}
    </ol>
  );
}

export default function Loudspeaker({ params }: Params) {
  const { may } = useSession();
  const path = `/devices/${seg(params.id)}`;
  const device = useData<Device>(path, ['device.']);
  const why = useData<{ causes: Silence[] }>(`${path}/why-silent`, ['device.', 'announcement.ended'], 15000);
  const isLink = device.data?.kind === 'link';
  const health = useData<Health & { software?: string }>(isLink ? `${path}/health` : null, ['device.'], 15000);
  const states = useData<{ states: State[] }>(device.data ? `/device-states?area=${seg(device.data.area)}` : null, ['device.'], 20000);
  const quiet = useData<{ hours: string }>(device.data ? `/areas/${seg(device.data.area)}/quiet-hours` : null);
  const plays = useData<{ plays: Play[] }>(`${path}/play-log?limit=50`, ['announcement.']);
  const log = useData<{ announcements: Run[] }>('/play-log?limit=200');
  const commands = useData<{ commands: Command[] }>(may('devices') && isLink ? '/link/commands?limit=20' : null, ['device.', 'command.'], 10000);
  const [volume, setVolume] = useState<number | null>(null);
  const [text, setText] = useState<string | null>(null);
  const nameOf = useAreaName(), act = useAct(), now = useNow(30000);
  const d = device.data, state = states.data?.states.find((s) => s.device === params.id);
  const titles = new Map(log.data?.announcements.map((a) => [a.id, a]));

  const tellIt = (verb: string) => act(() => post('/link/commands', { verb, devices: [params.id], expires_s: 300 }), { done: t('command.sent') }).then(commands.reload);
  const setTo = async (value: number) => {
    const undo = device.change((old) => ({ ...old, volume: value }));
    setVolume(null);
    await act(async () => {
      await put(path, { volume: value });
      if (isLink) await post('/link/commands', { verb: 'volume', volume: value, devices: [params.id], expires_s: 300 });
    }, { undo, done: t('volume.done', { n: value }) });
    device.reload();
  };
  const toggle = async () => {
    const enabled = !d!.enabled, undo = device.change((old) => ({ ...old, enabled }));
    await act(() => put(path, { enabled }), { undo, done: t('done') });
    why.reload();
  };
  /** What mends it stands with the cause: nobody has to look for it among the commands. */
  const mendBy = (c: Silence): ReactNode => {
    if (!may('devices') || !d) return null;
    if (c.cause === 'disabled') return <Button onClick={() => void toggle()}>{t('device.enable')}</Button>;
    if (c.cause === 'volume' && isLink && d.volume > 0) return <Button onClick={() => void setTo(d.volume)}>{t('volume.again', { n: d.volume })}</Button>;
    if (c.cause === 'volume') return <Button onClick={() => document.getElementById('volume')?.focus()}>{t('volume.turn')}</Button>;
    const verb = MENDS[c.cause];
    return isLink && verb ? <Button onClick={() => void tellIt(verb)}>{t(`verb.${verb}`)}</Button> : null;
  };
  if (device.failure) return <Wrong failure={device.failure} retry={device.reload} />;
  if (!d) return <p role="status">{t('loading')}</p>;
  return (
    <>
      <div className="head">
        <div><Link to="/loudspeakers">← {t('page.loudspeakers')}</Link><h1>{d.name}</h1><span className="soft">{nameOf(d.area)} · {d.id}</span></div>
        <Badge tone={!d.enabled ? 'idle' : state?.there === 'yes' ? 'good' : state?.there === 'no' ? 'bad' : 'idle'}>{!d.enabled ? t('cause.disabled') : tWord('there', state?.there ?? 'unknown')}</Badge>
      </div>
      <div className="wide">
        <div className="cards">
          <section className="card" aria-live="polite"><h2>{t('why.title')}</h2>{why.failure ? <Wrong failure={why.failure} retry={why.reload} /> : why.data ? <WhySilent list={causesOf(why.data.causes, state, quiet.data?.hours, now)} state={state} quiet={quiet.data?.hours} mendBy={mendBy} /> : <p role="status">{t('loading')}</p>}</section>
          <section className="card">
            <h2>{t('loud.log')}</h2>
            <p className="soft">{t('steps.explain')}</p>
            <ul className="list">{plays.data?.plays.slice(0, 20).map((p) => {
              const run = titles.get(p.announcement), done = steps(p).filter((s) => s.us);
              return <li key={p.announcement}>
                <div className="row between"><Link to={`/play-log/${seg(p.announcement)}`}>{run?.title ?? p.announcement}</Link><Badge tone={outcomeTone(p.outcome)}>{tWord('outcome', p.outcome)}</Badge></div>
                <div className="soft">{moment(p.from_us || run?.start_us)}{p.reason && <> · {sayReason(p.reason)}</>}</div>
                {done.length > 0 && <div className="soft">{done.map((s) => `${t(`step.${s.key}`)} ${moment(s.us)}`).join(' → ')}</div>}
              </li>;
            })}</ul>
            {plays.data?.plays.length === 0 && <p className="soft">{t('loud.noLog')}</p>}
          </section>
        </div>
        <div className="cards">
          {may('devices') && <section className="card">
            <h2>{t('command.title')}</h2>
            <div className="field"><label htmlFor="volume">{t('volume.label')}: <b>{volume ?? d.volume}</b></label>
              <input id="volume" type="range" min={0} max={100} step={5} value={volume ?? d.volume} onChange={(e) => setVolume(Number(e.target.value))} style={{ width: '100%', minHeight: 32 }} />
              {volume !== null && volume !== d.volume && <div className="row"><Button type="primary" onClick={() => void setTo(volume)}>{t('volume.set', { n: volume })}</Button><Button onClick={() => setVolume(null)}>{t('cancel')}</Button></div>}
            </div>
            <div className="row">
              {isLink && COMMANDS.map((verb) => <Button key={verb} onClick={() => void tellIt(verb)}>{t(`verb.${verb}`)}</Button>)}
              {isLink && <Button onClick={() => void act(async () => setText(await call<string>('GET', `${path}/log`, undefined, { text: true })))}>{t('command.log')}</Button>}
              <Button danger={d.enabled} onClick={() => void toggle()}>{d.enabled ? t('device.disable') : t('device.enable')}</Button>
            </div>
            {text !== null && <pre style={{ marginTop: 10, maxHeight: 300, overflow: 'auto' }} tabIndex={0}>{text || t('nothing')}</pre>}
            {(commands.data?.commands.length ?? 0) > 0 && <><h3>{t('command.lately')}</h3><ul className="list">{commands.data?.commands.filter((c) => c.devices === 1).slice(0, 6).map((c) => <li key={c.id} className="row between"><span>{moment(c.issued_us)} {tWord('verb', c.verb)} <span className="soft">{c.who}</span></span><Badge tone={c.done ? 'good' : c.refused || c.timed_out ? 'bad' : 'idle'}>{c.done ? t('command.done') : c.refused ? t('command.refused') : c.timed_out ? t('command.late') : t('command.waiting')}</Badge></li>)}</ul></>}
          </section>}
          <section className="card">
            <h2>{t('loud.facts')}</h2>
            <dl className="facts">
              <dt>{t('fact.kind')}</dt><dd>{tWord('kind', d.kind ?? '')}</dd>
              {d.model && <><dt>{t('fact.model')}</dt><dd>{d.vendor} {d.model}</dd></>}
              {d.serial && <><dt>{t('fact.serial')}</dt><dd>{d.serial}</dd></>}
              {d.address && <><dt>{t('fact.address')}</dt><dd>{d.address}</dd></>}
              <dt>{t('fact.volume')}</dt><dd>{d.volume}</dd>
              {health.data && <><dt>{t('fact.seen')}</dt><dd>{moment(health.data.seen_us)}</dd><dt>{t('fact.software')}</dt><dd>{health.data.software || '–'}</dd></>}
            </dl>
          </section>
          {health.data && <section className="card">
            <h2>{t('loud.readings')}</h2>
            <table className="plain"><thead><tr><th>{t('col.reading')}</th><th>{t('col.value')}</th><th>{t('col.trust')}</th></tr></thead>
              <tbody>{health.data.readings.map((r) => <tr key={r.name}><td>{tWord('reading', r.name)}</td><td>{Number.isFinite(Number(r.value)) && r.value ? number(Number(r.value)) : tWord('readingValue', String(r.value ?? ''))}<div className="soft">{moment(r.at_us)}</div></td>
                <td><Badge tone={r.plausible === 'ok' ? 'good' : 'warn'}>{tWord('plausible', r.plausible)}</Badge>{r.why && r.plausible !== 'stale' && <div className="soft">{tWord('readingWhy', r.plausible) === r.plausible ? r.why : tWord('readingWhy', r.plausible)}</div>}</td></tr>)}</tbody></table>
          </section>}
        </div>
      </div>
    </>
  );
}
