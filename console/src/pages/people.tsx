// SPDX-License-Identifier: GPL-3.0-or-later
// Who may sign in, the areas, and who changed what.
import { Button, Input, Modal } from 'antd';
import { useEffect, useMemo, useState } from 'react';
import { call, get, patch, post, put, remove, seg, PREFIX } from '../app/api';
import { dayOf, clockSeconds, fromLocal, number } from '../app/format';
import { t, tWord } from '../app/i18n';
import { useSession } from '../app/session';
import type { Area, AuditRow, User } from '../app/types';
import { useData } from '../app/use';
import { AreaChoice, forgetAreas, isWithin, plain, useAreaName, useAreas, useOwnAreas } from '../ui/areas';
import { Confirm } from '../ui/confirm';
import { Badge, Choice, Field } from '../ui/field';
import { useAct, Wrong } from '../ui/wrong';
import { sayAudit } from './audit-words';

const ROLES = ['commune-editor', 'commune-approver', 'provincial-editor', 'provincial-approver', 'broadcaster', 'operator', 'viewer', 'auditor', 'admin', 'vendor'] as const;
const PROVINCIAL = ['provincial-editor', 'provincial-approver'], COMMUNE = ['commune-editor', 'commune-approver'];
type Role = (typeof ROLES)[number];

/** A password to be told by voice: no letters that look alike. */
export function newPassword(random: Uint32Array): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789';
  return [...random].map((n, i) => (i > 0 && i % 4 === 0 ? '-' : '') + letters[n % letters.length]).join('');
}

function UserDialog({ user, close, done }: { user: User | null; close: () => void; done: () => void }) {
  const [form, setForm] = useState({ name: user?.name ?? '', role: (user?.role ?? 'commune-editor') as Role, area: user?.area ?? '', vendor: user?.vendor ?? '', password: '' });
  const [told, setTold] = useState('');
  const act = useAct();
  const needsArea = COMMUNE.includes(form.role), provincial = PROVINCIAL.includes(form.role), vendor = form.role === 'vendor';
  const ready = /^[a-z0-9][a-z0-9._-]{0,63}$/i.test(form.name) && (!needsArea || form.area) && (!vendor || form.vendor) && (user || form.password.length >= 12) && (!form.password || form.password.length >= 12);
  const send = async () => {
    const body = { role: form.role, area: provincial || vendor ? '' : form.area, ...(vendor ? { vendor: form.vendor } : {}), ...(form.password ? { password: form.password } : {}) };
    const ok = await act(() => (user ? patch(`/users/${seg(user.name)}`, body) : post('/users', { name: form.name, ...body })), { done: t('done') });
    if (!ok) return;
    done();
    if (form.password) setTold(form.password);
    else close();
  };
  if (told) return <Modal open title={t('user.told')} onCancel={close} footer={<Button type="primary" onClick={close}>{t('close')}</Button>}><p>{t('user.toldHint', { name: form.name })}</p><pre style={{ fontSize: '1.3rem' }}>{told}</pre></Modal>;
  return (
    <Modal open title={user ? t('user.change', { name: user.name }) : t('user.add')} onCancel={close} okText={t('save')} okButtonProps={{ disabled: !ready }} onOk={send}>
      {!user && <Field label={t('signIn.user')} hint={t('user.nameHint')}>{(id) => <Input id={id} value={form.name} autoComplete="off" maxLength={64} onChange={(e) => setForm({ ...form, name: e.target.value.trim() })} />}</Field>}
      <Field label={t('user.role')} hint={tWord('roleHint', form.role)}>{(id) => <Choice id={id} value={form.role} choose={(role) => setForm({ ...form, role })} options={ROLES.map((r) => [r, tWord('role', r)] as const)} />}</Field>
      {!provincial && !vendor && <div className="field"><span className="label">{t('user.area')}</span><AreaChoice label={t('user.area')} value={form.area} choose={(area) => setForm({ ...form, area })} empty={needsArea ? t('choose') : t('area.all')} /></div>}
      {vendor && <Field label={t('user.vendor')}>{(id) => <Input id={id} value={form.vendor} onChange={(e) => setForm({ ...form, vendor: e.target.value })} />}</Field>}
      <Field label={user ? t('user.newPassword') : t('signIn.password')} hint={t('password.rule', { n: 12 })}>{(id) => <div className="row"><Input id={id} style={{ flex: 1 }} value={form.password} autoComplete="off" onChange={(e) => setForm({ ...form, password: e.target.value })} /><Button onClick={() => setForm({ ...form, password: newPassword(crypto.getRandomValues(new Uint32Array(16))) })}>{t('user.makeOne')}</Button></div>}</Field>
    </Modal>
  );
}

