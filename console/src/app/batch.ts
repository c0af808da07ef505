// SPDX-License-Identifier: GPL-3.0-or-later
// What comes in a burst, gathered until the next frame and taken at once: a page is drawn once a frame, however many events come.

/** A window that is not seen draws no frames: there it is taken after that long. */
const UNSEEN_MS = 250;

export class Batch<T> {
  private waiting: T[] = [];
  private frame = 0;
  private timer = 0;

  constructor(private take: (all: readonly T[]) => void) {}

  add(one: T): void {
    this.waiting.push(one);
    if (this.waiting.length > 1) return;
    this.frame = requestAnimationFrame(this.flush);
    this.timer = window.setTimeout(this.flush, UNSEEN_MS);
  }

  /** Takes at once what waits. */
  flush = (): void => {
    if (this.waiting.length === 0) return;
    const all = this.waiting;
    this.drop();
    this.take(all);
  };

  /** Forgets what waits. */
  drop(): void {
    cancelAnimationFrame(this.frame);
    window.clearTimeout(this.timer);
    this.waiting = [];
  }
}
