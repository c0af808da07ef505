// SPDX-License-Identifier: GPL-3.0-or-later
// What is said of a meeting when it is booked and when it is changed: the same fields, the same list of what stands against it; and calling it off.
import { App, Input } from 'antd';
import { useState, type FormEvent } from 'react';
import { get, patch, post, seg } from '../../app/api';
import { asFailure, type Failure } from '../../app/failure';
import { clock, dayOf, toLocal } from '../../app/format';
import { t } from '../../app/i18n';
import { Link } from '../../app/router';
import { Button } from '../../ui/button';
import { Confirm } from '../../ui/confirm';
import { Field } from '../../ui/field';
import { useAct, Wrong } from '../../ui/wrong';
import type { Clash, Meeting } from './types';

const TEXTS = ['title', 'chair', 'co_chair', 'secretary', 'pin', 'chair_pin'] as const;
export type Form = Record<(typeof TEXTS)[number] | 'start' | 'minutes' | 'agenda' | 'accounts' | 'force', string>;
export const EMPTY: Form = { title: '', start: '', minutes: '', chair: '', co_chair: '', secretary: '', agenda: '', accounts: '', pin: '', chair_pin: '', force: '' };
type Part = { form: Form; set: (form: Form) => void };

const PIN = /^([0-9]{4,12})?$/;
const isSame = (form: Form) => form.pin !== '' && form.pin === form.chair_pin;
export const isWrong = (form: Form): boolean => !PIN.test(form.pin) || !PIN.test(form.chair_pin) || isSame(form);
export const accountsOf = (form: Form): string[] => form.accounts.split(/[\s,]+/).filter(Boolean);
const agendaOf = (form: Form) => form.agenda.split('\n').map((x) => x.trim()).filter(Boolean).map((subject) => ({ subject }));
const because = (form: Form) => (form.force.trim() ? { force_because: form.force.trim() } : {});

/** Of a new meeting, without whom it invites. */
export function bodyOf(form: Form): Record<string, unknown> {
  const texts = TEXTS.map((name) => [name, form[name].trim()] as const).filter(([, text]) => text);
  return { ...Object.fromEntries(texts), start: form.start, minutes: Number(form.minutes), agenda: agendaOf(form), ...because(form) };
}

/** Only what is another now: what somebody else changed meanwhile stays theirs. */
export function changesOf(first: Form, form: Form): Record<string, unknown> {
  const texts = TEXTS.filter((name) => form[name].trim() !== first[name].trim()).map((name) => [name, form[name].trim()] as const), accounts = accountsOf(form);
  return {
    ...Object.fromEntries(texts), ...(form.start !== first.start ? { start: form.start } : {}), ...(form.minutes !== first.minutes ? { minutes: Number(form.minutes) } : {}),
    ...(form.agenda !== first.agenda ? { agenda: agendaOf(form) } : {}), ...(accounts.length ? { invite: { accounts } } : {}),
  };
}

export function formOf(m: Meeting): Form {
  return {
    ...EMPTY, title: m.title, start: toLocal(m.start_us / 1000).slice(0, 16), minutes: String(Math.round((m.end_us - m.start_us) / 60e6)), chair: m.chair ?? '',
    co_chair: m.co_chair ?? '', secretary: m.secretary ?? '', pin: m.pin ?? '', chair_pin: m.chair_pin ?? '', agenda: (m.agenda ?? []).map((a) => a.subject).join('\n'),
  };
}

/** agenda, start: whether they are asked for, and may be another. */
export function Fields({ form, set, tried, agenda = true, start = true }: Part & { tried: boolean; agenda?: boolean; start?: boolean }) {
  const bind = (name: keyof Form) => ({ value: form[name], onChange: (e: { target: { value: string } }) => set({ ...form, [name]: e.target.value }) });
  const pin = (name: 'pin' | 'chair_pin', wrong: string) => (
    <Field label={t(`book.${name}`)} hint={t(`book.${name}Hint`)} wrong={tried && wrong ? wrong : undefined}>{(id) => <Input id={id} inputMode="numeric" autoComplete="off" maxLength={12} {...bind(name)} />}</Field>);
  const shape = (text: string) => (PIN.test(text) ? '' : t('book.pinShape'));
  return (
    <>
      <Field label={t('book.name')}>{(id) => <Input id={id} required maxLength={200} {...bind('title')} />}</Field>
      <div className="row">
        <Field label={t('book.start')} hint={start ? undefined : t('book.startFixed')}>{(id) => <input id={id} className="plain" type="datetime-local" required disabled={!start} {...bind('start')} />}</Field>
        <Field label={t('book.minutes')}>{(id) => <input id={id} className="plain" type="number" min={1} max={1440} required {...bind('minutes')} />}</Field>
      </div>
      <div className="row">
        <Field label={t('book.chair')}>{(id) => <Input id={id} {...bind('chair')} />}</Field>
        <Field label={t('book.co_chair')}>{(id) => <Input id={id} {...bind('co_chair')} />}</Field>
        <Field label={t('book.secretary')}>{(id) => <Input id={id} {...bind('secretary')} />}</Field>
      </div>
      <div className="two">{pin('pin', shape(form.pin))}{pin('chair_pin', shape(form.chair_pin) || (isSame(form) ? t('book.pinSame') : ''))}</div>
      {agenda && <Field label={t('book.agenda')}>{(id) => <Input.TextArea id={id} rows={3} {...bind('agenda')} />}</Field>}
    </>
  );
}

