// SPDX-License-Identifier: GPL-3.0-or-later
// Who is called into the meeting, and what is written across its picture.
import { Button, Input } from 'antd';
import { memo, useState, type FormEvent } from 'react';
import { post, put, remove, seg } from '../../app/api';
import { t, tWord } from '../../app/i18n';
import { Badge, Field } from '../../ui/field';
import { useAct } from '../../ui/wrong';
import type { Dial } from './types';

export const CallsCard = memo(function CallsCard({ base, dials, runs, reload }: { base: string; dials: readonly Dial[]; runs: boolean; reload: () => void }) {
  const act = useAct(), [target, setTarget] = useState('');
  const call = async (event: FormEvent) => {
    event.preventDefault();
    const name = target.trim();
    if (name && await act(() => post(`${base}/dials`, { targets: [name], redial: true }), { done: t('desk.calling', { name }) })) setTarget('');
    reload();
  };
  return (
    <section className="card">
      <h2>{t('desk.calls')}</h2>
      {runs && <form className="row" onSubmit={(e) => void call(e)}>
        <Input aria-label={t('desk.whom')} placeholder={t('desk.whom')} value={target} onChange={(e) => setTarget(e.target.value)} style={{ flex: 1, minWidth: 160 }} /><Button htmlType="submit" type="primary">{t('desk.call')}</Button></form>}
      <ul className="list" style={{ marginTop: 10 }}>{dials.map((d) => (
        <li key={d.target} className="row between" style={{ padding: '6px 0' }}><span>{d.target} <Badge tone={d.state === 'up' ? 'good' : d.state === 'failed' || d.state === 'given-up' ? 'bad' : 'idle'}>{tWord('dialState', d.state)}</Badge></span>
          {runs && <span className="row">{d.state !== 'up' && <Button onClick={() => void act(() => post(`${base}/dials`, { targets: [d.target], redial: true })).then(reload)}>{t('desk.again')}</Button>}
            <Button onClick={() => void act(() => remove(`${base}/dials/${seg(d.target)}`)).then(reload)}>{t('desk.stopCall')}</Button></span>}</li>))}
      </ul>
    </section>
  );
});

export const BannerCard = memo(function BannerCard({ base }: { base: string }) {
  const act = useAct(), [banner, setBanner] = useState('');
  return (
    <form className="card" onSubmit={(e) => { e.preventDefault(); void act(() => put(`${base}/banner`, { text: banner.trim() || null, clock: true }), { done: t('done') }); }}>
      <Field label={t('desk.banner')} hint={t('desk.bannerHint')}>{(id) => <Input id={id} maxLength={200} value={banner} onChange={(e) => setBanner(e.target.value)} />}</Field>
      <Button htmlType="submit">{t('desk.bannerGo')}</Button>
    </form>
  );
});
