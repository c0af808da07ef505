// SPDX-License-Identifier: GPL-3.0-or-later
// Two officials meet with the console's own pages in Chromium: by their links, without accounts. They see a picture that is not black, hear a tone,
// raise a hand and get the floor, write, vote, come back after a reload, and leave. usage: node officials.mjs BASE PICTURES-FOLDER LINK LINK ROOM
// TOKEN PATIENCE; prints one line a step.
import { chromium } from 'playwright-core';
import { must, step } from './tell.mjs';

const [base, pictures, linkA, linkB, room, token, patience = '1'] = process.argv.slice(2);
const long = 20000 * Number(patience);
const args = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--autoplay-policy=no-user-gesture-required', '--disable-features=WebRtcHideLocalIpsWithMdns', '--no-sandbox', '--allow-loopback-in-peer-connection'];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args });

async function person(name, viewport, locale = 'vi') {
  const context = await browser.newContext({ viewport, permissions: ['camera', 'microphone'] });
  const page = await context.newPage();
  page.on('pageerror', (error) => { console.log(`page of ${name}: ${error.message}`); process.exitCode = 1; });
  await page.addInitScript((l) => localStorage.setItem('mediad.language', l), locale);
  return { page, name, context };
}
async function join({ page, name }, link) {
  await page.goto(base + link);
  await page.locator('input[name=name]').fill(name);
  await page.screenshot({ path: `${pictures}/door-${name.length}.png` });
  await page.locator('button.door-go').click();
  await page.locator('main.meet').waitFor({ timeout: long });
}
const up = ({ page }) => page.waitForFunction(() => window.mediadCall?.state.media === 'up', null, { timeout: long });
/** Brightest and darkest of the picture that is shown. */
const picture = ({ page }) => page.waitForFunction(() => {
  const video = document.querySelector('video.meet-big');
  if (!video?.videoWidth) return false;
  const canvas = document.createElement('canvas');
  canvas.width = 64; canvas.height = 36;
  const ctx = canvas.getContext('2d');
  ctx.drawImage(video, 0, 0, 64, 36);
  const data = ctx.getImageData(0, 0, 64, 36).data;
  let most = 0, least = 255;
  for (let i = 0; i < data.length; i += 4) { const y = (data[i] + data[i + 1] + data[i + 2]) / 3; most = Math.max(most, y); least = Math.min(least, y); }
  return most > 60 && most - least > 40 && { width: video.videoWidth, height: video.videoHeight, most, least };
}, null, { timeout: long }).then((h) => h.jsonValue());
/** The loudest between 250 and 1500 Hz that is heard, within half a minute (Chromium's fake microphone beeps once a second). */
const sound = ({ page }) => page.evaluate(async () => {
  const ctx = new AudioContext(), source = ctx.createMediaStreamSource(window.mediadCall.state.sound), analyser = ctx.createAnalyser();
  source.connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  let best = -200, hz = 0;
  for (let i = 0; i < 300 && best < -55; i++) {
    await new Promise((done) => setTimeout(done, 100));
    analyser.getFloatFrequencyData(bins);
    bins.forEach((db, k) => { const at = (k * ctx.sampleRate) / analyser.fftSize; if (db > best && at > 250 && at < 1500) { best = db; hz = at; } });
  }
  return { best, hz };
});

