// SPDX-License-Identifier: GPL-3.0-or-later
import { useId, type ReactNode, type SelectHTMLAttributes } from 'react';

/** A label, what belongs under it, and what is wrong with it; the input gets the id. */
export function Field({ label, hint, wrong, children }: { label: string; hint?: string; wrong?: string; children: (id: string) => ReactNode }) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children(id)}
      {hint && <span className="hint">{hint}</span>}
      {wrong && <span role="alert" style={{ color: 'var(--bad)', fontWeight: 600 }}>{wrong}</span>}
    </div>
  );
}

/** The system's own list: phones show it large, screen readers know it. */
export function Choice<T extends string>({ options, value, choose, ...rest }: { options: readonly (readonly [T, string])[]; value: T; choose: (value: T) => void } & Omit<SelectHTMLAttributes<HTMLSelectElement>, 'value' | 'onChange'>) {
  return (
    <select className="choice" {...rest} value={value} onChange={(e) => choose(e.target.value as T)}>
      {options.map(([key, text]) => <option key={key} value={key}>{text}</option>)}
    </select>
  );
}

const SIGN = { good: '✔', warn: '▲', bad: '✖', idle: '○' }; /* told apart without colour too */

export function Badge({ tone, sign = SIGN[tone], children }: { tone: keyof typeof SIGN; sign?: string; children: ReactNode }) {
  return <span className={`badge ${tone}`}><span aria-hidden="true">{sign}</span>{children}</span>;
}
