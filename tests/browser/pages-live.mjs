// SPDX-License-Identifier: GPL-3.0-or-later
// What only a province at work shows: a meeting with sites in it (the chair's desk, the call, the lobby, the lines, a recording), an emergency on
// air. Pictures to look at, and what must hold of every page. usage: node pages-live.mjs SPEC.json; prints one line a step.
import { readFileSync } from 'node:fs';
import { axe, catalogue, faults, ok, open } from './look.mjs';
import { ask, join, launch, LONG, must, person, seen, SIZES, up } from './people.mjs';

const spec = JSON.parse(readFileSync(process.argv[2], 'utf8')), words = catalogue(spec.root), problems = [];
const browser = await launch();
let pictures = 0;
const request = (method, path, body) => fetch(`${spec.base}/api/v1${path}`, { method, headers: { Authorization: `Bearer ${spec.token}`, 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) })
  .then(async (r) => { const text = await r.text(); must(r.ok, `${method} ${path}: ${r.status} ${text}`); return text ? JSON.parse(text) : null; });
const inRoom = (method, path, body) => request(method, `/rooms/${spec.room}${path}`, body);
const word = (key, language = 'vi') => words[key][language === 'vi' ? 0 : 1];

/** One picture, and what must hold of what is on it. */
async function shot(page, name, { access = true, title = true } = {}) {
  page.wrong ??= [];
  page.language ??= 'vi';
  for (const problem of [...await faults(page, words, { title }), ...(access ? await axe(page) : [])]) problems.push(`${name}: ${problem}`);
  await page.screenshot({ path: `${spec.pictures}/${name}.png` });
  pictures++;
}

/** The console in some of its windows, each opened once; dark: a picture in a dark room too. */
const opened = new Map(), VI = ['vi', 'desktop'], PHONE = ['vi', 'phone'], EN = ['en', 'desktop'], EN_PHONE = ['en', 'phone'];
async function console_(pages, windows, dark = []) {
  await Promise.all(windows.map(async (which) => {
    const [language, size] = which;
    if (!opened.has(which)) opened.set(which, open(browser, { base: spec.base, cookie: spec.cookie, language, size }));
    const page = await opened.get(which);
    for (const [name, path, there] of pages) {
      await page.go(path);
      if (there) await page.locator(there).first().waitFor({ timeout: LONG });
      await page.rest();
      await shot(page, `${name}-${size}-${language}`, { access: language === 'vi' });
      if (!dark.includes(which)) continue;
      await page.theme(true);
      await shot(page, `${name}-${size}-${language}-dark`);
      await page.theme(false);
    }
  }));
}

async function meeting() {
  const chair = await person(browser, { name: 'Ông Trần Văn Đức – chủ tọa', colour: 'yellow', hz: 500, viewport: SIZES.desktop });
  const site = await person(browser, { name: 'UBND xã Kỳ Anh – bà Lê Thị Hoa', colour: 'magenta', hz: 800, viewport: SIZES.phone });
  await Promise.all([join(chair, spec.base + spec.links[0]), join(site, spec.base + spec.links[1])]);
  await Promise.all([up(chair), up(site)]);
  await seen(site, 'video.meet-big.main', (s) => s.yellow.share > 0.01, 'the chair');
  const members = (await inRoom('GET', '/members')).members, sims = members.filter((m) => m.name.startsWith('Xã') || m.name.startsWith('Phường'));
  must(sims.length >= 4, `sites: ${members.map((m) => m.name).join(', ')}`);
  await inRoom('POST', '/recordings', {});
  await Promise.all([chair, site].map(({ page }) => page.locator('.meet-sign.rec').waitFor({ timeout: LONG })));
  await shot(chair.page, 'call-desktop-vi', { title: false });
  await shot(site.page, 'call-phone-vi', { title: false });
  for (const m of sims.slice(0, 2)) await inRoom('PUT', `/members/${m.id}/hand`, { raised: true });
  await site.page.getByRole('button', { name: word('meet.handUp') }).press('Enter');
  await inRoom('PUT', '/floor/rules', { budget_s: 180 });
  await inRoom('POST', '/floor/give', { member: sims[2].id });
  await inRoom('PATCH', `/members/${sims[3].id}`, { muted: true });
  await site.page.locator('.meet-sign.time').waitFor({ timeout: LONG });
  await shot(site.page, 'call-floor-phone-vi', { title: false });
  for (const [key, name] of [['meet.chairing', 'chairing'], ['meet.more', 'more'], ['meet.people', 'people'], ['meet.chat', 'chat']]) {
    await chair.page.getByRole('toolbar').getByRole('button', { name: word(key) }).click();
    await chair.page.locator('.meet-panel').waitFor({ timeout: LONG });
    await shot(chair.page, `call-${name}-desktop-vi`, { title: false });
  }
  await site.page.getByRole('button', { name: word('meet.more'), exact: true }).click();
  await shot(site.page, 'call-more-phone-vi', { title: false });
  ok('the call');
  await console_([['desk-live', `/desk/${spec.room}`, '[data-member]'], ['streams-live', '/streams', '.vr.body']], [VI, PHONE, EN], [VI]);
  ok('the desk and the lines');
  await inRoom('POST', '/votes', { question: 'Thông qua phương án di dân ven sông Ngàn Sâu?' });
  await site.page.locator('.meet-choices button').first().waitFor({ timeout: LONG });
  await shot(site.page, 'call-vote-phone-vi', { title: false });
  await site.page.locator('.meet-choices button').first().click();
  await console_([['desk-vote', `/desk/${spec.room}`, '[data-member]']], [VI]);
  for (const r of (await request('GET', `/recordings?room=${spec.room}`)).recordings) if (r.state === 'running') await request('POST', `/recordings/${r.id}/stop`);
  await inRoom('POST', '/recordings', {});
  await console_([['recordings', '/recordings', '.vr.body']], [VI, EN_PHONE]);
  ok('the vote and the recordings');
  await site.page.getByRole('button', { name: word('meet.leave') }).click();
  await site.page.getByRole('heading', { name: word('over.left') }).waitFor({ timeout: LONG });
  await shot(site.page, 'call-left-phone-vi', { title: false });
  await inRoom('POST', '/end');
  await chair.page.getByRole('heading', { name: word('over.ended') }).waitFor({ timeout: LONG });
  await shot(chair.page, 'call-ended-desktop-vi', { title: false });
  await chair.context.close();
  await site.context.close();
}

