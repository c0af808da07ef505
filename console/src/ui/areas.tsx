// SPDX-License-Identifier: GPL-3.0-or-later
// The areas: their names, the account's own ones, and choosing some of them.
import { Button, Input } from 'antd';
import { useEffect, useId, useMemo, useState } from 'react';
import { get } from '../app/api';
import { t } from '../app/i18n';
import { useSession } from '../app/session';
import type { Area } from '../app/types';

let known: Area[] | null = null;
let asked: Promise<Area[]> | null = null;

export function forgetAreas(): void {
  known = asked = null;
}

export function useAreas(): Area[] {
  const [areas, set] = useState<Area[]>(known ?? []);
  useEffect(() => {
    let gone = false;
    asked ??= get<{ areas: Area[] }>('/areas').then((r) => (known = r.areas), () => { asked = null; return []; });
    void asked.then((all) => { if (!gone) set(all); });
    return () => { gone = true; };
  }, []);
  return areas;
}

export function useAreaName(): (code: string) => string {
  const areas = useAreas();
  const names = useMemo(() => new Map(areas.map((a) => [a.code, a.name])), [areas]);
  return (code) => names.get(code) ?? code;
}

/** Several codes as words: "Xã Kỳ Anh, Xã Kỳ Hoa and 3 more". */
export function sayAreas(codes: readonly string[], nameOf: (code: string) => string): string {
  const shown = codes.slice(0, 3).map(nameOf).join(', ');
  return codes.length > 3 ? t('area.more', { areas: shown, n: codes.length - 3 }) : shown;
}

const parentsOf = new WeakMap<readonly Area[], Map<string, string | undefined>>();

/** Is code inside of area (or the area itself)? */
export function isWithin(areas: readonly Area[], code: string, area: string): boolean {
  let parents = parentsOf.get(areas); /* asked for each of thousands of loudspeakers */
  if (!parents) parentsOf.set(areas, (parents = new Map(areas.map((a) => [a.code, a.parent]))));
  for (let at: string | undefined = code, n = 0; at && n < 12; at = parents.get(at), n++) if (at === area) return true;
  return false;
}

/** For search without accents: people type "ky anh". */
export function plain(text: string): string {
  return text.normalize('NFD').replace(/[\u0300-\u036f]/g, '').replace(/đ/g, 'd').replace(/Đ/g, 'D').toLowerCase();
}

/** The areas an account may work in, the highest first. */
export function useOwnAreas(): { top: Area | undefined; below: Area[]; all: Area[] } {
  const areas = useAreas();
  const { session } = useSession();
  return useMemo(() => {
    const top = session.area ? areas.find((a) => a.code === session.area) : areas.find((a) => !a.parent);
    const below = areas.filter((a) => top && a.code !== top.code && isWithin(areas, a.code, top.code)).sort((a, b) => plain(a.name.replace(/^(Xã|Phường) /, '')).localeCompare(plain(b.name.replace(/^(Xã|Phường) /, ''))));
    return { top, below, all: areas };
  }, [areas, session.area]);
}

/** Do all of these lie in the account's own area? What reaches beyond it, only the province may change. */
export function useOwn(): (codes: readonly string[]) => boolean {
  const areas = useAreas(), { session } = useSession();
  return (codes) => !session.area || codes.every((code) => isWithin(areas, code, session.area));
}

/** Where: the whole of one's area, or some places in it. Who is bound to an area without any below it has nothing to choose: that is said, and chosen. */
export function AreaPicker({ value, choose, label, fixed = false }: { value: string[]; choose: (codes: string[]) => void; label: string; fixed?: boolean }) {
  const { top, below, all } = useOwnAreas(), nameOf = useAreaName(), { session } = useSession();
  const [search, setSearch] = useState('');
  const id = useId();
  const whole = top !== undefined && value.includes(top.code), alone = top !== undefined && session.area !== '' && below.length === 0;
  const outside = top && session.area ? value.filter((code) => !isWithin(all, code, top.code)) : []; /* of a bulletin from above: not to be lost */
  const shown = below.filter((a) => plain(a.name).includes(plain(search)) || a.code.startsWith(search));
  const toggle = (code: string) => choose(value.includes(code) ? value.filter((c) => c !== code) : [...value.filter((c) => c !== top?.code), code]);
  useEffect(() => { if (alone && !fixed && !whole && outside.length === 0) choose([top.code]); }, [alone, fixed, whole, outside.length]);

  if (fixed) return <div className="field"><span className="label">{label}</span><span>{value.map(nameOf).join(', ')}</span></div>;
  if (alone) return (
    <div className="field" role="group" aria-label={label}><span className="label">{label}</span>
      <div className="pinned"><span aria-hidden="true">✔</span><b>{(outside.length ? value : [top.code]).map(nameOf).join(', ')}</b></div>
      <span className="hint">{outside.length ? t('area.outside', { areas: outside.map(nameOf).join(', ') }) : t('area.fixed')}</span></div>
  );
  return (
    <fieldset style={{ border: 0, padding: 0, margin: '0 0 12px' }}>
      <legend className="label" style={{ fontWeight: 600, padding: 0, marginBottom: 4 }}>{label}</legend>
      {session.area && top && <p className="soft" style={{ margin: '0 0 6px' }}>{t('area.bound', { name: top.name })}</p>}
      {top && <div style={{ marginBottom: 8 }}>
        <label className="row"><input type="radio" name={id} checked={whole} onChange={() => choose([top.code])} /><b>{t('area.whole', { name: top.name })}</b></label>
        {below.length > 0 && <label className="row"><input type="radio" name={id} checked={!whole} onChange={() => choose([])} />{t('area.some', { name: top.name })}</label>}
      </div>}
      {!whole && below.length > 0 && <>
        {below.length > 12 && <Input aria-label={t('area.search')} placeholder={t('area.search')} value={search} onChange={(e) => setSearch(e.target.value)} style={{ marginBottom: 6 }} allowClear />}
        <div className="areas" tabIndex={0} role="group" aria-label={label}>
          {shown.map((a) => <label key={a.code}><input type="checkbox" checked={value.includes(a.code)} onChange={() => toggle(a.code)} />{a.name}</label>)}
          {shown.length === 0 && <span className="soft">{t('nothing')}</span>}
        </div>
        <div className="soft">{t('area.chosen', { n: value.length })}{value.length > 0 && `: ${sayAreas(value, nameOf)}`} {value.length > 0 && <Button type="link" size="small" onClick={() => choose([])}>{t('area.none')}</Button>}</div>
      </>}
    </fieldset>
  );
}

/** One area: the account's whole by default. */
export function AreaChoice({ value, choose, label, empty }: { value: string; choose: (code: string) => void; label: string; empty?: string }) {
  const { top, below } = useOwnAreas();
  if (top && below.length === 0 && empty === undefined && value === top.code) return <span className="pinned" role="group" aria-label={label}><span aria-hidden="true">✔</span><b>{top.name}</b></span>;
  return (
    <select className="choice" aria-label={label} value={value} onChange={(e) => choose(e.target.value)}>
      {empty !== undefined && <option value="">{empty}</option>}
      {top && <option value={top.code}>{top.name}</option>}
      {below.map((a) => <option key={a.code} value={a.code}>{a.name}</option>)}
    </select>
  );
}
