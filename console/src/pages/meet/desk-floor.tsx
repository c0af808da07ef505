// SPDX-License-Identifier: GPL-3.0-or-later
// Who speaks, for how long still, and who waits: given, taken, reordered with one press each.
import { Button } from 'antd';
import { memo } from 'react';
import { t } from '../../app/i18n';
import { useNow } from '../../app/use';
import { Choice, Field } from '../../ui/field';
import { useAct } from '../../ui/wrong';
import './desk.css';
import type { Doer } from './doer';
import { countdown, left, type RoomState } from './state';
import type { Show } from './use-room';

const BUDGETS_S = [0, 60, 120, 180, 300, 600, 900, 1200, 1800] as const;

export const nameIn = (state: RoomState, id: string): string => state.members.find((m) => m.id === id)?.name ?? state.floor.queue.find((q) => q.member === id)?.name ?? id;
/** The room as it will be when that one has the floor: shown until the server says it. */
export const given = (s: RoomState, id: string): RoomState => ({ ...s, floor: { ...s.floor, holder: id, deadline_ms: null, queue: s.floor.queue.filter((q) => q.member !== id) } });

export const FloorCard = memo(function FloorCard({ doIt, state, runs, show }: { doIt: Doer; state: RoomState; runs: boolean; show: Show }) {
  const { floor } = state, act = useAct(), rest = left(floor, useNow(1000)), nameOf = (id: string) => nameIn(state, id);
  const give = (id: string) => void act(() => doIt('floor-give', { member: id }), { undo: show((s) => given(s, id)) });
  const move = (id: string, place: number) => void act(() => doIt('floor-move', { member: id, place }), { undo: show((s) => {
    const queue = s.floor.queue.filter((q) => q.member !== id), one = s.floor.queue.find((q) => q.member === id);
    if (one) queue.splice(place, 0, one);
    return { ...s, floor: { ...s.floor, queue } };
  }) });
  const budget = floor.rules?.budget_s ?? 0, choices = BUDGETS_S.some((b) => b === budget) ? BUDGETS_S : [...BUDGETS_S, budget];
  const limit = (budget_s: number) => void act(() => doIt('floor-rules', { budget_s }), { undo: show((s) => (s.floor.rules ? { ...s, floor: { ...s.floor, rules: { ...s.floor.rules, budget_s } } } : s)) });
  return (
    <section className="card">
      <h2>{t('desk.floor')}</h2>
      {floor.holder ? <div className="desk-holder"><div><span role="status"><b>{nameOf(floor.holder)}</b></span>{rest !== null && <span className={`desk-rest${rest < 30000 ? ' soon' : ''}`} role="timer">{countdown(rest)}</span>}</div>
        {runs && <div className="row">{rest !== null && <Button onClick={() => void act(() => doIt('floor-extend', { seconds: 60 }), { undo: show((s) => ({ ...s, floor: { ...s.floor, deadline_ms: (s.floor.deadline_ms ?? 0) + 60000 } })) })}>{t('desk.extend')}</Button>}
          <Button danger onClick={() => void act(() => doIt('floor-end'), { undo: show((s) => ({ ...s, floor: { ...s.floor, holder: null, deadline_ms: null } })) })}>{t('desk.endFloor')}</Button></div>}</div>
        : <p className="soft">{t('desk.noFloor')}</p>}
      <h3 aria-live="polite">{t('desk.queue', { n: floor.queue.length })}</h3>
      <ol className="desk-queue">{floor.queue.map((q, i) => (
        <li key={q.member}><span>{nameOf(q.member)}</span>{runs && <span className="row">
          <Button aria-label={t('desk.up', { name: nameOf(q.member) })} disabled={i === 0} onClick={() => move(q.member, i - 1)}>↑</Button>
          <Button aria-label={t('desk.down', { name: nameOf(q.member) })} disabled={i === floor.queue.length - 1} onClick={() => move(q.member, i + 1)}>↓</Button>
          <Button type="primary" onClick={() => give(q.member)}>{t('desk.give')}</Button></span>}</li>))}
      </ol>
      {runs && <>
        {floor.queue.length > 0 && <div className="row" style={{ marginBottom: 14 }}><Button type="primary" onClick={() => void act(() => doIt('floor-next'))}>{t('desk.next')}</Button>
          <Button onClick={() => void act(() => doIt('floor-lower-all'), { undo: show((s) => ({ ...s, floor: { ...s.floor, queue: [] } })) })}>{t('desk.lowerAll')}</Button></div>}
        <Field label={t('desk.budget')} hint={t('desk.budgetHint')}>{(id) => <Choice id={id} value={String(budget)} choose={(v) => limit(Number(v))}
          options={choices.map((b) => [String(b), b === 0 ? t('desk.budgetNone') : b % 60 ? t('desk.budgetSeconds', { n: b }) : t('desk.budgetMinutes', { n: b / 60 })] as const)} />}</Field>
      </>}
    </section>
  );
});