/** Somebody who waits to be let in, and who sees that at the desk. */
async function lobby() {
  const guest = await person(browser, { name: 'Ông Nguyễn Văn Ba', viewport: SIZES.phone });
  await guest.page.goto(spec.base + spec.waiting.link);
  await guest.page.locator('input[name=name]').fill(guest.name);
  await guest.page.locator('button.door-go').click();
  await guest.page.getByRole('heading', { name: word('join.lobby') }).waitFor({ timeout: LONG });
  await shot(guest.page, 'lobby-phone-vi', { title: false });
  await console_([['desk-lobby', `/desk/${spec.waiting.room}`]], [PHONE]);
  await guest.context.close();
  for (const [name, link] of [['too-early', spec.early], ['wrong-code', `${spec.early.slice(0, -4)}aaaa`]]) {
    const { page, context } = await person(browser, { name: 'Ông Ba', viewport: SIZES.phone });
    await page.goto(spec.base + link);
    await page.locator('input[name=name]').fill('Ông Ba');
    await page.locator('button.door-go').click();
    await page.getByRole('heading', { name: word('over.notIn') }).waitFor({ timeout: LONG });
    await shot(page, `door-${name}-phone-vi`, { title: false });
    await context.close();
  }
  ok('the lobby, too early, a wrong link');
}

/** On air while something plays, then while an emergency does. */
async function air() {
  await console_([['people-areas', '/people?tab=areas', 'tbody tr'], ['people-audit', '/people?tab=audit', 'tbody tr']], [VI, PHONE, EN], [PHONE]);
  await request('POST', '/announcements', { content: spec.content, areas: ['18673', '18676'], title: 'Bản tin nông vụ' });
  await console_([['on-air-playing', '/', 'li.now']], [VI, EN_PHONE]);
  await ask('an emergency');
  await console_([['on-air-emergency', '/', '.emergency']], [PHONE, EN], [PHONE]);
  ok('something on air, an emergency');
}

const part = async (name, fn) => {
  const t0 = Date.now();
  try {
    await fn();
    console.log(`# ${name}: ${((Date.now() - t0) / 1000).toFixed(1)} s`);
  } catch (error) {
    let n = 0;
    for (const context of browser.contexts()) for (const page of context.pages()) await page.screenshot({ path: `${spec.pictures}/failed-${name.replaceAll(' ', '-')}-${n++}.png` }).catch(() => undefined);
    problems.push(`${name}: ${error.message.replaceAll('\n', ' | ')}`);
  }
};
await part('a meeting', meeting);
await part('at the door', lobby);
await part('on air', air);
for (const problem of problems) console.log(`PROBLEM ${problem}`);
console.log(`${problems.length ? 'not ' : ''}ok - all: ${pictures} pictures, ${problems.length} problems`);
await browser.close();
process.stdin.destroy();
