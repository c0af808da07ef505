// SPDX-License-Identifier: GPL-3.0-or-later
// What everybody sees: the layout, who keeps which seat of it, the tour of the sites, the spotlight.
import { Button } from 'antd';
import { memo, useState } from 'react';
import { post, put } from '../../app/api';
import { t, tWord } from '../../app/i18n';
import { Choice } from '../../ui/field';
import { useAct } from '../../ui/wrong';
import { nameIn } from './desk-floor';
import type { RoomState } from './state';
import type { Show } from './use-room';

export const LAYOUTS = ['auto', 'single', '1+5', '1+7', '2x2', '3x3', '4x4', '5x5', '6x6', '9x8', 'pip'] as const;
const SEATS: Record<string, number> = { single: 1, '1+5': 6, '1+7': 8, '2x2': 4, '3x3': 9, '4x4': 16, '5x5': 25, '6x6': 36, '9x8': 72, pip: 2 };
const PERIODS_S = [0, 10, 15, 30, 60, 120, 300] as const;

/** One list for each seat, the large one first; who has left keeps its seat until it is back. */
function Seats({ base, state, show }: { base: string; state: RoomState; show: Show }) {
  const act = useAct(), { room, members } = state, layout = room?.layout ?? 'auto', count = SEATS[layout] ?? 0;
  const seats = Array.from({ length: count }, (_, i) => room?.seats?.[i] ?? null);
  const here = members.filter((m) => !m.in_lobby && m.role !== 'observer');
  const put_ = (next: (string | null)[]) => {
    const last = next.reduce((at, s, i) => (s ? i + 1 : at), 0);
    void act(() => put(`${base}/layout`, { layout, ...(last ? { seats: next.slice(0, last) } : {}) }), { undo: show((s) => (s.room ? { ...s, room: { ...s.room, seats: next } } : s)) });
  };
  if (count === 0) return <p className="soft">{t('desk.seatsWhich')}</p>;
  return (
    <div className="desk-seats">{seats.map((who, i) => (
      <label key={i}><span>{i === 0 && (layout.startsWith('1') || layout === 'pip' || layout === 'single') ? t('desk.seatLarge') : t('desk.seat', { n: i + 1 })}</span>
        <Choice value={who ?? ''} choose={(id) => put_(seats.map((s, k) => (k === i ? id || null : s === id ? null : s)))}
          options={[['', t('desk.seatAny')] as const, ...(who && !here.some((m) => m.id === who) ? [[who, t('desk.seatAway')] as const] : []), ...here.map((m) => [m.id, m.name || m.uri || m.id] as const)]} /></label>))}
    </div>
  );
}

export const ViewCard = memo(function ViewCard({ base, state, runs, show }: { base: string; state: RoomState; runs: boolean; show: Show }) {
  const act = useAct(), [open, setOpen] = useState(false), { room } = state, tour = room?.tour_s ?? 0, fixed = room?.seats?.some(Boolean) ?? false;
  const periods = PERIODS_S.some((p) => p === tour) ? PERIODS_S : [...PERIODS_S, tour];
  return (
    <section className="card">
      <h2>{t('desk.view')}</h2>
      <div className="row">{LAYOUTS.map((l) => <Button key={l} disabled={!runs} type={room?.layout === l ? 'primary' : 'default'} aria-pressed={room?.layout === l} onClick={() => void act(() => put(`${base}/layout`, { layout: l }), { undo: show((s) => (s.room ? { ...s, room: { ...s.room, layout: l, seats: [] } } : s)) })}>{tWord('layout', l)}</Button>)}</div>
      {runs && <>
        <div className="row" style={{ marginTop: 10 }}>
          <label className="row">{t('desk.tour')} <Choice value={String(tour)} choose={(v) => void act(() => put(`${base}/tour`, { period_s: Number(v) }), { done: v === '0' ? t('desk.tourOff') : t('desk.tourOn', { n: v }), undo: show((s) => (s.room ? { ...s, room: { ...s.room, tour_s: Number(v) } } : s)) })}
            options={periods.map((p) => [String(p), p === 0 ? t('desk.tourNone') : t('desk.budgetSeconds', { n: p })] as const)} /></label>
          {room?.spotlight && <Button onClick={() => void act(() => put(`${base}/spotlight`, { member: null }), { undo: show((s) => (s.room ? { ...s, room: { ...s.room, spotlight: null } } : s)) })}>{t('desk.unspotlight')} ({nameIn(state, room.spotlight)})</Button>}
          {state.content && <Button onClick={() => void act(() => post(`${base}/content/stop`), { undo: show((s) => ({ ...s, content: null })) })}>{t('desk.stopContent')}</Button>}</div>
        <details className="desk-seats-of" open={fixed || undefined} onToggle={(e) => setOpen(e.currentTarget.open)}><summary>{t('desk.seats')}{fixed && ` (${room!.seats!.filter(Boolean).length})`}</summary>{(open || fixed) && <Seats base={base} state={state} show={show} />}</details>
      </>}
    </section>
  );
});
