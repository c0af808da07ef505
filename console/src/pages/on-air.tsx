// SPDX-License-Identifier: GPL-3.0-or-later
// What plays where now; silence everywhere, an emergency, a drill.
import { Button } from 'antd';
import { useState } from 'react';
import { post, remove, seg } from '../app/api';
import { clock, moment, number, since } from '../app/format';
import { t } from '../app/i18n';
import { Link } from '../app/router';
import { useSession } from '../app/session';
import type { Alert, Outage, Release, Run } from '../app/types';
import { useData, useNow } from '../app/use';
import { AreaPicker, sayAreas, useAreaName, useOwn, useOwnAreas } from '../ui/areas';
import { Confirm } from '../ui/confirm';
import { Badge } from '../ui/field';
import { sayOutage } from '../ui/health';
import { PriorityBadge, RunState } from '../ui/run';
import { useAct, Wrong } from '../ui/wrong';
import { Alerts, AlertsLately } from './on-air/alerts';
import { EmergencyDialog } from './on-air/emergency';

const RUNS = ['announcement.', 'area.stopped', 'schedule.'] as const;
const ALERTS = ['alert.', 'announcement.', 'area.stopped'] as const;

function Reached({ run }: { run: Run }) {
  const all = Math.max(1, run.devices), playing = run.playing ?? 0, waiting = run.ringing ?? 0;
  return (
    <div>
      <div className="bar" role="img" aria-label={t('run.reachedLabel', { playing, waiting, missed: run.missed, all: run.devices })}>
        <i className="good" style={{ width: `${(100 * (playing + run.played)) / all}%` }} /><i className="warn" style={{ width: `${(100 * (waiting + run.partial)) / all}%` }} /><i className="bad" style={{ width: `${(100 * run.missed) / all}%` }} />
      </div>
      <span className="soft">{t('run.sounding', { playing: number(playing + run.played), all: number(run.devices) })}{waiting > 0 && ` · ${t('run.calling', { n: number(waiting) })}`}{run.missed > 0 && ` · ${t('run.missed', { n: number(run.missed) })}`}</span>
    </div>
  );
}

function OnNow({ run, stop, may, nameOf, now }: { run: Run; stop: (run: Run) => void; may: boolean; nameOf: (c: string) => string; now: number }) {
  return (
    <li className={`card now ${run.priority === 'emergency' ? 'emergency' : ''}`}>
      <div className="row between">
        <div style={{ minWidth: 0 }}>
          <div className="row"><PriorityBadge priority={run.priority} />{run.drill && <Badge tone="warn">{t('run.drill')}</Badge>}<RunState run={run} /></div>
          <h2 style={{ margin: '6px 0 2px' }}><Link to={`/play-log/${seg(run.id)}`}>{run.title || t('run.untitled')}</Link></h2>
          <div className="soft">{sayAreas(run.areas.split(','), nameOf)} · {run.start_us > now * 1000 ? t('run.from', { at: clock(run.start_us) }) : t('run.since', { at: clock(run.start_us), span: since(run.start_us, now) })}{run.created_by && ` · ${run.created_by}`}</div>
        </div>
        {may && <Button danger size="large" onClick={() => stop(run)}>{t('run.stop')}</Button>}
      </div>
      <Reached run={run} />
    </li>
  );
}

/** The whole area unless something else is chosen: made anew each time it is opened. */
function StopAll({ close }: { close: () => void }) {
  const { top } = useOwnAreas();
  const [codes, setCodes] = useState<string[] | null>(null);
  const act = useAct(), nameOf = useAreaName();
  const chosen = codes ?? (top ? [top.code] : []);
  const doIt = async () => {
    for (const code of chosen)
      if (!(await act(() => post<{ stopped: number }>(`/areas/${seg(code)}/stop-all`), { done: t('stopAll.done', { area: nameOf(code) }) }))) return;
    close();
  };
  return (
    <Confirm open close={close} title={t('stopAll.title')} go={t('stopAll.go')} danger ready={chosen.length > 0} doIt={doIt}>
      <p>{t('stopAll.explain')}</p>
      <AreaPicker label={t('where')} value={chosen} choose={setCodes} />
      {chosen.length > 0 && <p><b>{t('stopAll.what', { areas: sayAreas(chosen, nameOf) })}</b></p>}
    </Confirm>
  );
}

function QuietReleases() {
  const { session, may } = useSession();
  const releases = useData<{ releases: Release[] }>('/quiet-releases', ['quiet.'], 60000);
  const nameOf = useAreaName(), act = useAct();
  const open = releases.data?.releases.filter((r) => !r.released_by && r.to_us > Date.now() * 1000) ?? [];
  if (!open.length) return null;
  return (
    <section className="card">
      <h2>{t('quiet.waiting')}</h2>
      <ul className="list">{open.map((r) => (
        <li key={r.id} className="row between">
          <div><b>{sayAreas(r.areas, nameOf)}</b>, {moment(r.from_us)}–{moment(r.to_us)}: {r.reason}<div className="soft">{t('quiet.askedBy', { who: r.asked_by })}</div></div>
          {may('approve') && r.asked_by !== session.user && <Button onClick={() => void act(() => post(`/quiet-releases/${seg(r.id)}/release`), { done: t('done') }).then(releases.reload)}>{t('quiet.release')}</Button>}
        </li>))}
      </ul>
    </section>
  );
}

