// SPDX-License-Identifier: GPL-3.0-or-later
// Played, in part, missed: a lying bar for each place, in the order of the table, and a column for each day. The table below says the same in numbers.
import { useMemo } from 'react';
import { dayMonth, dayOf, number, percent } from '../../app/format';
import { t } from '../../app/i18n';
import type { ReportDay, ReportRow } from '../../app/types';
import { Chart, Numbers, type Line } from '../../ui/chart';

const MOST = 100, ROW = 24, HEAD = 44;
type Counts = Pick<ReportDay, 'requested' | 'played' | 'partial' | 'missed'>;
const KINDS = [['played', '--good-fill'], ['partial', '--warn-fill'], ['missed', '--bad-fill']] as const;

/** shares: each bar is the whole of what was asked for there. */
function linesOf(rows: readonly Counts[], shares: boolean): Line[] {
  const part = (r: Counts, n: number) => (shares ? n / Math.max(1, r.requested) : n);
  return KINDS.map(([key, colour]) => ({ label: t(`outcomes.${key}`), colour, values: rows.map((r) => part(r, r[key])) }));
}
const told = (name: string, r: Counts) => [name, t('report.ofAsked', { n: number(r.played + r.partial), all: number(r.requested), share: percent((r.played + r.partial) / Math.max(1, r.requested)) }), ...KINDS.map(([key]) => `${t(`outcomes.${key}`)} ${number(r[key])}`)].join(', ');

export default function Charts({ rows, days }: { rows: ReportRow[]; days: ReportDay[] }) {
  const shown = useMemo(() => rows.slice(0, MOST), [rows]);
  const places = useMemo(() => linesOf(shown, true), [shown]), daily = useMemo(() => linesOf(days, false), [days]);
  const index = (n: number) => Array.from({ length: n }, (_, i) => i), px = useMemo(() => index(shown.length), [shown]), dx = useMemo(() => index(days.length), [days]);
  return (
    <div className={days.length > 1 ? 'two' : ''}>
      <div>
        <div className="chart-tall"><Chart title={t('report.chartPlaces')} kind="stacked" lying x={px} names={shown.map((r) => r.name)} lines={places} least={1} scale={percent} height={HEAD + ROW * shown.length} at={(i) => told(shown[i].name, shown[i])} rest={t('report.pointAt')} /></div>
        {rows.length > MOST && <p className="soft">{t('report.firstOf', { n: number(MOST), all: number(rows.length) })}</p>}
      </div>
      {days.length > 1 && <div>
        <Chart title={t('report.chartDays')} kind="stacked" x={dx} names={days.map((d) => dayMonth(d.from_us))} lines={daily} height={300} at={(i) => told(dayOf(days[i].from_us), days[i])} rest={t('report.pointAt')} />
        <Numbers title={t('report.chartDays')} table={() => ({ head: [t('report.day'), t('report.requested'), ...KINDS.map(([key]) => t(`outcomes.${key}`)), t('report.share')], rows: days.map((d) => [dayOf(d.from_us), number(d.requested), ...KINDS.map(([key]) => number(d[key])), d.requested ? percent((d.played + d.partial) / d.requested) : '–']) })} />
      </div>}
    </div>
  );
}
