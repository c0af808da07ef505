// SPDX-License-Identifier: GPL-3.0-or-later
// One meeting before and after: agenda, sites, PINs, the trial session with its causes, join links, attendance; changed, called off.
import { Button } from 'antd';
import { useState } from 'react';
import { post, PREFIX, remove, seg } from '../../app/api';
import { clock, dayOf, moment } from '../../app/format';
import { t, tWord } from '../../app/i18n';
import { go } from '../../app/router';
import { useSession } from '../../app/session';
import { useData } from '../../app/use';
import { Badge } from '../../ui/field';
import { useAct, Wrong } from '../../ui/wrong';
import { CallOff, Change } from './booking';
import { TrialSession } from './trial';
import type { Attendance, JoinLink, Meeting as Whole } from './types';

function Links({ id, named }: { id: string; named: boolean }) {
  const links = useData<{ links: JoinLink[] }>(`/meetings/${seg(id)}/links`), act = useAct();
  const [made, setMade] = useState<JoinLink[]>([]);
  const make = () => void act(async () => setMade((await post<{ links: JoinLink[] }>(`/meetings/${seg(id)}/links`, { all: true })).links), { done: t('links.made') }).then(links.reload);
  const text = made.map((l) => `${l.name}: ${location.origin}${l.link}`).join('\n');
  return (
    <section className="card">
      <div className="row between"><h2>{t('links.title')}</h2><Button onClick={make}>{t('links.make')}</Button></div>
      <p className="soft">{t('links.explain')} {named && t('confidential.links')}</p>
      {links.failure && <Wrong failure={links.failure} retry={links.reload} />}
      {made.length > 0 && <><p><b>{t('links.once')}</b> <Button onClick={() => void navigator.clipboard.writeText(text)}>{t('links.copy')}</Button></p><pre>{text}</pre></>}
      <ul className="list">{links.data?.links.map((l) => (
        <li key={l.id} className="row between" style={{ padding: '6px 0' }}><span>{l.name} <Badge tone={l.revoked_us ? 'bad' : l.used_us ? 'good' : 'idle'}>{l.revoked_us ? t('links.revoked') : l.used_us ? t('links.used', { at: moment(l.used_us) }) : t('links.unused')}</Badge></span>
          {!l.revoked_us && <Button onClick={() => void act(() => remove(`/meetings/${seg(id)}/links/${seg(l.id)}`)).then(links.reload)}>{t('links.revoke')}</Button>}</li>))}
      </ul>
    </section>
  );
}

function Attended({ id }: { id: string }) {
  const found = useData<Attendance>(`/meetings/${seg(id)}/attendance`, [], 30000), minutes = (s: number | undefined) => Math.round((s ?? 0) / 60);
  return (
    <section className="card">
      <div className="row between"><h2>{t('attendance.title')}</h2><div className="row"><Button href={`${PREFIX}/meetings/${seg(id)}/attendance.csv`}>{t('attendance.csv')}</Button><Button target="_blank" rel="noreferrer" href={`${PREFIX}/meetings/${seg(id)}/attendance.html`}>{t('attendance.print')}</Button></div></div>
      {found.failure && <Wrong failure={found.failure} retry={found.reload} />}
      {found.data && <><p>{t('attendance.count', { n: found.data.present, all: found.data.invited })}</p>
        <div className="scroll" tabIndex={0} role="region" aria-label={t('attendance.title')}><table className="plain">
          <thead><tr><th>{t('col.name')}</th><th>{t('attendance.present')}</th><th>{t('attendance.first')}</th><th className="n">{t('attendance.minutes')}</th><th className="n">{t('attendance.floor')}</th></tr></thead>
          <tbody>{found.data.attendees.map((a) => <tr key={`${a.account}${a.name}`}><td>{a.name || a.account}</td><td><Badge tone={a.present ? 'good' : 'bad'}>{a.present ? t('attendance.yes') : t('attendance.no')}</Badge></td><td>{moment(a.first_us)}</td><td className="n">{minutes(a.present_s)}</td><td className="n">{minutes(a.floor_s)}</td></tr>)}</tbody>
        </table></div></>}
    </section>
  );
}

