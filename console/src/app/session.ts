// SPDX-License-Identifier: GPL-3.0-or-later
import { createContext, useContext } from 'react';
import type { Right, Session } from './types';

export type SignedIn = { session: Session; may: (...rights: Right[]) => boolean; signOut: () => Promise<void>; refresh: () => Promise<void> };
export const SessionContext = createContext<SignedIn | null>(null);

export function useSession(): SignedIn {
  const value = useContext(SessionContext);
  if (!value) throw new Error('nobody is signed in');
  return value;
}

export function holds(session: Pick<Session, 'rights'>, rights: readonly Right[]): boolean {
  return rights.every((right) => session.rights.includes(right));
}
