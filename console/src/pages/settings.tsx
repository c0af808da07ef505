// SPDX-License-Identifier: GPL-3.0-or-later
// How the server is: what it runs, how much it carries, whether it reaches the loudspeakers.
import { number, span } from '../app/format';
import { t } from '../app/i18n';
import type { Status } from '../app/types';
import { useData } from '../app/use';
import { Badge } from '../ui/field';
import { Wrong } from '../ui/wrong';

export default function SettingsPage() {
  const status = useData<Status>('/status', [], 10000);
  const link = useData<{ connected: boolean; online: number; enrolled: number }>('/link', [], 15000);
  const s = status.data;
  return (
    <>
      <div className="head"><h1>{t('page.settings')}</h1></div>
      <section className="card">
        {status.failure && <Wrong failure={status.failure} retry={status.reload} />}
        {s && <dl className="facts">
          <dt>{t('status.version')}</dt><dd>{s.version}</dd><dt>{t('status.uptime')}</dt><dd>{span(s.uptime_s * 1e6)}</dd>
          <dt>{t('status.link')}</dt><dd>{link.data ? <Badge tone={link.data.connected ? 'good' : 'bad'}>{link.data.connected ? t('status.linkUp', { n: number(link.data.online) }) : t('status.linkDown')}</Badge> : '–'}</dd>
          <dt>{t('status.rooms')}</dt><dd>{number(s.rooms)} / {number(s.members)}</dd><dt>{t('status.accounts')}</dt><dd>{number(s.accounts)} / {number(s.registrations)}</dd>
          <dt>{t('status.memory')}</dt><dd>{number(Math.round((s.memory_kib ?? 0) / 1024))} MB</dd><dt>{t('status.workers')}</dt><dd>{s.workers}</dd>
          <dt>{t('status.listeners')}</dt><dd>{s.listeners.map((l) => <div key={`${l.kind} ${l.address}`}>{l.kind} {l.address}</div>)}</dd>
        </dl>}
      </section>
    </>
  );
}
