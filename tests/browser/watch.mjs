// SPDX-License-Identifier: GPL-3.0-or-later
// An operator watches a recording and a live meeting in the console. usage: node watch.mjs BASE PICTURES-FOLDER PASSWORD ONE-TIME-CODE PATIENCE
import { launch, must, person, step, story } from './console.mjs';

const [base, pictures, password, code, patience = '1'] = process.argv.slice(2);
const browser = await launch();
const long = 20000 * Number(patience);

/** Once it has moved on by that much: where it stands, its size, and how bright and how green its middle is. */
const moved = (page, by) => page.waitForFunction((least) => {
  const video = document.querySelector('video.player');
  if (!video?.videoWidth) return false;
  window.firstSeen ??= video.currentTime;
  if (video.currentTime < window.firstSeen + least) return false;
  const canvas = document.createElement('canvas');
  canvas.width = 64; canvas.height = 36;
  const ctx = canvas.getContext('2d');
  ctx.drawImage(video, 0, 0, 64, 36);
  const data = ctx.getImageData(0, 0, 64, 36).data;
  let most = 0, green = 0;
  for (let i = 0; i < data.length; i += 4) { most = Math.max(most, data[i], data[i + 1], data[i + 2]); green += data[i + 1] > 150 && data[i] < 110; }
  return most > 60 && { at: video.currentTime, long: video.duration, width: video.videoWidth, height: video.videoHeight, most, green: green / (64 * 36), source: video.currentSrc.slice(0, 5) };
}, by, { timeout: long }).then((h) => h.jsonValue());

await story(browser, pictures, async () => {
  const tester = await person(browser, 'tester', { locale: 'en', long }), { page } = tester;
  const reply = await page.request.post(`${base}/api/v1/session`, { data: { user: 'tester', password, one_time_code: code, cookie: true } });
  must(reply.ok(), `${reply.status()} ${await reply.text()}`);
  await page.goto(`${base}/recordings`);
  await page.getByRole('button', { name: 'Play', exact: true }).click();
  const played = await moved(page, 1);
  must(played.width === 640 && played.height === 360 && played.green > 0.15 && played.long > 4, JSON.stringify(played));
  await page.screenshot({ path: `${pictures}/recordings-desktop-en.png` });
  step('the recording plays', played);
  await page.getByRole('button', { name: /Ý kiến xã Cẩm Xuyên/ }).click();
  const at = await page.waitForFunction(() => { const v = document.querySelector('video.player'); return v && !v.seeking && v.currentTime > 1.9 && v.currentTime; }, null, { timeout: long }).then((h) => h.jsonValue());
  step('a chapter is jumped to', { at });
  await page.getByText('too short, nothing in it').waitFor();
  step('the short one says why');
  await page.getByRole('region', { name: 'Giao ban tỉnh' }).getByRole('button', { name: 'Close' }).click();
  await page.evaluate(() => { delete window.firstSeen; });
  await page.getByRole('button', { name: 'Watch' }).click();
  const own = await moved(page, 1.5); /* by the browser itself, where it can */
  must(own.green > 0.15, JSON.stringify(own));
  await page.screenshot({ path: `${pictures}/live-desktop-en.png` });
  await page.addInitScript(() => { const can = HTMLMediaElement.prototype.canPlayType; HTMLMediaElement.prototype.canPlayType = function (type) { return /mpegurl/.test(type) ? '' : can.call(this, type); }; });
  await page.reload();
  await page.getByRole('button', { name: 'Watch' }).click();
  const live = await moved(page, 1.5); /* by hls.js, where it cannot */
  must(live.source === 'blob:' && live.green > 0.15, JSON.stringify(live));
  step('the live stream plays', { own: own.source, ...live });
  await page.goto(`${base}/streams`);
  await page.getByRole('button', { name: 'What xa sent' }).click();
  const hour = page.getByRole('region', { name: 'xa: the last hour' });
  await hour.locator('svg polyline').first().waitFor({ timeout: 2 * long });
  must((await hour.locator('svg').count()) === 6, 'six charts');
  await page.screenshot({ path: `${pictures}/streams-desktop-en.png` });
  step('the hour of a line is drawn', { label: await hour.locator('svg').first().getAttribute('aria-label') });
});
