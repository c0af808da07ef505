// SPDX-License-Identifier: GPL-3.0-or-later
// One bulletin: write or speak it, hear it, hand it in, approve it, schedule it. The next step is always the large button.
import { Input, Modal } from 'antd';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { get, post, PREFIX, put, seg, upload } from '../app/api';
import { fromLocal, moment, number, span, toLocal } from '../app/format';
import { t, tWord } from '../app/i18n';
import type { Params } from '../app/pages';
import { go, Link } from '../app/router';
import { useSession } from '../app/session';
import type { Attachment, Bulletin, Content, Device, Priority, Problem, Rehearsal, Schedule } from '../app/types';
import { useData } from '../app/use';
import { AreaPicker, isWithin, sayAreas, useAreaName, useAreas, useOwn, useOwnAreas } from '../ui/areas';
import { Button } from '../ui/button';
import { Confirm } from '../ui/confirm';
import { Badge, Choice, Field } from '../ui/field';
import { PriorityBadge } from '../ui/run';
import { useAct, Wrong } from '../ui/wrong';
import { Files } from './bulletin/files';
import { Recorder } from './bulletin/recorder';
import { stateTone, stepsOf, type Step } from './bulletin/state';
import { WordDialog } from './bulletin/word';
import { Problems } from './schedule/problems';

type Draft = { title: string; kind: 'text' | 'audio'; text: string; content: string; priority: Priority; areas: string[]; files: readonly Attachment[] };
type History = { what?: string; act?: string; who?: string; at_us?: number; time_us?: number; reason?: string; state?: string };
const EMPTY: Draft = { title: '', kind: 'text', text: '', content: '', priority: 'normal', areas: [], files: [] };

function draftOf(b: Bulletin): Draft {
  return { title: b.title, kind: b.kind === 'audio' ? 'audio' : 'text', text: b.text ?? '', content: b.content ?? '', priority: b.priority ?? 'normal', areas: b.areas ?? [], files: b.files ?? [] };
}

/** What this page does not show stays as it was. */
function unseen(b: Bulletin | null): Partial<Bulletin> {
  const kept: Record<string, unknown> = {};
  for (const key of ['subject', 'author', 'summary', 'url', 'from_us', 'to_us', 'asked_us']) {
    const value = (b as Record<string, unknown> | null)?.[key];
    if (value) kept[key] = value;
  }
  return kept;
}

function Preview({ id, saved }: { id: string; saved: boolean }) {
  const [sound, setSound] = useState('');
  const [busy, setBusy] = useState(false);
  const act = useAct();
  const hear = async () => {
    setBusy(true);
    await act(async () => setSound((await get<{ sound: string }>(`/bulletins/${seg(id)}/preview`)).sound));
    setBusy(false);
  };
  return (
    <div className="field">
      <div className="row"><Button loading={busy} disabled={!saved} onClick={() => void hear()}>▶ {t('bulletin.preview')}</Button>{!saved && <span className="soft">{t('bulletin.saveFirst')}</span>}</div>
      {sound && <audio controls autoPlay src={sound.startsWith('/') ? sound : `${PREFIX}/${sound}`} style={{ width: '100%' }} aria-label={t('bulletin.preview')} />}
    </div>
  );
}

