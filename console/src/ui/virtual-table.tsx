// SPDX-License-Identifier: GPL-3.0-or-later
// A table of thousands of rows that draws only those in sight. Its roles say how many there really are.
import { useEffect, useRef, useState, type ReactNode } from 'react';

export type Column<T> = { key: string; title: string; width: string; cell: (row: T) => ReactNode };

const ROW = 52, HEAD = 38, SPARE = 8;

/** Which rows to draw when that much is scrolled and that much is seen. */
export function inSight(top: number, height: number, count: number): [number, number] {
  const first = Math.max(0, Math.floor(top / ROW) - SPARE);
  return [first, Math.min(count, Math.ceil((top + height) / ROW) + SPARE)];
}

export function VirtualTable<T>({ rows, columns, rowKey, label, height = 560 }: { rows: readonly T[]; columns: Column<T>[]; rowKey: (row: T) => string; label: string; height?: number }) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [seen, setSeen] = useState(height);
  const template = columns.map((c) => c.width).join(' ');
  const [first, last] = inSight(top, seen, rows.length);

  useEffect(() => {
    const observer = new ResizeObserver(() => setSeen(box.current?.clientHeight ?? height));
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, [height]);
  const least = columns.length > 2 ? columns.length * 120 : 0; /* two fit a phone */
  return (
    <div className="vt" ref={box} style={{ maxHeight: height }} onScroll={(e) => setTop(e.currentTarget.scrollTop)} tabIndex={0} role="region" aria-label={label}>
      <div role="table" aria-label={label} aria-rowcount={rows.length + 1} style={{ minWidth: least, height: HEAD + rows.length * ROW, position: 'relative' }}>
        <div role="row" className="vr vh" aria-rowindex={1} style={{ gridTemplateColumns: template }}>
          {columns.map((c) => <div role="columnheader" key={c.key}>{c.title}</div>)}
        </div>
        {rows.slice(first, last).map((row, i) => (
          <div role="row" className="vr body" key={rowKey(row)} aria-rowindex={first + i + 2} style={{ gridTemplateColumns: template, top: HEAD + (first + i) * ROW, height: ROW }}>
            {columns.map((c) => <div role="cell" key={c.key}>{c.cell(row)}</div>)}
          </div>
        ))}
      </div>
    </div>
  );
}
