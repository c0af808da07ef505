// SPDX-License-Identifier: GPL-3.0-or-later
// Played, in part, missed: a bar for each line of the report, the worst first as the table has them. The table says the same in numbers.
import { number } from '../../app/format';
import { t } from '../../app/i18n';
import type { ReportRow } from '../../app/types';

export default function Bars({ rows }: { rows: ReportRow[] }) {
  const shown = rows.slice(0, 12);
  return (
    <div style={{ display: 'grid', gridTemplateColumns: 'minmax(90px, max-content) minmax(60px, 1fr) max-content', gap: '6px 12px', alignItems: 'center' }}>
      {shown.map((r) => {
        const all = Math.max(1, r.requested);
        return [<span key={`${r.key} n`}>{r.name}</span>,
          <div key={`${r.key} b`} className="bar" role="img" aria-label={t('report.barLabel', { name: r.name, played: r.played, partial: r.partial, missed: r.missed })}><i className="good" style={{ width: `${(100 * r.played) / all}%` }} /><i className="warn" style={{ width: `${(100 * r.partial) / all}%` }} /><i className="bad" style={{ width: `${(100 * r.missed) / all}%` }} /></div>,
          <span key={`${r.key} t`} className="soft">{number(r.played)}/{number(r.requested)}</span>];
      })}
    </div>
  );
}
