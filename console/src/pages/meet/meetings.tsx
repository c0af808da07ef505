// SPDX-License-Identifier: GPL-3.0-or-later
// The meetings ahead: into mine with one press; who may, books another.
import { Input } from 'antd';
import { useState, type FormEvent } from 'react';
import { post, seg } from '../../app/api';
import { asFailure, type Failure } from '../../app/failure';
import { clock, dayOf, toLocal } from '../../app/format';
import { t, tWord } from '../../app/i18n';
import { go, Link } from '../../app/router';
import { useSession } from '../../app/session';
import { useData } from '../../app/use';
import { useOwnAreas } from '../../ui/areas';
import { Button } from '../../ui/button';
import { Badge, Field } from '../../ui/field';
import { LinkButton } from '../../ui/link-button';
import { Wrong } from '../../ui/wrong';
import type { Clash, Meeting, SiteList } from './types';

const tone = (state: Meeting['state']) => (state === 'live' ? 'good' : state === 'open' ? 'warn' : state === 'cancelled' ? 'bad' : 'idle');

/** What stands against a booking: who is where at that time, each with a way to that meeting. */
function Clashes({ all }: { all: readonly Clash[] }) {
  const at = (c: Clash) => `${dayOf(Date.parse(c.start) * 1000)}, ${clock(Date.parse(c.start) * 1000)}–${clock(Date.parse(c.end) * 1000)}`;
  if (all.length === 0) return null;
  return (
    <section className="card" style={{ marginBottom: 12 }} aria-label={t('book.clashes', { n: all.length })}>
      <h3 style={{ marginTop: 0 }}>{t('book.clashes', { n: all.length })}</h3>
      <ul className="list">{all.map((c, i) => <li key={i} style={{ padding: '6px 0' }}><b>{c.what === 'room' ? t('book.clashRoom') : c.name || c.account}</b>: <Link to={`/meetings/${seg(c.meeting)}`}>{c.title}</Link> <span className="soft">{at(c)}</span></li>)}</ul>
    </section>
  );
}

function Book({ done }: { done: (id: string) => void }) {
  const tomorrow = toLocal(Date.now() + 86400e3).slice(0, 10);
  const [form, setForm] = useState({ title: '', start: `${tomorrow}T08:00`, minutes: '120', chair: '', agenda: '', accounts: '', force: '' });
  const [flags, setFlags] = useState({ all: true, lobby: false, record: false, dial: true, trial: true, mute_on_entry: true, confidential: false });
  const [lists, setLists] = useState<string[]>([]), [failure, setFailure] = useState<Failure | null>(null), [busy, setBusy] = useState(false);
  const saved = useData<{ lists: SiteList[] }>('/site-lists'), { top } = useOwnAreas();
  const bind = (name: keyof typeof form) => ({ value: form[name], onChange: (e: { target: { value: string } }) => setForm({ ...form, [name]: e.target.value }) });
  const clash = failure?.code === 'clash';
  const send = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return; /* pressed twice */
    setBusy(true);
    setFailure(null);
    const { all, ...rest } = flags, accounts = form.accounts.split(/[\s,]+/).filter(Boolean);
    const agenda = form.agenda.split('\n').map((x) => x.trim()).filter(Boolean).map((subject) => ({ subject }));
    try {
      const made = await post<Meeting>('/meetings', {
        title: form.title.trim(), start: form.start, minutes: Number(form.minutes), ...rest, agenda, ...(form.chair.trim() ? { chair: form.chair.trim() } : {}),
        invite: { accounts, lists, areas: all && top ? [top.code] : [] }, ...(form.force.trim() ? { force_because: form.force.trim() } : {}),
      });
      done(made.id);
    } catch (error) { setFailure(asFailure(error)); }
    setBusy(false);
  };
  return (
    <form className="card" onSubmit={(e) => void send(e)}>
      <h2>{t('book.title')}</h2>
      <Field label={t('book.name')}>{(id) => <Input id={id} required maxLength={200} {...bind('title')} />}</Field>
      <div className="row">
        <Field label={t('book.start')}>{(id) => <input id={id} className="plain" type="datetime-local" required {...bind('start')} />}</Field>
        <Field label={t('book.minutes')}>{(id) => <input id={id} className="plain" type="number" min={5} max={1440} required {...bind('minutes')} />}</Field>
        <Field label={t('book.chair')}>{(id) => <Input id={id} {...bind('chair')} />}</Field>
      </div>
      <Field label={t('book.agenda')}>{(id) => <Input.TextArea id={id} rows={3} {...bind('agenda')} />}</Field>
      <fieldset className="card" style={{ marginBottom: 12 }}><legend><b>{t('book.sites')}</b></legend>
        <label className="row"><input type="checkbox" checked={flags.all} onChange={(e) => setFlags({ ...flags, all: e.target.checked })} />{t('book.allSites', { name: top?.name ?? '' })}</label>
        {saved.data?.lists.map((l) => <label className="row" key={l.name}><input type="checkbox" checked={lists.includes(l.name)} onChange={() => setLists(lists.includes(l.name) ? lists.filter((x) => x !== l.name) : [...lists, l.name])} />{l.title} ({l.n_sites ?? l.accounts.length})</label>)}
        <Field label={t('book.accounts')}>{(id) => <Input id={id} {...bind('accounts')} />}</Field>
      </fieldset>
      <div style={{ display: 'grid', gap: 6, marginBottom: 12 }}>{(['dial', 'trial', 'mute_on_entry', 'lobby', 'record', 'confidential'] as const).map((f) => (
        <label className="row" key={f}><input type="checkbox" checked={flags[f]} disabled={f === 'record' && flags.confidential} onChange={(e) => setFlags({ ...flags, [f]: e.target.checked, ...(f === 'confidential' && e.target.checked ? { record: false } : {}) })} />{t(`book.${f}`)}</label>))}
      </div>
      {flags.confidential && <p role="note" className="lost">{t('book.confidentialNote')}</p>}
      {failure && <Wrong failure={failure} brief={clash} />}
      {clash && <Clashes all={failure.list<Clash>('clashes')} />}
      {clash && <Field label={t('book.force')}>{(id) => <Input id={id} maxLength={300} {...bind('force')} />}</Field>}
      <Button type="primary" size="large" htmlType="submit" loading={busy}>{t('book.go')}</Button>
    </form>
  );
}

