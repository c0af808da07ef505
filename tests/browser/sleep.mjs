// SPDX-License-Identifier: GPL-3.0-or-later
// A machine that sleeps: one person's Chromium is stopped with all of its processes, and goes on later, with timers that are late, a WebSocket
// that the server gave up without a word of it getting through, and a way of the media that nobody kept open. usage: node sleep.mjs BASE LINK LINK; prints one line a step.
import { readdirSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { hears, join, LONG, member, must, PATIENCE, person, reach, seen, serve, step, story, up } from './people.mjs';

const [base, linkA, linkB] = process.argv.slice(2);
const BACK_MS = 5000 * PATIENCE, LONGER_MS = 3000, NAP_MS = 6000, A_HZ = 600, B_HZ = [900, 1500, 2100];
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

/** A process and all that stem from it, as { pid, state }. */
function tree(root) {
  const all = readdirSync('/proc').filter((x) => /^\d+$/.test(x)).flatMap((pid) => {
    try {
      const [state, parent] = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /s, '').split(' ');
      return [{ pid: Number(pid), parent: Number(parent), state }];
    } catch { return []; /* ended meanwhile */ }
  });
  const found = all.filter((x) => x.pid === root);
  for (const one of found) found.push(...all.filter((x) => x.parent === one.pid)); /* grows as it is walked */
  return found;
}
const signal = (pids, name) => pids.forEach((pid) => { try { process.kill(pid, name); } catch { /* ended meanwhile */ } });

class Laptop {
  constructor(server) { this.server = server; this.root = server.process().pid; }
  async close() { /* the lid */
    for (let n = 0; n < 50; n++) {
      const running = tree(this.root).filter((x) => x.state !== 'T' && x.state !== 'Z');
      if (!running.length) break;
      signal(running.map((x) => x.pid), 'SIGSTOP');
      await wait(10);
    }
    const all = tree(this.root).filter((x) => x.state !== 'Z');
    must(all.length >= 4 && all.every((x) => x.state === 'T'), `not all of it sleeps: ${JSON.stringify(all)}`);
    return all.length;
  }
  open() { signal(tree(this.root).map((x) => x.pid).reverse(), 'SIGCONT'); }
}

/** The network its HTTP goes through: connections of before a sleep are dead afterwards, and nothing says so. */
class Network {
  pairs = new Set();
  async start() {
    this.server = createServer({ allowHalfOpen: true }, (page) => {
      const pair = { page, mediad: connect({ port: Number(new URL(base).port), host: '127.0.0.1', allowHalfOpen: true }), dead: false };
      this.pairs.add(pair);
      for (const [from, to] of [[page, pair.mediad], [pair.mediad, page]]) {
        from.on('data', (data) => { if (!pair.dead) to.write(data); });
        from.on('end', () => { if (!pair.dead) to.end(); });
        from.on('error', () => { if (!pair.dead) to.destroy(); });
      }
    });
    await new Promise((done) => this.server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${this.server.address().port}`;
  }
  forget() { for (const pair of this.pairs) pair.dead = true; }
  end() { this.server.close(); for (const { page, mediad } of this.pairs) { page.destroy(); mediad.destroy(); } }
}

const away = ({ page }, id, is) => page.waitForFunction(([who, wanted]) => (window.mediadCall.state.room.members.find((m) => m.id === who)?.away ?? false) === wanted, [id, is], { timeout: LONG });
const frames = ({ page }) => page.evaluate(() => document.querySelector('video.meet-big')?.getVideoPlaybackQuality().totalVideoFrames ?? 0);

/** It wakes: how long until it is heard and hears what the other says only now. */
async function wakes(laptop, a, b, id, hz) {
  await b.page.evaluate((f) => { window.testTone.tone.frequency.value = f; }, hz);
  const began = Date.now(), since = () => Date.now() - began;
  laptop.open();
  const [heardAfter, hearsAfter] = await Promise.all([hears(b, A_HZ).then(since), hears(a, hz).then(since)]);
  const state = await a.page.evaluate(() => ({ phase: window.mediadCall.state.phase, media: window.mediadCall.state.media, member: window.mediadCall.state.member }));
  must(state.member === id && state.phase === 'in' && state.media === 'up', `where is it? ${JSON.stringify(state)}`);
  must(Math.max(heardAfter, hearsAfter) < BACK_MS, `heard after ${heardAfter} ms, hears after ${hearsAfter} ms`);
  await away(b, id, false);
  const shown = await frames(a);
  await a.page.waitForFunction((n) => document.querySelector('video.meet-big').getVideoPlaybackQuality().totalVideoFrames > n + 3, shown, { timeout: LONG });
  await seen(b, 'video.meet-big', (s) => s.cyan.share > 0.03, 'who slept');
  return { heardAfter, hearsAfter, pictureAfter: since() };
}

await story(async (browser) => {
  const server = await serve(), laptop = new Laptop(server), network = new Network(), through = await network.start();
  try {
    const a = await person(await reach(server), { name: 'Xã Cẩm Xuyên', colour: 'cyan', hz: A_HZ, fps: 5 });
    const b = await person(browser, { name: 'Văn phòng', colour: 'magenta', hz: B_HZ[0], fps: 5 });
    await join(a, through + linkA);
    await join(b, base + linkB);
    await Promise.all([up(a), up(b)]);
    const id = await member(a);
    await Promise.all([hears(a, B_HZ[0]), hears(b, A_HZ)]);
    step('both hear each other');

    const began = Date.now(), processes = await laptop.close();
    network.forget();
    await away(b, id, true);
    const noticed = Date.now() - began;
    await wait(LONGER_MS);
    await hears(b, A_HZ, false);
    step('slept', { processes, noticed, ...await wakes(laptop, a, b, id, B_HZ[1]) });

    await a.page.evaluate(() => window.mediadCall.local.getAudioTracks().forEach((x) => x.stop()));
    await laptop.close();
    network.forget();
    await wait(NAP_MS);
    await hears(b, A_HZ, false);
    step('napped', await wakes(laptop, a, b, id, B_HZ[2]));
  } finally {
    laptop.open();
    await server.close();
    network.end();
  }
});
