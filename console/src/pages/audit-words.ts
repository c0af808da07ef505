// SPDX-License-Identifier: GPL-3.0-or-later
// What a line of the audit trail was about, in words: the trail itself keeps the request as it came.
import type { Key } from '../app/catalogue';
import { t, tWord } from '../app/i18n';

/** Requests that have a name of their own; the first that fits counts. */
const KNOWN: readonly [string, RegExp, Key][] = [
  ['POST', /^\/session$/, 'auditDid.signIn'], ['DELETE', /^\/session$/, 'auditDid.signOut'], ['POST', /^\/session\/second-factor$/, 'auditDid.confirm'],
  ['*', /^\/session\/second-factor/, 'auditDid.factor'], ['*', /^\/session\/password/, 'auditDid.password'], ['*', /^\/users\/[^/]+\/second-factor/, 'auditDid.dropFactor'],
  ['POST', /^\/bulletins\/[^/]+\/submit/, 'auditDid.submit'], ['POST', /^\/bulletins\/[^/]+\/approve/, 'auditDid.approve'], ['POST', /^\/bulletins\/[^/]+\/return/, 'auditDid.return'],
  ['POST', /^\/bulletins\/[^/]+\/(schedule|withdraw|archive)/, 'auditDid.bulletin'], ['POST', /^\/inbox\/[^/]+\/accept/, 'auditDid.accept'], ['POST', /^\/inbox\/[^/]+\/decline/, 'auditDid.decline'], ['POST', /^\/schedules\/[^/]+\/publish/, 'auditDid.publish'],
  ['POST', /^\/announcements$/, 'auditDid.playNow'], ['DELETE', /^\/announcements\//, 'auditDid.stop'], ['POST', /^\/areas\/[^/]+\/stop-all/, 'auditDid.stopAll'],
  ['POST', /^\/(emergencies|alerts)\/[^/]+\/(stop|all-clear)/, 'auditDid.stopAlert'], ['POST', /^\/emergencies/, 'auditDid.emergency'], ['POST', /^\/drills/, 'auditDid.drill'], ['*', /^\/areas\/[^/]+\/quiet-hours/, 'auditDid.quiet'], ['*', /^\/areas\/[^/]+\/holidays/, 'auditDid.holidays'],
  ['POST', /^\/link\/commands/, 'auditDid.command'], ['*', /^\/(devices\/[^/]+|link)\/enrol/, 'auditDid.enrol'], ['DELETE', /^\/devices\/[^/]+\/credential/, 'auditDid.credential'], ['*', /^\/dictionary/, 'auditDid.dictionary'], ['POST', /^\/meetings\/[^/]+\/links/, 'auditDid.links'], ['DELETE', /^\/meetings\/[^/]+\/links\//, 'auditDid.unlink'],
  ['POST', /^\/meetings\/[^/]+\/cancel/, 'auditDid.cancel'], ['*', /^\/meetings\/[^/]+\/trial/, 'auditDid.trial'],
  ['POST', /^\/rooms\/[^/]+\/recordings/, 'auditDid.record'], ['POST', /^\/rooms\/[^/]+\/streams/, 'auditDid.stream'], ['*', /^\/rooms\/[^/]+\//, 'auditDid.chair'], ['*', /^\/rooms\/[^/]+$/, 'auditDid.room'], /* of a confidential meeting only the room is kept, whatever was done */
  ['POST', /^\/settings\/reload/, 'auditDid.reload'],
];
const VERB: Record<string, Key> = { POST: 'auditVerb.POST', PUT: 'auditVerb.PUT', PATCH: 'auditVerb.PUT', DELETE: 'auditVerb.DELETE' };

/** "POST /api/v1/session" as somebody would say it; '' when there is no word for it. */
export function sayAudit(what: string): string {
  const [, method, path] = /^([A-Z]+) \/api\/v1(\/[^ ?]*)/.exec(what) ?? [];
  if (!method) return '';
  const known = KNOWN.find(([m, at]) => (m === '*' || m === method) && at.test(path));
  if (known) return t(known[2]);
  const parts = path.split('/').filter(Boolean), noun = parts[0] ?? '', word = tWord('auditNoun', noun);
  if (!VERB[method] || word === noun || word.startsWith('auditNoun.')) return '';
  return t(parts.length > 2 ? 'auditVerb.other' : VERB[method], { what: word }); /* deeper is about a part of it: not it was added or removed */
}
