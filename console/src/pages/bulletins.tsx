// SPDX-License-Identifier: GPL-3.0-or-later
// Bulletins: mine and others' drafts, what waits for approval, and what came to a commune from above.
import { Button, Input, Modal } from 'antd';
import { useState } from 'react';
import { post, seg } from '../app/api';
import { fromLocal, moment, since, toLocal } from '../app/format';
import { t, tWord } from '../app/i18n';
import { go, Link } from '../app/router';
import { useSession } from '../app/session';
import type { Bulletin, InboxItem } from '../app/types';
import { useData, useNow } from '../app/use';
import { sayAreas, useAreaName } from '../ui/areas';
import { Badge, Field } from '../ui/field';
import { PriorityBadge } from '../ui/run';
import { useAct, Wrong } from '../ui/wrong';
import { FileList } from './bulletin/files';
import { stateTone } from './bulletin/state';

type Tab = 'mine' | 'waiting' | 'inbox' | 'all';

function Row({ b }: { b: Bulletin }) {
  const nameOf = useAreaName();
  return (
    <li>
      <div className="row between">
        <div style={{ minWidth: 0 }}><Link to={`/bulletins/${seg(b.id)}`}><b>{b.title}</b></Link>
          <div className="soft">{sayAreas(b.areas?.length ? b.areas : [b.area], nameOf)} · {t('bulletin.changed', { who: b.changed_by ?? '', at: moment(b.changed_us) })}</div></div>
        <div className="row"><PriorityBadge priority={b.priority} /><Badge tone={stateTone(b.state)}>{tWord('bulletinState', b.state)}</Badge></div>
      </div>
      {b.state === 'returned' && b.reason && <div className="soft">{t('bulletin.returnedWhy', { why: b.reason })}</div>}
    </li>
  );
}

function Conflict({ item, decided }: { item: InboxItem; decided: () => void }) {
  const nameOf = useAreaName(), act = useAct(), now = useNow(), { may } = useSession();
  const choose = (first: 'above' | 'own') => act(() => post(`/inbox/conflicts/${seg(item.id)}`, { first }), { done: t('inbox.decided') }).then(decided);
  return (
    <section className="card emergency" style={{ marginBottom: 12 }}>
      <h2>{t('inbox.conflictTitle', { area: nameOf(item.area), at: moment(item.at_us) })}</h2>
      <p>{t('inbox.conflictExplain')}</p>
      <div className="two">
        <div className="card"><span className="soft">{tWord('origin', item.origin ?? 'province')}</span><h3 style={{ marginTop: 4 }}>{item.title}</h3><div>{moment(item.at_us)}</div>
          {may('approve') && <Button size="large" type="primary" block style={{ marginTop: 10 }} onClick={() => void choose('above')}>{t('inbox.aboveFirst')}</Button>}</div>
        <div className="card"><span className="soft">{t('inbox.own')}</span><h3 style={{ marginTop: 4 }}>{item.other_title || t('inbox.ownBulletin')}</h3><div>{moment(item.other_at_us)}</div>
          {may('approve') && <Button size="large" block style={{ marginTop: 10 }} onClick={() => void choose('own')}>{t('inbox.ownFirst')}</Button>}</div>
      </div>
      {item.deadline_us ? <p className="soft" style={{ margin: '10px 0 0' }}>{t('inbox.deadline', { span: since(2 * now * 1000 - item.deadline_us, now), at: moment(item.deadline_us) })}</p> : null}
    </section>
  );
}

