// SPDX-License-Identifier: GPL-3.0-or-later
// The meetings ahead: into mine with one press; who may, books another.
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
import { Badge } from '../../ui/field';
import { LinkButton } from '../../ui/link-button';
import { Wrong } from '../../ui/wrong';
import { accountsOf, Against, bodyOf, EMPTY, Fields, isWrong, More, type Form } from './booking';
import type { Meeting, SiteList } from './types';

const tone = (state: Meeting['state']) => (state === 'live' ? 'good' : state === 'open' ? 'warn' : state === 'cancelled' ? 'bad' : 'idle');

function Book({ done }: { done: (id: string) => void }) {
  const tomorrow = toLocal(Date.now() + 86400e3).slice(0, 10);
  const [form, setForm] = useState<Form>({ ...EMPTY, start: `${tomorrow}T08:00`, minutes: '120' }), [tried, setTried] = useState(false);
  const [flags, setFlags] = useState({ all: true, lobby: false, record: false, dial: true, trial: true, mute_on_entry: true, confidential: false });
  const [lists, setLists] = useState<string[]>([]), [failure, setFailure] = useState<Failure | null>(null), [busy, setBusy] = useState(false);
  const saved = useData<{ lists: SiteList[] }>('/site-lists'), { top } = useOwnAreas();
  const send = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (busy || isWrong(form)) return; /* busy: pressed twice */
    setBusy(true);
    setFailure(null);
    const { all, ...rest } = flags;
    try {
      const made = await post<Meeting>('/meetings', { ...bodyOf(form), ...rest, invite: { accounts: accountsOf(form), lists, areas: all && top ? [top.code] : [] } });
      done(made.id);
    } catch (error) { setFailure(asFailure(error)); }
    setBusy(false);
  };
  return (
    <form className="card" onSubmit={(e) => void send(e)}>
      <h2>{t('book.title')}</h2>
      <Fields form={form} set={setForm} tried={tried} />
      <fieldset className="card" style={{ marginBottom: 12 }}><legend><b>{t('book.sites')}</b></legend>
        <label className="row"><input type="checkbox" checked={flags.all} onChange={(e) => setFlags({ ...flags, all: e.target.checked })} />{t('book.allSites', { name: top?.name ?? '' })}</label>
        {saved.data?.lists.map((l) => <label className="row" key={l.name}><input type="checkbox" checked={lists.includes(l.name)} onChange={() => setLists(lists.includes(l.name) ? lists.filter((x) => x !== l.name) : [...lists, l.name])} />{l.title} ({l.n_sites ?? l.accounts.length})</label>)}
        <More form={form} set={setForm} />
      </fieldset>
      <div style={{ display: 'grid', gap: 6, marginBottom: 12 }}>{(['dial', 'trial', 'mute_on_entry', 'lobby', 'record', 'confidential'] as const).map((f) => (
        <label className="row" key={f}><input type="checkbox" checked={flags[f]} disabled={f === 'record' && flags.confidential} onChange={(e) => setFlags({ ...flags, [f]: e.target.checked, ...(f === 'confidential' && e.target.checked ? { record: false } : {}) })} />{t(`book.${f}`)}</label>))}
      </div>
      {flags.confidential && <p role="note" className="lost">{t('book.confidentialNote')}</p>}
      <Against failure={failure} form={form} set={setForm} />
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
