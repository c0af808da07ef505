// SPDX-License-Identifier: GPL-3.0-or-later
// One announcement: how every loudspeaker did, and who did not hear it.
import { useMemo, useState } from 'react';
import { seg } from '../app/api';
import { clockSeconds, dayOf, number } from '../app/format';
import { t, tWord } from '../app/i18n';
import type { Params } from '../app/pages';
import { Link } from '../app/router';
import type { Device, Play, Run } from '../app/types';
import { useData, useMedia, wholeList } from '../app/use';
import { sayAreas, useAreaName } from '../ui/areas';
import { Badge } from '../ui/field';
import { outcomeTone, PriorityBadge, RunState, sayReason, steps } from '../ui/run';
import { VirtualTable } from '../ui/virtual-table';
import { Wrong } from '../ui/wrong';

const readPlays = (path: string, signal: AbortSignal) => wholeList<Play>(path, 'plays', signal);

type Filter = 'all' | 'played' | 'partial' | 'missed';

export default function Announcement({ params }: Params) {
  const log = useData<{ announcements: Run[] }>('/play-log?limit=200', ['announcement.']);
  const plays = useData<Play[]>(`/play-log/${seg(params.id)}`, ['announcement.'], 0, readPlays);
  const devices = useData<{ devices: Device[] }>('/devices');
  const nameOf = useAreaName(), phone = useMedia('(max-width: 860px)');
  const [filter, setFilter] = useState<Filter>('all');
  const run = log.data?.announcements.find((a) => a.id === params.id);
  const names = useMemo(() => new Map(devices.data?.devices.map((d) => [d.id, d.name])), [devices.data]);
  const all = plays.data ?? [];
  const count = (outcome: string) => all.filter((p) => p.outcome === outcome).length;
  const shown = all.filter((p) => filter === 'all' || p.outcome === filter);
  const proved = all.filter((p) => p.reported?.proved_us).length;

  return (
    <>
      <div className="head"><div><Link to="/">← {t('page.onAir')}</Link><h1>{run?.title || t('page.announcement')}</h1></div></div>
      {plays.failure && <Wrong failure={plays.failure} retry={plays.reload} />}
      {run && <section className="card" style={{ marginBottom: 14 }}>
        <div className="row"><PriorityBadge priority={run.priority} /><RunState run={run} />{run.drill && <Badge tone="warn">{t('run.drill')}</Badge>}</div>
        <p style={{ margin: '8px 0 0' }}>{dayOf(run.start_us)}, {clockSeconds(run.start_us)}{run.end_us ? ` – ${clockSeconds(run.end_us)}` : ''} · {sayAreas(run.areas.split(','), nameOf)}{run.created_by && ` · ${t('by', { who: run.created_by })}`}</p>
      </section>}
      <div className="figures" style={{ marginBottom: 14 }}>
        {([['all', all.length, 'idle'], ['played', count('played'), 'good'], ['partial', count('partial'), 'warn'], ['missed', count('missed'), 'bad']] as const).map(([key, n, tone]) => (
          <button key={key} className={`figure ${tone}`} aria-pressed={filter === key} onClick={() => setFilter(key)}><b>{plays.data ? number(n) : '…'}</b>{t(`outcomes.${key}`)}</button>))}
        <div className="figure good"><b>{number(proved)}</b>{t('outcomes.proved')}</div>
      </div>
      <p className="soft">{t('steps.explain')}</p>
      <VirtualTable label={t('page.announcement')} rows={shown} rowKey={(p) => p.device} columns={phone ? [
        { key: 'device', title: t('col.loudspeaker'), width: '1.4fr', cell: (p) => <><Link to={`/loudspeakers/${seg(p.device)}`}>{names.get(p.device) ?? p.device}</Link><div className="soft">{sayReason(p.reason) || nameOf(p.area)}</div></> },
        { key: 'outcome', title: t('col.result'), width: '1fr', cell: (p) => <Badge tone={outcomeTone(p.outcome)}>{tWord('outcome', p.outcome)}</Badge> },
      ] : [
        { key: 'device', title: t('col.loudspeaker'), width: '1.4fr', cell: (p) => <Link to={`/loudspeakers/${seg(p.device)}`}>{names.get(p.device) ?? p.device}</Link> },
        { key: 'area', title: t('col.where'), width: '1fr', cell: (p) => nameOf(p.area) },
        { key: 'outcome', title: t('col.result'), width: '1fr', cell: (p) => <Badge tone={outcomeTone(p.outcome)}>{tWord('outcome', p.outcome)}</Badge> },
        { key: 'heard', title: t('col.heard'), width: '0.9fr', cell: (p) => (p.from_us ? clockSeconds(p.from_us) : '–') },
        { key: 'step', title: t('col.step'), width: '1fr', cell: (p) => { const last = steps(p).filter((s) => s.us).pop(); return last ? t(`step.${last.key}`) : '–'; } },
        { key: 'why', title: t('col.why'), width: '1.6fr', cell: (p) => sayReason(p.reason) || '–' },
      ]} />
    </>
  );
}
