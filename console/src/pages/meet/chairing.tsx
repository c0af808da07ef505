// SPDX-License-Identifier: GPL-3.0-or-later
// The chair's and the secretary's buttons in the call itself: for who came by a link and has no desk.
import { Button } from 'antd';
import { t } from '../../app/i18n';
import { useAct } from '../../ui/wrong';
import type { Call, CallState } from './call';
import { FloorCard } from './desk-floor';
import { VoteCard } from './desk-vote';
import type { Member } from './types';

const asIs = () => () => undefined; /* the server's events show it soon enough */

/** One member: its microphone and its picture. What each key does is its word, for whom its label. */
function One({ m, call }: { m: Member; call: Call }) {
  const act = useAct(), name = m.name || m.uri || m.id;
  const told = [m.muted ? t('desk.isMuted') : m.self_muted && t('desk.isSelfMuted'), m.video_muted && t('desk.isHidden')].filter(Boolean);
  return (
    <li data-member={m.id}>
      <div><b>{name}</b>{told.length > 0 && <span className="soft"> {told.join(' · ')}</span>}</div>
      <div className="row">
        <Button aria-label={t(m.muted ? 'desk.unmuteOf' : 'desk.muteOf', { name })} onClick={() => void act(() => call.act('mute', { member: m.id, muted: !m.muted }))}>{t(m.muted ? 'desk.unmute' : 'desk.mute')}</Button>
        <Button aria-label={t(m.video_muted ? 'desk.showOf' : 'desk.hideOf', { name })} onClick={() => void act(() => call.act('hide', { member: m.id, hidden: !m.video_muted }))}>{t(m.video_muted ? 'desk.showVideo' : 'desk.hideVideo')}</Button>
      </div>
    </li>
  );
}

export function Chairing({ call, state }: { call: Call; state: CallState }) {
  const act = useAct(), may = (what: string) => state.may.includes(what), { members } = state.room;
  const others = members.filter((m) => !m.in_lobby && m.id !== state.member && m.role !== 'observer');
  return (
    <div className="meet-chairing">
      {may('admit') && members.filter((m) => m.in_lobby).map((m) => <Button key={m.id} type="primary" block onClick={() => void act(() => call.act('admit', { member: m.id }))}>{t('desk.admit', { name: m.name })}</Button>)}
      {may('mute-others') && <Button block onClick={() => void act(() => call.act('mute-all', { muted: true, except_chair: true }), { done: t('desk.mutedAll') })}>{t('desk.muteAll')}</Button>}
      <FloorCard doIt={call.act} state={state.room} runs={may('run-floor')} show={asIs} />
      {may('mute-others') && others.length > 0 && <details><summary>{t('desk.members')} ({others.length})</summary><ul className="list">{others.map((m) => <One key={m.id} m={m} call={call} />)}</ul></details>}
      <VoteCard doIt={call.act} state={state.room} runs={may('run-votes')} />
    </div>
  );
}
