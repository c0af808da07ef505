// SPDX-License-Identifier: GPL-3.0-or-later
// What happens, as it happens: one WebSocket for all pages, which comes back by itself. After a gap everybody reads anew, for what was missed.
import { PREFIX } from './api';

export type LiveEvent = { type: string; time?: number; data: unknown };
type Listener = (event: LiveEvent) => void;

/** How long to wait before the n-th new try: 0.5 s at first, at most 15 s, and not everybody at the same moment. */
export function retryDelay(n: number, random: number): number {
  return Math.min(15000, 500 * 2 ** Math.min(n, 10)) * (0.5 + random / 2);
}

/** Does an event of that type concern who asked for these? "bulletin." takes all that begin so; "again" comes after a gap and concerns all. */
export function concerns(type: string, wanted: readonly string[]): boolean {
  return type === 'again' || wanted.some((w) => (w.endsWith('.') ? type.startsWith(w) : type === w));
}

export class Live {
  private socket: WebSocket | null = null;
  private listeners = new Set<Listener>();
  private states = new Set<(up: boolean) => void>();
  private tries = 0;
  private timer = 0;
  private stopped = true;
  private gap = false;
  up = false;

  constructor(private path: string = `${PREFIX}/events`) {}

  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    window.addEventListener('online', this.now);
    this.open();
  }

  stop(): void {
    this.stopped = true;
    window.removeEventListener('online', this.now);
    window.clearTimeout(this.timer);
    this.socket?.close();
    this.socket = null;
    this.gap = false;
    this.set(false);
  }

  on(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  onState(fn: (up: boolean) => void): () => void {
    this.states.add(fn);
    return () => void this.states.delete(fn);
  }

  private now = (): void => {
    if (this.up || this.stopped) return;
    window.clearTimeout(this.timer);
    this.tries = 0;
    this.open();
  };

  private set(up: boolean): void {
    if (this.up === up) return;
    this.up = up;
    this.states.forEach((fn) => fn(up));
  }

  private tell(event: LiveEvent): void {
    this.listeners.forEach((fn) => fn(event));
  }

  private open(): void {
    const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${this.path}`, 'mediad.events');
    this.socket?.close();
    this.socket = socket;
    socket.onmessage = (message) => {
      let event: LiveEvent;
      try {
        event = JSON.parse(message.data as string) as LiveEvent;
      } catch {
        return;
      }
      if (event.type !== 'hello') return this.tell(event);
      this.tries = 0;
      this.set(true);
      if (this.gap) this.tell({ type: 'again', data: null });
      this.gap = false;
    };
    socket.onclose = () => {
      if (this.socket !== socket || this.stopped) return;
      this.socket = null;
      this.gap = true;
      this.set(false);
      this.timer = window.setTimeout(() => this.open(), retryDelay(this.tries++, Math.random()));
    };
  }
}

export const live = new Live();
