// SPDX-License-Identifier: GPL-3.0-or-later
// The night operator at the console: finds from it alone why a loudspeaker is silent, and the pages stay smooth with 5,000 loudspeakers and with what
// happens to them. usage: node pages-duty.mjs SPEC.json; one line a step. Figures are printed; only what was done is judged.
import { readFileSync } from 'node:fs';
import { catalogue, launch, must, ok, open } from './look.mjs';

const spec = JSON.parse(readFileSync(process.argv[2], 'utf8')), words = catalogue(spec.root), long = 20000 * spec.patience, word = (key) => words[key][0];
const browser = await launch();

/** From "On air": type the name, open it, read the first cause. Clicks are counted as a person makes them. */
async function find(page, name, number) {
  let clicks = 0;
  const t0 = Date.now();
  await page.getByRole('link', { name: word('page.loudspeakers') }).first().click(); clicks++;
  await page.getByLabel(word('loud.search')).fill(number); clicks++; /* into the field */
  await page.getByRole('row').getByRole('link', { name, exact: true }).click({ timeout: long }); clicks++;
  await page.locator('ol.why li, section .badge').first().waitFor({ timeout: long });
  await page.rest();
  const card = page.locator('section.card').filter({ has: page.getByRole('heading', { name: word('why.title') }) });
  const read = { causes: await card.locator('li .badge').allInnerTexts(), says: (await card.locator('li').first().innerText().catch(() => card.innerText())).replace(/\s+/g, ' '), mends: await card.locator('li').first().getByRole('button').allInnerTexts(), clicks, ms: Date.now() - t0 };
  await page.getByRole('link', { name: word('page.onAir') }).first().click();
  return read;
}

/** What the operator can do from here stands with the cause. */
const MENDED = { volume: words['volume.again'][0].replace('{n}', '70'), 'line-open': word('verb.line-test'), 'no-schedule': word('verb.restart'), 'no-media': word('verb.fetch'), clock: word('verb.restart'), disabled: word('device.enable') };

async function whySilent() {
  const page = await open(browser, { base: spec.base, cookie: spec.cookie });
  await page.go('/');
  for (const { cause, name, id } of spec.silent) {
    const read = await find(page, name, id), first = (read.causes[0] ?? '').replace(/^\S+\s+/, '');
    must(first === word(`cause.${cause}`), `${id} is silent for ${cause}; the page says: ${read.causes.join(', ') || read.says}`);
    must(read.says.includes(word('why.do')), `${cause}: nothing to do is said`);
    must(read.clicks <= 3, `${read.clicks} clicks`);
    must(read.mends.join() === (MENDED[cause] ?? ''), `${cause}: with the cause stands ${read.mends.join() || 'no button'}`);
    ok(`why silent, ${cause}`, `${read.clicks} clicks, ${read.ms} ms: ${read.says}`);
  }
  const read = await find(page, spec.fine.name, spec.fine.id);
  must(read.causes.length === 0 && read.says.includes(word('why.fine')), `a sound one is blamed: ${read.says}`);
  ok('a sound one is not blamed', read.says);
  must(page.wrong.length === 0, page.wrong.join('; '));
  await page.context().close();
}