export default function OnAir() {
  const { may } = useSession();
  const running = useData<{ live: Run[] }>('/live', RUNS, 20000);
  const alerts = useData<{ alerts: Alert[] }>('/alerts?limit=20', ALERTS, 30000);
  const log = useData<{ announcements: Run[] }>('/play-log?limit=12', RUNS, 30000);
  const outages = useData<{ outages: Outage[] }>('/outages', ['device.', 'outage.'], 30000);
  const nameOf = useAreaName(), act = useAct(), now = useNow(), own = useOwn();
  const mayStop = (r: Run) => may('air') && own(r.areas.split(',')) && (r.priority !== 'emergency' || may('alert'));
  const [dialog, setDialog] = useState<'emergency' | 'drill' | 'stop' | null>(null);
  const [stopping, setStopping] = useState<Run | null>(null);
  const open = outages.data?.outages.filter((o) => !o.ended_us) ?? [];
  const runs = running.data?.live ?? [];
  const lately = log.data?.announcements.filter((a) => a.state !== 'ringing' && a.state !== 'playing') ?? [];

  const stop = async (run: Run) => {
    setStopping(null);
    const undo = running.change((d) => ({ live: d.live.filter((x) => x.id !== run.id) }));
    await act(() => remove(run.kind === 'live' ? `/live/${seg(run.id)}` : `/announcements/${seg(run.id)}`), { undo, done: t('run.stopped', { title: run.title }) });
    running.reload();
  };
  return (
    <>
      <div className="head">
        <h1>{t('page.onAir')}</h1>
        <div className="row noprint">
          {may('alert') && <Button size="large" onClick={() => setDialog('drill')}>{t('drill.open')}</Button>}
          {(may('alert') || may('air')) && <Button size="large" danger onClick={() => setDialog('stop')}>{t('stopAll.open')}</Button>}
          {may('alert') && <Button size="large" type="primary" danger onClick={() => setDialog('emergency')}>⚠ {t('emergency.open')}</Button>}
        </div>
      </div>
      <div className="cards">
        <Alerts list={alerts.data?.alerts ?? []} now={now} changed={alerts.reload} />
        {running.failure && <Wrong failure={running.failure} retry={running.reload} />}
        <section aria-live="polite">
          {running.data && runs.length === 0 && <div className="card"><h2>{t('onAir.quiet')}</h2><p className="soft" style={{ margin: 0 }}>{t('onAir.quietHint')}</p></div>}
          <ul className="bare cards" style={{ gap: 12 }}>{runs.map((r) => <OnNow key={r.id} run={r} now={now} nameOf={nameOf} may={mayStop(r)} stop={setStopping} />)}</ul>
        </section>
        {open.map((o) => <div key={o.id} className="lost" style={{ margin: 0 }}>▲ {sayOutage(o, nameOf)} <Link to="/loudspeakers?cause=outage">{t('outage.look')}</Link></div>)}
        <QuietReleases />
        <section className="card">
          <div className="row between"><h2>{t('onAir.lately')}</h2><Link to="/reports">{t('page.reports')}</Link></div>
          <div className="scroll" tabIndex={0} role="region" aria-label={t('onAir.lately')}>
            <table className="plain">
              <thead><tr><th>{t('col.time')}</th><th>{t('col.what')}</th><th>{t('col.where')}</th><th>{t('col.result')}</th></tr></thead>
              <tbody>{lately.map((a) => (
                <tr key={a.id}><td>{moment(a.start_us)}</td><td><Link to={`/play-log/${seg(a.id)}`}>{a.title || t('run.untitled')}</Link> {a.drill && <span className="soft">({t('run.drill')})</span>}</td><td>{sayAreas(a.areas.split(','), nameOf)}</td>
                  <td><RunState run={a} /> <span className="soft">{t('run.heard', { n: number(a.played + a.partial), all: number(a.devices) })}</span></td></tr>))}
              </tbody>
            </table>
          </div>
          {log.data && lately.length === 0 && <p className="soft">{t('nothing')}</p>}
        </section>
        {(alerts.data?.alerts.length ?? 0) > 0 && <AlertsLately list={alerts.data!.alerts} now={now} changed={alerts.reload} />}
      </div>
      {(dialog === 'emergency' || dialog === 'drill') && <EmergencyDialog kind={dialog} close={() => { setDialog(null); alerts.reload(); running.reload(); }} />}
      {dialog === 'stop' && <StopAll close={() => { setDialog(null); running.reload(); }} />}
      <Confirm open={stopping !== null} close={() => setStopping(null)} title={t('run.stopTitle')} go={t('run.stop')} danger doIt={() => stop(stopping!)}>
        <p>{stopping && t('run.stopWhat', { title: stopping.title, areas: sayAreas(stopping.areas.split(','), nameOf) })}</p>
      </Confirm>
    </>
  );
}
