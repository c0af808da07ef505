// SPDX-License-Identifier: GPL-3.0-or-later
import type { Bulletin, Right } from '../../app/types';

export function stateTone(state: string): 'good' | 'warn' | 'bad' | 'idle' {
  if (state === 'approved' || state === 'scheduled' || state === 'played') return 'good';
  if (state === 'submitted') return 'warn';
  return state === 'returned' ? 'bad' : 'idle';
}

export type Step = 'save' | 'submit' | 'approve' | 'return' | 'schedule' | 'now' | 'withdraw' | 'archive';

/** What may be done with a bulletin now; the server checks it again. Nobody approves what they wrote alone. */
export function stepsOf(bulletin: Pick<Bulletin, 'state' | 'submitted_by' | 'created_by' | 'changed_by' | 'origin' | 'approved_content'> | null, may: (...rights: Right[]) => boolean, user: string): Step[] {
  const state = bulletin?.state ?? 'draft', list: Step[] = [];
  if (may('edit') && ['draft', 'returned', 'approved', 'scheduled', 'played'].includes(state)) list.push('save');
  if (!bulletin) return list;
  if (may('edit') && (state === 'draft' || state === 'returned')) list.push('submit');
  if (may('approve') && state === 'submitted') {
    if (bulletin.submitted_by !== user && bulletin.changed_by !== user) list.push('approve');
    list.push('return');
  }
  if (may('edit') && ['approved', 'scheduled', 'played'].includes(state)) list.push('schedule');
  /* what comes from above plays when the commune says so: it is not put on the air over its head */
  if (may('air') && ['approved', 'scheduled', 'played'].includes(state) && bulletin.approved_content && (bulletin.origin === 'own' || bulletin.origin === 'feedback')) list.push('now');
  if (may('edit') && ['submitted', 'approved', 'scheduled', 'played'].includes(state)) list.push('withdraw');
  if (may('edit') && ['draft', 'returned', 'played', 'withdrawn', 'expired'].includes(state)) list.push('archive');
  return list;
}