function Users() {
  const users = useData<{ users: User[] }>('/users');
  const { session } = useSession(), nameOf = useAreaName(), act = useAct();
  const [open, setOpen] = useState<User | 'new' | null>(null);
  const [ask, setAsk] = useState<{ user: User; what: 'remove' | 'factor' } | null>(null);
  const lock = async (u: User) => {
    const undo = users.change((d) => ({ users: d.users.map((x) => (x.name === u.name ? { ...x, disabled: !u.disabled } : x)) }));
    await act(() => patch(`/users/${seg(u.name)}`, { disabled: !u.disabled }), { undo, done: t('done') });
  };
  return (
    <section className="card">
      <div className="row between"><h2>{t('people.users')}</h2><Button type="primary" onClick={() => setOpen('new')}>+ {t('user.add')}</Button></div>
      {users.failure && <Wrong failure={users.failure} retry={users.reload} />}
      <div className="scroll" tabIndex={0} role="region" aria-label={t('people.users')}><table className="plain stack">
        <thead><tr><th>{t('signIn.user')}</th><th>{t('user.role')}</th><th>{t('user.area')}</th><th>{t('user.factor')}</th><th>{t('col.state')}</th><th>{t('col.act')}</th></tr></thead>
        <tbody>{users.data?.users.map((u) => <tr key={u.name}><td><b>{u.name}</b></td><td data-of={t('user.role')}>{tWord('role', u.role)}</td><td data-of={t('user.area')}>{u.vendor || (u.area ? nameOf(u.area) : t('area.all'))}</td>
          <td data-of={t('user.factor')}>{u.second_factor ? <Badge tone="good">{t('user.has')}</Badge> : <Badge tone="idle">{t('user.hasNot')}</Badge>}</td><td data-of={t('col.state')}>{u.disabled ? <Badge tone="bad">{t('user.locked')}</Badge> : <Badge tone="good">{t('user.active')}</Badge>}</td>
          <td><div className="row" style={{ gap: 6 }}><Button size="small" onClick={() => setOpen(u)}>{t('change')}</Button>{u.name !== session.user && <><Button size="small" onClick={() => void lock(u)}>{u.disabled ? t('user.unlock') : t('user.lock')}</Button>
            {u.second_factor && <Button size="small" onClick={() => setAsk({ user: u, what: 'factor' })}>{t('user.dropFactor')}</Button>}<Button size="small" danger onClick={() => setAsk({ user: u, what: 'remove' })}>{t('remove')}</Button></>}</div></td></tr>)}</tbody>
      </table></div>
      {open && <UserDialog user={open === 'new' ? null : open} close={() => setOpen(null)} done={users.reload} />}
      <Confirm open={ask !== null} danger title={ask?.user.name ?? ''} go={ask?.what === 'remove' ? t('remove') : t('user.dropFactor')} close={() => setAsk(null)}
        doIt={() => act(() => remove(ask!.what === 'remove' ? `/users/${seg(ask!.user.name)}` : `/users/${seg(ask!.user.name)}/second-factor`), { done: t('done') }).then(() => { setAsk(null); users.reload(); })}>
        <p>{ask?.what === 'remove' ? t('user.removeWhat', { name: ask.user.name }) : t('user.dropWhat', { name: ask?.user.name ?? '' })}</p>
      </Confirm>
    </section>
  );
}

