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

export function AreaPicker({ value, choose, label, fixed = false }: { value: string[]; choose: (codes: string[]) => void; label: string; fixed?: boolean }) {
  const { top, below } = useOwnAreas(), nameOf = useAreaName();
  const [search, setSearch] = useState('');
  const id = useId();
  const whole = top !== undefined && value.includes(top.code);
  const shown = below.filter((a) => plain(a.name).includes(plain(search)) || a.code.startsWith(search));
  const toggle = (code: string) => choose(value.includes(code) ? value.filter((c) => c !== code) : [...value.filter((c) => c !== top?.code), code]);

  if (fixed) return <div className="field"><span className="label">{label}</span><span>{value.map(nameOf).join(', ')}</span></div>;
  return (
    <fieldset style={{ border: 0, padding: 0, margin: '0 0 12px' }}>
      <legend className="label" style={{ fontWeight: 600, padding: 0, marginBottom: 4 }}>{label}</legend>
      <div className="row" style={{ marginBottom: 8 }}>
        {top && <label className="row"><input type="checkbox" checked={whole} onChange={() => choose(whole ? [] : [top.code])} /><b>{t('area.whole', { name: top.name })}</b></label>}
      </div>
      {!whole && below.length > 0 && <>
        {below.length > 12 && <Input aria-label={t('area.search')} placeholder={t('area.search')} value={search} onChange={(e) => setSearch(e.target.value)} style={{ marginBottom: 6 }} allowClear />}
        <div className="areas" id={id} tabIndex={0} role="group" aria-label={label}>
          {shown.map((a) => <label key={a.code}><input type="checkbox" checked={value.includes(a.code)} onChange={() => toggle(a.code)} />{a.name}</label>)}
          {shown.length === 0 && <span className="soft">{t('nothing')}</span>}
        </div>
        <div className="soft">{t('area.chosen', { n: value.length })} {value.length > 0 && <Button type="link" size="small" onClick={() => choose([])}>{t('area.none')}</Button>}</div>
      </>}
    </fieldset>
  );
}

/** One area: the account's whole by default. */
export function AreaChoice({ value, choose, label, empty }: { value: string; choose: (code: string) => void; label: string; empty?: string }) {
  const { top, below } = useOwnAreas();
  return (
    <select className="choice" aria-label={label} value={value} onChange={(e) => choose(e.target.value)}>
      {empty !== undefined && <option value="">{empty}</option>}
      {top && <option value={top.code}>{top.name}</option>}
      {below.map((a) => <option key={a.code} value={a.code}>{a.name}</option>)}
    </select>
  );
}
