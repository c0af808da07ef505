// SPDX-License-Identifier: GPL-3.0-or-later
// What every look at the console shares: a browser, people signed in to it, a page that has come to rest, and what must hold on any page.
import { createRequire } from 'node:module';
import { readdirSync, readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { must, SIZES } from './tell.mjs';

export { must };

const require = createRequire(import.meta.url);
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const MEDIA = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--autoplay-policy=no-user-gesture-required', '--disable-features=WebRtcHideLocalIpsWithMdns', '--allow-loopback-in-peer-connection'];

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: [...MEDIA, '--no-sandbox'] });
export const ok = (what, value = '') => console.log(`ok - ${what}${value ? `: ${typeof value === 'string' ? value : JSON.stringify(value)}` : ''}`);

/** {key: [vi, en]} of the console's words. */
export function catalogue(root) {
  const folder = `${root}/console/src/app/catalogue`, words = {};
  for (const name of readdirSync(folder)) {
    const text = readFileSync(`${folder}/${name}`, 'utf8').replace(/^import .*$/gm, '').replace(/export const \w+(: [^=]+)? =/, 'return').replace(/ as const/g, '').replace(/ satisfies [^;]+/g, '');
    Object.assign(words, new Function(text)());
  }
  return words;
}

/** A window of somebody: cookie of a session (none: not signed in), language, size. What goes wrong in it is kept in .wrong. */
export async function open(browser, { base, cookie, language = 'vi', size = 'desktop', dark = false }) {
  const context = await browser.newContext({ viewport: SIZES[size], permissions: ['camera', 'microphone'], colorScheme: dark ? 'dark' : 'light', hasTouch: size === 'phone', isMobile: size === 'phone', reducedMotion: 'reduce', locale: language === 'vi' ? 'vi-VN' : 'en-GB', timezoneId: 'Asia/Ho_Chi_Minh' });
  if (cookie) await context.addCookies([{ name: cookie.name, value: cookie.value, url: base, httpOnly: true, sameSite: 'Strict' }]);
  await context.addInitScript((l) => localStorage.setItem('mediad.language', l), language);
  const page = await context.newPage(), wrong = [], waiting = new Set();
  let last = Date.now();
  page.on('pageerror', (error) => wrong.push(`error: ${error.message}`));
  page.on('console', (m) => { if (m.type() === 'error' && !(page.expects ?? []).some((x) => m.text().includes(x))) wrong.push(`console: ${m.text()}`); });
  page.on('request', (r) => { if (r.resourceType() !== 'websocket') { waiting.add(r); last = Date.now(); } });
  for (const end of ['requestfinished', 'requestfailed']) page.on(end, (r) => { waiting.delete(r); last = Date.now(); });
  page.rest = async (quiet = 120) => {
    last = Date.now();
    for (let i = 0; i < 1500 && (waiting.size > 0 || Date.now() - last < quiet); i++) await new Promise((done) => setTimeout(done, 20));
    await page.waitForFunction(() => !/(Đang tải|Loading)/.test(document.querySelector('main')?.innerText ?? '') && ![...document.querySelectorAll('.figure b')].some((b) => b.textContent === '…'), null, { timeout: 60000 });
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  };
  /** In a dark room or not; the pages have taken it over when this returns. */
  page.theme = async (dark) => {
    await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' });
    await page.waitForFunction((is) => { const [r] = getComputedStyle(document.querySelector('.ant-app')).color.match(/\d+/g); return is === Number(r) > 127; }, dark, { timeout: 30000 });
    await page.rest(40);
  };
  page.go = async (path) => {
    if (page.url() === 'about:blank') {
      await page.goto(base + path);
      await page.locator('h1').first().waitFor({ timeout: 30000 });
    }
    else await page.evaluate((to) => { history.pushState(null, '', to); window.dispatchEvent(new PopStateEvent('popstate')); }, path);
    await page.rest();
  };
  return Object.assign(page, { wrong, language, size });
}