function Areas() {
  const { may } = useSession(), areas = useAreas(), { top } = useOwnAreas(), nameOf = useAreaName(), act = useAct();
  const [search, setSearch] = useState('');
  const [form, setForm] = useState<{ code: string; name: string; kind: string; parent: string; fresh: boolean } | null>(null);
  const [quiet, setQuiet] = useState<{ area: Area; hours: string; from: string } | null>(null);
  const list = areas.filter((a) => top && isWithin(areas, a.code, top.code) && (plain(a.name).includes(plain(search)) || a.code.startsWith(search)));
  const save = async () => {
    const ok = await act(() => put(`/areas/${seg(form!.code)}`, { name: form!.name, kind: form!.kind, parent: form!.parent }), { done: t('done') });
    if (ok) { forgetAreas(); location.reload(); }
  };
  const showQuiet = (area: Area) => act(async () => { const q = await get<{ hours: string; from?: string }>(`/areas/${seg(area.code)}/quiet-hours`); setQuiet({ area, hours: q.hours, from: q.from ?? '' }); });
  return (
    <section className="card">
      <div className="row between"><h2>{t('people.areas')} ({number(list.length)})</h2><div className="row"><a href={`${PREFIX}/areas.csv`} download>⬇ CSV</a>{may('people') && <Button onClick={() => setForm({ code: '', name: '', kind: 'village', parent: top?.code ?? '', fresh: true })}>+ {t('area.add')}</Button>}</div></div>
      <Input aria-label={t('area.search')} placeholder={t('area.search')} allowClear value={search} onChange={(e) => setSearch(e.target.value)} style={{ maxWidth: 360, marginBottom: 8 }} />
      <div className="scroll" tabIndex={0} role="region" aria-label={t('people.areas')} style={{ maxHeight: 600, overflowY: 'auto' }}><table className="plain stack tight">
        <thead><tr><th>{t('area.code')}</th><th>{t('col.name')}</th><th>{t('area.kind')}</th><th>{t('area.parent')}</th><th>{t('col.act')}</th></tr></thead>
        <tbody>{list.slice(0, 400).map((a) => <tr key={a.code}><td>{a.code}</td><td><b>{a.name}</b></td><td>{tWord('areaKind', a.kind)}</td><td>{a.parent ? nameOf(a.parent) : '–'}</td>
          <td><div className="row" style={{ gap: 6 }}><Button size="small" onClick={() => void showQuiet(a)}>{t('quiet.hours')}</Button>{may('people') && <Button size="small" onClick={() => setForm({ code: a.code, name: a.name, kind: a.kind, parent: a.parent ?? '', fresh: false })}>{t('change')}</Button>}</div></td></tr>)}</tbody>
      </table></div>
      <Modal open={form !== null} title={form?.fresh ? t('area.add') : form?.name} onCancel={() => setForm(null)} okText={t('save')} okButtonProps={{ disabled: !form?.code || !form.name }} onOk={() => void save()}>
        {form && <>
          <Field label={t('area.code')}>{(id) => <Input id={id} value={form.code} disabled={!form.fresh} onChange={(e) => setForm({ ...form, code: e.target.value.trim() })} />}</Field>
          <Field label={t('col.name')}>{(id) => <Input id={id} value={form.name} onChange={(e) => setForm({ ...form, name: e.target.value })} />}</Field>
          <Field label={t('area.kind')}>{(id) => <Choice id={id} value={form.kind} choose={(kind) => setForm({ ...form, kind })} options={[...new Set(['province', 'commune', 'village', form.kind])].map((k) => [k, tWord('areaKind', k)] as const)} />}</Field>
          <div className="field"><span className="label">{t('area.parent')}</span><AreaChoice label={t('area.parent')} value={form.parent} choose={(parent) => setForm({ ...form, parent })} empty="–" /></div>
        </>}
      </Modal>
      <Modal open={quiet !== null} title={quiet ? t('quiet.title', { area: quiet.area.name }) : ''} onCancel={() => setQuiet(null)} okText={t('save')} okButtonProps={{ disabled: !may('people') }}
        onOk={() => void act(() => put(`/areas/${seg(quiet!.area.code)}/quiet-hours`, { hours: quiet!.hours.trim() }), { done: t('done') }).then((ok) => { if (ok) setQuiet(null); })}>
        {quiet && <Field label={t('quiet.hours')} hint={t('quiet.hint')}>{(id) => <Input id={id} value={quiet.hours} disabled={!may('people')} onChange={(e) => setQuiet({ ...quiet, hours: e.target.value })} />}</Field>}
      </Modal>
    </section>
  );
}

