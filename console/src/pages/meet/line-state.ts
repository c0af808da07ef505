// SPDX-License-Identifier: GPL-3.0-or-later
// The last hour of a line as it is judged: good, weak or bad at each point, the spells of trouble, and gaps where nothing was measured. Pure.
import { ALARM } from './state';

/** Of /rooms/…/members/…/history: each ten seconds, the worst of them but for the rates. */
export type Point = {
  time_us: number; in_bps: number; out_bps: number; audio_in_bps: number; audio_out_bps: number; audio_loss_percent: number; video_loss_percent: number; sent_loss_percent: number;
  audio_jitter_us: number; round_trip_us: number; video_frozen_ms: number;
};
export const PERIOD_S = 10;
export type Cause = 'loss' | 'delay' | 'jitter' | 'frozen';
export type Class = 'good' | 'weak' | 'bad';

const FROZEN_MS = 3000; /* of a point: nobody overlooks that */
/** How near to its alarm each figure is: 1 and above is bad. */
const strains = (p: Point): [Cause, number, number][] => [
  ['loss', Math.max(p.audio_loss_percent, p.video_loss_percent, p.sent_loss_percent) / ALARM.loss_percent, Math.max(p.audio_loss_percent, p.video_loss_percent, p.sent_loss_percent)],
  ['frozen', p.video_frozen_ms / FROZEN_MS, p.video_frozen_ms / 1000],
  ['delay', p.round_trip_us / 1000 / ALARM.delay_ms, p.round_trip_us / 1000],
  ['jitter', p.audio_jitter_us / 1000 / ALARM.jitter_ms, p.audio_jitter_us / 1000],
];
/** What hurts most at a point, and its figure (percent, seconds, ms, ms). */
export function judge(p: Point): { is: Class; cause: Cause; figure: number } {
  const [cause, strain, figure] = strains(p).reduce((worst, s) => (s[1] > worst[1] ? s : worst));
  return { is: strain >= 1 ? 'bad' : strain >= 0.4 ? 'weak' : 'good', cause, figure };
}

/** The moments in seconds; null stands where points are missing: there is a gap, not a line across. */
export function timeline(points: readonly Point[]): { x: number[]; at: (Point | null)[] } {
  const x: number[] = [], at: (Point | null)[] = [];
  for (const p of points) {
    const s = p.time_us / 1e6, before = x.at(-1);
    if (before !== undefined && s - before > 2.5 * PERIOD_S) {
      x.push(before + PERIOD_S);
      at.push(null);
    }
    x.push(s);
    at.push(p);
  }
  return { x, at };
}

export type Spell = { from_s: number; to_s: number; cause: Cause | 'gap'; worst: number };
/** Bad points of one cause that follow each other, and gaps; the latest first. */
export function spells(points: readonly Point[]): Spell[] {
  const all: Spell[] = [];
  let open: Spell | null = null;
  points.forEach((p, i) => {
    const s = p.time_us / 1e6, before = i ? points[i - 1].time_us / 1e6 : s, j = judge(p);
    if (s - before > 2.5 * PERIOD_S) {
      all.push({ from_s: before + PERIOD_S, to_s: s, cause: 'gap', worst: 0 });
      open = null;
    }
    if (j.is !== 'bad') open = null;
    else if (open && open.cause === j.cause) Object.assign(open, { to_s: s + PERIOD_S, worst: Math.max(open.worst, j.figure) });
    else all.push((open = { from_s: s, to_s: s + PERIOD_S, cause: j.cause, worst: j.figure }));
  });
  return all.reverse();
}

/** Shares of the points. */
export function shares(points: readonly Point[]): Record<Class, number> {
  const n: Record<Class, number> = { good: 0, weak: 0, bad: 0 };
  for (const p of points) n[judge(p).is] += 1 / points.length;
  return n;
}
