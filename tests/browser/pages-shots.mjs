// SPDX-License-Identifier: GPL-3.0-or-later
// Every page of the console on a seeded province, in both languages, on a desk and on a phone, in the light and in a dark room: pictures to look at,
// and what must hold of each. usage: node pages-shots.mjs SPEC.json; prints one line a step.
import { readFileSync } from 'node:fs';
import { drawn, ink } from './ink.mjs';
import { axe, catalogue, faults, launch, must, ok, open } from './look.mjs';

const spec = JSON.parse(readFileSync(process.argv[2], 'utf8')), words = catalogue(spec.root), long = 20000 * spec.patience;
const browser = await launch(), problems = [];
let pictures = 0, looked = 0;

async function shot(page, name) {
  await page.screenshot({ path: `${spec.pictures}/${name}.png` });
  pictures++;
}
async function check(page, name, { title = true, access = false } = {}) {
  for (const problem of await faults(page, words, { title })) problems.push(`${name}: ${problem}`);
  if (access) {
    looked++;
    for (const problem of await axe(page)) problems.push(`${name}: ${problem}`);
  }
}

/** All pages in one window. */
async function walk(language, size) {
  const page = await open(browser, { base: spec.base, cookie: spec.cookie, language, size });
  for (const [name, path] of Object.entries(spec.pages)) {
    const as = `${name}-${size}-${language}`, access = language === 'vi';
    await page.go(path);
    if (name === 'schedule') await page.locator('.fc-event').first().waitFor({ timeout: long }); /* the calendar comes by itself, then the week is asked for */
    await check(page, as, { access: access && size === 'desktop' });
    await shot(page, as);
    if (access && size === 'desktop' && name === 'loudspeaker') await page.locator('section.card').filter({ has: page.getByRole('heading', { name: words['why.title'][0] }) }).screenshot({ path: `${spec.pictures}/part-why-vi.png` });
    if (!access) continue;
    await page.theme(true);
    await check(page, `${as}-dark`, { access: size === 'phone' });
    await shot(page, `${as}-dark`);
    await page.theme(false);
  }
  await page.context().close();
}

/** What opens on top of a page. */
async function dialogs(language, size) {
  const page = await open(browser, { base: spec.base, cookie: spec.cookie, language, size }), word = (key) => words[key][language === 'vi' ? 0 : 1];
  const dialog = async (name, button) => {
    await page.getByRole('button', { name: button }).first().click();
    await page.getByRole('dialog').waitFor({ timeout: long });
    await page.rest();
    for (const dark of [false, true]) {
      await page.theme(dark);
      await check(page, `${name}-${size}-${language}${dark ? '-dark' : ''}`, { title: false, access: dark === (size === 'phone') });
      await shot(page, `${name}-${size}-${language}${dark ? '-dark' : ''}`);
    }
    await page.theme(false);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden', timeout: long });
  };
  await page.go('/');
  await dialog('dialog-emergency', word('emergency.open'));
  await page.getByRole('button', { name: word('emergency.open') }).first().click(); /* its second step: what will happen, in one sentence */
  await page.getByRole('dialog').getByRole('checkbox').nth(3).check();
  await page.getByLabel(word('emergency.text')).fill('Nước sông Ngàn Sâu lên nhanh. Bà con ven sông lên nhà văn hoá thôn ngay.');
  await page.getByRole('button', { name: word('next'), exact: true }).click();
  await page.getByRole('dialog').getByRole('alert').waitFor({ timeout: long });
  await page.rest();
  await check(page, `dialog-emergency-sure-${size}-${language}`, { title: false, access: true });
  await shot(page, `dialog-emergency-sure-${size}-${language}`);
  if (size === 'desktop') await page.locator('.ant-modal-content, .ant-modal-container').first().screenshot({ path: `${spec.pictures}/part-emergency-${language}.png` });
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden', timeout: long });
  await dialog('dialog-stop-all', word('stopAll.open'));
  await page.go('/people');
  await dialog('dialog-account', word('user.add'));
  if (size === 'phone') {
    await page.getByRole('button', { name: word('nav.open') }).click();
    await check(page, `menu-${size}-${language}`, { title: false, access: true });
    await shot(page, `menu-${size}-${language}`);
  }
  await page.context().close();
}

/** Without an account: the sign-in and a meeting's door. */
async function outside(language, size) {
  const page = await open(browser, { base: spec.base, language, size });
  page.expects = ['401'];
  for (const [name, path] of [['sign-in', '/'], ['door', spec.door]]) {
    await page.goto(spec.base + path);
    await page.rest();
    await page.locator(name === 'door' ? 'button.door-go' : 'input[name=user]').waitFor({ timeout: long });
    for (const dark of [false, true]) {
      await page.theme(dark);
      await check(page, `${name}-${size}-${language}`, { access: dark === (size === 'phone') });
      await shot(page, `${name}-${size}-${language}${dark ? '-dark' : ''}`);
    }
    await page.theme(false);
  }
  await page.context().close();
}