export default function Meetings() {
  const { may, session } = useSession();
  const desk = (m: Meeting) => may('operate') || [m.chair, m.co_chair, m.secretary].includes(session.user);
  const found = useData<{ meetings: Meeting[] }>('/meetings', ['meeting.'], 60000);
  const [booking, setBooking] = useState(false);
  const all = (found.data?.meetings ?? []).filter((m) => m.state !== 'ended' && m.state !== 'cancelled').sort((a, b) => a.start_us - b.start_us);
  return (
    <>
      <div className="head"><h1>{t('page.meetings')}</h1><div className="row"><LinkButton to="/join" size="large">{t('meetings.other')}</LinkButton>
        {may('operate') && <Button type="primary" size="large" onClick={() => setBooking(!booking)}>{t('meetings.book')}</Button>}</div></div>
      {found.failure && <Wrong failure={found.failure} retry={found.reload} />}
      <div className="cards">
        {booking && <Book done={(id) => { setBooking(false); go(`/meetings/${seg(id)}`); }} />}
        {found.data && all.length === 0 && <div className="card"><p style={{ margin: 0 }}>{t('meetings.none')}</p></div>}
        {all.map((m) => (
          <section key={m.id} className={`card${m.state === 'live' ? ' now' : ''}`}>
            <div className="row between"><div>
              <div className="row"><Badge tone={tone(m.state)}>{tWord('meetingState', m.state)}</Badge>{m.confidential && <Badge tone="warn">{t('meet.confidential')}</Badge>}</div>
              <h2 style={{ margin: '6px 0 2px' }}><Link to={`/meetings/${seg(m.id)}`}>{m.title}</Link></h2>
              <div className="soft">{dayOf(m.start_us)}, {clock(m.start_us)}–{clock(m.end_us)} · {t('meetings.sites', { n: m.n_sites ?? 0 })}</div></div>
              <div className="row">{desk(m) && (m.state === 'live' || m.state === 'open') && <Button size="large" onClick={() => go(`/desk/${seg(m.room)}`)}>{t('page.desk')}</Button>}
                <Button size="large" type="primary" disabled={m.state === 'scheduled'} onClick={() => go(`/join/${seg(m.room)}`)}>{m.state === 'scheduled' ? t('meetings.notYet') : t('door.go')}</Button></div>
            </div>
          </section>))}
      </div>
    </>
  );
}
