// SPDX-License-Identifier: GPL-3.0-or-later
// Every loudspeaker and board: the map of the province, the outages that took many at once, and a table that finds one among thousands.
import { Button, Input } from 'antd';
import { useMemo, useState } from 'react';
import { seg } from '../app/api';
import { moment, number, since } from '../app/format';
import { t, tWord } from '../app/i18n';
import { Link } from '../app/router';
import type { Device, Outage } from '../app/types';
import { useData, useMedia } from '../app/use';
import { isWithin, plain, useAreaName, useAreas } from '../ui/areas';
import { Badge } from '../ui/field';
import { sayCause, sayOutage, tell, type State, type Told, type Tone } from '../ui/health';
import { VirtualTable } from '../ui/virtual-table';
import { Wrong } from '../ui/wrong';
import { ProvinceMap } from './loudspeakers/map';

type Row = Device & { told: Told; state?: State };
/** One for all: sorting 5,000 names by localeCompare() with options takes twenty times as long. */
const byName = new Intl.Collator('vi', { numeric: true });

export default function Loudspeakers() {
  const devices = useData<{ devices: Device[] }>('/devices', ['again'], 60000); /* who comes and goes is in the states */
  const states = useData<{ states: State[] }>('/device-states', ['device.', 'announcement.ended'], 20000);
  const outages = useData<{ outages: Outage[] }>('/outages', ['device.', 'outage.'], 30000);
  const areas = useAreas(), nameOf = useAreaName();
  const phone = useMedia('(max-width: 860px)'), known = devices.data !== undefined && states.data !== undefined;
  const [tone, setTone] = useState<Tone | ''>('');
  const [wished, setCause] = useState(() => new URLSearchParams(location.search).get('cause') ?? ''); /* a link from an outage asks for those alone */
  const [area, setArea] = useState('');
  const [search, setSearch] = useState('');

  const named = useMemo(() => [...(devices.data?.devices ?? [])].sort((a, b) => byName.compare(a.name, b.name)), [devices.data]);
  const rows = useMemo<Row[]>(() => {
    const by = new Map(states.data?.states.map((s) => [s.device, s]));
    return named.map((d) => ({ ...d, state: by.get(d.id), told: tell(d, by.get(d.id)) }));
  }, [named, states.data]);
  const inArea = useMemo(() => (area ? rows.filter((r) => isWithin(areas, r.area, area)) : rows), [rows, area, areas]);
  const causes = useMemo(() => {
    const count = new Map<string, number>();
    for (const r of inArea) if (r.told.cause && r.told.tone !== 'good') count.set(r.told.cause, (count.get(r.told.cause) ?? 0) + 1);
    return [...count].sort((a, b) => b[1] - a[1]);
  }, [inArea]);
  const cause = causes.some(([c]) => c === wished) ? wished : '';
  const wanted = plain(search.trim());
  const order: Record<Tone, number> = { bad: 0, warn: 1, idle: 2, good: 3 };
  const shown = useMemo(() => inArea
    .filter((r) => (!tone || r.told.tone === tone) && (!cause || r.told.cause === cause) && (!wanted || plain(`${r.name} ${r.id} ${nameOf(r.area)} ${r.serial ?? ''}`).includes(wanted)))
    .sort((a, b) => order[a.told.tone] - order[b.told.tone]), [inArea, tone, cause, wanted, nameOf]);
  const count = (x: Tone) => inArea.filter((r) => r.told.tone === x).length;
  const open = outages.data?.outages.filter((o) => !o.ended_us) ?? [];

  return (
    <>
      <div className="head"><h1>{t('page.loudspeakers')}</h1>{area && <Button onClick={() => setArea('')}>{nameOf(area)} ✕ {t('map.all')}</Button>}</div>
      {(devices.failure ?? states.failure) && <Wrong failure={(devices.failure ?? states.failure)!} retry={() => { devices.reload(); states.reload(); }} />}
      {open.map((o) => <div key={o.id} className="lost" role="status">▲ {sayOutage(o, nameOf)}</div>)}
      <div className="figures" style={{ marginBottom: 14 }}>
        {(['bad', 'warn', 'good', 'idle'] as const).map((x) => (
          <button key={x} className={`figure ${x}`} aria-pressed={tone === x} onClick={() => { setTone(tone === x ? '' : x); setCause(''); }}><b>{known ? number(count(x)) : '…'}</b>{t(`health.${x}`)}</button>))}
      </div>
      <div className="wide mapped">
        <section className="card">
          <div className="row between" style={{ marginBottom: 10 }}>
            <h2 style={{ margin: 0 }}>{known ? t('loud.table', { n: number(shown.length) }) : t('loading')}</h2>
            <Input aria-label={t('loud.search')} placeholder={t('loud.search')} value={search} onChange={(e) => setSearch(e.target.value)} style={{ maxWidth: 320 }} allowClear />
          </div>
          {causes.length > 0 && <div className="row chips" style={{ marginBottom: 10 }} role="group" aria-label={t('loud.causes')}>
            {causes.map(([c, n]) => <Button key={c} size="small" type={cause === c ? 'primary' : 'default'} aria-pressed={cause === c} onClick={() => setCause(cause === c ? '' : c)}>{tWord('cause', c)}: {number(n)}</Button>)}
          </div>}
          <VirtualTable<Row> label={t('page.loudspeakers')} rows={shown} rowKey={(r) => r.id} height={620} columns={phone ? [
            { key: 'name', title: t('col.name'), width: '1.2fr', cell: (r) => <><Link to={`/loudspeakers/${seg(r.id)}`}>{r.name}</Link><div className="soft">{nameOf(r.area)}</div></> },
            { key: 'health', title: t('col.state'), width: '0.95fr', cell: (r) => <Badge tone={r.told.tone}>{sayCause(r.told)}</Badge> },
          ] : [
            { key: 'name', title: t('col.name'), width: '1.7fr', cell: (r) => <Link to={`/loudspeakers/${seg(r.id)}`} title={r.id}>{r.name}</Link> },
            { key: 'area', title: t('col.where'), width: '1.2fr', cell: (r) => nameOf(r.area) },
            { key: 'health', title: t('col.state'), width: '1.4fr', cell: (r) => <Badge tone={r.told.tone}>{sayCause(r.told)}</Badge> },
            { key: 'since', title: t('col.since'), width: '0.9fr', cell: (r) => (r.state?.since_us && r.told.tone !== 'good' ? since(r.state.since_us) : '–') },
            { key: 'last', title: t('col.last'), width: '1fr', cell: (r) => moment(r.outcome_us) },
          ]} />
          {devices.data && shown.length === 0 && <p className="soft">{t('nothing')}</p>}
        </section>
        <section className="card">
          <h2>{t('map.title')}</h2>
          <ProvinceMap rows={rows} chosen={area} choose={(code) => setArea(code === area ? '' : code)} />
        </section>
      </div>
    </>
  );
}