try {
  const a = await person('UBND xã Cẩm Xuyên', { width: 1280, height: 720 }), b = await person('Mr. An', { width: 360, height: 640 }, 'en');
  await join(a, linkA);
  await join(b, linkB);
  await Promise.all([up(a), up(b)]);
  step('both are connected');
  step('a sees', await picture(a));
  step('b sees', await picture(b));
  const heard = await sound(b);
  must(heard.best > -55, `b hears nothing: ${JSON.stringify(heard)}`);
  step('b hears a', heard);
  await a.page.screenshot({ path: `${pictures}/call-desktop-vi.png` });
  await b.page.screenshot({ path: `${pictures}/call-phone-en.png` });
  await b.page.getByRole('button', { name: 'Raise hand' }).click();
  await b.page.getByRole('button', { name: 'Lower (1)' }).waitFor({ timeout: long });
  step('a hand is in the queue');
  const order = (path, body) => fetch(`${base}/api/v1/rooms/${room}${path}`, { method: 'POST', headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
    .then(async (r) => must(r.ok, `${path}: ${r.status} ${await r.text()}`));
  await order('/floor/next', {});
  await b.page.getByText('You have the floor').waitFor({ timeout: long });
  await a.page.getByText('Mr. An đang phát biểu').waitFor({ timeout: long });
  await b.page.getByRole('button', { name: 'Finished' }).click();
  await b.page.getByRole('button', { name: 'Raise hand' }).waitFor({ timeout: long });
  step('the floor was given and ended');
  await b.page.getByRole('button', { name: 'Chat' }).click();
  await b.page.getByLabel('Write…').fill('Xin chào các đồng chí');
  await b.page.getByRole('button', { name: 'Send' }).click();
  await a.page.getByRole('button', { name: 'Trò chuyện' }).click();
  await a.page.getByText('Xin chào các đồng chí').waitFor({ timeout: long });
  step('the chat came');
  await b.page.screenshot({ path: `${pictures}/chat-phone-en.png` });
  const muted = () => a.page.waitForFunction(() => window.mediadCall.state.room.members.some((m) => m.name === 'Mr. An' && m.self_muted), null, { timeout: long });
  await b.page.getByRole('button', { name: 'Mute', exact: true }).click();
  await muted();
  const before = await b.page.evaluate(() => window.mediadCall.state.member), t0 = Date.now();
  await b.page.reload();
  await up(b);
  const after = await b.page.evaluate(() => window.mediadCall.state.member);
  must(before === after, `another seat after the reload: ${before}, ${after}`);
  await picture(b);
  step('b is back in its seat', { member: after, ms: Date.now() - t0 });
  const opened = await b.page.evaluate(() => !window.mediadCall.state.muted || window.mediadCall.local.getAudioTracks().some((x) => x.enabled));
  must(!opened, 'the reload has opened the microphone of somebody who had closed it');
  await muted();
  step('the microphone is still closed');
  await order('/votes', { question: 'Đồng ý?' });
  const choice = b.page.locator('.meet-choices button').first(), pressed = b.page.locator('.meet-choices button[aria-pressed=true]');
  await b.page.evaluate(() => { window.mediadCall.vote = () => false; }); /* no connection at that moment */
  await choice.click({ timeout: long });
  must(await pressed.count() === 0, 'a vote that was not sent is shown as taken');
  await b.page.evaluate(() => { window.mediadCall.vote = function (vote) { return Object.getPrototypeOf(this).vote.call(this, vote, 15); }; });
  await choice.click();
  await b.page.waitForFunction(() => window.mediadCall.state.trouble?.of === 'vote', null, { timeout: long });
  await pressed.waitFor({ state: 'detached', timeout: long });
  step('a vote that was not taken is not shown as taken');
  await b.page.evaluate(() => { delete window.mediadCall.vote; window.mediadCall.clearTrouble(); });
  await choice.click();
  await b.page.screenshot({ path: `${pictures}/vote-phone-en.png` });
  await b.page.getByText('1 vote').waitFor({ timeout: long });
  step('b has voted');
  await b.page.getByRole('button', { name: 'Leave' }).click();
  await b.page.getByText('You have left').waitFor({ timeout: long });
  step('b has left');
  await a.page.evaluate(() => { location.hash = ''; }); /* as "Back" to the page before does: another page of ours, the document stays */
  await a.page.locator('main.meet').waitFor({ state: 'detached', timeout: long });
  const live = await a.page.evaluate(() => window.mediadCall.local.getTracks().filter((x) => x.readyState !== 'ended').length);
  must(live === 0, `${live} tracks of a call that was left by "Back" are still live`);
  for (let left = 50; ; left--) {
    const { members } = await fetch(`${base}/api/v1/rooms/${room}/members`, { headers: { Authorization: `Bearer ${token}` } }).then((r) => r.json());
    if (!members?.some((m) => m.role === 'chair')) break;
    must(left > 0, `the chair who went to another page is still in the meeting: ${JSON.stringify(members)}`);
    await new Promise((done) => setTimeout(done, 100));
  }
  step('leaving the page leaves the meeting');
} catch (error) {
  console.log(`FAILED ${error.message}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
