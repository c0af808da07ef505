// SPDX-License-Identifier: GPL-3.0-or-later
// The week: what will be heard in an area, moved by dragging, and rehearsed before it is published.
import { Button, Input, Modal } from 'antd';
import { lazy, Suspense, useEffect, useMemo, useState } from 'react';
import { post, put, remove, seg } from '../app/api';
import { fromLocal, moment, toLocal } from '../app/format';
import { t } from '../app/i18n';
import { useSession } from '../app/session';
import type { Content, Priority, Problem, Rehearsal, Schedule } from '../app/types';
import { useData, useMedia } from '../app/use';
import { AreaChoice, AreaPicker, sayAreas, useAreaName, useOwn, useOwnAreas } from '../ui/areas';
import { Confirm } from '../ui/confirm';
import { Badge, Choice, Field } from '../ui/field';
import { PriorityBadge } from '../ui/run';
import { asFailure, told, type Failure } from '../app/failure';
import { useAct, Wrong } from '../ui/wrong';
import { bodyOf, movableBy, moved } from './schedule/move';
import { Problems } from './schedule/problems';
import type { Shown } from './schedule/week';

const Week = lazy(() => import('./schedule/week'));

/** What a commune after commune plays at the same time, a bulletin from above, is one in the week: 69 beside each other cannot be read. */
export function asOne(list: readonly Shown[]): Shown[] {
  const by = new Map<string, Shown>();
  for (const x of list) {
    const key = x.draft ? x.id : `${x.start} ${x.priority} ${x.title}`, first = by.get(key);
    by.set(key, first ? { ...first, movable: false, others: [...(first.others ?? []), x] } : x);
  }
  return [...by.values()].map((x) => (x.others ? { ...x, title: t('schedule.places', { title: x.title, n: x.others.length + 1 }) } : x));
}

type Kept = { schedule: Schedule; occurrence: number };

/** Publishing: refused with what stands against it, unless somebody gives a reason. */
function Publish({ schedule, close, done, follow }: { schedule: Schedule; close: () => void; done: () => void; follow: (id: string) => void }) {
  const [failure, setFailure] = useState<Failure | null>(null);
  const [reason, setReason] = useState('');
  const [busy, setBusy] = useState(false);
  const rehearsal = useData<Rehearsal>(`/rehearsal?days=7&draft=${seg(schedule.id)}`);
  const nameOf = useAreaName();
  /* the refusal's own list counts: it looks at the week from the programme's first time on, and the plan may have changed meanwhile */
  const refused = failure?.list<Problem>('problems') ?? [];
  const problems = refused.length ? refused : (rehearsal.data?.problems.filter((p) => p.schedule === schedule.id || p.other === schedule.id || p.blocks) ?? []);
  const blocks = problems.some((p) => p.blocks) || failure?.code === 'problems';
  const send = async () => {
    setBusy(true);
    setFailure(null);
    try {
      await post(`/schedules/${seg(schedule.id)}/publish`, reason.trim() ? { reason: reason.trim() } : {});
      done();
      close();
    } catch (error) {
      const why = asFailure(error);
      if (why.code !== 'cancelled') setFailure(why);
    }
    setBusy(false);
  };
  return (
    <Modal open width={700} title={t('publish.title', { name: schedule.name })} onCancel={close} confirmLoading={busy} okText={blocks ? t('publish.force') : t('publish.go')} okButtonProps={{ danger: blocks, disabled: blocks && !reason.trim() }} onOk={() => void send()}>
      {rehearsal.failure && <Wrong failure={rehearsal.failure} />}
      {failure && <Wrong failure={failure} brief={refused.length > 0} />}
      {rehearsal.data || refused.length ? <Problems list={problems} nameOf={nameOf} self={schedule.id} follow={follow} /> : <p role="status">{t('rehearsal.running')}</p>}
      {blocks && <Field label={t('publish.reason')} hint={t('publish.reasonHint')}>{(id) => <Input.TextArea id={id} rows={3} maxLength={400} value={reason} onChange={(e) => setReason(e.target.value)} />}</Field>}
    </Modal>
  );
}

