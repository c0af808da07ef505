// SPDX-License-Identifier: GPL-3.0-or-later
// Addresses of pages: the server gives index.html for each of them.
import { useEffect, useState, type AnchorHTMLAttributes, type MouseEvent } from 'react';

const MOVED = 'mediad:moved';

export function go(to: string, replace = false): void {
  if (to === location.pathname + location.search) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', to);
  window.dispatchEvent(new Event(MOVED));
  if (!replace) window.scrollTo(0, 0);
}

export function usePath(): string {
  const [path, setPath] = useState(location.pathname);
  useEffect(() => {
    const moved = () => setPath(location.pathname);
    window.addEventListener('popstate', moved);
    window.addEventListener(MOVED, moved);
    return () => { window.removeEventListener('popstate', moved); window.removeEventListener(MOVED, moved); };
  }, []);
  return path;
}

/** "/loudspeakers/:id" against a path: its parameters, null when it is another page. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const want = pattern.split('/').filter(Boolean), have = path.split('/').filter(Boolean);
  const found: Record<string, string> = {};
  if (want.length !== have.length) return null;
  for (let i = 0; i < want.length; i++) {
    if (want[i].startsWith(':')) {
      try { found[want[i].slice(1)] = decodeURIComponent(have[i]); } catch { return null; }
    } else if (want[i] !== have[i]) return null;
  }
  return found;
}

/** A click on a link to a page of ours: goes there without loading anew, unless another window was asked for. */
export function inPage(event: MouseEvent<HTMLElement>, to: string): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  go(to);
}

export function Link({ to, ...rest }: { to: string } & AnchorHTMLAttributes<HTMLAnchorElement>) {
  return <a {...rest} href={to} onClick={(event) => { rest.onClick?.(event); inPage(event, to); }} />;
}