function ScheduleDialog({ bulletin, close, done }: { bulletin: Bulletin; close: () => void; done: () => void }) {
  const [at, setAt] = useState(toLocal(Date.now() + 600e3).slice(0, 16));
  const [rule, setRule] = useState<'' | 'FREQ=DAILY' | 'FREQ=WEEKLY' | 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR'>('');
  const [repeats, setRepeats] = useState('1');
  const [kept, setKept] = useState<{ schedule: Schedule; problems: Problem[] } | null>(null);
  const act = useAct(), nameOf = useAreaName();
  const past = fromLocal(at) < Date.now();
  /* what is scheduled is tried out at once: that a loudspeaker will be silent all the same is said here, not in the morning */
  const send = async () => {
    let made: typeof kept = null;
    const ok = await act(async () => {
      const { schedule: id } = await post<{ schedule: string }>(`/bulletins/${seg(bulletin.id)}/schedule`, { start_local: at.length === 16 ? `${at}:00` : at, ...(rule ? { rule } : {}), repeats: Number(repeats) });
      const [schedule, rehearsal] = await Promise.all([get<Schedule>(`/schedules/${seg(id)}`), get<Rehearsal>(`/rehearsal?days=7&area=${seg(bulletin.area)}&from_us=${Math.floor(Date.now()) * 1000}`)]);
      made = { schedule, problems: rehearsal.problems.filter((p) => p.schedule === id || p.other === id) };
    }, { done: t('bulletin.scheduled', { at: moment(fromLocal(at) * 1000) }) });
    if (!ok) return;
    done();
    if (made!.schedule.draft || made!.problems.length) setKept(made);
    else close();
  };
  if (kept) return (
    <Modal open width={640} title={kept.schedule.draft ? t('schedule.leftDraft') : t('bulletin.scheduledBut')} onCancel={close} footer={<div className="row" style={{ justifyContent: 'flex-end' }}>
      <Button onClick={() => { close(); go('/schedule'); }}>{t('bulletin.toSchedule')}</Button><Button type="primary" onClick={close}>{t('bulletin.understood')}</Button></div>}>
      <div role="alert"><Problems list={kept.problems} nameOf={nameOf} /></div>
    </Modal>
  );
  return (
    <Modal open title={t('bulletin.scheduleTitle')} onCancel={close} okText={t('bulletin.scheduleGo')} okButtonProps={{ disabled: past }} onOk={send}>
      <Field label={t('bulletin.when')} hint={t('localTime')} wrong={past ? t('bulletin.past') : undefined}>{(id) => <input id={id} className="plain" type="datetime-local" step={1} value={at} onChange={(e) => setAt(e.target.value)} />}</Field>
      <Field label={t('bulletin.rule')}>{(id) => <Choice id={id} value={rule} choose={setRule} options={[['', t('rule.once')], ['FREQ=DAILY', t('rule.daily')], ['FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR', t('rule.weekdays')], ['FREQ=WEEKLY', t('rule.weekly')]]} />}</Field>
      <Field label={t('bulletin.repeats')}>{(id) => <Choice id={id} value={repeats} choose={setRepeats} options={['1', '2', '3'].map((n) => [n, t('times', { n })] as const)} />}</Field>
    </Modal>
  );
}

/** On the air at once: what, where, how many; then the page that shows it playing. */
function NowDialog({ bulletin, close }: { bulletin: Bulletin; close: () => void }) {
  const devices = useData<{ devices: Device[] }>('/devices');
  const known = useAreas(), nameOf = useAreaName(), act = useAct();
  const areas = bulletin.areas?.length ? bulletin.areas : [bulletin.area];
  const count = devices.data?.devices.filter((d) => d.enabled && d.kind !== 'board' && areas.some((c) => isWithin(known, d.area, c))).length;
  const send = async () => {
    const ok = await act(() => post('/announcements', { content: bulletin.approved_content, areas, priority: bulletin.priority ?? 'normal', title: bulletin.title }), { done: t('bulletin.did.now') });
    if (ok) go('/');
  };
  return (
    <Confirm open close={close} title={t('bulletin.nowTitle')} go={`▶ ${t('bulletin.act.now')}`} doIt={send}>
      <p style={{ fontSize: '1.1rem' }}><b>{t('bulletin.nowWhat', { title: bulletin.title, areas: sayAreas(areas, nameOf), n: count === undefined ? '…' : number(count) })}</b></p>
      <p className="soft">{t('bulletin.nowAfter')}</p>
    </Confirm>
  );
}

/** "This word is said otherwise": what is marked in the text is where it begins. */
function Words({ area, text }: { area: string; text: () => string }) {
  const [open, setOpen] = useState<string | null>(null);
  return (
    <div className="row" style={{ marginBottom: 12 }}>
      <Button size="small" disabled={!area} onClick={() => setOpen(text())}>{t('word.wrong')}</Button><Link to="/bulletins/words">{t('page.dictionary')}</Link>
      {open !== null && <WordDialog written={open} area={area} close={() => setOpen(null)} done={() => undefined} />}
    </div>
  );
}