/** Long tasks and frames while something is done. */
const watch = (page) => page.evaluate(() => {
  window.seenLong = []; window.seenFrames = [];
  new PerformanceObserver((list) => window.seenLong.push(...list.getEntries().map((e) => e.duration))).observe({ entryTypes: ['longtask'] });
  let last = performance.now();
  const frame = (now) => { window.seenFrames.push(now - last); last = now; requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
});
const seen = (page) => page.evaluate(() => {
  const frames = window.seenFrames.slice(1).sort((a, b) => a - b), long = window.seenLong;
  const told = { frames: frames.length, p50_ms: Math.round(frames[Math.floor(frames.length * 0.5)] ?? 0), p95_ms: Math.round(frames[Math.floor(frames.length * 0.95)] ?? 0), worst_ms: Math.round(frames.at(-1) ?? 0), long_tasks: long.length, longest_ms: Math.round(Math.max(0, ...long)) };
  window.seenFrames = []; window.seenLong = [];
  return told;
});
const scroll = (page) => page.evaluate(async () => {
  const box = document.querySelector('.vt');
  let most = 0;
  for (let i = 0; i <= 120; i++) {
    box.scrollTop = (box.scrollHeight - box.clientHeight) * (i / 120);
    await new Promise((done) => requestAnimationFrame(done));
    most = Math.max(most, box.querySelectorAll('.vr.body').length);
  }
  for (let i = 0; i < 300 && box.querySelector('.vr.body:last-child').getAttribute('aria-rowindex') !== box.querySelector('[role=table]').getAttribute('aria-rowcount'); i++) await new Promise((done) => requestAnimationFrame(done));
  return { most, rows: Number(box.querySelector('[role=table]').getAttribute('aria-rowcount')), last: box.querySelector('.vr.body:last-child').getAttribute('aria-rowindex') };
});

async function manyLoudspeakers() {
  const page = await open(browser, { base: spec.base, cookie: spec.cookie });
  let tell = null;
  await page.routeWebSocket(/\/api\/v1\/events$/, (ws) => { ws.connectToServer(); tell = (type, data) => ws.send(JSON.stringify({ type, time: Date.now() * 1000, data })); });
  await page.go('/');
  await watch(page);
  const t0 = Date.now();
  await page.getByRole('link', { name: word('page.loudspeakers') }).first().click();
  await page.locator('svg.map[role=group]').waitFor({ timeout: long });
  const map = Date.now() - t0;
  await page.locator('.vr.body').first().waitFor({ timeout: long });
  await page.rest();
  ok('5,000 loudspeakers open', { map_ms: map, table_ms: Date.now() - t0, ...await seen(page) });
  const drawn = await page.evaluate(() => ({ cells: document.querySelectorAll('.map .cell').length, elements: document.querySelectorAll('*').length }));
  must(drawn.cells === 69 && drawn.elements < 2500, `drawn: ${JSON.stringify(drawn)}`);
  const quiet = await scroll(page);
  must(quiet.most <= 40 && quiet.rows === spec.all + 1 && Number(quiet.last) === spec.all + 1, `rows: ${JSON.stringify(quiet)}`);
  ok('scrolled through', { ...quiet, ...await seen(page) });
  await page.getByLabel(word('loud.search')).pressSequentially('ky anh', { delay: 30 });
  await page.waitForFunction((all) => Number(document.querySelector('.vt [role=table]').getAttribute('aria-rowcount')) < all, spec.all, { timeout: long });
  ok('searched', { rows: await page.locator('.vt [role=table]').getAttribute('aria-rowcount'), ...await seen(page) });
  await page.getByLabel(word('loud.search')).fill('');
  let asked = 0;
  page.on('request', (r) => { if (r.url().endsWith('/device-states')) asked++; });
  must(tell, 'no line for events');
  const t1 = Date.now(), busyScroll = scroll(page);
  for (let i = 0; i < 250; i++) { /* 50 a second: loudspeakers come and go */
    tell(i % 2 ? 'device.online' : 'device.offline', { device: `loa-${i}` });
    await new Promise((done) => setTimeout(done, 20));
  }
  const busy = await busyScroll, seconds = (Date.now() - t1) / 1000;
  must(busy.most <= 40, `rows: ${JSON.stringify(busy)}`);
  must(asked <= 2 + seconds * 3, `the states were read ${asked} times in ${seconds} s of events`);
  must(asked >= 1, 'nothing was read anew though loudspeakers came and went');
  ok('250 events while it is scrolled', { seconds, reads: asked, ...await seen(page) });
  must(page.wrong.length === 0, page.wrong.join('; '));
  await page.context().close();
}

/** Counts how often a row of the desk is drawn anew (what React tells its developer tools at each commit): whether or not that changed anything to be seen. */
const counted = (page) => page.addInitScript(() => {
  window.rowsDrawn = 0;
  const look = (fiber) => {
    const before = fiber.alternate;
    if (before && fiber.type === 'li' && fiber.memoizedProps['data-member'] && before.memoizedProps !== fiber.memoizedProps) window.rowsDrawn++;
    if (before && before.child === fiber.child) return; /* nothing below it was looked at */
    for (let child = fiber.child; child; child = child.sibling) look(child);
  };
  window.__REACT_DEVTOOLS_GLOBAL_HOOK__ = { supportsFiber: true, inject: () => 1, onCommitFiberUnmount() {}, onPostCommitFiberRoot() {}, onCommitFiberRoot: (id, root) => look(root.current) };
});

/** The chair's desk with 70 sites, told to the page instead of the server: its members, and 50 of their events a second. */
async function desk() {
  const page = await open(browser, { base: spec.base, cookie: spec.cookie }), N = 70, room = spec.room;
  const members = Array.from({ length: N }, (_, i) => ({ id: `m${i + 1}`, name: `UBND xã ${i + 1}`, account: `xa-${i + 1}`, role: i ? 'site' : 'chair', muted: i % 3 === 0, talking: false, stats: { audio_packets_received: 500 }, media: { audio: 'opus', video: 'h264', security: 'srtp', remote: '' } }));
  let tell = null, reads = 0;
  await counted(page);
  await page.route(`**/api/v1/rooms/${room}/members`, (route) => { reads++; return route.fulfill({ json: { members } }); });
  await page.routeWebSocket(/\/api\/v1\/events$/, (ws) => { ws.connectToServer(); tell = (type, data) => ws.send(JSON.stringify({ type, time: Date.now() * 1000, data: { room, ...data } })); });
  await page.go('/meetings');
  await watch(page);
  const t0 = Date.now();
  await page.evaluate((to) => { history.pushState(null, '', to); window.dispatchEvent(new PopStateEvent('popstate')); }, `/desk/${room}`);
  await page.waitForFunction((n) => document.querySelectorAll('[data-member]').length === n, N, { timeout: long });
  await page.rest();
  const elements = await page.evaluate(() => document.querySelectorAll('*').length);
  must(elements < 6000, `${elements} elements`);
  ok(`the desk opens with ${N} sites`, { ms: Date.now() - t0, elements, ...await seen(page) });
  must(tell, 'no line for events');
  const queue = [], drawn = () => page.evaluate(() => window.rowsDrawn), before = await drawn();
  reads = 0;
  for (let i = 0; i < 200; i++) { /* 4 s */
    if (i % 20 === 0) {
      queue.push({ member: `m${2 + i / 20}`, since: i });
      tell('floor.raised', { member: queue.at(-1).member, floor: { holder: null, deadline_ms: null, queue: [...queue] } });
    } else tell('member.talking', { member: `m${1 + (i % N)}`, talking: i < N });
    if (i === 100) await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
    await new Promise((done) => setTimeout(done, 20));
  }
  await page.waitForFunction((n) => document.querySelectorAll('[data-member]').length === n && document.querySelector('[data-member]').dataset.member === 'm2', N, { timeout: long }); /* who raised first stands first */
  const rows = await drawn() - before;
  ok('200 events at the desk', { rows_drawn: rows, reads, ...await seen(page) });
  must(rows > 0 && rows <= 200 + reads * N, `200 events and ${reads} reads drew ${rows} rows anew: each event is of one row`);
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.screenshot({ path: `${spec.pictures}/desk-many-desktop-vi.png` });
  must(page.wrong.length === 0, page.wrong.join('; '));
  await page.context().close();
}

try {
  await whySilent();
  await desk();
  await manyLoudspeakers();
  console.log('ok - all');
} catch (error) {
  console.log(`FAILED ${error.stack}`);
} finally {
  await browser.close();
}