function Audit() {
  const [who, setWho] = useState('');
  const [what, setWhat] = useState('');
  const [failed, setFailed] = useState(false);
  const [day, setDay] = useState('');
  const [asked, setAsked] = useState('/audit?limit=100');
  const [more, setMore] = useState<AuditRow[]>([]);
  const rows = useData<{ rows: AuditRow[] }>(asked);
  const [chain, setChain] = useState<{ intact: boolean; rows: number; problem?: string } | null>(null);
  const act = useAct();
  const all = useMemo(() => [...(rows.data?.rows ?? []), ...more], [rows.data, more]);
  const look = () => {
    const q = new URLSearchParams({ limit: '100' });
    if (who.trim()) q.set('who', who.trim());
    if (what.trim()) q.set('what', what.trim());
    if (failed) q.set('failed', 'true');
    if (day) { q.set('from_us', String(fromLocal(`${day}T00:00`) * 1000)); q.set('to_us', String((fromLocal(`${day}T00:00`) + 86400e3) * 1000)); }
    setMore([]);
    setAsked(`/audit?${q.toString()}`);
  };
  return (
    <section className="card">
      <div className="row between"><h2>{t('people.audit')}</h2><Button onClick={() => void act(async () => setChain(await call('GET', '/audit/verify')))}>{t('audit.verify')}</Button></div>
      {chain && <div className="row" role="status" style={{ marginBottom: 10 }}><Badge tone={chain.intact ? 'good' : 'bad'}>{chain.intact ? t('audit.intact', { n: number(chain.rows) }) : t('audit.broken')}</Badge>{chain.problem && <span lang="en">{chain.problem}</span>}</div>}
      <form className="row" style={{ alignItems: 'flex-end', marginBottom: 10 }} onSubmit={(e) => { e.preventDefault(); look(); }}>
        <Field label={t('audit.who')}>{(id) => <Input id={id} value={who} onChange={(e) => setWho(e.target.value)} />}</Field>
        <Field label={t('audit.what')}>{(id) => <Input id={id} value={what} onChange={(e) => setWhat(e.target.value)} />}</Field>
        <Field label={t('audit.day')}>{(id) => <input id={id} className="plain" type="date" value={day} onChange={(e) => setDay(e.target.value)} />}</Field>
        <label className="row" style={{ marginBottom: 22 }}><input type="checkbox" checked={failed} onChange={(e) => setFailed(e.target.checked)} />{t('audit.failed')}</label>
        <Button htmlType="submit" type="primary" style={{ marginBottom: 12 }}>{t('audit.look')}</Button>
      </form>
      {rows.failure && <Wrong failure={rows.failure} retry={rows.reload} />}
      <div className="scroll" tabIndex={0} role="region" aria-label={t('people.audit')}><table className="plain stack">
        <thead><tr><th>{t('col.time')}</th><th>{t('audit.who')}</th><th>{t('audit.what')}</th><th>{t('col.result')}</th><th>{t('audit.detail')}</th></tr></thead>
        <tbody>{all.map((r) => <tr key={r.number}><td style={{ whiteSpace: 'nowrap' }}>{dayOf(r.time_us)} {clockSeconds(r.time_us)}</td><td>{r.who}<div className="soft">{r.source}</div></td><td style={{ overflowWrap: 'anywhere' }}>{sayAudit(r.what) ? <><b>{sayAudit(r.what)}</b><div className="soft">{r.what}</div></> : r.what}</td><td><Badge tone={r.status < 400 ? 'good' : 'bad'}>{r.status < 400 ? t('audit.ok') : t('audit.refused', { code: r.status })}</Badge></td><td className="soft" style={{ overflowWrap: 'anywhere', maxWidth: 420 }}>{r.detail}</td></tr>)}</tbody>
      </table></div>
      {rows.data && all.length === 0 && <p className="soft">{t('nothing')}</p>}
      {all.length > 0 && all.length % 100 === 0 && <Button style={{ marginTop: 10 }} onClick={() => void act(async () => setMore([...more, ...(await get<{ rows: AuditRow[] }>(`${asked}&before=${all[all.length - 1].number}`)).rows]))}>{t('audit.more')}</Button>}
    </section>
  );
}

export default function People() {
  const { session, may } = useSession();
  const tabs = [...(may('people') && !session.area ? (['users'] as const) : []), 'areas' as const, ...(may('audit') ? (['audit'] as const) : [])];
  const [tab, setTab] = useState<'users' | 'areas' | 'audit'>(tabs.find((x) => x === new URLSearchParams(location.search).get('tab')) ?? tabs[0]);
  useEffect(() => { /* the browser's own way back, and links to a tab */
    const there = () => setTab((now) => tabs.find((x) => x === new URLSearchParams(location.search).get('tab')) ?? now);
    window.addEventListener('popstate', there);
    return () => window.removeEventListener('popstate', there);
  }, [tabs.join()]);
  return (
    <>
      <div className="head"><h1>{t('page.people')}</h1></div>
      <nav className="tabs" aria-label={t('page.people')}>{tabs.map((key) => <a key={key} href={`/people?tab=${key}`} aria-current={tab === key ? 'page' : undefined} onClick={(e) => { e.preventDefault(); setTab(key); history.replaceState(null, '', `/people?tab=${key}`); }}>{t(`people.${key}`)}</a>)}</nav>
      {tab === 'users' ? <Users /> : tab === 'areas' ? <Areas /> : <Audit />}
    </>
  );
}
