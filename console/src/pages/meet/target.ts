// SPDX-License-Identifier: GPL-3.0-or-later
// Which meeting an address means: a link with a code (behind the #, so that no log sees it), or a room's name.
export type Target = { code?: string; room?: string };

export function targetOf(path: string, hash: string): Target | null {
  const link = /^#\/join\/([A-Za-z0-9_-]{1,128})$/.exec(hash);
  if (link) return { code: link[1] };
  const room = /^\/join(?:\/([A-Za-z0-9._-]{1,64}))?\/?$/.exec(path);
  return room ? (room[1] ? { room: room[1].toLowerCase() } : {}) : null;
}

/** What somebody pasted: a whole link, a code, or a room's name. */
export function targetFrom(typed: string): Target | null {
  const text = typed.trim();
  const link = /#\/join\/([A-Za-z0-9_-]{1,128})$/.exec(text);
  if (link) return { code: link[1] };
  const room = /^(?:https?:\/\/[^/]+\/join\/)?([A-Za-z0-9._-]{1,64})$/.exec(text);
  return room ? { room: room[1].toLowerCase() } : null;
}
