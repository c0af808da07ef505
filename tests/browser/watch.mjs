// SPDX-License-Identifier: GPL-3.0-or-later
// An operator watches a recording and a live meeting in the console. usage: node watch.mjs BASE PICTURES-FOLDER PASSWORD ONE-TIME-CODE PATIENCE
import { launch, must, person, step, story } from './console.mjs';
import { drawn, ink } from './ink.mjs';

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
  await page.setViewportSize({ width: 360, height: 640 }); /* a row has no place for it all there: what is chosen has */
  const row = (button) => page.locator('.vr.body').getByRole('button', { name: button, exact: true });
  await row('Watch').click();
  await page.getByText(/before anything/).waitFor();
  await page.getByRole('button', { name: 'Delete' }).waitFor();
  await row('Play').click();
  await page.getByRole('link', { name: 'Download' }).waitFor();
  must(await page.getByRole('button', { name: 'Delete' }).count() === 1 && await page.getByText(/before anything/).count() === 0, 'of another one');
  await page.screenshot({ path: `${pictures}/recordings-phone-en.png` });
  step('a phone saves and deletes, and says why');
  await page.setViewportSize({ width: 1280, height: 800 });
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
  await hour.locator('canvas').nth(6).waitFor({ timeout: 2 * long }); /* quality, and six figures */
  const received = hour.locator('.chart').filter({ hasText: 'From the site' }), plot = received.getByRole('slider', { name: 'From the site' });
  await plot.focus();
  await page.keyboard.press('Home');
  const said = await plot.getAttribute('aria-valuetext');
  const { points } = await (await page.request.get(`${base}/api/v1/rooms/giao-ban/members/${await page.evaluate(async () => (await (await fetch('/api/v1/rooms/giao-ban/members')).json()).members[0].id)}/history`)).json();
  const rate = (bps) => (bps >= 1e6 ? `${(bps / 1e6).toLocaleString('en-GB', { maximumFractionDigits: 2 })} Mbit/s` : `${Math.round(bps / 1000).toLocaleString('en-GB')} kbit/s`);
  const told = [rate(Math.max(0, points[0].in_bps - points[0].audio_in_bps)), rate(points[0].audio_in_bps)];
  must(points[0].audio_in_bps > 5000 && said.endsWith(`Picture ${told[0]}, Sound ${told[1]}`), `${said}, not ${told}`);
  must((await hour.locator('.chart').first().locator('.chart-said').textContent()).startsWith(said.slice(0, 8)), 'all charts point at the same moment');
  await hour.getByText('The numbers as a table').click();
  const rows = hour.locator('tbody tr'), oldest = await rows.last().locator('td').allTextContents();
  must(oldest[2] === told[0] && oldest[3] === told[1], `${oldest}, not ${told}`);
  const blue = await drawn(received.locator('canvas'), '--c1'), orange = await ink(received.locator('canvas'), '--c2');
  /* an axis of ten minutes, until ten seconds after the last point; one more may have come since */
  const [first, last] = [points[0], points.at(-1)].map((p) => p.time_us / 1e6), axis_s = Math.max(600, last - first) + 10;
  const field = await received.locator('canvas').evaluate((c) => { const [all, over] = [c, c.parentElement.querySelector('.u-over')].map((e) => e.getBoundingClientRect()); return { left: (over.left - all.left) / all.width, width: over.width / all.width }; });
  const begins = field.left + field.width * (1 - (last + 10 - first) / axis_s), apart = field.width * (10.5 / axis_s) + 0.005;
  for (const line of [blue, orange]) must(line.n > 4 && Math.abs(line.left - begins) < apart, `drawn ${JSON.stringify(line)}, not from ${begins} (+- ${apart}) on`);
  const most = (of) => Math.max(...points.map(of));
  must(blue.up < orange.up === most((p) => p.in_bps - p.audio_in_bps) > most((p) => p.audio_in_bps), `what is more is not drawn higher: ${JSON.stringify([blue, orange, points])}`);
  await page.screenshot({ path: `${pictures}/streams-desktop-en.png` });
  step('the hour of a line is drawn', { said, rows: await rows.count(), blue, begins });
});