/** What must hold of any page, in any language, at any size. words: catalogue(). Problems as texts. */
export async function faults(page, words, { title = true } = {}) {
  const wrong = page.wrong.splice(0);
  const seen = await page.evaluate(() => {
    const texts = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode, text = node.data.trim();
      if (text && !node.parentElement.closest('script, style, [lang]:not(html), svg title')) texts.push(text);
    }
    for (const e of document.querySelectorAll('[aria-label], [placeholder], [title], [alt]')) if (!e.closest('[aria-hidden=true]')) for (const a of ['aria-label', 'placeholder', 'title', 'alt']) if (e.getAttribute(a)) texts.push(e.getAttribute(a));
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    const out = wide <= 0 ? [] : [...document.body.querySelectorAll('*')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => `${e.tagName}.${e.className}`.slice(0, 60)).slice(0, 4);
    return { texts, wide, out, title: document.title, heading: document.querySelector('h1')?.textContent?.trim() ?? '' };
  });
  if (seen.wide > 0) wrong.push(`wider than the window by ${seen.wide} px: ${seen.out.join(', ')}`);
  if (title && (!seen.title || seen.title.startsWith(' ') || !seen.heading)) wrong.push(`title "${seen.title}", heading "${seen.heading}"`);
  const here = page.language === 'vi' ? 0 : 1, other = new Map(Object.entries(words).filter(([, w]) => w[0] !== w[1] && w[1 - here].length > 3).map(([k, w]) => [w[1 - here], k]));
  const mine = new Set(Object.values(words).map((w) => w[here]));
  for (const text of seen.texts) {
    if (text in words) wrong.push(`untranslated key: ${text}`);
    if (/\{\w+[|}]/.test(text)) wrong.push(`a value is missing: ${text}`);
    if (/\b(undefined|NaN|null|\[object)\b/.test(text)) wrong.push(`nonsense: ${text}`);
    if (other.has(text) && !mine.has(text)) wrong.push(`in the other language: ${text} (${other.get(text)})`);
  }
  wrong.push(...await glyphs(page, [...new Set(seen.texts.join(''))].filter((c) => c > ' ').join('')));
  return wrong;
}

/** Characters that no font draws: they look like a character that is none. */
async function glyphs(page, characters) {
  page.drawn ??= new Set();
  const fresh = [...characters].filter((c) => !page.drawn.has(c));
  fresh.forEach((c) => page.drawn.add(c));
  const bad = await page.evaluate((list) => {
    const canvas = document.createElement('canvas');
    canvas.width = 40; canvas.height = 40;
    const ctx = canvas.getContext('2d', { willReadFrequently: true });
    ctx.font = `24px ${getComputedStyle(document.body).fontFamily}`;
    const draw = (c) => { ctx.clearRect(0, 0, 40, 40); ctx.fillText(c, 4, 30); return ctx.getImageData(0, 0, 40, 40).data.join(); };
    const none = new Set(['\u0378', '\u{2FE0}', '\uFFFF'].map(draw));
    return list.filter((c) => !/[\u200b-\u200f\u2028-\u202f\u2060\ufe0f\u00ad\u0300-\u036f]/.test(c) && none.has(draw(c)));
  }, fresh);
  return bad.map((c) => `no font draws ${c} (U+${c.codePointAt(0).toString(16)})`);
}

/** Serious and critical findings of axe. */
export async function axe(page, where = 'document') {
  if (!await page.evaluate(() => 'axe' in window)) await page.evaluate(AXE);
  const found = await page.evaluate(async (at) => {
    const result = await window.axe.run(at === 'document' ? document : document.querySelector(at), { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] });
    return result.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical').map((v) => `${v.id} (${v.impact}): ${v.nodes.slice(0, 3).map((n) => `${n.target.join(' ')} ${n.html.slice(0, 120)} ${n.any[0]?.message ?? ''}`).join(' | ')}${v.nodes.length > 3 ? ` and ${v.nodes.length - 3} more` : ''}`);
  }, where);
  return found;
}
