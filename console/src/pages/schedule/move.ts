// SPDX-License-Identifier: GPL-3.0-or-later
import { fromLocal, toLocal } from '../../app/format';
import type { Right, Schedule } from '../../app/types';

/** A local time so many milliseconds later. */
export function moved(local: string, by: number): string {
  return toLocal(fromLocal(local) + by);
}

/** Who may change it: what is published is on the air as it were, and what reaches beyond one's own area is the province's. */
export function movableBy(may: (...rights: Right[]) => boolean, s: Pick<Schedule, 'draft'>, own: boolean): boolean {
  return own && (s.draft ? may('edit') : may('edit', 'air'));
}

/** What a PUT takes, from what a GET gave: without what the server makes itself, and without what is empty. */
export function bodyOf(s: Schedule, change: Partial<Schedule>): Record<string, unknown> {
  const take = ['name', 'content', 'areas', 'start_local', 'zone', 'rule', 'until_local', 'priority', 'repeats', 'gap_s', 'grace_s', 'enabled', 'items', 'slot', 'exdates', 'holidays', 'cut', 'volume', 'expires_us', 'draft'] as const;
  const all: Record<string, unknown> = { ...s, ...change }, body: Record<string, unknown> = {};
  for (const key of take) {
    const value = all[key];
    if (value === undefined || value === '' || value === null || (key === 'volume' && value === 0) || (key === 'expires_us' && value === 0)) continue;
    if (Array.isArray(value) && value.length === 0) continue;
    if (key === 'content' && Array.isArray(all.items) && all.items.length > 0) continue;
    body[key] = value;
  }
  return body;
}