/** What is to be told to those who call in by themselves, for who prepares the meeting. */
function Pins({ m }: { m: Whole }) {
  if (!m.pin && !m.chair_pin) return null;
  return (
    <section className="card"><h2>{t('meeting.pins')}</h2>
      <dl className="facts">{m.pin && <><dt>{t('book.pin')}</dt><dd><code>{m.pin}</code></dd></>}{m.chair_pin && <><dt>{t('book.chair_pin')}</dt><dd><code>{m.chair_pin}</code></dd></>}</dl>
      <p className="soft">{t('meeting.pinsWhat')}</p>
    </section>
  );
}

export default function Meeting({ params }: { params: Record<string, string> }) {
  const id = params.id, found = useData<Whole>(`/meetings/${seg(id)}`, ['meeting.'], 60000), act = useAct();
  const { may, session } = useSession(), [changing, setChanging] = useState(false), [ending, setEnding] = useState(false);
  const m = found.data, ahead = m && (m.state === 'scheduled' || m.state === 'open'), prepares = m?.sites !== undefined;
  if (found.failure) return <Wrong failure={found.failure} retry={found.reload} />;
  if (!m) return <p role="status">{t('loading')}</p>;
  const operates = may('operate') && !session.area, runs = operates || [m.chair, m.co_chair].includes(session.user), over = m.state === 'ended' || m.state === 'cancelled';
  return (
    <>
      <div className="head"><div><h1>{m.title}</h1><div className="soft">{dayOf(m.start_us)}, {clock(m.start_us)}–{clock(m.end_us)} · {tWord('meetingState', m.state)}</div></div>
        <div className="row">{operates && !over && <Button size="large" aria-expanded={changing} onClick={() => setChanging(!changing)}>{t('meeting.change')}</Button>}
          {ahead && runs && <Button size="large" danger onClick={() => setEnding(true)}>{t('meeting.cancel')}</Button>}
          {ahead && runs && <Button size="large" onClick={() => void act(() => post(`/meetings/${seg(id)}/start`), { done: t('meeting.started') }).then(found.reload)}>{t('meeting.start')}</Button>}
          {(runs || m.secretary === session.user) && !over && <Button size="large" onClick={() => go(`/desk/${seg(m.room)}`)}>{t('page.desk')}</Button>}
          {(m.state === 'open' || m.state === 'live') && <Button size="large" type="primary" onClick={() => go(`/join/${seg(m.room)}`)}>{t('door.go')}</Button>}</div></div>
      <CallOff m={m} open={ending} close={() => setEnding(false)} done={found.reload} />
      {m.state === 'cancelled' && <p className="lost" role="note">{t('meeting.cancelledBecause', { why: m.cancelled_because ?? '' })}</p>}
      {m.confidential && <p className="lost" role="note">{t('confidential.notice')}</p>}
      <div className="cards">
        {changing && !over && <Change m={m} close={() => setChanging(false)} done={() => { setChanging(false); found.reload(); }} />}
        <div className="two">
          <section className="card"><h2>{t('book.agenda')}</h2>{m.agenda?.length ? <ol>{m.agenda.map((a, i) => <li key={i}>{a.subject}{a.who && ` – ${a.who}`}{a.minutes ? ` (${t('span.m', { n: a.minutes })})` : ''}</li>)}</ol> : <p className="soft">{t('nothing')}</p>}</section>
          <section className="card"><h2>{t('book.sites')} ({m.n_sites ?? 0})</h2><div className="areas" tabIndex={0} role="group" aria-label={t('book.sites')}>{m.sites?.map((s) => <span key={s.account}>{s.name || s.account}</span>)}</div></section>
        </div>
        {!over && <Pins m={m} />}
        {prepares && ahead && <TrialSession id={id} />}
        {prepares && !over && <Links id={id} named={m.confidential === true} />}
        {prepares && m.state !== 'scheduled' && m.state !== 'cancelled' && <Attended id={id} />}
      </div>
    </>
  );
}
