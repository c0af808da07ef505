// SPDX-License-Identifier: GPL-3.0-or-later
import { t, tWord } from '../app/i18n';
import type { Play, Priority, Run } from '../app/types';
import { Badge } from './field';

export function PriorityBadge({ priority }: { priority: Priority | undefined }) {
  if (priority === 'emergency') return <Badge tone="bad">{t('priority.emergency')}</Badge>;
  if (priority === 'priority') return <Badge tone="warn">{t('priority.priority')}</Badge>;
  return <Badge tone="idle">{t('priority.normal')}</Badge>;
}

export function runTone(run: Pick<Run, 'state' | 'missed' | 'devices'>): 'good' | 'warn' | 'bad' | 'idle' {
  if (run.state === 'playing' || run.state === 'ringing') return 'good';
  if (run.state === 'missed' || run.state === 'interrupted') return 'bad';
  if (run.state === 'stopped') return 'idle';
  return run.missed === 0 ? 'good' : run.missed * 2 > run.devices ? 'bad' : 'warn';
}

export function RunState({ run }: { run: Run }) {
  const nowhere = run.state === 'done' && run.devices > 0 && run.missed >= run.devices; /* over, but nobody heard it: "played" would be a lie */
  return <Badge tone={runTone(run)}>{t(`runState.${nowhere ? 'missed' : run.state}`)}</Badge>;
}

export function outcomeTone(outcome: string): 'good' | 'warn' | 'bad' | 'idle' {
  return outcome === 'played' || outcome === 'playing' ? 'good' : outcome === 'partial' ? 'warn' : outcome === 'missed' ? 'bad' : 'idle';
}

/** Why a play was missed or cut, in the reader's language where the reason is a known one: the server says it in English. */
export function sayReason(reason: string | undefined): string {
  if (!reason) return '';
  const slug = reason.toLowerCase().replace(/\(.*$/, '').replace(/[^a-z]+/g, '-').replace(/^-|-$/g, '');
  const word = tWord('reason', slug);
  return word === slug ? reason : word;
}

/** How far a play got, each step apart: wanted is not sent, sent is not acknowledged, begun is not heard. */
export function steps(play: Play): { key: 'wanted' | 'sent' | 'acked' | 'began' | 'ended' | 'proved'; us: number | undefined }[] {
  const r = play.reported;
  return (['wanted', 'sent', 'acked', 'began', 'ended', 'proved'] as const).map((key) => ({ key, us: r?.[`${key}_us`] || undefined }));
}
