// SPDX-License-Identifier: GPL-3.0-or-later
// Interpreters: a channel by language, who interprets into it, and how much of the floor its listeners still hear.
import { Button, Input } from 'antd';
import { memo, useState, type FormEvent } from 'react';
import { put } from '../../app/api';
import { t } from '../../app/i18n';
import { Choice } from '../../ui/field';
import { useAct } from '../../ui/wrong';
import { nameIn } from './desk-floor';
import type { RoomState } from './state';
import type { Channel } from './types';
import type { Show } from './use-room';

const LEVELS = [['', 'channel.floorOff'], ['-18', 'channel.floorLow'], ['-10', 'channel.floorHalf']] as const;

export const ChannelsCard = memo(function ChannelsCard({ base, state, show }: { base: string; state: RoomState; show: Show }) {
  const act = useAct(), [name, setName] = useState(''), { channels } = state;
  const sites = state.members.filter((m) => !m.in_lobby && m.role !== 'observer');
  const save = (next: Channel[]) => act(() => put(`${base}/channels`, { channels: next.map((c) => ({ name: c.name, interpreters: c.interpreters, floor_db: c.floor_db ?? null })) }), { undo: show((s) => ({ ...s, channels: next })) });
  const change = (i: number, more: Partial<Channel>) => void save(channels.map((c, k) => (k === i ? { ...c, ...more } : c)));
  const add = async (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() && await save([...channels, { name: name.trim(), interpreters: [], listeners: [], floor_db: -18 }])) setName('');
  };
  return (
    <section className="card">
      <h2>{t('channel.title')}</h2>
      <p className="soft">{t('channel.hint')}</p>
      <ul className="list">{channels.map((c, i) => (
        <li key={c.name} style={{ padding: '8px 0' }}>
          <div className="row between"><b>{c.name}</b><span className="soft">{t('channel.listeners', { n: c.listeners?.length ?? 0 })}</span><Button aria-label={t('channel.remove', { name: c.name })} onClick={() => void save(channels.filter((x) => x !== c))}>✕</Button></div>
          <div className="row" style={{ marginTop: 6 }}>{c.interpreters.map((id) => <Button key={id} aria-label={t('channel.dismiss', { name: nameIn(state, id) })} onClick={() => change(i, { interpreters: c.interpreters.filter((x) => x !== id) })}>{nameIn(state, id)} ✕</Button>)}
            <Choice aria-label={t('channel.interpreter', { name: c.name })} value="" choose={(id: string) => { if (id) change(i, { interpreters: [...c.interpreters, id] }); }}
              options={[['', t('channel.add')] as const, ...sites.filter((m) => !channels.some((x) => x.interpreters.includes(m.id))).map((m) => [m.id, m.name || m.id] as const)]} />
            <Choice aria-label={t('channel.floor', { name: c.name })} value={c.floor_db == null ? '' : String(c.floor_db)} choose={(v: string) => change(i, { floor_db: v === '' ? null : Number(v) })}
              options={[...LEVELS.map(([v, key]) => [v as string, t(key)] as const), ...(c.floor_db != null && !LEVELS.some(([v]) => v === String(c.floor_db)) ? [[String(c.floor_db), `${c.floor_db} dB`] as const] : [])]} /></div>
        </li>))}
      </ul>
      <form className="row" style={{ marginTop: 8 }} onSubmit={(e) => void add(e)}><Input aria-label={t('channel.name')} placeholder={t('channel.name')} maxLength={40} value={name} onChange={(e) => setName(e.target.value)} style={{ flex: 1, minWidth: 140 }} /><Button htmlType="submit">{t('channel.make')}</Button></form>
    </section>
  );
});
