// SPDX-License-Identifier: GPL-3.0-or-later
// What was asked for, played and missed, and why; a table for spreadsheets, a page for the wall.
import { Button } from 'antd';
import { useMemo, useState } from 'react';
import { PREFIX, seg } from '../app/api';
import { number, percent, span, toLocal } from '../app/format';
import { language, t, tWord } from '../app/i18n';
import { Link } from '../app/router';
import { useSession } from '../app/session';
import type { Report, ReportRow } from '../app/types';
import { useData } from '../app/use';
import { AreaChoice } from '../ui/areas';
import { Badge, Choice, Field } from '../ui/field';
import { Wrong } from '../ui/wrong';
import { lazy, Suspense } from 'react';

const Charts = lazy(() => import('./reports/charts'));
type By = 'commune' | 'area' | 'device'; /* words of the API */
type Sort = 'name' | 'share' | 'missed' | 'requested';

function why(row: ReportRow): string {
  return Object.entries(row.missed_why).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]).map(([key, n]) => `${tWord('missed', key)}: ${number(n)}`).join(', ');
}

export default function Reports() {
  const today = toLocal(Date.now()).slice(0, 10);
  const [from, setFrom] = useState(`${today.slice(0, 8)}01`);
  const [to, setTo] = useState(today);
  const [area, setArea] = useState('');
  const [by, setBy] = useState<By>('commune');
  const [sort, setSort] = useState<Sort>('share');
  const [idle, setIdle] = useState(false);
  const { session } = useSession();
  const wrong = from > to;
  const query = `from=${from}&to=${to}&by=${by}&lang=${language()}${area ? `&area=${seg(area)}` : ''}`;
  const report = useData<Report>(wrong ? null : `/reports/plays?${query}`);
  const rows = useMemo(() => {
    const list = (report.data?.rows ?? []).filter((r) => idle || r.requested > 0);
    const by: Record<Sort, (a: ReportRow, b: ReportRow) => number> = { name: (a, b) => a.name.localeCompare(b.name, 'vi'), share: (a, b) => a.share - b.share || b.missed - a.missed, missed: (a, b) => b.missed - a.missed, requested: (a, b) => b.requested - a.requested };
    return list.sort(by[sort]);
  }, [report.data, sort, idle]);
  const total = report.data?.total;
  const none = (report.data?.rows.length ?? 0) - rows.length;
  return (
    <>
      <div className="head"><h1>{t('page.reports')}</h1>
        <div className="row noprint"><Button href={`${PREFIX}/reports/plays.csv?${query}`} download>⬇ CSV</Button><Button href={`${PREFIX}/reports/plays.html?${query}`} target="_blank" rel="noreferrer">{t('report.print')}</Button></div></div>
      <section className="card noprint" style={{ marginBottom: 14 }}>
        <div className="row" style={{ alignItems: 'flex-start' }}>
          <Field label={t('report.from')} wrong={wrong ? t('report.order') : undefined}>{(id) => <input id={id} className="plain" type="date" value={from} max={today} onChange={(e) => e.target.value && setFrom(e.target.value)} />}</Field>
          <Field label={t('report.to')}>{(id) => <input id={id} className="plain" type="date" value={to} max={today} onChange={(e) => e.target.value && setTo(e.target.value)} />}</Field>
          <div className="field"><span className="label">{t('where')}</span><AreaChoice label={t('where')} value={area} choose={setArea} empty={session.area ? undefined : t('area.all')} /></div>
          <Field label={t('report.by')}>{(id) => <Choice id={id} value={by} choose={setBy} options={[['commune', t('report.commune')], ['area', t('report.area')], ['device', t('report.loudspeaker')]]} />}</Field>
          <Field label={t('report.sort')}>{(id) => <Choice id={id} value={sort} choose={setSort} options={[['share', t('sort.share')], ['missed', t('sort.missed')], ['requested', t('sort.requested')], ['name', t('sort.name')]]} />}</Field>
        </div>
      </section>
      {report.failure && <Wrong failure={report.failure} retry={report.reload} />}
      {total && <div className="figures" style={{ marginBottom: 14 }}>
        <div className="figure idle"><b>{number(report.data!.announcements)}</b>{t('report.announcements')}</div>
        <div className={`figure ${total.share >= 0.98 ? 'good' : total.share >= 0.9 ? 'warn' : 'bad'}`}><b>{percent(total.share)}</b>{t('report.share')}</div>
        <div className="figure good"><b>{number(total.played)}</b>{t('outcomes.played')}</div>
        <div className="figure warn"><b>{number(total.partial)}</b>{t('outcomes.partial')}</div>
        <div className="figure bad"><b>{number(total.missed)}</b>{t('outcomes.missed')}</div>
        <div className="figure idle"><b>{number(report.data!.drills)}</b>{t('report.drills')}</div>
      </div>}
      {rows.length > 0 && <section className="card" style={{ marginBottom: 14 }}><h2>{t('report.chart')}</h2><Suspense fallback={null}><Charts rows={rows} days={report.data!.days} /></Suspense></section>}
      {total && <section className="card">
        <div className="scroll" tabIndex={0} role="region" aria-label={t('page.reports')}>
          <table className="plain">
            <thead><tr><th>{t(`report.${by === 'device' ? 'loudspeaker' : by}`)}</th><th className="n">{t('report.devices')}</th><th className="n">{t('report.requested')}</th><th className="n">{t('outcomes.played')}</th><th className="n">{t('outcomes.partial')}</th><th className="n">{t('outcomes.missed')}</th><th>{t('report.share')}</th><th>{t('col.why')}</th><th className="n">{t('report.air')}</th><th className="n">{t('report.late')}</th></tr></thead>
            <tbody>
              {rows.slice(0, 500).map((r) => <tr key={r.key}><td>{by === 'device' ? <Link to={`/loudspeakers/${seg(r.key)}`}>{r.name}</Link> : r.name}</td><td className="n">{number(r.devices)}</td><td className="n">{number(r.requested)}</td><td className="n">{number(r.played)}</td><td className="n">{number(r.partial)}</td><td className="n">{number(r.missed)}</td>
                <td><Badge tone={r.share >= 0.98 ? 'good' : r.share >= 0.9 ? 'warn' : 'bad'}>{percent(r.share)}</Badge></td><td>{why(r) || '–'}</td><td className="n">{span((r.air_s ?? 0) * 1e6)}</td><td className="n">{r.late_p99_ms ? `${number(r.late_p99_ms)} ms` : '–'}</td></tr>)}
            </tbody>
            <tfoot><tr><th>{t('report.total')}</th><th className="n">{number(total.devices)}</th><th className="n">{number(total.requested)}</th><th className="n">{number(total.played)}</th><th className="n">{number(total.partial)}</th><th className="n">{number(total.missed)}</th><th>{percent(total.share)}</th><th>{why(total) || '–'}</th><th className="n">{span((total.air_s ?? 0) * 1e6)}</th><th className="n">{total.late_p99_ms ? `${number(total.late_p99_ms)} ms` : '–'}</th></tr></tfoot>
          </table>
        </div>
        {rows.length > 500 && <p className="soft">{t('report.more', { n: number(rows.length - 500) })}</p>}
        <label className="row noprint" style={{ marginTop: 8 }}><input type="checkbox" checked={idle} onChange={(e) => setIdle(e.target.checked)} />{t('report.idle', { n: number(idle ? 0 : none) })}</label>
      </section>}
    </>
  );
}
