// SPDX-License-Identifier: GPL-3.0-or-later
// What stands against a plan: what kind, where and when, what it meets and how to mend it, in the reader's language.
import { moment, span } from '../../app/format';
import { t, tWord } from '../../app/i18n';
import { catalogue, type Key } from '../../app/catalogue';
import { Link } from '../../app/router';
import type { Problem } from '../../app/types';
import { Badge } from '../../ui/field';
import { sayReason } from '../../ui/run';

/** Why a recording may not be heard: the server names the bulletin it comes from and its state. */
function sayWhy(why: string | undefined): string {
  const bulletin = /^bulletin \S+ \("(.*)"\) is (.+)$/.exec(why ?? '') ?? /bulletin \S+ \("(.*)"\) is (not approved)$/.exec(why ?? '');
  if (!bulletin) return sayReason(why);
  const [, title, is] = bulletin, known = `refusedWhy.${is.replace(/ /g, '-')}`;
  return t('refusedWhy.bulletin', { title, is: known in catalogue ? t(known as Key) : tWord('bulletinState', is).toLowerCase() });
}

/** The sentence; the server's own where it is one that is not known here. */
export function sayProblem(p: Problem, area: string): string {
  const { name = '', other_name = '', why, zone = '', length_us = 0, until_us, lost } = p.params ?? {}, key = `problemSays.${p.code}`;
  if (!(key in catalogue)) return p.text;
  const says = t(key as Key, { name, other: other_name, why: sayWhy(why), zone, span: span(Math.abs(length_us)), until: moment(until_us), area });
  return lost ? `${says} ${t('problem.lost')}` : says;
}

/** What can be opened: the programme it is about, and the one it meets; not one that is not kept yet. */
export function linksOf(p: Problem, self?: string): { id: string; name: string }[] {
  const list: { id: string; name: string }[] = [];
  if (p.schedule && p.schedule !== 'new' && p.schedule !== self) list.push({ id: p.schedule, name: p.params?.name ?? p.schedule });
  if (p.other && p.other_kind === 'schedule' && p.other !== 'new' && p.other !== self) list.push({ id: p.other, name: p.params?.other_name ?? p.other });
  return list;
}

export function Problems({ list, nameOf, self, follow }: { list: readonly Problem[]; nameOf: (c: string) => string; self?: string; follow?: (id: string) => void }) {
  if (!list.length) return <div className="row"><Badge tone="good">{t('rehearsal.clean')}</Badge></div>;
  return (
    <ul className="list problems">{list.map((p, i) => {
      const where = p.area ? p.area_name || nameOf(p.area) : '', mend = `problemMend.${p.code}`;
      return (
        <li key={i}><div className="row"><Badge tone={p.blocks ? 'bad' : 'warn'}>{tWord('problem', p.kind)}</Badge>{p.blocks && <b>{t('rehearsal.blocks')}</b>}</div>
          <div>{sayProblem(p, where)}</div>
          <div className="soft">{[where, p.from_us ? `${moment(p.from_us)}${p.to_us && p.to_us > p.from_us ? ` – ${moment(p.to_us)}` : ''}` : '', p.times && p.times > 1 ? t('problem.times', { n: p.times }) : ''].filter(Boolean).join(' · ')}</div>
          <div className="mend">{mend in catalogue ? t(mend as Key) : p.mend}</div>
          {linksOf(p, self).map((x) => <div key={x.id}><Link to={`/schedule?open=${encodeURIComponent(x.id)}`} onClick={follow ? (e) => { e.preventDefault(); follow(x.id); } : undefined}>{t('problem.open', { name: x.name })}</Link></div>)}
        </li>);
    })}
    </ul>
  );
}
