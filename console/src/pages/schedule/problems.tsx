// SPDX-License-Identifier: GPL-3.0-or-later
// What stands against a plan: what kind, where and when, and how to mend it.
import { moment } from '../../app/format';
import { t, tWord } from '../../app/i18n';
import type { Problem } from '../../app/types';
import { Badge } from '../../ui/field';

export function Problems({ list, nameOf }: { list: Problem[]; nameOf: (c: string) => string }) {
  if (!list.length) return <div className="row"><Badge tone="good">{t('rehearsal.clean')}</Badge></div>;
  return (
    <ul className="list">{list.map((p, i) => (
      <li key={i}><div className="row"><Badge tone={p.blocks ? 'bad' : 'warn'}>{tWord('problem', p.kind)}</Badge>{p.blocks && <b>{t('rehearsal.blocks')}</b>}</div>
        <div>{p.area && `${nameOf(p.area)} · `}{p.from_us ? `${moment(p.from_us)}${p.to_us ? `–${moment(p.to_us)}` : ''}` : ''}</div><div>{tWord('problemHint', p.kind)}</div><div className="soft" lang="en">{p.text}</div></li>))}
    </ul>
  );
}