export function More({ form, set }: Part) {
  return <Field label={t('book.accounts')}>{(id) => <Input id={id} value={form.accounts} onChange={(e) => set({ ...form, accounts: e.target.value })} />}</Field>;
}

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

/** Why it was refused; where it clashes, with a place for the reason to do it all the same. */
export function Against({ failure, form, set }: Part & { failure: Failure | null }) {
  if (!failure) return null;
  const clash = failure.code === 'clash';
  return (
    <>
      <Wrong failure={failure} brief={clash} />
      {clash && <Clashes all={failure.list<Clash>('clashes')} />}
      {clash && <Field label={t('book.force')}>{(id) => <Input id={id} maxLength={300} value={form.force} onChange={(e) => set({ ...form, force: e.target.value })} />}</Field>}
    </>
  );
}

export function Change({ m, close, done }: { m: Meeting; close: () => void; done: () => void }) {
  const [first] = useState(() => formOf(m)), [form, setForm] = useState(first), [version, setVersion] = useState(m.version), [tried, setTried] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null), [busy, setBusy] = useState(false), { message } = App.useApp();
  const plain = (m.agenda ?? []).every((a) => !a.who && !a.minutes); /* lines would lose who speaks, and how long */
  const send = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (busy || isWrong(form)) return;
    const body = changesOf(first, form);
    if (Object.keys(body).length === 0) return close();
    setBusy(true);
    setFailure(null);
    try {
      await patch(`/meetings/${seg(m.id)}`, { version, ...body, ...because(form) });
      void message.success(t('meeting.saved'));
      return done();
    } catch (error) {
      const wrong = asFailure(error);
      setFailure(wrong); /* pressed again, this one's changes go onto what is there now */
      if (wrong.code === 'changed') await get<Meeting>(`/meetings/${seg(m.id)}`).then((now) => setVersion(now.version), () => undefined);
    }
    setBusy(false);
  };
  return (
    <form className="card" onSubmit={(e) => void send(e)}>
      <h2>{t('meeting.change')}</h2>
      <Fields form={form} set={setForm} tried={tried} agenda={plain} start={m.state === 'scheduled'} />
      <More form={form} set={setForm} />
      <Against failure={failure} form={form} set={setForm} />
      <div className="row"><Button type="primary" size="large" htmlType="submit" loading={busy}>{t('save')}</Button><Button size="large" onClick={close}>{t('cancel')}</Button></div>
    </form>
  );
}

/** Open while it is asked. What it means, and why: the reason stays with the meeting. */
export function CallOff({ m, open, close, done }: { m: Meeting; open: boolean; close: () => void; done: () => void }) {
  const [why, setWhy] = useState(''), act = useAct();
  const doIt = async () => { if (await act(() => post(`/meetings/${seg(m.id)}/cancel`, { because: why.trim() }), { done: t('meeting.cancelled') })) { close(); done(); } };
  return (
    <Confirm open={open} close={close} title={t('meeting.cancelTitle')} go={t('meeting.cancel')} danger ready={why.trim() !== ''} doIt={doIt}>
      <p><b>{m.title}</b>, {dayOf(m.start_us)}, {clock(m.start_us)}–{clock(m.end_us)}</p>
      <p>{t('meeting.cancelWhat', { n: m.n_sites ?? 0 })}</p>
      <Field label={t('meeting.because')} hint={t('meeting.becauseHint')}>{(id) => <Input id={id} maxLength={300} value={why} onChange={(e) => setWhy(e.target.value)} />}</Field>
    </Confirm>
  );
}
