// SPDX-License-Identifier: GPL-3.0-or-later
// An alert after it was sent: how soon the loudspeakers sounded and how many, stopping it, and the all-clear.
import { Button, Input } from 'antd';
import { useState } from 'react';
import { post, seg } from '../../app/api';
import { clock, moment, number, since } from '../../app/format';
import { language, t, tWord } from '../../app/i18n';
import { useSession } from '../../app/session';
import type { Alert, AlertReport } from '../../app/types';
import { useData } from '../../app/use';
import { sayAreas, useAreaName, useOwn } from '../../ui/areas';
import { Confirm } from '../../ui/confirm';
import { Badge, Field } from '../../ui/field';
import { useAct } from '../../ui/wrong';

const HEARD = ['alert.', 'announcement.'] as const;
const DAY_US = 86400e6;

/** Has the all-clear been given for it already? Alerts come newest first. */
export function cleared(alert: Alert, all: readonly Alert[]): boolean {
  return all.some((a) => a.kind === 'all-clear' && a.areas === alert.areas && a.received_us > alert.received_us);
}

/** May the all-clear be sounded for it: something that was meant in earnest and heard, today, and nobody has given it yet. */
export function clearable(alert: Alert, all: readonly Alert[], nowMs: number): boolean {
  const heard = ['sounding', 'waiting', 'done', 'stopped', 'expired'].includes(alert.state);
  return (alert.kind === 'emergency' || alert.kind === 'cap') && alert.status !== 'Test' && alert.areas !== '' && heard && nowMs * 1000 - alert.received_us < DAY_US && !cleared(alert, all);
}

const seconds = (us: number): string => t('span.s', { n: (us / 1e6).toLocaleString(language(), { maximumFractionDigits: 1 }) });

/** From the order to the first sound: the quickest and the slowest loudspeaker, and those that stayed silent. */
function FirstSound({ alert, on }: { alert: Alert; on: boolean }) {
  const report = useData<AlertReport>(`/alerts/${seg(alert.id)}/report`, HEARD, on ? 3000 : 0);
  const r = report.data;
  if (!r || !r.devices) return null;
  const first = Math.min(...r.loudspeakers.filter((l) => l.latency_us > 0).map((l) => l.latency_us));
  return (
    <div role="status" className="first-sound">
      {r.reached === 0 ? t('alert.noSoundYet', { all: number(r.devices) })
        : t('alert.firstSound', { first: seconds(first), last: seconds(r.worst_us > 0 ? r.worst_us : r.p95_us), n: number(r.reached), all: number(r.devices) })}
      {r.missed > 0 && <Badge tone={on ? 'warn' : 'bad'}>{t('alert.silent', { n: number(r.missed) })}</Badge>}
    </div>
  );
}

function AllClear({ alert, close }: { alert: Alert; close: () => void }) {
  const [text, setText] = useState('');
  const act = useAct(), nameOf = useAreaName();
  const sounding = alert.state === 'sounding' || alert.state === 'waiting';
  const send = async () => {
    if (await act(() => post(`/emergencies/${seg(alert.id)}/all-clear`, text.trim() ? { text: text.trim() } : {}), { done: t('allClear.begun') })) close();
  };
  return (
    <Confirm open close={close} title={t('allClear.title')} go={t('allClear.go')} doIt={send}>
      <p><b>{t(sounding ? 'allClear.whatStops' : 'allClear.what', { headline: alert.headline || tWord('alertKind', alert.kind), areas: sayAreas(alert.areas.split(','), nameOf) })}</b></p>
      <Field label={t('emergency.text')} hint={t('allClear.hint')}>{(id) => <Input.TextArea id={id} rows={3} maxLength={4000} value={text} onChange={(e) => setText(e.target.value)} />}</Field>
    </Confirm>
  );
}

export function Alerts({ list, now, changed }: { list: Alert[]; now: number; changed: () => void }) {
  const { may } = useSession(), nameOf = useAreaName(), own = useOwn(), act = useAct();
  const [clearing, setClearing] = useState<Alert | null>(null);
  const sounding = list.filter((a) => a.state === 'sounding' || a.state === 'waiting');
  const mine = (a: Alert) => may('alert') && own(a.areas.split(','));
  const clear = (a: Alert, large: boolean) => mine(a) && clearable(a, list, now) && <Button size={large ? 'large' : undefined} onClick={() => setClearing(a)}>{t('allClear.open')}</Button>;
  return (
    <>
      {sounding.map((a) => (
        <section key={a.id} className={a.kind === 'all-clear' ? 'card' : 'card emergency'}>
          <div className="row between">
            <div><h2>{t(a.kind === 'drill' ? 'alert.drillNow' : a.kind === 'all-clear' ? 'alert.clearNow' : 'alert.now')}: {a.headline}</h2>
              <div>{sayAreas(a.areas.split(','), nameOf)} · {t('run.since', { at: clock(a.received_us), span: since(a.received_us, now) })}</div><FirstSound alert={a} on /></div>
            <div className="row">{mine(a) && <Button danger size="large" onClick={() => void act(() => post(`/alerts/${seg(a.id)}/stop`), { done: t('alert.stopped') }).then(changed)}>{t(a.kind === 'all-clear' ? 'run.stop' : 'alert.stop')}</Button>}{clear(a, true)}</div>
          </div>
        </section>))}
      {clearing && <AllClear alert={clearing} close={() => { setClearing(null); changed(); }} />}
    </>
  );
}

export function AlertsLately({ list, now, changed }: { list: Alert[]; now: number; changed: () => void }) {
  const { may } = useSession(), nameOf = useAreaName(), own = useOwn();
  const [clearing, setClearing] = useState<Alert | null>(null);
  return (
    <section className="card">
      <h2>{t('alert.lately')}</h2>
      <ul className="list">{list.slice(0, 5).map((a) => (
        <li key={a.id} className="row between"><div>{moment(a.received_us)} <b>{a.headline || tWord('alertKind', a.kind)}</b> <span className="soft">{tWord('alertKind', a.kind)} · {sayAreas(a.areas.split(','), nameOf)}</span><FirstSound alert={a} on={false} /></div>
          <div className="row"><Badge tone={a.state !== 'sounding' ? 'idle' : a.kind === 'all-clear' ? 'good' : 'bad'}>{tWord('alertState', a.state)}</Badge>
            {a.state !== 'sounding' && a.state !== 'waiting' && may('alert') && own(a.areas.split(',')) && clearable(a, list, now) && <Button onClick={() => setClearing(a)}>{t('allClear.open')}</Button>}</div></li>))}
      </ul>
      {clearing && <AllClear alert={clearing} close={() => { setClearing(null); changed(); }} />}
    </section>
  );
}
