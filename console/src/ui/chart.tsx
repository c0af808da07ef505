// SPDX-License-Identifier: GPL-3.0-or-later
// A chart as pages ask for it. What draws it (uPlot) is fetched when the first one is shown; its place is kept free until then.
import { lazy, Suspense, useState } from 'react';
import { t } from '../app/i18n';

/** Custom properties of style.css: the same in daylight and in the dark. */
export type Colour = '--c1' | '--c2' | '--c3' | '--good-fill' | '--warn-fill' | '--bad-fill';
export type Line = {
  label: string; colour: Colour;
  /** null: a gap */
  values: readonly (number | null)[];
  dashed?: boolean;
  /** told of the point that is pointed at; none: at() of the chart tells all */
  say?: (value: number) => string;
};
export type ChartProps = {
  title: string;
  /** moments in seconds, or 0, 1, 2 … of names */
  x: readonly number[];
  lines: readonly Line[];
  /** bars, one for each of these; else lines over time */
  names?: readonly string[];
  /** bars lie, one below the other, each with its whole name */
  lying?: boolean;
  /** bars of a point stand on each other; else side by side in time */
  kind?: 'lines' | 'stacked' | 'blocks';
  /** of time */
  from?: number; to?: number;
  limit?: { at: number; label: string };
  /** the scale reaches at least to there */
  least?: number;
  scale?: (value: number) => string;
  height: number;
  /** charts of the same name point at the same moment */
  sync?: string;
  /** of the point that is pointed at */
  at: (index: number) => string;
  /** told while nothing is pointed at; else the last point is */
  rest?: string;
};

const Plot = lazy(() => import('./plot'));
const PlotSpark = lazy(() => import('./plot').then((m) => ({ default: m.Spark })));

export function Chart(props: ChartProps) {
  return <Suspense fallback={<div style={{ height: props.height + 52 }} />}><Plot {...props} /></Suspense>;
}

/** A small line without axes. */
export function Spark({ values, most, label }: { values: readonly number[]; most: number; label: string }) {
  return <span role="img" aria-label={label} className="spark"><Suspense fallback={null}><PlotSpark values={values} most={most} /></Suspense></span>;
}

export type Table = { head: readonly string[]; rows: readonly (readonly string[])[] };
/** The same numbers as a table, for readers who do not see the chart and for copying: made when it is opened. */
export function Numbers({ title, table }: { title: string; table: () => Table }) {
  const [open, setOpen] = useState(false);
  const made = open ? table() : null;
  return (
    <details className="numbers" onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>{t('chart.numbers')}</summary>
      {made && <div className="scroll" tabIndex={0} role="region" aria-label={title}>
        <table className="plain"><caption className="unseen">{title}</caption>
          <thead><tr>{made.head.map((h, i) => <th key={h} className={i ? 'n' : undefined} scope="col">{h}</th>)}</tr></thead>
          <tbody>{made.rows.map((row) => <tr key={row[0]}>{row.map((cell, i) => <td key={made.head[i]} className={i ? 'n' : undefined}>{cell}</td>)}</tr>)}</tbody>
        </table></div>}
    </details>
  );
}
