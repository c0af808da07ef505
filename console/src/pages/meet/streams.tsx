// SPDX-License-Identifier: GPL-3.0-or-later
// Every line of every meeting: how much, what is lost, how late, and the likely cause of what is wrong; the last ten minutes as a small chart.
import { Button } from 'antd';
import { useEffect, useMemo, useRef, useState } from 'react';
import { get, seg } from '../../app/api';
import { asFailure, type Failure } from '../../app/failure';
import { clock, number } from '../../app/format';
import { t } from '../../app/i18n';
import { Link } from '../../app/router';
import { useData } from '../../app/use';
import { Badge } from '../../ui/field';
import { VirtualTable, type Column } from '../../ui/virtual-table';
import { Wrong } from '../../ui/wrong';
import { trouble } from './state';
import type { Member, Room } from './types';
import './meet.css';

type Row = { room: Room; m: Member };
const EVERY_MS = 5000, KEPT = 120;

function Chart({ values, label }: { values: readonly number[]; label: string }) {
  const most = Math.max(1, ...values), step = 100 / (KEPT - 1);
  const points = values.map((v, i) => `${((KEPT - values.length + i) * step).toFixed(1)},${(28 - (26 * v) / most).toFixed(1)}`).join(' ');
  return <svg viewBox="0 0 100 30" width="110" height="32" role="img" aria-label={label} preserveAspectRatio="none"><polyline points={points} fill="none" stroke="var(--link)" strokeWidth="1.4" vectorEffect="non-scaling-stroke" /></svg>;
}
type Point = { time_us: number; in_bps: number; out_bps: number; audio_loss_percent: number; video_loss_percent: number; audio_jitter_us: number; round_trip_us: number; video_frozen_ms: number };
const LINES: [key: 'streams.in' | 'streams.out' | 'streams.loss' | 'streams.jitter' | 'streams.delay' | 'streams.freeze', value: (p: Point) => number][] = [
  ['streams.in', (p) => p.in_bps / 1000], ['streams.out', (p) => p.out_bps / 1000], ['streams.loss', (p) => Math.max(p.audio_loss_percent, p.video_loss_percent)],
  ['streams.jitter', (p) => p.audio_jitter_us / 1000], ['streams.delay', (p) => p.round_trip_us / 1000], ['streams.freeze', (p) => p.video_frozen_ms],
];

/** The server keeps an hour of every line: what went wrong before somebody looked is still there. */
function Hour({ row, close }: { row: Row; close: () => void }) {
  const { data, failure, reload } = useData<{ points: Point[] }>(`/rooms/${seg(row.room.name)}/members/${seg(row.m.id)}/history`, [], 10000);
  const points = data?.points ?? [], from = points[0]?.time_us ?? 0, long = Math.max(1, (points.at(-1)?.time_us ?? 0) - from);
  return (
    <section className="card" aria-label={t('streams.of', { name: row.m.name })}>
      <div className="row between"><h2>{t('streams.of', { name: row.m.name })}</h2><Button onClick={close}>{t('streams.close')}</Button></div>
      {failure && <Wrong failure={failure} retry={reload} />}
      {points.length < 2 ? <p className="soft">{t('streams.noPoints')}</p> : (
        <div className="lines">{LINES.map(([key, value]) => {
          const most = Math.max(...points.map(value)), scale = 62 / Math.max(1, most);
          return (
            <figure key={key}><figcaption><b>{t(key)}</b><span>{t('streams.upTo', { n: number(Math.round(most * 10) / 10) })}</span></figcaption>
              <svg viewBox="0 0 300 72" preserveAspectRatio="none" role="img" aria-label={`${t(key)}: ${t('streams.upTo', { n: Math.round(most) })}`}>
                <line x1="0" y1="70" x2="300" y2="70" stroke="var(--line)" /><polyline points={points.map((p) => `${((300 * (p.time_us - from)) / long).toFixed(1)},${(70 - value(p) * scale).toFixed(1)}`).join(' ')} fill="none" stroke="var(--link)" strokeWidth="1.5" vectorEffect="non-scaling-stroke" />
              </svg>
              <div className="row between soft"><span>{clock(from)}</span><span>{clock(points.at(-1)!.time_us)}</span></div>
            </figure>);
        })}</div>)}
    </section>
  );
}

const kbps = (bps: number | undefined) => number(Math.round((bps ?? 0) / 1000));
const ms = (us: number | undefined) => (us ? number(Math.round(us / 1000)) : '–');

