// SPDX-License-Identifier: GPL-3.0-or-later
// The members on the desk: a row each, drawn anew only when something of it changes.
import { Button, Input } from 'antd';
import { memo, useMemo, useState } from 'react';
import { t, tWord } from '../../app/i18n';
import { plain } from '../../ui/areas';
import { Badge, Choice } from '../../ui/field';
import { LAYOUTS } from './desk-view';
import { StateIcons } from './stage';
import { sameRow, trouble } from './state';
import { ROLES, type Floor, type Member, type Role } from './types';

/** What a row's keys do. Stays the same object while the desk does. */
export type RowActs = {
  give: (m: Member) => void; change: (m: Member, body: Partial<Member>) => void; view: (m: Member, layout: string) => void;
  spotlight: (m: Member) => void; why: (m: Member) => void; remove: (m: Member) => void;
};
type Can = (what: string) => boolean;
type RowProps = { m: Member; holds: boolean; /** in the queue, from 1; 0: not in it */ place: number; can: Can; acts: RowActs };

function More({ m, can, acts }: RowProps) {
  const [open, setOpen] = useState(false);
  return (
    <details className="desk-more" onToggle={(e) => setOpen(e.currentTarget.open)}><summary aria-label={t('desk.moreOf', { name: m.name })}>⋯</summary>{open && <div>
      <Button block onClick={() => acts.why(m)}>{t('desk.why')}</Button>
      {can('set-layout') && <><Button block onClick={() => acts.spotlight(m)}>{t('desk.spotlight')}</Button>
        <Choice aria-label={t('desk.viewOf', { name: m.name })} value={m.view?.layout ?? ''} choose={(layout: string) => acts.view(m, layout)} options={[['', t('desk.viewRoom')] as const, ...LAYOUTS.map((l) => [l as string, t('desk.viewOwn', { layout: tWord('layout', l) })] as const)]} /></>}
      {can('mute-others') && <Button block onClick={() => acts.change(m, { video_muted: !m.video_muted })}>{m.video_muted ? t('desk.showVideo') : t('desk.hideVideo')}</Button>}
      {can('set-roles') && <Choice aria-label={t('desk.role')} value={m.role} choose={(role: Role) => acts.change(m, { role })} options={ROLES.map((r) => [r, tWord('meetRole', r)] as const)} />}
      {can('kick') && <Button block danger onClick={() => acts.remove(m)}>{t('desk.kick')}</Button>}
    </div>}</details>
  );
}

const Row = memo(function Row(props: RowProps) {
  const { m, holds, place, can, acts } = props, bad = trouble(m);
  const told = [tWord('meetRole', m.role), m.muted ? t('desk.isMuted') : m.self_muted && t('desk.isSelfMuted'), m.video_muted && t('desk.isHidden'), m.talking && t('desk.talks'), place > 0 && t('desk.handAt', { n: place }),
    m.view && (m.view.shown === false ? t('desk.viewNotShown') : t('desk.viewOwn', { layout: tWord('layout', m.view.layout) }))];
  return (
    <li data-member={m.id}>
      <div className="row between">
        <div style={{ minWidth: 0 }}><b>{m.name || m.uri}</b> <StateIcons m={m} floor={holds ? m.id : null} hand={place > 0} />
          <div className="soft">{told.filter(Boolean).join(' · ')}</div>
          {bad && <Badge tone={bad === 'away' || bad === 'no-packets' ? 'bad' : 'warn'}>{t(`weak.${bad}`)}</Badge>}</div>
        <div className="row">
          {can('run-floor') && !holds && <Button type={place > 0 ? 'primary' : 'default'} onClick={() => acts.give(m)}>{t('desk.give')}</Button>}
          {can('mute-others') && <Button onClick={() => acts.change(m, { muted: !m.muted })}>{m.muted ? t('desk.unmute') : t('desk.mute')}</Button>}
          {(can('set-layout') || can('kick')) && <More {...props} />}
        </div>
      </div>
    </li>
  );
}, (a, b) => sameRow(a.m, b.m) && a.holds === b.holds && a.place === b.place && a.can === b.can && a.acts === b.acts);

/** Who speaks first, then who waits, by role, by name. */
function inOrder(members: readonly Member[], floor: Floor): { m: Member; place: number }[] {
  const places = new Map(floor.queue.map((q, i) => [q.member, i + 1]));
  return members.map((m) => ({ m, place: places.get(m.id) ?? 0, name: plain(m.name) }))
    .sort((a, b) => Number(b.m.id === floor.holder) - Number(a.m.id === floor.holder) || (a.place || 999) - (b.place || 999) || ROLES.indexOf(a.m.role) - ROLES.indexOf(b.m.role) || a.name.localeCompare(b.name));
}

export const MembersCard = memo(function MembersCard({ members, floor, can, acts }: { members: readonly Member[]; floor: Floor; can: Can; acts: RowActs }) {
  const [search, setSearch] = useState(''), wanted = plain(search);
  const shown = useMemo(() => inOrder(members.filter((m) => !m.in_lobby && plain(m.name).includes(wanted)), floor), [members, wanted, floor]);
  return (
    <section className="card">
      <div className="row between"><h2>{t('desk.members')}</h2><Input aria-label={t('desk.search')} placeholder={t('desk.search')} allowClear style={{ maxWidth: 260 }} value={search} onChange={(e) => setSearch(e.target.value)} /></div>
      <ul className="list desk-members">{shown.map(({ m, place }) => <Row key={m.id} m={m} holds={m.id === floor.holder} place={place} can={can} acts={acts} />)}</ul>
      {shown.length === 0 && <p className="soft">{t('desk.nobody')}</p>}
    </section>
  );
});
