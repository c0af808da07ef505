// SPDX-License-Identifier: GPL-3.0-or-later
// Times are the province's, wherever the reader's clock stands.
import { language, t } from './i18n';

export const ZONE = 'Asia/Ho_Chi_Minh';
const locale = () => (language() === 'vi' ? 'vi-VN' : 'en-GB');
const cache = new Map<string, Intl.DateTimeFormat>();

function format(name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = name + locale();
  let found = cache.get(key);
  if (!found) cache.set(key, (found = new Intl.DateTimeFormat(locale(), { timeZone: ZONE, hourCycle: 'h23', ...options })));
  return found;
}

export const clock = (us: number): string => format('clock', { hour: '2-digit', minute: '2-digit' }).format(us / 1000);
export const clockSeconds = (us: number): string => format('seconds', { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(us / 1000);
export const dayOf = (us: number): string => format('day', { weekday: 'short', day: '2-digit', month: '2-digit', year: 'numeric' }).format(us / 1000);

/** "14:05" today, "14:05 21/11" otherwise; "–" for never. */
export function moment(us: number | undefined, nowMs = Date.now()): string {
  if (!us) return '–';
  const year = format('year', { day: '2-digit', month: '2-digit', year: 'numeric' });
  if (year.format(us / 1000) === year.format(nowMs)) return clock(us);
  return `${clock(us)} ${Math.abs(us / 1000 - nowMs) < 300 * 86400e3 ? dayMonth(us) : year.format(us / 1000).replaceAll('-', '/')}`;
}

/** "2026-11-23T05:00:00", what schedules speak. */
export function toLocal(ms: number): string {
  const parts = new Intl.DateTimeFormat('sv-SE', { timeZone: ZONE, dateStyle: 'short', timeStyle: 'medium', hourCycle: 'h23' }).format(ms);
  return parts.replace(' ', 'T');
}

/** The moment of a local time of the province, which has no summer time. */
export function fromLocal(local: string): number {
  return Date.parse(`${local.length === 16 ? `${local}:00` : local}+07:00`);
}

export function span(us: number): string {
  const s = Math.max(0, Math.round(us / 1e6));
  if (s < 60) return t('span.s', { n: s });
  if (s < 3600) return s % 60 && s < 600 ? t('span.ms', { m: Math.floor(s / 60), n: s % 60 }) : t('span.m', { n: Math.round(s / 60) });
  if (s < 86400) return t('span.h', { n: Math.floor(s / 3600), m: Math.round((s % 3600) / 60) });
  return t('span.d', { n: Math.floor(s / 86400) });
}

export const since = (us: number, nowMs = Date.now()): string => span(nowMs * 1000 - us);
export const number = (n: number): string => n.toLocaleString(locale());
/** A file's size for people. */
export function bytes(n: number): string {
  const power = n < 1024 ? 0 : n < 1024 ** 2 ? 1 : n < 1024 ** 3 ? 2 : 3, value = n / 1024 ** power;
  return `${value.toLocaleString(locale(), { maximumFractionDigits: power === 0 || value >= 100 ? 0 : 1 })} ${['B', 'KB', 'MB', 'GB'][power]}`;
}
export const percent = (share: number): string => share.toLocaleString(locale(), { style: 'percent', maximumFractionDigits: 1 });
export const decimal = (n: number, digits = 1): string => n.toLocaleString(locale(), { maximumFractionDigits: digits });
/** "21/11": as everybody here writes it; some browsers' Vietnamese has a dash. */
export const dayMonth = (us: number): string => { const local = toLocal(us / 1000); return `${local.slice(8, 10)}/${local.slice(5, 7)}`; };
