// SPDX-License-Identifier: GPL-3.0-or-later
// uPlot in React: as wide as its place, in the colours of the theme, read by pointer, by arrow keys and by screen readers.
import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { clock, number } from '../app/format';
import { language } from '../app/i18n';
import { useMedia } from '../app/use';
import type { ChartProps, Line } from './chart';
import './plot.css';

const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif";
const paint = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const dark = '(prefers-color-scheme: dark)';

/** Stacked: each on those before it, the highest first, so that the lower ones are drawn over it. */
function heights({ kind, x, lines }: ChartProps): uPlot.AlignedData {
  if (kind !== 'stacked') return [[...x], ...lines.map((l) => [...l.values])];
  const sums = x.map(() => 0);
  return [[...x], ...lines.map((l) => l.values.map((v, i) => (sums[i] += v ?? 0))).reverse()];
}

function seriesOf(props: ChartProps, l: Line): uPlot.Series {
  const colour = () => paint(l.colour);
  if (props.kind === 'lines' || !props.kind) return { label: l.label, stroke: colour, width: 1.75, dash: l.dashed ? [6, 3] : undefined, points: { size: 4, fill: colour } };
  return { label: l.label, fill: colour, width: 0, points: { show: false }, paths: uPlot.paths.bars!({ size: props.kind === 'blocks' ? [1, Infinity] : [0.78, 26], align: props.kind === 'blocks' ? 1 : 0, gap: 0 }) };
}

