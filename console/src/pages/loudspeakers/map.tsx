// SPDX-License-Identifier: GPL-3.0-or-later
import { useMemo, type KeyboardEvent } from 'react';
import { t } from '../../app/i18n';
import communes from '../../data/communes.csv?raw';
import outline from '../../data/outline.csv?raw';
import { isWithin, useAreas } from '../../ui/areas';
import { worst, type Told, type Tone } from '../../ui/health';
import { picture } from './geometry';

const SIGN: Record<Tone, string> = { good: '', warn: '▲', bad: '✖', idle: '' };

export function ProvinceMap({ rows, chosen, choose }: { rows: readonly { area: string; told: Told }[]; chosen: string; choose: (code: string) => void }) {
  const map = useMemo(() => picture(communes, outline), []);
  const areas = useAreas();
  const cells = useMemo(() => {
    const codes = new Set(map.cells.map((c) => c.code)), parents = new Map(areas.map((a) => [a.code, a.parent]));
    const by = new Map<string, Tone[]>();
    for (const row of rows) {
      let at: string | undefined = row.area;
      while (at && !codes.has(at)) at = parents.get(at);
      if (at) by.set(at, [...(by.get(at) ?? []), row.told.tone]);
    }
    return map.cells.map((c) => ({ ...c, tones: by.get(c.code) ?? [], known: areas.length === 0 || isWithin(areas, c.code, c.code) }));
  }, [map, rows, areas]);
  const press = (code: string) => (e: KeyboardEvent) => {
    if (e.key === 'Enter' || e.key === ' ') { e.preventDefault(); choose(code); }
  };
  return (
    <>
      <svg className="map" viewBox={`0 0 ${map.width} ${map.height}`} role="group" aria-label={t('map.title')}>
        <clipPath id="province"><path d={map.outline} /></clipPath>
        <g clipPath="url(#province)">
          {cells.map((c) => {
            const tone = worst(c.tones), silent = c.tones.filter((x) => x === 'bad').length;
            const label = t('map.cell', { name: c.name, silent, all: c.tones.length });
            return <path key={c.code} d={c.path} className={`cell ${tone}${c.code === chosen ? ' on' : ''}`} role="button" tabIndex={0} aria-pressed={c.code === chosen} aria-label={label} onClick={() => choose(c.code)} onKeyDown={press(c.code)}><title>{label}</title></path>;
          })}
        </g>
        <path className="edge" d={map.outline} />
        <g aria-hidden="true">{cells.map((c) => SIGN[worst(c.tones)] && <text key={c.code} x={c.x} y={c.y + 3} style={{ fontSize: 13 }}>{SIGN[worst(c.tones)]}</text>)}</g>
      </svg>
      <ul className="list row" style={{ gap: 14, marginTop: 10 }} aria-label={t('map.legend')}>
        {(['good', 'warn', 'bad', 'idle'] as const).map((tone) => <li key={tone} className="row" style={{ border: 0, padding: 0, gap: 6 }}>
          <svg width="18" height="18" aria-hidden="true" className="map" style={{ width: 18 }}><rect width="18" height="18" rx="4" className={tone} /></svg>{t(`map.${tone}`)}</li>)}
      </ul>
    </>
  );
}
