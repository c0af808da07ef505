// SPDX-License-Identifier: GPL-3.0-or-later
// The trial session: every site as its line was found, what is wrong first and what to do about it; the same as a list to take along.
import { Button } from 'antd';
import { post, PREFIX, remove, seg } from '../../app/api';
import { clock, number } from '../../app/format';
import { t, tWord, useLanguage } from '../../app/i18n';
import { useData } from '../../app/use';
import { Badge } from '../../ui/field';
import { useAct, Wrong } from '../../ui/wrong';
import type { Trial, TrialSite } from './types';

const graded = { pass: 'good', warn: 'warn', fail: 'bad' } as const, order = { fail: 0, warn: 1, pass: 3 } as const;

/** What was measured, for those who know what it means. */
function measured(s: TrialSite): string {
  const of = (name: string) => Number(s.evidence?.[name] ?? 0), packets = of('audio_packets');
  if (packets === 0) return '';
  const level = of('level_max_dbov'), lost = of('audio_lost');
  return t('trial.measured', { level: level <= -127 ? '−∞' : number(Math.round(level)), loss: number(Math.round((1000 * lost) / (lost + packets)) / 10), jitter: number(Math.round(of('jitter_us') / 1000)) });
}

function Causes({ s }: { s: TrialSite }) {
  const { language } = useLanguage(), english = language === 'en';
  if (s.grade === 'pass') return null;
  const causes = s.causes ?? (s.text ? [{ cause: s.cause ?? '', text: s.text, advice: s.advice ?? '', text_en: s.text_en ?? s.text, advice_en: s.advice_en ?? '' }] : []);
  return <>{causes.map((c) => <div key={c.cause} style={{ marginBottom: 4 }}><b>{english ? c.text_en : c.text}</b><div>{english ? c.advice_en : c.advice}</div></div>)}</>;
}

function State({ s }: { s: TrialSite }) {
  if (s.state !== 'done') return <Badge tone="idle">{tWord('trialState', s.state)}</Badge>;
  return s.grade ? <Badge tone={graded[s.grade]}>{t(`grade.${s.grade}`)}</Badge> : <Badge tone="idle">{t('grade.none')}</Badge>;
}

export function TrialSession({ id }: { id: string }) {
  const path = `/meetings/${seg(id)}/trial`;
  const trial = useData<Trial>(path, ['trial.'], 10000), act = useAct(), data = trial.data;
  const sites = [...(data?.sites ?? [])].sort((a, b) => (a.grade ? order[a.grade] : 2) - (b.grade ? order[b.grade] : 2));
  const check = (accounts?: string[]) => void act(() => post(path, accounts ? { sites: accounts } : {}), { done: t('trial.started') }).then(trial.reload);
  const begun = data !== undefined && sites.length > 0;
  return (
    <section className="card">
      <div className="row between"><h2>{t('trial.title')}</h2><div className="row">
        {begun && <><Button href={`${PREFIX}${path}.csv`}>{t('trial.csv')}</Button><Button href={`${PREFIX}${path}.html`} target="_blank" rel="noreferrer">{t('trial.print')}</Button></>}
        {data?.running ? <Button onClick={() => void act(() => remove(path)).then(trial.reload)}>{t('trial.stop')}</Button>
          : <Button type="primary" onClick={() => check()}>{t('trial.start')}</Button>}</div></div>
      <p className="soft">{t('trial.explain')}</p>
      {trial.failure && <Wrong failure={trial.failure} retry={trial.reload} />}
      {data && !begun && <p>{t('trial.never')}</p>}
      {begun && <p role="status" className="row">{data.running && <b>{t('trial.running', { n: data.left })}</b>} <Badge tone="bad">{t('trial.failed', { n: data.failed })}</Badge> <Badge tone="warn">{t('trial.warned', { n: data.warned })}</Badge> <Badge tone="good">{t('trial.passed', { n: data.passed })}</Badge></p>}
      {begun && <div className="scroll" tabIndex={0} role="region" aria-label={t('trial.title')}><table className="plain stack">
        <thead><tr><th>{t('meetRole.site')}</th><th>{t('col.result')}</th><th>{t('trial.cause')}</th><th>{t('trial.measure')}</th><th><span className="unseen">{t('trial.again')}</span></th></tr></thead>
        <tbody>{sites.map((s) => (
          <tr key={s.account}><td><b>{s.name || s.account}</b></td><td><State s={s} />{s.state === 'done' && s.done_us ? <div className="soft">{t('trial.at', { at: clock(s.done_us) })}</div> : null}</td>
            <td><Causes s={s} /></td><td className="soft">{s.state === 'done' && measured(s)}</td>
            <td>{s.state === 'done' && s.grade !== 'pass' && <Button style={{ whiteSpace: 'nowrap' }} onClick={() => check([s.account])} aria-label={t('trial.againOf', { name: s.name || s.account })}>{t('trial.again')}</Button>}</td></tr>))}
        </tbody></table></div>}
    </section>
  );
}
