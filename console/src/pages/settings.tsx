// SPDX-License-Identifier: GPL-3.0-or-later
// The settings in force, what the file would change, and taking it over. The file itself is edited on the machine.
import { Button } from 'antd';
import { useMemo, useState } from 'react';
import { post } from '../app/api';
import { number, span } from '../app/format';
import { t } from '../app/i18n';
import type { Status } from '../app/types';
import { useData } from '../app/use';
import { plain } from '../ui/areas';
import { Badge, Field } from '../ui/field';
import { useAct, Wrong } from '../ui/wrong';
import { Input } from 'antd';

type Settings = { file: string; text: string; faults: string[]; warnings: string[]; changes: { key: string; kind: string; restart: boolean }[] };

export default function SettingsPage() {
  const status = useData<Status>('/status', [], 10000);
  const link = useData<{ connected: boolean; online: number; enrolled: number }>('/link', [], 15000);
  const settings = useData<Settings>('/settings');
  const [search, setSearch] = useState('');
  const act = useAct();
  const s = status.data, f = settings.data;
  const lines = useMemo(() => (f?.text ?? '').split('\n').filter((line) => !search.trim() || plain(line).includes(plain(search.trim()))), [f, search]);
  return (
    <>
      <div className="head"><h1>{t('page.settings')}</h1></div>
      <div className="wide">
        <div className="cards">
          <section className="card" aria-live="polite">
            <div className="row between"><h2>{t('settings.file')}</h2><div className="row"><Button onClick={settings.reload}>{t('settings.check')}</Button><Button type="primary" disabled={!f || f.faults.length > 0 || f.changes.length === 0} onClick={() => void act(() => post('/settings/reload'), { done: t('settings.reloaded') }).then(settings.reload)}>{t('settings.reload')}</Button></div></div>
            {settings.failure && <Wrong failure={settings.failure} retry={settings.reload} />}
            {f && <>
              <p className="soft">{f.file}</p>
              {f.faults.length > 0 ? <><Badge tone="bad">{t('settings.faults', { n: f.faults.length })}</Badge><pre lang="en" style={{ marginTop: 8 }}>{f.faults.join('\n')}</pre></> : f.changes.length === 0 ? <Badge tone="good">{t('settings.same')}</Badge> : <>
                <Badge tone="warn">{t('settings.differs', { n: f.changes.length })}</Badge>
                <ul className="list" style={{ marginTop: 8 }}>{f.changes.map((c) => <li key={c.key + c.kind} className="row between" style={{ padding: '6px 0' }}><code>{c.key}</code><Badge tone={c.restart ? 'warn' : 'idle'}>{c.restart ? t('settings.restart') : t('settings.atOnce')}</Badge></li>)}</ul></>}
              {f.warnings.length > 0 && <><h3>{t('settings.warnings')}</h3><pre lang="en">{f.warnings.join('\n')}</pre></>}
            </>}
          </section>
          {f && <section className="card"><h2>{t('settings.inForce')}</h2>
            <Field label={t('settings.search')}>{(id) => <Input id={id} value={search} allowClear onChange={(e) => setSearch(e.target.value)} />}</Field>
            <pre lang="en" tabIndex={0} style={{ maxHeight: 560, overflow: 'auto' }}>{lines.join('\n')}</pre></section>}
        </div>
        <section className="card">
          <h2>{t('settings.house')}</h2>
          {status.failure && <Wrong failure={status.failure} retry={status.reload} />}
          {s && <dl className="facts">
            <dt>{t('status.version')}</dt><dd>{s.version}</dd><dt>{t('status.uptime')}</dt><dd>{span(s.uptime_s * 1e6)}</dd>
            <dt>{t('status.link')}</dt><dd>{link.data ? <Badge tone={link.data.connected ? 'good' : 'bad'}>{link.data.connected ? t('status.linkUp', { n: number(link.data.online) }) : t('status.linkDown')}</Badge> : '–'}</dd>
            <dt>{t('status.rooms')}</dt><dd>{number(s.rooms)} / {number(s.members)}</dd><dt>{t('status.accounts')}</dt><dd>{number(s.accounts)} / {number(s.registrations)}</dd>
            <dt>{t('status.memory')}</dt><dd>{number(Math.round((s.memory_kib ?? 0) / 1024))} MB</dd><dt>{t('status.workers')}</dt><dd>{s.workers}</dd>
            <dt>{t('status.listeners')}</dt><dd>{s.listeners.map((l) => <div key={`${l.kind} ${l.address}`}>{l.kind} {l.address}</div>)}</dd>
          </dl>}
        </section>
      </div>
    </>
  );
}