function Inbox() {
  const inbox = useData<{ inbox: InboxItem[] }>('/inbox?limit=100', ['inbox.']);
  const conflicts = useData<{ conflicts: InboxItem[] }>('/inbox/conflicts', ['inbox.']);
  const nameOf = useAreaName(), act = useAct(), { may } = useSession();
  const [asking, setAsking] = useState<{ item: InboxItem; what: 'accept' | 'decline' } | null>(null);
  const [value, setValue] = useState('');
  const reload = () => { inbox.reload(); conflicts.reload(); };
  const send = async () => {
    const { item, what } = asking!;
    setAsking(null);
    const undo = inbox.change((d) => ({ inbox: d.inbox.map((x) => (x.id === item.id ? { ...x, state: what === 'accept' ? 'accepted' : 'declined' } : x)) }));
    await act(() => post(`/inbox/${seg(item.id)}/${what}`, what === 'accept' ? { start_local: `${value}:00` } : { reason: value.trim() }), { undo, done: t('done') });
    reload();
  };
  return (
    <>
      {inbox.failure && <Wrong failure={inbox.failure} retry={reload} />}
      {conflicts.data?.conflicts.map((c) => <Conflict key={c.id} item={c} decided={reload} />)}
      <section className="card">
        <h2>{t('inbox.title')}</h2>
        <p className="soft">{t('inbox.explain')}</p>
        <ul className="list">{inbox.data?.inbox.map((item) => (
          <li key={item.id}>
            <div className="row between">
              <div style={{ minWidth: 0 }}><b>{item.title}</b> <PriorityBadge priority={item.priority} /><div className="soft">{tWord('origin', item.origin ?? '')} → {nameOf(item.area)} · {moment(item.received_us)}{item.at_us ? ` · ${t('inbox.playsAt', { at: moment(item.at_us) })}` : ''}</div></div>
              <Badge tone={item.state === 'waiting' || item.state === 'conflict' ? 'warn' : item.state === 'missed' ? 'bad' : 'idle'}>{tWord('inboxState', item.state)}</Badge>
            </div>
            {item.files && item.files.length > 0 && <details style={{ marginTop: 6 }}><summary>{t('file.count', { n: item.files.length })}</summary><FileList files={item.files} /></details>}
            {may('edit') && item.priority === 'normal' && item.state === 'waiting' && <div className="row" style={{ marginTop: 8 }}>
              <Button type="primary" onClick={() => { setValue(toLocal(Date.now() + 3600e3).slice(0, 16)); setAsking({ item, what: 'accept' }); }}>{t('inbox.accept')}</Button>
              {may('approve') && <Button onClick={() => { setValue(''); setAsking({ item, what: 'decline' }); }}>{t('inbox.decline')}</Button>}
            </div>}
          </li>))}</ul>
        {inbox.data?.inbox.length === 0 && <p className="soft">{t('inbox.empty')}</p>}
      </section>
      <Modal open={asking !== null} title={asking?.item.title} onCancel={() => setAsking(null)} destroyOnHidden okText={asking?.what === 'accept' ? t('inbox.accept') : t('inbox.decline')}
        okButtonProps={{ disabled: !value.trim() || (asking?.what === 'accept' && fromLocal(value) < Date.now()) }} onOk={() => void send()}>
        {asking?.what === 'accept'
          ? <Field label={t('inbox.when')} hint={t('localTime')}>{(id) => <input id={id} className="plain" type="datetime-local" value={value} onChange={(e) => setValue(e.target.value)} />}</Field>
          : <Field label={t('reason')}>{(id) => <Input.TextArea id={id} rows={3} maxLength={400} value={value} onChange={(e) => setValue(e.target.value)} />}</Field>}
      </Modal>
    </>
  );
}

export default function Bulletins() {
  const { session, may } = useSession();
  const wanted = new URLSearchParams(location.search).get('tab') as Tab | null;
  const [tab, setTab] = useState<Tab>(wanted ?? (may('approve') ? 'waiting' : 'mine'));
  const all = useData<{ bulletins: Bulletin[] }>('/bulletins?limit=300', ['bulletin.']);
  const conflicts = useData<{ conflicts: InboxItem[] }>('/inbox/conflicts', ['inbox.']);
  const list = all.data?.bulletins ?? [];
  const lists: Record<Exclude<Tab, 'inbox'>, Bulletin[]> = {
    mine: list.filter((b) => b.created_by === session.user && b.state !== 'archived'),
    waiting: list.filter((b) => b.state === 'submitted'),
    all: list,
  };
  const tabs: [Tab, string, number][] = [
    ['waiting', t('bulletins.waiting'), lists.waiting.length], ['mine', t('bulletins.mine'), lists.mine.length],
    ['inbox', t('bulletins.inbox'), conflicts.data?.conflicts.length ?? 0], ['all', t('bulletins.all'), list.length],
  ];
  const open = (to: Tab) => { setTab(to); history.replaceState(null, '', `/bulletins?tab=${to}`); };
  return (
    <>
      <div className="head"><h1>{t('page.bulletins')}</h1>{may('edit') && <Button type="primary" size="large" onClick={() => go('/bulletins/new')}>+ {t('bulletin.new')}</Button>}</div>
      <nav className="tabs" aria-label={t('page.bulletins')}>{tabs.map(([key, text, n]) => <a key={key} href={`/bulletins?tab=${key}`} aria-current={tab === key ? 'page' : undefined} onClick={(e) => { e.preventDefault(); open(key); }}>{text}{n > 0 && ` (${n})`}</a>)}<Link to="/bulletins/words">{t('page.dictionary')}</Link></nav>
      {all.failure && <Wrong failure={all.failure} retry={all.reload} />}
      {tab === 'inbox' ? <Inbox /> : (
        <section className="card">
          <ul className="list">{lists[tab].map((b) => <Row key={b.id} b={b} />)}</ul>
          {all.data && lists[tab].length === 0 && <p className="soft" style={{ margin: 0 }}>{tab === 'waiting' ? t('bulletins.noneWaiting') : t('bulletins.none')}</p>}
        </section>)}
    </>
  );
}
