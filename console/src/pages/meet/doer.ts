// SPDX-License-Identifier: GPL-3.0-or-later
// What runs a meeting, by name: the same cards work on the desk (over /api/v1) and in the call of a chair without an account (over its join socket).
import { patch, post, put, remove, seg } from '../../app/api';

export type Doer = (act: string, fields?: Record<string, unknown>) => Promise<unknown>;

/** The acts as requests about a room. */
export const apiDoer = (base: string): Doer => (act, fields = {}) => {
  const member = seg(String(fields.member ?? ''));
  switch (act) {
    case 'floor-give': return post(`${base}/floor/give`, fields);
    case 'floor-next': return post(`${base}/floor/next`, fields);
    case 'floor-end': return post(`${base}/floor/end`);
    case 'floor-extend': return post(`${base}/floor/extend`, fields);
    case 'floor-move': return put(`${base}/floor/queue/${member}`, { place: fields.place });
    case 'floor-lower-all': return remove(`${base}/floor/queue`);
    case 'floor-rules': return put(`${base}/floor/rules`, fields);
    case 'vote-open': return post(`${base}/votes`, fields);
    case 'vote-close': return post(`${base}/votes/${seg(String(fields.vote))}/close`);
    case 'content-stop': return post(`${base}/content/stop`);
    case 'mute': return patch(`${base}/members/${member}`, { muted: fields.muted });
    case 'mute-all': return put(`${base}/mute`, { muted: true, except_chair: true });
    case 'admit': return post(`${base}/members/${member}/admit`);
    default: return Promise.reject(new Error(`no such act: ${act}`));
  }
};