function Add({ close, done, at }: { close: () => void; done: (made: Schedule) => void; at: number }) {
  const { top } = useOwnAreas();
  const content = useData<{ content: Content[] }>('/content');
  const [name, setName] = useState('');
  const [what, setWhat] = useState('');
  const [when, setWhen] = useState(toLocal(at).slice(0, 16));
  const [rule, setRule] = useState<'' | 'FREQ=DAILY' | 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR' | 'FREQ=WEEKLY'>('');
  const [priority, setPriority] = useState<Priority>('normal');
  const [areas, setAreas] = useState<string[]>([]);
  const act = useAct();
  useEffect(() => { if (top && !areas.length) setAreas([top.code]); }, [top?.code]);
  const list = (content.data?.content ?? []).filter((c) => c.created_by !== 'alert'); /* sirens are for emergencies */
  const send = () => act(async () => done(await post<Schedule>('/schedules', { name: name.trim() || (list.find((c) => c.id === what)?.title ?? ''), content: what, areas, start_local: `${when}:00`, ...(rule ? { rule } : {}), priority, draft: true })), { done: t('schedule.saved') }).then((ok) => { if (ok) close(); });
  return (
    <Modal open width={700} title={t('schedule.add')} onCancel={close} okText={t('schedule.saveDraft')} okButtonProps={{ disabled: !what || !areas.length || fromLocal(when) < Date.now() }} onOk={() => void send()}>
      <Field label={t('schedule.what')} hint={list.length ? undefined : t('schedule.noContent')}>{(id) => <Choice id={id} value={what} choose={setWhat} options={[['', t('choose')], ...list.map((c) => [c.id, `${c.title} – ${moment(c.created_us)}`] as const)]} />}</Field>
      <Field label={t('schedule.name')}>{(id) => <Input id={id} value={name} maxLength={120} onChange={(e) => setName(e.target.value)} />}</Field>
      <AreaPicker label={t('where')} value={areas} choose={setAreas} />
      <div className="two">
        <Field label={t('bulletin.when')} hint={t('localTime')} wrong={fromLocal(when) < Date.now() ? t('bulletin.past') : undefined}>{(id) => <input id={id} className="plain" type="datetime-local" value={when} onChange={(e) => setWhen(e.target.value)} />}</Field>
        <Field label={t('bulletin.rule')}>{(id) => <Choice id={id} value={rule} choose={setRule} options={[['', t('rule.once')], ['FREQ=DAILY', t('rule.daily')], ['FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR', t('rule.weekdays')], ['FREQ=WEEKLY', t('rule.weekly')]]} />}</Field>
      </div>
      <Field label={t('bulletin.priority')}>{(id) => <Choice id={id} value={priority} choose={setPriority} options={[['normal', t('priority.normal')], ['priority', t('priority.priority')]]} />}</Field>
    </Modal>
  );
}

function Details({ kept, close, changed, publish, follow }: { kept: Kept; close: () => void; changed: () => void; publish: (s: Schedule) => void; follow: (id: string) => void }) {
  const { schedule: s, occurrence } = kept, { may } = useSession(), nameOf = useAreaName(), act = useAct();
  const own = useOwn()(s.areas);
  const [asking, setAsking] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const skip = async () => {
    setFailure(null);
    try {
      await put(`/schedules/${seg(s.id)}`, bodyOf(s, { exdates: [...(s.exdates ?? []), toLocal(occurrence)] }));
      await act(async () => undefined, { done: t('schedule.skipped') });
      close();
    } catch (error) {
      const why = asFailure(error);
      if (why.code !== 'cancelled') setFailure(why);
    }
    changed();
  };
  const cancel = () => act(() => remove(`/schedules/${seg(s.id)}`), { done: t('schedule.cancelled') }).then((ok) => { changed(); if (ok) close(); });
  return (
    <Modal open title={s.name} onCancel={close} footer={<div className="row" style={{ justifyContent: 'flex-end' }}>
      {movableBy(may, s, own) && s.rule && <Button onClick={() => void skip()}>{t('schedule.skip', { at: moment(occurrence * 1000) })}</Button>}
      {may('air') && own && <Button danger onClick={() => setAsking(true)}>{s.rule ? t('schedule.cancelAll') : t('schedule.cancel')}</Button>}
      {may('approve') && own && s.draft && <Button type="primary" onClick={() => { close(); publish(s); }}>{t('publish.go')}…</Button>}
      <Button onClick={close}>{t('close')}</Button></div>}>
      <dl className="facts">
        <dt>{t('col.state')}</dt><dd><Badge tone={s.draft ? 'warn' : 'good'}>{s.draft ? t('schedule.draft') : t('schedule.published')}</Badge></dd>
        <dt>{t('bulletin.priority')}</dt><dd><PriorityBadge priority={s.priority} /></dd>
        <dt>{t('bulletin.when')}</dt><dd>{moment(occurrence * 1000)} {s.rule && <span className="soft">{sayRule(s.rule)}</span>}</dd>
        <dt>{t('where')}</dt><dd>{sayAreas(s.areas, nameOf)}</dd>
        {!own && <><dt>{t('schedule.fromAbove')}</dt><dd>{t('schedule.fromAboveHint')}</dd></>}
        {s.created_by && <><dt>{t('schedule.by')}</dt><dd>{s.created_by}</dd></>}
        {s.forced && <><dt>{t('publish.reason')}</dt><dd>{s.forced}</dd></>}
      </dl>
      {failure && <div style={{ marginTop: 12 }}><Wrong failure={failure} brief={failure.list('problems').length > 0} />{failure.list('problems').length > 0 && <Problems list={failure.list<Problem>('problems')} nameOf={nameOf} self={s.id} follow={follow} />}</div>}
      <Confirm open={asking} close={() => setAsking(false)} title={s.rule ? t('schedule.cancelAll') : t('schedule.cancel')} go={s.rule ? t('schedule.cancelAll') : t('schedule.cancel')} danger doIt={cancel}>
        <p>{t(s.rule ? 'schedule.cancelWhatAll' : 'schedule.cancelWhat', { name: s.name, at: moment(occurrence * 1000) })}</p>
      </Confirm>
    </Modal>
  );
}

