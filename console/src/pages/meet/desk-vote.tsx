// SPDX-License-Identifier: GPL-3.0-or-later
// The vote that is open, or was last: opened and closed here.
import { Button, Input, Modal } from 'antd';
import { memo, useState, type FormEvent } from 'react';
import { t } from '../../app/i18n';
import { Field } from '../../ui/field';
import { useAct } from '../../ui/wrong';
import type { Doer } from './doer';
import { voteOpen, type RoomState } from './state';
import { VoteResult } from './vote-result';

function OpenVote({ doIt, close }: { doIt: Doer; close: () => void }) {
  const [form, setForm] = useState({ question: '', choices: '', secret: false });
  const act = useAct();
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const choices = form.choices.split('\n').map((x) => x.trim()).filter(Boolean);
    if (await act(() => doIt('vote-open', { question: form.question.trim(), secret: form.secret, ...(choices.length ? { choices } : {}) }), { done: t('desk.voteOpened') })) close();
  };
  return (
    <Modal open title={t('desk.voteOpen')} onCancel={close} footer={null}>
      <form onSubmit={(e) => void send(e)}>
        <Field label={t('desk.question')}>{(id) => <Input id={id} required maxLength={300} value={form.question} onChange={(e) => setForm({ ...form, question: e.target.value })} />}</Field>
        <Field label={t('desk.choices')} hint={t('desk.choicesHint')}>{(id) => <Input.TextArea id={id} rows={3} value={form.choices} onChange={(e) => setForm({ ...form, choices: e.target.value })} />}</Field>
        <label className="row" style={{ marginBottom: 12 }}><input type="checkbox" checked={form.secret} onChange={(e) => setForm({ ...form, secret: e.target.checked })} />{t('desk.secret')}</label>
        <Button type="primary" size="large" block htmlType="submit">{t('desk.voteGo')}</Button>
      </form>
    </Modal>
  );
}

export const VoteCard = memo(function VoteCard({ doIt, state, runs, done }: { doIt: Doer; state: RoomState; runs: boolean; done?: () => void }) {
  const act = useAct(), [asking, setAsking] = useState(false), vote = voteOpen(state) ?? state.votes[state.votes.length - 1];
  return (
    <section className="card">
      <div className="row between"><h2>{t('meet.vote')}</h2>{runs && !vote?.open && <Button type="primary" onClick={() => setAsking(true)}>{t('desk.voteOpen')}</Button>}</div>
      {vote ? <><p><b>{vote.question}</b> <span className="soft">{t('desk.votes', { n: vote.cast, all: vote.entitled ?? state.members.filter((m) => !m.in_lobby).length })}</span></p><VoteResult vote={vote} />
        {runs && vote.open && <Button type="primary" danger onClick={() => void act(() => doIt('vote-close', { vote: vote.id }), { done: t('vote.closed') }).then(done)}>{t('desk.voteClose')}</Button>}</> : <p className="soft">{t('vote.none')}</p>}
      {asking && <OpenVote doIt={doIt} close={() => { setAsking(false); done?.(); }} />}
    </section>
  );
});
