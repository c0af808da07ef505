// SPDX-License-Identifier: GPL-3.0-or-later
// How a loudspeaker is, in few words: the same ones on the map, in the table and on its page.
import { since } from '../app/format';
import { t, tWord } from '../app/i18n';
import type { Device, Outage } from '../app/types';

export type State = { device: string; there: 'yes' | 'no' | 'unknown'; cause?: string; text?: string; since_us?: number };
export type Tone = 'good' | 'warn' | 'bad' | 'idle';
export type Told = { tone: Tone; cause: string };

/** Causes that leave it silent now; the others are worth a look. */
const SILENT = new Set(['outage', 'no-power', 'no-signal', 'offline', 'volume', 'amplifier', 'line-open', 'not-enrolled', 'no-schedule', 'server-link']);

export function tell(device: Device, state: State | undefined): Told {
  if (!device.enabled) return { tone: 'idle', cause: 'disabled' };
  const cause = state?.cause ?? '';
  if (cause === 'disabled') return { tone: 'idle', cause };
  if (cause && SILENT.has(cause)) return { tone: 'bad', cause };
  if (cause) return { tone: 'warn', cause };
  if (!state || state.there === 'unknown') return { tone: 'idle', cause: 'unknown' };
  return state.there === 'yes' ? { tone: 'good', cause: '' } : { tone: 'bad', cause: 'offline' };
}

export const sayCause = (told: Told): string => (told.cause ? tWord('cause', told.cause) : t('cause.none'));

export function sayOutage(outage: Outage, nameOf: (code: string) => string): string {
  const what = outage.by === 'area' ? nameOf(outage.value) : outage.value;
  return t(outage.by === 'power' ? 'outage.power' : outage.by === 'carrier' ? 'outage.carrier' : 'outage.area', { n: outage.away || outage.devices, what, span: since(outage.began_us) });
}

/** How a commune is on the map: bad when a third or more are silent, worth a look from a tenth on; one of seventy is in the table. */
export function worst(tones: readonly Tone[]): Tone {
  const seen = tones.filter((x) => x !== 'idle');
  if (!seen.length) return 'idle';
  const bad = seen.filter((x) => x === 'bad').length;
  if (bad * 3 >= seen.length && bad > 0) return 'bad';
  return seen.filter((x) => x !== 'good').length * 10 >= seen.length ? 'warn' : 'good';
}