/** From where on it is an alarm: tinted, its edge dashed and named. */
function drawLimit(u: uPlot, limit: NonNullable<ChartProps['limit']>) {
  const { ctx, bbox } = u, ratio = uPlot.pxRatio, y = Math.round(u.valToPos(limit.at, 'y', true));
  ctx.save();
  ctx.fillStyle = paint('--bad-b');
  ctx.fillRect(bbox.left, bbox.top, bbox.width, y - bbox.top);
  ctx.strokeStyle = ctx.fillStyle = paint('--bad');
  ctx.lineWidth = ratio;
  ctx.setLineDash([4 * ratio, 4 * ratio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.font = FONT.replace('12px', `${Math.round(11 * ratio)}px`);
  ctx.textAlign = 'right';
  ctx.textBaseline = 'bottom';
  ctx.fillText(limit.label, bbox.left + bbox.width - 4 * ratio, y - 2 * ratio);
  ctx.restore();
}

function options(props: ChartProps, now: () => ChartProps, width: number, point: (i: number | null) => void): uPlot.Options {
  const { names, lying, sync, lines, kind } = props;
  const line = () => paint('--line'), soft = () => paint('--soft'), common: uPlot.Axis = { stroke: soft, font: FONT, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
  const longest = Math.max(0, ...(names ?? []).map((n) => n.length));
  const room = Math.round(Math.min(width * 0.42, Math.max(60, longest * 7.2 + 14)));
  const fit = (name: string) => (name.length * 7.2 + 14 > room ? `${name.slice(0, Math.max(4, Math.floor((room - 22) / 7.2)))}…` : name);
  const places: Partial<uPlot.Axis> = { values: (_u, splits) => splits.map((v) => (Number.isInteger(v) ? (lying ? fit(now().names?.[v] ?? '') : now().names?.[v] ?? '') : '')), grid: { show: false }, ticks: { show: false } };
  const xAxis: uPlot.Axis = lying ? { ...common, ...places, side: 3, size: room, space: 10, incrs: [1] }
    : names ? { ...common, ...places, size: 30, space: 46, incrs: [1, 2, 3, 5, 7, 10, 14, 20, 30] }
      : { ...common, size: 30, space: 56, incrs: [60, 120, 300, 600, 900, 1800, 3600], values: (_u, splits) => splits.map((s) => clock(s * 1e6)) };
  return {
    width, height: props.height, legend: { show: false }, padding: [8, lying ? 18 : 12, 0, 0],
    scales: {
      x: { time: false, ...(lying ? { ori: 1 as const, dir: -1 as const } : {}), range: () => { const p = now(); return p.names ? [-0.5, Math.max(0.5, p.names.length - 0.5)] : [p.from ?? p.x[0] ?? 0, p.to ?? p.x.at(-1) ?? 1]; } },
      y: { ...(lying ? { ori: 0 as const } : {}), range: (_u, _min, max) => { const p = now(), top = Math.max(max ?? 0, (p.limit?.at ?? 0) * 1.25, p.least ?? 1); return [0, p.least && top === p.least ? top : top * 1.06]; } },
    },
    axes: [xAxis, kind === 'blocks' ? { ...common, show: true, size: 72, values: () => [], grid: { show: false }, ticks: { show: false } } : { ...common, side: lying ? 0 : 3, size: lying ? 28 : 72, space: lying ? 60 : 28, values: (_u, splits) => splits.map((v) => (now().scale ?? number)(v)) }],
    series: [{}, ...(kind === 'stacked' ? [...lines].reverse() : lines).map((l) => seriesOf(props, l))],
    cursor: { x: !lying, y: false, drag: { x: false, y: false, setScale: false }, points: { show: kind === 'lines' || !kind }, ...(sync ? { sync: { key: sync, scales: ['x', null] as uPlot.Cursor.Sync.Scales, setSeries: false } } : {}) },
    hooks: { drawClear: [(u) => { const { limit } = now(); if (limit) drawLimit(u, limit); }], setCursor: [(u) => point(u.cursor.idx ?? null)] },
  };
}

export default function Plot(props: ChartProps) {
  const box = useRef<HTMLDivElement>(null), plot = useRef<uPlot>(), held = useRef(props);
  const [index, setIndex] = useState<number | null>(null);
  const isDark = useMedia(dark), { lines, x, names } = props;
  held.current = props;
  const shape = JSON.stringify([lines.map((l) => [l.label, l.colour, l.dashed]), props.kind, props.lying, props.sync, props.height, props.lying ? names : !!names, language()]);

  useEffect(() => {
    const place = box.current!;
    const make = () => new uPlot(options(held.current, () => held.current, place.clientWidth || 300, setIndex), heights(held.current), place);
    plot.current = make();
    const observer = new ResizeObserver(() => {
      const u = plot.current!;
      if (place.clientWidth === 0 || place.clientWidth === u.width) return;
      if (!held.current.lying) u.setSize({ width: place.clientWidth, height: held.current.height });
      else { u.destroy(); plot.current = make(); } /* names have another width */
    });
    observer.observe(place);
    return () => { observer.disconnect(); plot.current?.destroy(); setIndex(null); };
  }, [shape]);
  useEffect(() => { plot.current?.setData(heights(held.current)); }, [x, lines, props.from, props.to, props.limit?.at, isDark]); /* bars keep the colour of their paths: a redraw alone would not do */

  const count = names ? names.length : x.length, shown = index !== null && index < count ? index : null, last = shown ?? (props.rest === undefined ? count - 1 : null);
  const tell = (i: number) => lines.flatMap((l) => (l.say && typeof l.values[i] === 'number' ? [`${lines.length > 1 && props.kind !== 'blocks' ? `${l.label} ` : ''}${l.say(l.values[i])}`] : []));
  const step = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: props.lying ? -1 : 1, ArrowDown: props.lying ? 1 : -1, PageUp: -10, PageDown: 10, Home: -count, End: count }[event.key];
    if (event.key === 'Escape') plot.current?.setCursor({ left: -10, top: -10 });
    if (by === undefined || count === 0) return;
    event.preventDefault();
    const i = Math.min(count - 1, Math.max(0, (last ?? (by > 0 ? -1 : count)) + by)), u = plot.current!, at = u.valToPos(x[i], 'x');
    if (props.lying) box.current!.closest('.chart-tall')?.scrollTo({ top: Math.max(0, at - 120) });
    (u.setCursor as (at: { left: number; top: number }, fire: boolean, tell: boolean) => void)(props.lying ? { left: 10, top: at } : { left: at, top: 10 }, true, true); /* tells those of the same name */
  };
  const said = last === null || count === 0 ? props.rest ?? '' : [props.at(last), ...tell(last)].join(', ');
  return (
    <figure className="chart">
      <figcaption><b>{props.title}</b>
        {lines.length > 1 && <span className="chart-key">{lines.map((l) => <span key={l.label}><i className={l.dashed ? 'dashed' : ''} style={{ background: `var(${l.colour})` }} />{l.label}</span>)}</span>}
        <span className="chart-said">{said}</span></figcaption>
      <div ref={box} className="chart-plot" style={{ height: props.height }} tabIndex={0} role="slider" aria-orientation={props.lying ? 'vertical' : 'horizontal'} aria-label={props.title} aria-valuemin={0} aria-valuemax={Math.max(0, count - 1)} aria-valuenow={last ?? 0} aria-valuetext={said}
        onKeyDown={step} onBlur={() => plot.current?.setCursor({ left: -10, top: -10 })} />
    </figure>
  );
}

export function Spark({ values, most }: { values: readonly number[]; most: number }) {
  const box = useRef<HTMLSpanElement>(null), plot = useRef<uPlot>(), isDark = useMedia(dark);
  const data = (): uPlot.AlignedData => [values.map((_, i) => most - values.length + i), [...values]];
  useEffect(() => {
    plot.current = new uPlot({
      width: 110, height: 32, legend: { show: false }, cursor: { show: false }, padding: [2, 1, 2, 1], axes: [{ show: false }, { show: false }],
      scales: { x: { time: false, range: () => [0, most - 1] }, y: { range: (_u, _min, max) => [0, Math.max(1, max ?? 0)] } },
      series: [{}, { stroke: () => paint('--c1'), width: 1.4, points: { show: false } }],
    }, data(), box.current!);
    return () => plot.current?.destroy();
  }, []);
  useEffect(() => { plot.current?.setData(data()); }, [values]);
  useEffect(() => { plot.current?.redraw(false); }, [isDark]);
  return <span ref={box} className="spark-plot" />;
}