function Write({ draft, set, change, uploads, editable, area, preview }: { draft: Draft; set: (d: Draft) => void; change: (fn: (d: Draft) => Draft) => void; uploads: (more: 1 | -1) => void; editable: boolean; area: string; preview: ReactNode }) {
  const marked = useRef('');
  const { may } = useSession(), act = useAct();
  const content = useData<Content>(draft.content ? `/content/${seg(draft.content)}` : null);
  const send = async (sound: Blob, name: string): Promise<boolean> => {
    uploads(1);
    const ok = await act(async () => {
      const made = await upload<Content>(`/content?title=${encodeURIComponent(draft.title || t('bulletin.untitled'))}&name=${encodeURIComponent(name)}`, sound);
      change((d) => ({ ...d, kind: 'audio', content: made.id })); /* what was typed meanwhile stays */
    }, { done: t('record.taken') });
    uploads(-1);
    return ok;
  };
  return (
    <>
      <fieldset disabled={!editable} style={{ border: 0, padding: 0, margin: 0 }}>
        <Field label={t('bulletin.title')}>{(id) => <Input id={id} size="large" maxLength={200} value={draft.title} onChange={(e) => set({ ...draft, title: e.target.value })} />}</Field>
        <AreaPicker label={t('where')} fixed={!editable} value={draft.areas} choose={(areas) => set({ ...draft, areas })} />
        <Field label={t('bulletin.priority')} hint={t(`priority.${draft.priority}Hint`)}>{(id) => <Choice id={id} value={draft.priority} choose={(priority) => set({ ...draft, priority })} options={(['normal', 'priority', ...(may('alert') ? ['emergency' as const] : [])] as Priority[]).map((p) => [p, t(`priority.${p}`)] as const)} />}</Field>
        <div className="field" role="group" aria-label={t('bulletin.how')}>
          <span className="label">{t('bulletin.how')}</span>
          <div className="row">{(['text', 'audio'] as const).map((kind) => <label key={kind} className="row"><input type="radio" name="kind" checked={draft.kind === kind} onChange={() => set({ ...draft, kind })} />{t(`bulletin.kind.${kind}`)}</label>)}</div>
        </div>
        {draft.kind === 'text'
          ? <Field label={t('bulletin.text')} hint={draft.text.trim() ? t('bulletin.length', { span: span((draft.text.length / 14) * 1e6) }) : t('bulletin.textHint')}>{(id) => <Input.TextArea id={id} rows={9} maxLength={20000} value={draft.text} onChange={(e) => set({ ...draft, text: e.target.value })} onSelect={(e) => { const x = e.currentTarget; marked.current = x.value.slice(x.selectionStart, x.selectionEnd).trim(); }} />}</Field>
          : editable && <>
            <Recorder again={draft.content !== ''} use={(sound) => send(sound, `ghi-am.${sound.type.includes('mp4') ? 'm4a' : sound.type.includes('ogg') ? 'ogg' : 'webm'}`)} />
            <Field label={t('bulletin.file')} hint={t('bulletin.fileHint')}>{(id) => <input id={id} type="file" accept="audio/*,video/*" onChange={(e) => { const file = e.target.files?.[0]; if (file) void send(file, file.name); }} />}</Field>
          </>}
        {draft.kind === 'audio' && draft.content && <div className="field"><span className="label">{t('bulletin.sound')}</span><audio controls preload="none" src={`${PREFIX}/content/${seg(draft.content)}/sound`} style={{ width: '100%' }} aria-label={t('bulletin.sound')} />{content.data && <span className="soft">{span(content.data.duration_us)}</span>}</div>}
        {draft.kind === 'text' && editable && may('edit') && <Words area={area} text={() => (marked.current.length <= 60 && !marked.current.includes('\n') ? marked.current : '')} />}
      </fieldset>
      {draft.kind === 'text' && preview}
      <Files files={draft.files} editable={editable} change={(fn) => change((d) => ({ ...d, files: fn(d.files) }))} uploads={uploads} />
    </>
  );
}

