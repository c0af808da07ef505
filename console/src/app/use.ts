// SPDX-License-Identifier: GPL-3.0-or-later
import { useCallback, useEffect, useRef, useState } from 'react';
import { get } from './api';
import { concerns, live } from './events';
import { asFailure, type Failure } from './failure';

export type Loaded<T> = {
  data: T | undefined;
  failure: Failure | null;
  loading: boolean;
  reload: () => void;
  /** Shows a change before the server has confirmed it; the answer takes it back when it fails. */
  change: (fn: (data: T) => T) => () => void;
};

/** Reads a list in parts of 1,000, the most that the server gives at once. */
export async function wholeList<T>(path: string, name: string, signal?: AbortSignal, read = get): Promise<T[]> {
  const all: T[] = [];
  for (;;) {
    const part = (await read<Record<string, T[]>>(`${path}?limit=1000&offset=${all.length}`, signal))[name];
    all.push(...part);
    if (part.length < 1000) return all;
  }
}

/** Reads a path, again whenever one of these events comes (at most once a second), and every so many milliseconds if wanted. */
export function useData<T>(path: string | null, events: readonly string[] = [], every = 0, read: (path: string, signal: AbortSignal) => Promise<T> = get): Loaded<T> {
  const [data, setData] = useState<T>();
  const [failure, setFailure] = useState<Failure | null>(null);
  const [loading, setLoading] = useState(path !== null);
  const [turn, setTurn] = useState(0);
  const shown = useRef<string | null>(null);
  const key = events.join(' ');

  useEffect(() => {
    if (path === null) return;
    const abort = new AbortController();
    if (shown.current !== path) {
      setData(undefined);
      setLoading(true);
    }
    read(path, abort.signal).then(
      (value) => {
        shown.current = path;
        setData(value);
        setFailure(null);
        setLoading(false);
      },
      (error: Error) => {
        if (error.name === 'AbortError') return;
        setFailure(asFailure(error));
        setLoading(false);
      },
    );
    return () => abort.abort();
  }, [path, turn]);

  const reload = useCallback(() => setTurn((n) => n + 1), []);
  useEffect(() => {
    if (path === null || !key) return;
    let timer = 0;
    const off = live.on((event) => {
      if (!timer && concerns(event.type, key.split(' '))) timer = window.setTimeout(() => { timer = 0; reload(); }, 300 + Math.random() * 700);
    });
    return () => { off(); window.clearTimeout(timer); };
  }, [path, key, reload]);
  useEffect(() => {
    if (path === null || !every) return;
    const timer = window.setInterval(() => { if (!document.hidden) reload(); }, every);
    return () => window.clearInterval(timer);
  }, [path, every, reload]);

  const change = useCallback((fn: (old: T) => T) => {
    let before: T | undefined;
    setData((old) => {
      before = old;
      return old === undefined ? old : fn(old);
    });
    return () => setData(before);
  }, []);
  return { data, failure, loading, reload, change };
}

/** A moment that moves on, for "since 3 min". */
export function useNow(every = 10000): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), every);
    return () => window.clearInterval(timer);
  }, [every]);
  return now;
}

export function useMedia(query: string): boolean {
  const [is, setIs] = useState(() => window.matchMedia(query).matches);
  useEffect(() => {
    const list = window.matchMedia(query);
    const listen = () => setIs(list.matches);
    list.addEventListener('change', listen);
    return () => list.removeEventListener('change', listen);
  }, [query]);
  return is;
}
