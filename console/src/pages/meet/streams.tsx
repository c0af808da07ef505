// SPDX-License-Identifier: GPL-3.0-or-later
// Every line of every meeting: how much, what is lost, how late, and the likely cause of what is wrong; the last ten minutes as a small chart, the last hour behind it.
import { useEffect, useMemo, useRef, useState } from 'react';
import { get, seg } from '../../app/api';
import { asFailure, type Failure } from '../../app/failure';
import { decimal, number } from '../../app/format';
import { t } from '../../app/i18n';
import { Link } from '../../app/router';
import { useData } from '../../app/use';
import { Spark } from '../../ui/chart';
import { Badge } from '../../ui/field';
import { VirtualTable, type Column } from '../../ui/virtual-table';
import { Wrong } from '../../ui/wrong';
import { LineHour } from './line-hour';
import { trouble } from './state';
import type { Member, Room } from './types';
import './meet.css';

type Row = { room: Room; m: Member };
const EVERY_MS = 5000, KEPT = 120;

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
    { key: 'loss', title: t('streams.loss'), width: '110px', cell: ({ m }) => `${decimal(m.stats?.audio_loss_percent ?? 0)} / ${decimal(m.stats?.video_loss_percent ?? 0)}` },
    { key: 'jitter', title: t('streams.jitter'), width: '90px', cell: ({ m }) => ms(m.stats?.audio_jitter_us) },
    { key: 'delay', title: t('streams.delay'), width: '90px', cell: ({ m }) => ms(m.stats?.round_trip_us) },
    { key: 'frozen', title: t('streams.frozen'), width: '110px', cell: ({ m }) => `${number(m.stats?.video_stalls ?? 0)} / ${number(Math.round((m.stats?.video_frozen_ms ?? 0) / 1000))}` },
    { key: 'history', title: t('streams.history'), width: '130px', cell: ({ m }) => <button type="button" className="chapter" title={t('streams.more')} onClick={() => setOpen(m.id)}><Spark values={history.current.get(m.id) ?? []} most={KEPT} label={t('streams.chart', { name: m.name })} /></button> },
  ], [rows]);
  return (
    <>
      <div className="head"><h1>{t('page.streams')}</h1></div>
      {(rooms.failure ?? failure) && <Wrong failure={(rooms.failure ?? failure)!} retry={rooms.reload} />}
      <div className="figures" style={{ marginBottom: 14 }}>
        <button type="button" className="figure idle" aria-pressed={!only} onClick={() => setOnly(false)}><b>{number(rows.length)}</b>{t('streams.all')}</button>
        <button type="button" className={`figure ${bad.length ? 'bad' : 'good'}`} aria-pressed={only} onClick={() => setOnly(true)}><b>{number(bad.length)}</b>{t('streams.bad')}</button>
      </div>
      {bad.length > 0 && <section className="card" style={{ marginBottom: 14 }} aria-label={t('streams.alarms')}><h2>{t('streams.alarms')}</h2>
        <ul style={{ margin: 0, paddingLeft: 20 }}>{bad.slice(0, 12).map(({ room, m }) => { const why = trouble(m) as Exclude<ReturnType<typeof trouble>, ''>; return (
          <li key={m.id}><b>{m.name || m.uri}</b> ({room.title || room.name}): {t(`weak.${why}`)}. <span className="soft">{t(`advice.${why}`)}</span> <button type="button" className="chapter" onClick={() => setOpen(m.id)}>{t('streams.more')}</button></li>); })}</ul>
      </section>}
      {opened && <LineHour key={opened.m.id} room={opened.room} member={opened.m} close={() => setOpen('')} />}
      <VirtualTable rows={only ? bad : [...bad, ...rows.filter((r) => trouble(r.m) === '')]} columns={columns} rowKey={(r) => r.m.id} label={t('page.streams')} height={640} />
      {rows.length === 0 && <p className="soft" style={{ marginTop: 12 }}>{t('streams.none')}</p>}
    </>
  );
}
