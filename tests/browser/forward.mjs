// SPDX-License-Identifier: GPL-3.0-or-later
// Speakers' own pictures, forwarded as they come: two pages with cameras of one colour each, a third that chooses "each by himself".
// usage: node forward.mjs BASE PICTURES-FOLDER LINK LINK LINK; prints one line a step, asks the other half what the server counts.
import { ask, choose, join, LONG, main, member, must, person, seen, step, story, tile, up } from './people.mjs';

const [base, pictures, linkA, linkB, linkV] = process.argv.slice(2);
const speak = ({ page }, on) => page.evaluate((gain) => { window.testTone.gain.gain.value = gain; }, on ? 0.3 : 0);
const composed = ({ page }, wanted) => page.waitForFunction((w) => window.mediadCall.state.streams.composed === w, wanted, { timeout: LONG });

await story(async (browser) => {
  const a = await person(browser, { name: 'Xã Cẩm Xuyên', colour: 'cyan', hz: 600 });
  const b = await person(browser, { name: 'Xã Thạch Hà', colour: 'magenta', hz: 900 });
  const v = await person(browser, { name: 'Văn phòng UBND tỉnh', colour: 'red' });
  await join(a, base + linkA);
  await join(b, base + linkB);
  await join(v, base + linkV);
  await Promise.all([up(a), up(b), up(v)]);
  await speak(b, false);
  const [idA, idB, idV] = await Promise.all([member(a), member(b), member(v)]);
  await seen(v, 'video.meet-big.main', (s) => s.cyan.share > 0.03 && s.magenta.share > 0.03, 'both in the composed picture');
  step('all are in', { a: idA, b: idB, v: idV });

  await choose(v, 'Hình từng người');
  const large = await seen(v, main(idA), (s) => s.cyan.share > 0.85, 'who speaks, alone and large');
  const small = await seen(v, tile(idB), (s) => s.magenta.share > 0.85, 'the other, alone');
  await composed(v, 'off');
  must(await v.page.evaluate(() => document.querySelectorAll('.meet-tile').length) === 2, 'a picture too many');
  must(await v.page.locator(`.meet-tile[data-member="${idA}"] figcaption`).textContent() === 'Xã Cẩm Xuyên', 'another name');
  const sizes = await v.page.evaluate(([one, two]) => [one, two].map((s) => document.querySelector(s).getBoundingClientRect().width), [main(idA), tile(idB)]);
  must(sizes[0] > 2 * sizes[1], `who speaks is not large: ${sizes}`);
  await v.page.screenshot({ path: `${pictures}/streams-vi.png` });
  step('each by himself', { large: large.cyan.share, small: small.magenta.share });
  await ask('nothing is encoded for it');

  await Promise.all([speak(a, false), speak(b, true)]);
  await seen(v, main(idB), (s) => s.magenta.share > 0.85, 'the next speaker large');
  await seen(v, tile(idA), (s) => s.cyan.share > 0.85, 'the one before, small');
  step('the next speaker is large');

  await choose(a, 'Hình từng người');
  await choose(b, 'Hình từng người');
  await Promise.all([composed(a, 'off'), composed(b, 'off')]);
  await seen(a, main(idB), (s) => s.magenta.share > 0.85, 'who speaks');
  await seen(b, tile(idV), (s) => s.red.share > 0.85, 'the third');
  must(await b.page.locator(`.meet-tile[data-member="${idB}"]`).count() === 0, 'one sees oneself');
  await ask('nothing is encoded at all');

  await ask('the chair hides a picture');
  await v.page.locator(`.meet-tile[data-member="${idB}"]`).waitFor({ state: 'detached', timeout: LONG });
  await ask('the chair shows it again');
  await seen(v, tile(idB), (s) => s.magenta.share > 0.85, 'the picture that is shown again');
  step('hidden and shown again');

  await ask('an endpoint of another codec comes');
  await v.page.locator('.meet-tile[data-member="composed"]').waitFor({ timeout: LONG });
  await seen(v, tile('composed'), (s) => s.cyan.share > 0.02 && s.magenta.share > 0.02, 'the composed picture beside the others');
  await seen(v, tile(idB), (s) => s.magenta.share > 0.85, 'who can be forwarded');
  step('the other codec is composed');

  await choose(v, 'Hình ghép');
  await seen(v, 'video.meet-big.main', (s) => s.cyan.share > 0.02 && s.magenta.share > 0.02 && s.magenta.share < 0.7, 'the composed picture again');
  must(await v.page.locator('.meet-tile').count() === 0, 'tiles are left');
  step('composed again');
});
