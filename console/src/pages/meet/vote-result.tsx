// SPDX-License-Identifier: GPL-3.0-or-later
import { t } from '../../app/i18n';
import type { Vote } from './types';

export function VoteResult({ vote }: { vote: Vote }) {
  const most = Math.max(1, ...vote.choices.map((c) => c.count ?? 0));
  return (
    <ul className="list">{vote.choices.map((c, i) => (
      <li key={c.key} style={{ padding: '6px 0' }}><div className="row between"><span>{vote.winner === i && '✔ '}{c.text}</span><b>{c.count ?? '–'}</b></div>
        <div className="bar"><i className="good" style={{ width: `${(100 * (c.count ?? 0)) / most}%` }} /></div>
        {!vote.secret && vote.voted?.some((v) => v.choice === i) && <small className="soft">{vote.voted.filter((v) => v.choice === i).map((v) => v.name ?? v.site).join(' · ')}</small>}</li>))}
      {!vote.open && vote.has_quorum === false && <li><b>{t('vote.noQuorum')}</b></li>}
    </ul>
  );
}
