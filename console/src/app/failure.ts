// SPDX-License-Identifier: GPL-3.0-or-later
// What went wrong, as the server tells it: a code, what, and how to mend it; and where it happened. What else the answer holds beside "error"
// (what a meeting clashes with, what stands against a schedule) is in more.
export class Failure extends Error {
  constructor(readonly status: number, readonly code: string, message: string, readonly hint: string, readonly where: string, readonly more: Readonly<Record<string, unknown>> = {}) {
    super(message);
  }

  /** A list of the answer by its name; empty when there is none. */
  list<T>(name: string): readonly T[] {
    const value = this.more[name];
    return Array.isArray(value) ? (value as T[]) : [];
  }
}

/** The server's answer as a Failure; whatever it is, something comes out. */
export function failureFrom(status: number, text: string, statusText: string, where: string): Failure {
  try {
    const { error, ...more } = JSON.parse(text) as { error: { code: string; message: string; hint?: string } } & Record<string, unknown>;
    return new Failure(status, error.code, error.message, error.hint ?? '', where, more);
  } catch {
    return new Failure(status, `status-${status}`, statusText, '', where);
  }
}

/** The page's own reason not to do something, in the reader's words: nothing is broken. */
export function told(why: string): Failure {
  return new Failure(0, 'told', why, '', '');
}

/** The server wants a one-time code first. (Not when the account has no second factor at all.) */
export function isSecondFactor(code: string): boolean {
  return code === 'second-factor-needed';
}

export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  return new Failure(0, 'page', error instanceof Error ? error.message : String(error), '', location.pathname);
}
