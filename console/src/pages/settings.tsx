// SPDX-License-Identifier: GPL-3.0-or-later
// How the server is, and its settings: what is in force and why, whether the file is sound, and taking it over.
import { Button, Input } from 'antd';
import { useMemo, useState } from 'react';
import { post } from '../app/api';
import { number, span } from '../app/format';
import { language, t, tWord } from '../app/i18n';
import { useSession } from '../app/session';
import type { Status } from '../app/types';
import { useData } from '../app/use';
import { plain } from '../ui/areas';
import { Confirm } from '../ui/confirm';
import { Badge } from '../ui/field';
import { useAct, Wrong } from '../ui/wrong';
import { settingHelp } from './setting-help';

type Setting = {
  key: string; value?: string; next?: string; default?: string; from?: string; range: string; help: string; set: boolean; secret: boolean; restart: boolean;
  changed: boolean; waits: boolean;
};
type Change = { key: string; kind: 'changed' | 'added' | 'removed'; restart: boolean };
type Fault = { file?: string; line?: number; key?: string; text: string };
type Checked = { fine: boolean; faults: Fault[]; warnings: string[]; changes: Change[] };
type Taken = { changes: Change[]; warnings: string[]; problem?: string };
type Told = { taken: boolean; faults: Fault[]; warnings: string[]; changes: Change[]; problem?: string };

function Health() {
  const status = useData<Status>('/status', [], 10000);
  const link = useData<{ connected: boolean; online: number; enrolled: number }>('/link', [], 15000);
  const s = status.data;
  return (
    <section className="card">
      <h2>{t('status.title')}</h2>
      {status.failure && <Wrong failure={status.failure} retry={status.reload} />}
      {s && <dl className="facts">
        <dt>{t('status.version')}</dt><dd>{s.version}</dd><dt>{t('status.uptime')}</dt><dd>{span(s.uptime_s * 1e6)}</dd>
        <dt>{t('status.link')}</dt><dd>{link.data ? <Badge tone={link.data.connected ? 'good' : 'bad'}>{link.data.connected ? t('status.linkUp', { n: number(link.data.online) }) : t('status.linkDown')}</Badge> : '–'}</dd>
        <dt>{t('status.rooms')}</dt><dd>{number(s.rooms)} / {number(s.members)}</dd><dt>{t('status.accounts')}</dt><dd>{number(s.accounts)} / {number(s.registrations)}</dd>
        <dt>{t('status.memory')}</dt><dd>{number(Math.round((s.memory_kib ?? 0) / 1024))} MB</dd><dt>{t('status.workers')}</dt><dd>{s.workers}</dd>
        <dt>{t('status.listeners')}</dt><dd>{s.listeners.map((l) => <div key={`${l.kind} ${l.address}`}>{l.kind} {l.address}</div>)}</dd>
      </dl>}
    </section>
  );
}

function Result({ told, close }: { told: Told; close: () => void }) {
  const bad = told.faults.length > 0;
  return (
    <div role="status" className="card" style={{ marginBottom: 12, borderColor: bad || told.problem ? 'var(--bad)' : 'var(--good)' }}>
      <div className="row between"><Badge tone={bad || told.problem ? 'bad' : 'good'}>{bad ? t('set.faulty', { n: told.faults.length }) : told.taken ? t('set.taken') : t('set.fine')}</Badge><Button size="small" onClick={close}>{t('close')}</Button></div>
      {bad && <ol>{told.faults.map((f, i) => <li key={i} lang="en">{f.file && <code>{f.file}</code>} {f.line ? <b>{t('set.line', { n: f.line })}</b> : null} {f.key && <code>{f.key}</code>} {f.text}</li>)}</ol>}
      {told.problem && <p lang="en">{told.problem}</p>}
      {told.warnings.map((w) => <p key={w} className="soft" lang="en">▲ {w}</p>)}
      {!bad && told.changes.length === 0 && <p>{t('set.nothing')}</p>}
      {told.changes.length > 0 && <ul>{told.changes.map((c) => <li key={c.key}><code>{c.key}</code> {tWord('setKind', c.kind)}{c.restart && <> · <b>{t('set.restart')}</b></>}</li>)}</ul>}
    </div>
  );
}

/** In the page's language; what the server knows and this page does not yet, in English. */
function helpOf(s: Setting): { text: string; lang: 'vi' | 'en' } {
  const own = language() === 'vi' ? settingHelp[s.key] : undefined;
  return own ? { text: own, lang: 'vi' } : { text: s.help, lang: 'en' };
}

