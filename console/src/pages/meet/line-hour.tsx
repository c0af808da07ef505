// SPDX-License-Identifier: GPL-3.0-or-later
// The last hour of a line: when it was bad and why, in words first, then every figure against its alarm. Pointing at a moment reads it in all charts.
import { Button } from 'antd';
import { useMemo } from 'react';
import { seg } from '../../app/api';
import { clockSeconds, decimal, number, percent } from '../../app/format';
import { t } from '../../app/i18n';
import { useData } from '../../app/use';
import { Chart, Numbers, type Line } from '../../ui/chart';
import { Wrong } from '../../ui/wrong';
import { judge, PERIOD_S, shares, spells, timeline, type Cause, type Class, type Point, type Spell } from './line-state';
import { ALARM } from './state';
import type { Member, Room } from './types';

const NAME: Record<Class, 'streams.good' | 'streams.weak' | 'streams.poor'> = { good: 'streams.good', weak: 'streams.weak', bad: 'streams.poor' };
const SPELLS = 6;
const rate = (bps: number) => (bps >= 1e6 ? t('streams.mbps', { n: decimal(bps / 1e6, 2) }) : t('streams.kbps', { n: number(Math.round(bps / 1000)) }));
const share = (n: number) => percent(n / 100), ms = (n: number) => t('streams.ms', { n: decimal(n, n < 10 ? 1 : 0) }), seconds = (n: number) => t('streams.s', { n: decimal(n) });
const say: Record<Cause, (n: number) => string> = { loss: share, frozen: seconds, delay: ms, jitter: ms };
const picture = (all: number, sound: number) => Math.max(0, all - sound);

type Figure = Pick<Line, 'label' | 'colour' | 'dashed'> & { say: (n: number) => string; of: (p: Point) => number | null };
type Drawn = { title: string; figures: Figure[]; limit?: number; least?: number; scale: (n: number) => string; kind?: 'blocks' };
const charts = (): Drawn[] => [
  { title: t('streams.received'), scale: rate, least: 100000, figures: [{ label: t('streams.picture'), colour: '--c1', say: rate, of: (p) => picture(p.in_bps, p.audio_in_bps) }, { label: t('streams.sound'), colour: '--c2', say: rate, of: (p) => p.audio_in_bps }] },
  { title: t('streams.sent'), scale: rate, least: 100000, figures: [{ label: t('streams.picture'), colour: '--c1', say: rate, of: (p) => picture(p.out_bps, p.audio_out_bps) }, { label: t('streams.sound'), colour: '--c2', say: rate, of: (p) => p.audio_out_bps }] },
  { title: t('streams.lost'), scale: share, limit: ALARM.loss_percent, figures: [{ label: t('streams.pictureLost'), colour: '--c1', say: share, of: (p) => p.video_loss_percent }, { label: t('streams.soundLost'), colour: '--c2', say: share, of: (p) => p.audio_loss_percent }, { label: t('streams.sentLost'), colour: '--c3', dashed: true, say: share, of: (p) => p.sent_loss_percent }] },
  { title: t('streams.freezes'), scale: seconds, least: PERIOD_S, figures: [{ label: t('streams.picture'), colour: '--c1', say: seconds, of: (p) => p.video_frozen_ms / 1000 }] },
  { title: t('streams.jitters'), scale: ms, limit: ALARM.jitter_ms, figures: [{ label: t('streams.sound'), colour: '--c2', say: ms, of: (p) => p.audio_jitter_us / 1000 }] },
  { title: t('streams.delays'), scale: ms, limit: ALARM.delay_ms, figures: [{ label: t('streams.delays'), colour: '--c1', say: ms, of: (p) => p.round_trip_us / 1000 }] },
];

function SpellLine({ spell }: { spell: Spell }) {
  const from = clockSeconds(spell.from_s * 1e6), to = clockSeconds(spell.to_s * 1e6);
  return <li>{spell.cause === 'gap' ? t('streams.gapSpell', { from, to }) : t('streams.spell', { from, to, why: t(`weak.${spell.cause}`), worst: say[spell.cause](spell.worst) })}</li>;
}

