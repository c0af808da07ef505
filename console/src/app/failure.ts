// SPDX-License-Identifier: GPL-3.0-or-later
// What went wrong, as the server tells it: a code, what, and how to mend it; and where it happened.
export class Failure extends Error {
  constructor(readonly status: number, readonly code: string, message: string, readonly hint: string, readonly where: string) {
    super(message);
  }
}

/** The server wants a one-time code first. (Not when the account has no second factor at all.) */
export function isSecondFactor(code: string): boolean {
  return code === 'second-factor-needed';
}

export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  return new Failure(0, 'page', error instanceof Error ? error.message : String(error), '', location.pathname);
}