function One({ s }: { s: Setting }) {
  const help = helpOf(s), value = s.secret && s.set ? t('set.secret') : s.value || t('set.unset');
  return (
    <li>
      <div className="row between"><code>{s.key}</code>{s.waits ? <Badge tone="warn">{t('set.waits')}</Badge> : s.changed ? <Badge tone="good">{t('set.changed')}</Badge> : s.from ? <Badge tone="idle">{t('set.fromFile')}</Badge> : null}</div>
      <pre className="set-value" tabIndex={s.value && s.value.length > 400 ? 0 : undefined}>{value}</pre>
      {s.waits && <div>{t('set.next')} <code>{s.secret && s.set ? t('set.secret') : s.next || t('set.unset')}</code></div>}
      <div className="soft" lang={help.lang}>{help.text}</div>
      <div className="soft">{t('set.default')} <code>{s.default || t('set.unset')}</code> · <span lang="en">{s.range}</span>{s.restart && ` · ${t('set.needsRestart')}`}{s.from && <> · {t('set.at')} <code>{s.from}</code></>}</div>
    </li>
  );
}

const SHOWN = 60; /* at once: nobody reads more, and a phone draws it quickly */

function Settings() {
  const loaded = useData<{ file?: string; warnings: string[]; settings: Setting[] }>('/settings');
  const [search, setSearch] = useState(''), [only, setOnly] = useState<'file' | 'waits' | 'all'>('file'), [told, setTold] = useState<Told | null>(null), [asking, setAsking] = useState(false);
  const act = useAct(), wanted = plain(search.trim());
  const all = loaded.data?.settings ?? [], waiting = all.filter((s) => s.waits).length;
  const shown = useMemo(() => all.filter((s) => (wanted ? plain(`${s.key} ${s.help} ${helpOf(s).text}`).includes(wanted) : only === 'all' || (only === 'waits' ? s.waits : s.from || s.changed))), [all, wanted, only]);
  const check = () => act(async () => setTold({ taken: false, ...(await post<Checked>('/settings/check')) }));
  const take = async () => {
    const looked: { at?: Checked } = {};
    await act(async () => { looked.at = await post<Checked>('/settings/check'); });
    if (looked.at && !looked.at.fine) setTold({ taken: false, ...looked.at }); /* say where, instead of trying */
    else if (looked.at) await act(async () => setTold({ taken: true, faults: [], ...(await post<Taken>('/settings/reload')) }));
    setAsking(false);
    loaded.reload();
  };
  return (
    <section className="card">
      <div className="row between"><h2>{t('set.title')}</h2><div className="row"><Button onClick={() => void check()}>{t('set.check')}</Button><Button type="primary" onClick={() => setAsking(true)}>{t('set.reload')}</Button></div></div>
      {loaded.failure && <Wrong failure={loaded.failure} retry={loaded.reload} />}
      {loaded.data?.file && <p className="soft">{t('set.file')} <code>{loaded.data.file}</code></p>}
      {waiting > 0 && <div className="lost">{t('set.waiting', { n: waiting })}</div>}
      {told && <Result told={told} close={() => setTold(null)} />}
      <div className="row" style={{ marginBottom: 10 }}>
        <Input aria-label={t('set.search')} placeholder={t('set.search')} allowClear value={search} onChange={(e) => setSearch(e.target.value)} style={{ maxWidth: 360 }} />
        <div className="row" role="group" aria-label={t('set.show')}>{(['file', 'waits', 'all'] as const).map((x) => <Button key={x} size="small" type={only === x && !wanted ? 'primary' : 'default'} aria-pressed={only === x && !wanted} onClick={() => { setOnly(x); setSearch(''); }}>{t(`set.only.${x}`)}</Button>)}</div>
      </div>
      <ul className="list">{shown.slice(0, SHOWN).map((s) => <One key={s.key} s={s} />)}</ul>
      {shown.length > SHOWN && <p className="soft">{t('set.more', { n: number(shown.length - SHOWN) })}</p>}
      {loaded.data && shown.length === 0 && <p className="soft">{t('nothing')}</p>}
      <Confirm open={asking} close={() => setAsking(false)} title={t('set.reload')} go={t('set.reload')} doIt={take}><p>{t('set.reloadWhat')}</p></Confirm>
    </section>
  );
}

export default function SettingsPage() {
  const { session, may } = useSession();
  return (
    <>
      <div className="head"><h1>{t('page.settings')}</h1></div>
      <div className="cards"><Health />{may('people', 'operate') && !session.area && <Settings />}</div>
    </>
  );
}