/** The report's charts show the numbers of the API: bars by their pixels and by what is told of them, days by their table. */
async function charts() {
  const page = await open(browser, { base: spec.base, cookie: spec.cookie }), reply = page.waitForResponse((r) => r.url().includes('/reports/plays?'));
  await page.go('/reports');
  const { rows, days } = await (await reply).json(), number = (n) => n.toLocaleString('vi-VN');
  const worst = rows.filter((r) => r.requested > 0).sort((a, b) => a.share - b.share || b.missed - a.missed), plot = page.getByRole('slider', { name: words['report.chartPlaces'][0] });
  must(worst.length === 69, `${worst.length} places`);
  for (const dark of [false, true]) {
    await page.theme(dark);
    const canvas = plot.locator('canvas'), all = await drawn(canvas, '--good-fill');
    await plot.focus();
    await page.keyboard.press('Home');
    for (const i of [0, 1, 68]) { /* the first, the next, the last */
      if (i) await page.keyboard.press(i === 1 ? 'ArrowDown' : 'End');
      const r = worst[i], said = await plot.getAttribute('aria-valuetext'), at = all.up + ((i + 0.4) / 69) * (all.down - all.up);
      must(said.includes(r.name) && said.includes(`${number(r.played + r.partial)} trên ${number(r.requested)}`), `${said}, not ${r.name} ${r.played}/${r.requested}`);
      const green = await ink(canvas, '--good-fill', at), red = await ink(canvas, '--bad-fill', at), part = green.n / (green.n + red.n);
      must(Math.abs(part - r.played / r.requested) < 0.03, `${r.name} (${i}): drawn ${part}, not ${r.played / r.requested}: ${JSON.stringify([r, all, green, red])}`);
    }
  }
  await page.getByText(words['chart.numbers'][0]).click();
  await page.locator('.numbers tbody tr').first().waitFor({ timeout: long });
  const told = await page.locator('.numbers tbody tr').evaluateAll((list) => list.map((tr) => [...tr.cells].slice(1, 5).map((c) => c.textContent)));
  must(told.length === days.length && days.every((d, i) => [d.requested, d.played, d.partial, d.missed].map(number).join() === told[i].join()), `${told.join(' | ')}`);
  must(days.reduce((n, d) => n + d.requested, 0) === rows.reduce((n, r) => n + r.requested, 0) && days.some((d) => d.missed > 0), 'the days make the whole');
  await page.context().close();
}

/** Sign in and reach what matters with Tab, Enter and letters alone. */
async function keyboard() {
  const page = await open(browser, { base: spec.base });
  page.expects = ['401', '403'];
  const focused = () => page.evaluate(() => { const e = document.activeElement; return e?.matches('a, button, input, select, textarea') ? e.getAttribute('aria-label') ?? e.textContent.trim() : ''; });
  const tabTo = async (what, most = 60) => {
    for (let i = 0; i < most; i++) {
      await page.keyboard.press('Tab');
      if ((await focused()).includes(what)) {
        must(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle !== 'none' || getComputedStyle(document.activeElement).boxShadow !== 'none'), `${what}: has the focus, but it does not show`);
        return;
      }
    }
    throw new Error(`${what} is not reached by Tab`);
  };
  await page.goto(spec.base);
  await page.locator('input[name=user]').waitFor({ timeout: long });
  await page.keyboard.type(spec.user); /* the focus is there already */
  await page.keyboard.press('Tab');
  await page.keyboard.type(spec.password);
  await page.keyboard.press('Enter');
  await page.locator('input[name=otp]').waitFor({ timeout: long });
  await page.keyboard.type(spec.code);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: words['page.onAir'][0] }).waitFor({ timeout: long });
  await page.keyboard.press('Tab');
  must(await focused() === words['nav.skip'][0], `the first stop is ${await focused()}`);
  await page.keyboard.press('Enter');
  await tabTo(words['emergency.open'][0]);
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor({ timeout: long });
  await page.waitForFunction(() => document.activeElement.closest('[role=dialog]') !== null, null, { timeout: long });
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden', timeout: long });
  await page.waitForFunction((open) => document.activeElement.textContent.includes(open), words['emergency.open'][0], { timeout: long }); /* where it was before */
  await page.reload();
  await page.getByRole('heading', { level: 1 }).waitFor({ timeout: long });
  await tabTo(words['page.loudspeakers'][0]);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: words['page.loudspeakers'][0] }).waitFor({ timeout: long });
  await page.getByRole('link', { name: /Loa thôn/ }).first().waitFor({ timeout: long }); /* 5,000 come a little later than the page */
  await tabTo('Loa thôn', 120);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: words['why.title'][0] }).waitFor({ timeout: long });
  await page.context().close();
}

const part = async (name, fn) => {
  const t0 = Date.now();
  try {
    await fn();
    ok(name, `${((Date.now() - t0) / 1000).toFixed(1)} s`);
  } catch (error) {
    problems.push(`${name}: ${error.message}`);
  }
};
await part('without an account', () => Promise.all([outside('vi', 'phone'), outside('en', 'desktop')]).then(() => Promise.all([outside('vi', 'desktop'), outside('en', 'phone')])));
await part('dialogs', () => Promise.all([dialogs('vi', 'desktop'), dialogs('en', 'phone')]));
await part('keyboard', keyboard);
await part('charts', charts);
await part('every page', () => Promise.all([walk('vi', 'desktop'), walk('vi', 'phone'), walk('en', 'phone').then(() => walk('en', 'desktop'))]));
for (const problem of problems) console.log(`PROBLEM ${problem}`);
console.log(`${problems.length ? 'not ' : ''}ok - all: ${pictures} pictures, ${looked} looks with axe, ${problems.length} problems`);
await browser.close();