export default function BulletinPage({ params }: Params) {
  const fresh = params.id === 'new', path = `/bulletins/${seg(params.id)}`;
  const { session, may } = useSession();
  const { top } = useOwnAreas();
  const loaded = useData<Bulletin>(fresh ? null : path, ['bulletin.']);
  const history = useData<{ history: History[] }>(fresh ? null : `${path}/history`, ['bulletin.']);
  const [draft, setDraft] = useState<Draft>(EMPTY);
  const [kept, setKept] = useState('');
  const [ask, setAsk] = useState<'return' | 'withdraw' | 'archive' | null>(null);
  const [reason, setReason] = useState('');
  const [busy, setBusy] = useState<Step | ''>('');
  const [uploading, setUploading] = useState(0);
  const [scheduling, setScheduling] = useState<'' | 'later' | 'now'>('');
  const act = useAct(), nameOf = useAreaName(), own = useOwn();
  const b = fresh ? null : (loaded.data ?? null);
  const dirty = JSON.stringify(draft) !== kept;

  useEffect(() => { /* what somebody else changed is taken over only while nothing of one's own would be lost */
    if (b && (!dirty || !kept)) { const d = draftOf(b); setDraft(d); setKept(JSON.stringify(d)); }
  }, [b?.revision, b?.id]);
  useEffect(() => { if (fresh && top && !draft.areas.length) { const d = { ...EMPTY, areas: [top.code] }; setDraft(d); setKept(JSON.stringify(d)); } }, [fresh, top?.code]);
  useEffect(() => {
    const stay = (e: BeforeUnloadEvent) => { if ((dirty && kept) || uploading > 0) e.preventDefault(); };
    window.addEventListener('beforeunload', stay);
    return () => window.removeEventListener('beforeunload', stay);
  }, [dirty, kept, uploading]);

  if (loaded.failure) return <Wrong failure={loaded.failure} retry={loaded.reload} />;
  if (!fresh && !b) return <p role="status">{t('loading')}</p>;
  const steps = stepsOf(b, may, session.user);
  const editable = steps.includes('save');
  const whole = draft.title.trim() !== '' && draft.areas.length > 0 && (draft.kind === 'text' ? draft.text.trim() !== '' : draft.content !== '');

  const save = async (): Promise<Bulletin | null> => {
    const body = { title: draft.title.trim(), kind: draft.kind, text: draft.kind === 'text' ? draft.text : '', ...(draft.kind === 'audio' ? { content: draft.content } : {}), priority: draft.priority, areas: draft.areas, attachments: draft.files.map((f) => f.id), ...unseen(b) };
    let saved: Bulletin | null = null;
    await act(async () => { saved = fresh ? await post<Bulletin>('/bulletins', { ...body, area: session.area || top?.code }) : await put<Bulletin>(path, { ...body, revision: b!.revision }); }, { done: t('bulletin.saved') });
    if (saved) setKept(JSON.stringify(draft));
    return saved;
  };
  const step = async (what: Step) => {
    setBusy(what);
    let at: Bulletin | null = b;
    if (what === 'save' || (what === 'submit' && dirty)) at = await save();
    if (at && what !== 'save')
      await act(() => post(`/bulletins/${seg(at!.id)}/${what}`, { revision: at!.revision, ...(reason.trim() ? { reason: reason.trim() } : {}) }), { done: t(`bulletin.did.${what}` as 'bulletin.did.submit') });
    setBusy('');
    setAsk(null);
    setReason('');
    if (at && fresh) go(`/bulletins/${seg(at.id)}`, true);
    else { loaded.reload(); history.reload(); }
  };
  return (
    <>
      <div className="head">
        <div><Link to="/bulletins">← {t('page.bulletins')}</Link><h1>{fresh ? t('bulletin.new') : b!.title}</h1></div>
        {b && <div className="row"><PriorityBadge priority={b.priority} /><Badge tone={stateTone(b.state)}>{tWord('bulletinState', b.state)}</Badge></div>}
      </div>
      {b && (b.state === 'returned' || b.state === 'withdrawn') && b.reason && <div className="lost">{t('bulletin.returnedWhy', { why: b.reason })}</div>}
      <div className="wide">
        <section className="card"><Write draft={draft} set={setDraft} change={setDraft} uploads={(more) => setUploading((n) => n + more)} editable={editable || fresh} area={b?.area || session.area || top?.code || ''} preview={b && <Preview id={b.id} saved={!dirty} />} /></section>
        <div className="cards">
          <section className="card">
            <h2>{t('bulletin.next')}</h2>
            <p>{t(`bulletin.nextHint.${b?.state && ['submitted', 'approved', 'scheduled', 'played', 'returned', 'withdrawn', 'archived', 'expired'].includes(b.state) ? (b.state as 'submitted') : 'draft'}`)}</p>
            {b?.state === 'submitted' && may('approve') && !steps.includes('approve') && <p className="soft">{t('bulletin.notOwn')}</p>}
            <div className="cards" style={{ gap: 8 }}>
              {fresh && <Button size="large" type="primary" disabled={!whole || uploading > 0} loading={busy === 'submit'} onClick={() => void step('submit')}>{t('bulletin.act.submit')}</Button>}
              {steps.includes('submit') && <Button size="large" type="primary" disabled={!whole || uploading > 0} loading={busy === 'submit'} onClick={() => void step('submit')}>{t('bulletin.act.submit')}</Button>}
              {steps.includes('approve') && <Button size="large" type="primary" loading={busy === 'approve'} onClick={() => void step('approve')}>✔ {t('bulletin.act.approve')}</Button>}
              {steps.includes('return') && <Button size="large" onClick={() => setAsk('return')}>{t('bulletin.act.return')}</Button>}
              {steps.includes('schedule') && <Button size="large" type="primary" onClick={() => setScheduling('later')}>▦ {t('bulletin.act.schedule')}</Button>}
              {steps.includes('now') && own(b!.areas ?? []) && <Button size="large" onClick={() => setScheduling('now')}>▶ {t('bulletin.act.now')}</Button>}
              {editable && <Button size="large" disabled={!draft.title.trim() || !dirty || uploading > 0} loading={busy === 'save'} onClick={() => void step('save')}>{t('bulletin.act.save')}</Button>}
              {steps.includes('withdraw') && <Button danger onClick={() => setAsk('withdraw')}>{t('bulletin.act.withdraw')}</Button>}
              {steps.includes('archive') && <Button onClick={() => setAsk('archive')}>{t('bulletin.act.archive')}</Button>}
            </div>
            {uploading > 0 && <p className="soft" style={{ marginTop: 10 }} role="status">{t('bulletin.uploading')}</p>}
            {!whole && editable && <p className="soft" style={{ marginTop: 10 }}>{t('bulletin.needs')}</p>}
          </section>
          {b && <section className="card">
            <h2>{t('bulletin.history')}</h2>
            <dl className="facts"><dt>{t('bulletin.areas')}</dt><dd>{sayAreas(b.areas?.length ? b.areas : [b.area], nameOf)}</dd>{b.submitted_by && <><dt>{t('bulletin.submittedBy')}</dt><dd>{b.submitted_by}</dd></>}{b.approved_by && <><dt>{t('bulletin.approvedBy')}</dt><dd>{b.approved_by}</dd></>}</dl>
            <ul className="list" style={{ marginTop: 10 }}>{history.data?.history.map((h, i) => <li key={i} style={{ padding: '6px 0' }}>{moment(h.at_us ?? h.time_us)} <b>{h.who}</b> {tWord('bulletinAct', h.what ?? h.act ?? h.state ?? '')}{h.reason && <>: {h.reason}</>}</li>)}</ul>
          </section>}
        </div>
      </div>
      <Modal open={ask !== null} title={ask ? t(`bulletin.act.${ask}`) : ''} onCancel={() => setAsk(null)} okText={ask ? t(`bulletin.act.${ask}`) : ''} okButtonProps={{ disabled: ask !== 'archive' && !reason.trim(), danger: ask === 'withdraw' }} onOk={() => void step(ask!)}>
        <Field label={t('reason')} hint={t('bulletin.reasonHint')}>{(id) => <Input.TextArea id={id} rows={3} maxLength={400} value={reason} onChange={(e) => setReason(e.target.value)} />}</Field>
      </Modal>
      {scheduling === 'later' && b && <ScheduleDialog bulletin={b} close={() => setScheduling('')} done={loaded.reload} />}
      {scheduling === 'now' && b && <NowDialog bulletin={b} close={() => setScheduling('')} />}
    </>
  );
}
