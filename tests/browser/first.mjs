// SPDX-License-Identifier: GPL-3.0-or-later
// Somebody's first meeting: a browser that has never been here, the link of the invitation, the device check, and in the room, seen and heard; on a
// telephone and on a desktop. Clicks and seconds are counted. usage: node first.mjs BASE PICTURES-FOLDER LINK-OF-HOST LINK LINK
import { DESKTOP, hears, join, LONG, must, PATIENCE, person, PHONE, seen, step, story, up } from './people.mjs';

const [base, pictures, hostLink, ...links] = process.argv.slice(2);

async function first(browser, host, one, link, shot, word) {
  const p = await person(browser, { ...one, fresh: true });
  await p.context.exposeFunction('countPress', () => { p.presses = (p.presses ?? 0) + 1; });
  await p.page.addInitScript(() => addEventListener('click', (e) => { if (e.isTrusted && e.detail > 0) window.countPress(); }, true));
  const t0 = Date.now();
  await p.page.goto(base + link);
  await p.page.getByText(word.heard).waitFor({ timeout: LONG }); /* the device check by itself: microphone and camera are good */
  await p.page.locator('.door-preview video').waitFor({ timeout: LONG });
  await p.page.waitForFunction(() => document.querySelector('.door-preview video').videoWidth > 0, null, { timeout: LONG });
  const checked = Date.now() - t0;
  await p.page.getByRole('button', { name: word.tone }).click();
  await p.page.screenshot({ path: `${pictures}/first-door-${shot}.png` });
  const name = p.page.getByLabel(word.name);
  await name.click();
  await name.pressSequentially(one.name, { delay: 120 }); /* as slow as somebody types */
  const go = p.page.getByRole('button', { name: word.go, exact: true });
  const box = await go.boundingBox();
  must(box && box.height >= 44 && box.y + box.height <= one.viewport.height && box.x >= 0, `the button is not at hand: ${JSON.stringify(box)}`);
  await go.click();
  await up(p);
  await hears(host, one.hz);
  await hears(p, host.hz);
  await seen(p, 'video.meet-big.main', (s) => s.yellow.share > 0.05, 'the host');
  const all = Date.now() - t0;
  await p.page.screenshot({ path: `${pictures}/first-call-${shot}.png` });
  must(await p.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page is wider than the screen');
  must(p.presses <= 3, `${p.presses} presses`);
  must(all < 60000 * PATIENCE, `${all} ms`);
  step(`on a ${shot}`, { presses: p.presses, seconds: +(all / 1000).toFixed(1), checked_s: +(checked / 1000).toFixed(1), typed: one.name.length });
  await p.page.getByRole('button', { name: word.leave }).click();
  await p.context.close();
}

await story(async (browser) => {
  const host = { ...await person(browser, { name: 'Văn phòng', colour: 'yellow', hz: 500 }), hz: 500 };
  await join(host, base + hostLink);
  await up(host);
  step('the host is in');
  const vi = { heard: 'Micro tốt: đã nghe thấy bạn', tone: 'Thử loa', name: 'Tên hiện trong cuộc họp', go: 'Vào họp', leave: 'Rời họp' };
  await first(browser, host, { name: 'Xã Cẩm Xuyên - bà Lê Thị Hoa', colour: 'magenta', hz: 800, viewport: PHONE }, links[0], 'phone', vi);
  await first(browser, host, { name: 'Xã Kỳ Anh - ông Trần Văn Đức', colour: 'cyan', hz: 1100, viewport: DESKTOP }, links[1], 'desktop', vi);
});