function sayRule(rule: string): string {
  if (/^FREQ=DAILY$/.test(rule)) return t('rule.daily');
  if (rule === 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR') return t('rule.weekdays');
  return /^FREQ=WEEKLY$/.test(rule) ? t('rule.weekly') : rule;
}

export default function SchedulePage() {
  const { may } = useSession(), { top } = useOwnAreas();
  const [area, setArea] = useState('');
  const [from, setFrom] = useState(() => Date.now());
  const at = area || top?.code || '';
  const schedules = useData<{ schedules: Schedule[] }>('/schedules', ['schedule.', 'bulletin.']);
  const rehearsal = useData<Rehearsal>(at ? `/rehearsal?area=${seg(at)}&days=7&from_us=${Math.round(from) * 1000}` : null, ['schedule.', 'bulletin.']);
  const [adding, setAdding] = useState(0);
  const [open, setOpen] = useState<Kept | null>(null);
  const [places, setPlaces] = useState<Shown | null>(null);
  const [publishing, setPublishing] = useState<Schedule | null>(null);
  const [moving, setMoving] = useState<{ shown: Shown; schedule: Schedule; to: number; sure: boolean } | null>(null);
  const nameOf = useAreaName(), act = useAct(), own = useOwn(), phone = useMedia('(max-width: 860px)');
  const by = useMemo(() => new Map(schedules.data?.schedules.map((s) => [s.id, s])), [schedules.data]);
  const reload = () => { schedules.reload(); rehearsal.reload(); };
  const follow = (id: string) => { const s = by.get(id); if (s) { setPublishing(null); setOpen({ schedule: s, occurrence: s.next_us ? s.next_us / 1000 : fromLocal(s.start_local) }); } };
  useEffect(() => { /* a link from elsewhere: /schedule?open=ID */
    const wanted = new URLSearchParams(location.search).get('open');
    if (!wanted || !schedules.data) return;
    history.replaceState(null, '', '/schedule');
    follow(wanted);
  }, [schedules.data]);
  const drafts = schedules.data?.schedules.filter((s) => s.draft) ?? [];

  const show = (x: Shown) => { const s = by.get(x.schedule); if (s) setOpen({ schedule: s, occurrence: x.start }); };
  const canMove = (s: Schedule | undefined) => s !== undefined && movableBy(may, s, own(s.areas));
  const shown = useMemo<Shown[]>(() => {
    const list: Shown[] = [], seen = new Set<string>();
    for (const line of rehearsal.data?.timelines ?? [])
      for (const i of line.items ?? []) {
        if (seen.has(i.occurrence)) continue;
        seen.add(i.occurrence);
        list.push({ id: i.occurrence, schedule: i.schedule, title: i.title || by.get(i.schedule)?.name || '', start: i.start_us / 1000, end: i.end_us / 1000, priority: i.priority ?? 'normal', draft: false, movable: canMove(by.get(i.schedule)) });
      }
    for (const s of drafts) list.push({ id: `draft ${s.id}`, schedule: s.id, title: s.name, start: fromLocal(s.start_local), end: fromLocal(s.start_local) + 60e3, priority: s.priority, draft: true, movable: canMove(s) });
    return asOne(list);
  }, [rehearsal.data, by, drafts.length, top?.code]);
  const onShow = useMemo(() => (moving ? shown.map((x) => (x.id === moving.shown.id ? { ...x, start: moving.to, end: moving.to + x.end - x.start, movable: false } : x)) : shown), [shown, moving]);
  const problems = rehearsal.data?.problems ?? [], blocking = problems.filter((p) => p.blocks).length;
  const move = async () => {
    const { schedule, shown: x, to } = moving!;
    setMoving({ ...moving!, sure: true }); /* it stands at its new time while the server is asked, and goes back when that refuses */
    let now: Schedule | null = null;
    await act(async () => { now = await put<Schedule>(`/schedules/${seg(schedule.id)}`, bodyOf(schedule, { start_local: moved(schedule.start_local, to - x.start), draft: true })); }, { done: t('schedule.moved') });
    if (now) {
      schedules.change((d) => ({ schedules: d.schedules.map((s) => (s.id === schedule.id ? now! : s)) }));
      rehearsal.change((d) => ({ ...d, timelines: d.timelines.map((line) => ({ ...line, items: line.items?.filter((i) => i.schedule !== schedule.id) })) }));
    }
    setMoving(null);
    reload();
    if (now && may('approve')) setPublishing(now);
  };
  return (
    <>
      <div className="head"><h1>{t('page.schedule')}</h1>
        <div className="row"><AreaChoice label={t('schedule.area')} value={at} choose={setArea} />{may('edit') && <Button type="primary" size="large" onClick={() => setAdding(Date.now() + 3600e3)}>+ {t('schedule.add')}</Button>}</div></div>
      {schedules.failure && <Wrong failure={schedules.failure} retry={reload} />}
      {drafts.length > 0 && <section className="card" style={{ marginBottom: 14 }}><h2>{t('schedule.drafts', { n: drafts.length })}</h2>
        <ul className="list">{drafts.map((s) => <li key={s.id} className="row between"><div><b>{s.name}</b> <PriorityBadge priority={s.priority} /><div className="soft">{moment(fromLocal(s.start_local) * 1000)} · {sayAreas(s.areas, nameOf)}</div></div>
          {may('approve') && own(s.areas) ? <Button type="primary" onClick={() => setPublishing(s)}>{t('publish.go')}…</Button> : <span className="soft">{t('schedule.waitsPublish')}</span>}</li>)}</ul></section>}
      <section className="card" style={{ marginBottom: 14 }}>
        <Suspense fallback={<p role="status">{t('loading')}</p>}>
          <Week shown={onShow} week={(start) => setFrom(Math.max(Date.now(), start))} open={(x) => (x.others ? setPlaces(x) : show(x))}
            add={may('edit') ? (start) => setAdding(start) : undefined} move={(x, start, undo) => { const s = by.get(x.schedule); if (!s || start < Date.now()) { undo(); if (s) void act(() => Promise.reject(told(t('bulletin.past')))); } else setMoving({ shown: x, schedule: s, to: start, sure: false }); }} />
        </Suspense>
        <p className="soft" style={{ margin: '8px 0 0' }}>{t(phone ? 'schedule.hintView' : may('edit', 'air') ? 'schedule.hint' : may('edit') ? 'schedule.hintEdit' : 'schedule.hintView', { area: nameOf(at) })}</p>
      </section>
      <section className="card" aria-live="polite">
        <h2>{t('rehearsal.title')} {problems.length > 0 && <Badge tone={blocking ? 'bad' : 'warn'}>{t('rehearsal.count', { n: problems.length })}</Badge>}</h2>
        <p className="soft">{t('rehearsal.explain')}</p>
        {rehearsal.failure ? <Wrong failure={rehearsal.failure} retry={rehearsal.reload} /> : rehearsal.data ? <Problems list={problems} nameOf={nameOf} follow={follow} /> : <p role="status">{t('rehearsal.running')}</p>}
      </section>
      {adding > 0 && <Add at={Math.max(adding, Date.now() + 5 * 60e3)} close={() => setAdding(0)} done={(made) => { reload(); if (made.draft && may('approve')) setPublishing(made); }} />}
      <Modal open={places !== null} title={places?.title} footer={null} onCancel={() => setPlaces(null)}>
        <ul className="bare cards">{[...(places ? [{ ...places, others: undefined }, ...places.others!] : [])].map((x) => (
          <li key={x.id}><Button block onClick={() => { setPlaces(null); show(x); }}>{moment(x.start * 1000)} · {sayAreas(by.get(x.schedule)?.areas ?? [], nameOf)}</Button></li>))}</ul>
      </Modal>
      {open && <Details key={open.schedule.id} follow={follow} kept={open} close={() => setOpen(null)} changed={reload} publish={setPublishing} />}
      {publishing && <Publish follow={follow} schedule={publishing} close={() => setPublishing(null)} done={reload} />}
      <Modal open={moving !== null && !moving.sure} title={t('schedule.moveTitle')} onCancel={() => setMoving(null)} okText={t('schedule.moveGo')} onOk={() => void move()}>
        {moving && <p>{t(moving.schedule.rule ? 'schedule.moveSeries' : 'schedule.moveOne', { name: moving.schedule.name, at: moment(moving.to * 1000) })}</p>}
      </Modal>
    </>
  );
}