export default function Streams() {
  const rooms = useData<{ rooms: Room[] }>('/rooms', ['room.', 'member.joined', 'member.left'], 15000);
  const [rows, setRows] = useState<Row[]>([]), [failure, setFailure] = useState<Failure | null>(null), [only, setOnly] = useState(false), [open, setOpen] = useState('');
  const history = useRef(new Map<string, number[]>());
  const names = rooms.data?.rooms.filter((r) => r.members > 0) ?? [];
  const key = names.map((r) => r.name).join(' ');

  useEffect(() => {
    let gone = false;
    const look = async () => {
      if (document.hidden) return;
      try {
        const lists = await Promise.all(names.map((room) => get<{ members: Member[] }>(`/rooms/${seg(room.name)}/members`).then((r) => r.members.map((m) => ({ room, m })))));
        if (gone) return;
        const next = lists.flat();
        const seen = new Set(next.map((r) => r.m.id));
        for (const { m } of next) history.current.set(m.id, [...(history.current.get(m.id) ?? []), (m.stats?.audio_in_bps ?? 0) + (m.stats?.video_in_bps ?? 0)].slice(-KEPT));
        for (const id of history.current.keys()) if (!seen.has(id)) history.current.delete(id);
        setRows(next);
        setFailure(null);
      } catch (error) { if (!gone) setFailure(asFailure(error)); }
    };
    void look();
    const timer = window.setInterval(() => void look(), EVERY_MS);
    return () => { gone = true; window.clearInterval(timer); };
  }, [key]);
  const bad = rows.filter((r) => trouble(r.m) !== '');
  const opened = rows.find((r) => r.m.id === open);
  const columns = useMemo<Column<Row>[]>(() => [
    { key: 'name', title: t('col.name'), width: 'minmax(150px, 2fr)', cell: ({ m }) => <b>{m.name || m.uri}</b> },
    { key: 'room', title: t('door.room'), width: 'minmax(110px, 1fr)', cell: ({ room }) => <Link to={`/desk/${seg(room.name)}`}>{room.title || room.name}</Link> },
    { key: 'state', title: t('streams.state'), width: 'minmax(190px, 2fr)', cell: ({ m }) => { const why = trouble(m); return why ? <Badge tone={why === 'away' || why === 'no-packets' ? 'bad' : 'warn'}>{t(`weak.${why}`)}</Badge> : <Badge tone="good">{t('streams.fine')}</Badge>; } },
    { key: 'in', title: t('streams.in'), width: '110px', cell: ({ m }) => `${kbps(m.stats?.audio_in_bps)} / ${kbps(m.stats?.video_in_bps)}` },
    { key: 'out', title: t('streams.out'), width: '110px', cell: ({ m }) => `${kbps(m.stats?.audio_out_bps)} / ${kbps(m.stats?.video_out_bps)}` },
    { key: 'loss', title: t('streams.loss'), width: '110px', cell: ({ m }) => `${(m.stats?.audio_loss_percent ?? 0).toFixed(1)} / ${(m.stats?.video_loss_percent ?? 0).toFixed(1)}` },
    { key: 'jitter', title: t('streams.jitter'), width: '90px', cell: ({ m }) => ms(m.stats?.audio_jitter_us) },
    { key: 'delay', title: t('streams.delay'), width: '90px', cell: ({ m }) => ms(m.stats?.round_trip_us) },
    { key: 'frozen', title: t('streams.frozen'), width: '110px', cell: ({ m }) => `${number(m.stats?.video_stalls ?? 0)} / ${number(Math.round((m.stats?.video_frozen_ms ?? 0) / 1000))}` },
    { key: 'history', title: t('streams.history'), width: '130px', cell: ({ m }) => <button type="button" className="chapter" title={t('streams.more')} onClick={() => setOpen(m.id)}><Chart values={history.current.get(m.id) ?? []} label={t('streams.chart', { name: m.name })} /></button> },
  ], [rows]);
  return (
    <>
      <div className="head"><h1>{t('page.streams')}</h1></div>
      {(rooms.failure ?? failure) && <Wrong failure={(rooms.failure ?? failure)!} retry={rooms.reload} />}
      <div className="figures" style={{ marginBottom: 14 }}>
        <button type="button" className="figure idle" aria-pressed={!only} onClick={() => setOnly(false)}><b>{number(rows.length)}</b>{t('streams.all')}</button>
        <button type="button" className={`figure ${bad.length ? 'bad' : 'good'}`} aria-pressed={only} onClick={() => setOnly(true)}><b>{number(bad.length)}</b>{t('streams.bad')}</button>
      </div>
      {bad.length > 0 && <section className="card" aria-label={t('streams.alarms')}><h2>{t('streams.alarms')}</h2>
        <ul style={{ margin: 0, paddingLeft: 20 }}>{bad.slice(0, 12).map(({ room, m }) => { const why = trouble(m) as Exclude<ReturnType<typeof trouble>, ''>; return (
          <li key={m.id}><b>{m.name || m.uri}</b> ({room.title || room.name}): {t(`weak.${why}`)}. <span className="soft">{t(`advice.${why}`)}</span> <button type="button" className="chapter" onClick={() => setOpen(m.id)}>{t('streams.more')}</button></li>); })}</ul>
      </section>}
      {opened && <Hour key={opened.m.id} row={opened} close={() => setOpen('')} />}
      <VirtualTable rows={only ? bad : [...bad, ...rows.filter((r) => trouble(r.m) === '')]} columns={columns} rowKey={(r) => r.m.id} label={t('page.streams')} height={640} />
      {rows.length === 0 && <p className="soft" style={{ marginTop: 12 }}>{t('streams.none')}</p>}
    </>
  );
}
