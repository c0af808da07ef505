// SPDX-License-Identifier: GPL-3.0-or-later
// Every line of every meeting: how much, what is lost, how late, and the likely cause of what is wrong; the last ten minutes as a small chart, the last hour behind it.
import { useEffect, useMemo, useRef, useState } from 'react';
import { get, seg } from '../../app/api';
import { asFailure, type Failure } from '../../app/failure';
import { decimal, number } from '../../app/format';
import { t } from '../../app/i18n';
import { Link } from '../../app/router';
import { useData, useMedia } from '../../app/use';
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

/* In the first seconds of a line nothing is measured yet, and nothing is not 0. */
const kbps = (bps: number | undefined) => (bps === undefined ? '–' : number(Math.round(bps / 1000)));
const share = (percent: number | undefined) => (percent === undefined ? '–' : decimal(percent));
const ms = (us: number | undefined) => (us ? number(Math.round(us / 1000)) : '–');

/** A figure of the sound above the same of the picture. */
function Both({ sound, picture }: { sound: string; picture: string }) {
  return <><div><span className="soft">{t('streams.sound')}</span> {sound}</div><div><span className="soft">{t('streams.picture')}</span> {picture}</div></>;
}

export default function Streams() {
  const phone = useMedia('(max-width: 860px)');
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
  const columns = useMemo<Column<Row>[]>(() => {
    const state: Column<Row> = { key: 'state', title: t('streams.state'), width: phone ? '0.9fr' : 'minmax(180px, 1.4fr)', cell: ({ m }) => { const why = trouble(m); return why ? <Badge tone={why === 'away' || why === 'no-packets' ? 'bad' : 'warn'}>{t(`weak.${why}`)}</Badge> : <Badge tone="good">{t('streams.fine')}</Badge>; } };
    const who = ({ m, room }: Row) => <><b title={m.name || m.uri}>{m.name || m.uri}</b><div className="soft" title={room.title || room.name}><Link to={`/desk/${seg(room.name)}`}>{room.title || room.name}</Link></div></>;
    if (phone) return [
      { key: 'name', title: t('streams.who'), width: '1.3fr', cell: ({ m, room }) => <><button type="button" className="chapter" style={{ padding: 0, lineHeight: 1.3, minHeight: 0 }} title={t('streams.more')} onClick={() => setOpen(m.id)}><b>{m.name || m.uri}</b></button><div className="soft">{room.title || room.name}</div></> },
      state,
    ];
    return [
      { key: 'name', title: t('streams.who'), width: 'minmax(200px, 1.8fr)', cell: who },
      state,
      { key: 'in', title: t('streams.in'), width: '116px', cell: ({ m }) => <Both sound={kbps(m.stats?.audio_in_bps)} picture={kbps(m.stats?.video_in_bps)} /> },
      { key: 'out', title: t('streams.out'), width: '104px', cell: ({ m }) => <Both sound={kbps(m.stats?.audio_out_bps)} picture={kbps(m.stats?.video_out_bps)} /> },
      { key: 'loss', title: t('streams.loss'), width: '104px', cell: ({ m }) => <Both sound={share(m.stats?.audio_loss_percent)} picture={share(m.stats?.video_loss_percent)} /> },
      { key: 'jitter', title: t('streams.jitter'), width: '84px', cell: ({ m }) => ms(m.stats?.audio_jitter_us) },
      { key: 'delay', title: t('streams.delay'), width: '84px', cell: ({ m }) => ms(m.stats?.round_trip_us) },
      { key: 'frozen', title: t('streams.frozen'), width: '100px', cell: ({ m }) => (m.stats?.video_stalls ? <>{t('streams.times', { n: number(m.stats.video_stalls) })}<div className="soft">{t('streams.s', { n: number(Math.round((m.stats.video_frozen_ms ?? 0) / 1000)) })}</div></> : '–') },
      { key: 'history', title: t('streams.history'), width: '130px', cell: ({ m }) => <button type="button" className="chapter" title={t('streams.more')} onClick={() => setOpen(m.id)}><Spark values={history.current.get(m.id) ?? []} most={KEPT} label={t('streams.chart', { name: m.name })} /></button> },
    ];
  }, [rows, phone]);
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
