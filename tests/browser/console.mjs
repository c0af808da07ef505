// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of the console's pages share: Chromium with a fake camera and microphone, somebody who signs in, one-time codes, sound measured.
import { createHmac } from 'node:crypto';
import { chromium } from 'playwright-core';
import { must, step } from './tell.mjs';

export { must, step };

const ARGS = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--autoplay-policy=no-user-gesture-required', '--no-sandbox'];

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ARGS });

/** Runs a story; a failure is printed with a picture of every page that is open. */
export async function story(browser, pictures, tell) {
  try {
    await tell();
  } catch (error) {
    let n = 0;
    for (const context of browser.contexts()) for (const page of context.pages()) await page.screenshot({ path: `${pictures}/failed-${n++}.png` }).catch(() => undefined);
    console.log(`FAILED ${error.message}`);
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
}

/** Somebody at a console of their own. What the page itself throws fails the test. */
export async function person(browser, name, { viewport = { width: 1280, height: 800 }, locale = 'vi', long = 20000 } = {}) {
  const context = await browser.newContext({ viewport, locale: locale === 'vi' ? 'vi-VN' : 'en-GB', permissions: ['camera', 'microphone'] });
  await context.addInitScript((l) => localStorage.setItem('mediad.language', l), locale);
  const page = await context.newPage();
  page.setDefaultTimeout(long);
  page.on('pageerror', (error) => { console.log(`page of ${name}: ${error.message}`); process.exitCode = 1; });
  return { name, page, context };
}

export async function signIn({ page, name }, base, password, path = '/') {
  await page.goto(base + path);
  await page.locator('input[name=user]').fill(name);
  await page.locator('input[name=password]').fill(password);
  await page.locator('button[type=submit]').click();
  await page.locator('nav[aria-label]').first().waitFor();
}

/** RFC 6238, SHA-1, six digits, of so many half minutes from now. */
export function oneTimeCode(secret, ahead = 0) {
  const bits = [...secret.replace(/=+$/, '')].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2))), counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + ahead));
  const mac = createHmac('sha1', key).update(counter).digest(), at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1000000).padStart(6, '0');
}

/** What the page's session may not do: the status and code of the same call made by hand. */
export const byHand = ({ page }, method, path, body) => page.evaluate(async ([m, p, b]) => {
  const session = await (await fetch('/api/v1/session')).json();
  const r = await fetch(`/api/v1${p}`, { method: m, headers: { 'X-CSRF-Token': session.csrf, ...(b ? { 'Content-Type': 'application/json' } : {}) }, body: b ? JSON.stringify(b) : undefined });
  const text = await r.text();
  return { status: r.status, ...(text ? JSON.parse(text) : {}) };
}, [method, path, body]);

/** Listens to an <audio> of the page while it plays: how far it got in so many seconds, and how loud these tones were at their loudest (dB). */
export const listen = ({ page }, selector, tones, seconds) => page.evaluate(async ([where, hz, span]) => {
  const audio = document.querySelector(where), context = new AudioContext(), analyser = context.createAnalyser();
  analyser.fftSize = 8192;
  analyser.smoothingTimeConstant = 0;
  const source = context.createMediaElementSource(audio);
  source.connect(analyser);
  analyser.connect(context.destination);
  audio.currentTime = 0;
  await audio.play();
  const bins = new Float32Array(analyser.frequencyBinCount), best = hz.map(() => -200), began = audio.currentTime;
  for (const end = Date.now() + span * 1000; Date.now() < end && !audio.ended;) {
    await new Promise((done) => setTimeout(done, 40));
    analyser.getFloatFrequencyData(bins);
    hz.forEach((f, i) => { best[i] = Math.max(best[i], bins[Math.round((f * analyser.fftSize) / context.sampleRate)]); });
  }
  return { from: began, to: audio.currentTime, duration: audio.duration, tones: best };
}, [selector, tones, seconds]);