/** The server keeps an hour of every line: what went wrong before somebody looked is still there. */
export function LineHour({ room, member, close }: { room: Room; member: Member; close: () => void }) {
  const { data, failure, reload } = useData<{ points: Point[] }>(`/rooms/${seg(room.name)}/members/${seg(member.id)}/history`, [], PERIOD_S * 1000);
  const points = data?.points, title = t('streams.of', { name: member.name || member.uri || member.id });
  const { x, at } = useMemo(() => timeline(points ?? []), [points]);
  const drawn = charts(), to = x.at(-1) ?? 0, from = Math.min(x[0] ?? 0, to - 600);
  const values = (of: (p: Point) => number | null) => at.map((p) => (p ? of(p) : null));
  const lines = useMemo(() => drawn.map((c) => c.figures.map((f): Line => ({ ...f, values: values(f.of) }))), [at]);
  const quality = useMemo(() => (['good', 'weak', 'bad'] as const).map((is): Line => ({
    label: t(NAME[is]), colour: ({ good: '--good-fill', weak: '--warn-fill', bad: '--bad-fill' } as const)[is], values: values((p) => (judge(p).is === is ? 1 : null)), say: () => t(NAME[is]),
  })), [at]);
  const moment = (i: number) => { const p = at[i], j = p && judge(p); return j && j.is !== 'good' ? `${clockSeconds(x[i] * 1e6)}, ${t(`weak.${j.cause}`)} ${say[j.cause](j.figure)}` : clockSeconds(x[i] * 1e6); };
  const bad = useMemo(() => spells(points ?? []), [points]), parts = shares(points ?? []);
  const table = () => ({
    head: [t('streams.time'), t('streams.quality'), ...drawn.flatMap((c) => c.figures.map((f) => (c.figures.length > 1 ? `${c.title}: ${f.label}` : c.title)))],
    rows: [...(points ?? [])].reverse().map((p) => [clockSeconds(p.time_us), t(NAME[judge(p).is]), ...drawn.flatMap((c) => c.figures.map((f) => f.say(f.of(p) ?? 0)))]),
  });
  return (
    <section className="card line-hour" aria-label={title}>
      <div className="row between"><h2>{title}</h2><Button onClick={close}>{t('streams.close')}</Button></div>
      {failure && <Wrong failure={failure} retry={reload} />}
      {points && points.length < 2 && <p className="soft">{t('streams.noPoints')}</p>}
      {points && points.length >= 2 && <>
        <p><b>{t('streams.of10', { good: percent(parts.good), weak: percent(parts.weak), bad: percent(parts.bad) })}</b></p>
        {bad.length === 0 ? <p className="soft">{t('streams.noSpells')}</p> : <>
          <h3>{t('streams.spells')}</h3>
          <ul className="spells">{bad.slice(0, SPELLS).map((s) => <SpellLine key={s.from_s} spell={s} />)}{bad.length > SPELLS && <li className="soft">{t('streams.moreSpells', { n: bad.length - SPELLS })}</li>}</ul></>}
        <p className="soft">{t('streams.point')}</p>
        <Chart title={t('streams.quality')} x={x} lines={quality} kind="blocks" from={from} to={to + PERIOD_S} least={1} height={64} sync="line" at={moment} />
        <div className="lines">{drawn.map((c, i) => (
          <Chart key={c.title} title={c.title} x={x} lines={lines[i]} from={from} to={to + PERIOD_S} least={c.least} scale={c.scale} height={150} sync="line" at={(n) => clockSeconds(x[n] * 1e6)}
            limit={c.limit === undefined ? undefined : { at: c.limit, label: t('streams.limit', { n: c.scale(c.limit) }) }} />))}</div>
        <Numbers title={title} table={table} /></>}
    </section>
  );
}
