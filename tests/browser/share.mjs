// SPDX-License-Identifier: GPL-3.0-or-later
// A screen is shown from a page: the others see it beside the meeting, one shows at a time, the chair takes it away; and the path is renewed
// under a call. Then the chair runs the meeting from the call, and somebody books at a time that is taken.
// usage: node share.mjs BASE PICTURES-FOLDER LINK-OF-CHAIR LINK USER PASSWORD; prints one line a step, asks the other half what a SIP endpoint sees.
import { ask, DESKTOP, hears, join, LONG, member, must, person, PHONE, quartered, seen, signIn, step, story, up, PATIENCE } from './people.mjs';

const [base, pictures, linkA, linkB, user, password] = process.argv.slice(2);
const CONTENT = 'video.meet-big.content', BIG = 'video.meet-big.main';

await story(async (browser) => {
  const a = await person(browser, { name: 'Văn phòng UBND tỉnh', colour: 'cyan', hz: 600 });
  const b = await person(browser, { name: 'Xã Cẩm Xuyên', colour: 'magenta', hz: 900, quarters: ['yellow', 'blue', 'green', 'red'] });
  await join(a, base + linkA);
  await join(b, base + linkB);
  await Promise.all([up(a), up(b)]);
  await seen(b, BIG, (s) => s.cyan.share > 0.05, 'the other camera');
  step('both are in', { room: await b.page.evaluate(() => window.mediadCall.state.room.room.name) });

  await a.page.getByRole('button', { name: 'Trình chiếu', exact: true }).press('Enter');
  const got = await seen(b, CONTENT, quartered, 'the screen of four quarters');
  must(await b.page.evaluate(() => { const [one, two] = ['.meet-big.content', '.meet-small'].map((s) => document.querySelector(s)); return one.srcObject !== two.srcObject && two.videoWidth > 0; }), 'one stream only');
  await seen(b, '.meet-small', (s) => s.cyan.share > 0.05, 'the meeting beside the screen');
  await b.page.screenshot({ path: `${pictures}/share-seen-vi.png` });
  await a.page.screenshot({ path: `${pictures}/share-shown-vi.png` });
  step('a second browser sees the screen', got);
  await ask('the endpoint sees the screen');

  await b.page.getByRole('button', { name: 'Trình chiếu', exact: true }).click();
  await b.page.getByText('Văn phòng UBND tỉnh đang trình chiếu').first().waitFor({ timeout: LONG });
  await b.page.waitForTimeout(300);
  must(await b.page.evaluate(() => !window.mediadCall.state.sharing && window.testScreens.every((s) => s.getTracks().every((x) => x.readyState === 'ended'))), 'a refused screen is still taken');
  await seen(b, CONTENT, quartered, 'the screen that goes on');
  step('a second one is told who shows');

  await a.page.getByRole('button', { name: 'Dừng trình chiếu' }).first().click();
  await b.page.locator(BIG).waitFor({ timeout: LONG });
  must(await b.page.locator(CONTENT).count() === 0, 'the screen stands still beside the meeting');
  await seen(b, BIG, (s) => s.cyan.share > 0.05 && s.yellow.share < 0.02, 'the meeting again');
  step('the meeting is back');
  await ask('the endpoint sees no screen');

  await hears(b, 600);
  const before = await member(b), t0 = Date.now();
  const ufrag = () => b.page.evaluate(() => /a=ice-ufrag:(\S+)/.exec(window.mediadCall.pc.remoteDescription.sdp)[1]);
  const old = await ufrag(), pc = await b.page.evaluateHandle(() => window.mediadCall.pc);
  await b.page.evaluate(() => window.dispatchEvent(new Event('online'))); /* what a browser says on another network */
  await b.page.waitForFunction(([u]) => { const c = window.mediadCall; return /a=ice-ufrag:(\S+)/.exec(c.pc.remoteDescription.sdp)[1] !== u && c.pc.iceConnectionState !== 'checking' && c.state.media === 'up'; }, [old], { timeout: LONG });
  const ms = Date.now() - t0;
  await b.page.waitForFunction(async () => { /* what comes, comes over the new path */
    const { pc } = window.mediadCall, now = /a=ice-ufrag:(\S+)/.exec(pc.remoteDescription.sdp)[1], stats = await pc.getStats();
    return [...stats.values()].some((p) => p.type === 'candidate-pair' && p.nominated && p.bytesReceived > 5000 && stats.get(p.remoteCandidateId)?.usernameFragment === now);
  }, null, { timeout: LONG });
  const heard = await hears(b, 600);
  must(await b.page.evaluate((p) => window.mediadCall.pc === p, pc), 'another connection');
  must(await member(b) === before, 'another member');
  must(await b.page.evaluate(() => window.mediadCall.state.room.members.filter((m) => !m.in_lobby).length) === 3, 'a new member came');
  await hears(a, 900);
  must(ms + heard.ms < 5000 * PATIENCE, `too long: ${ms} ms and ${heard.ms} ms`);
  step('the path was renewed', { ms, heard: heard.ms });

  await a.page.getByRole('button', { name: 'Trình chiếu', exact: true }).click();
  await seen(b, CONTENT, quartered, 'the screen once more');
  await a.page.reload(); /* a reload ends what was shown: a page may not take a screen by itself */
  await up(a);
  await b.page.waitForFunction(() => window.mediadCall.state.room.content === null, null, { timeout: LONG });
  await b.page.locator(BIG).waitFor({ timeout: LONG });
  must(await a.page.locator('.meet-notice').count() === 0, `the page that was loaded again says: ${await a.page.locator('.meet-notice').allTextContents()}`);
  step('a reload ends what was shown');

  await b.page.getByRole('button', { name: 'Trình chiếu', exact: true }).click();
  await seen(a, CONTENT, (s) => s.yellow.share > 0.1 && s.yellow.x < s.blue.x && s.yellow.y < s.green.y, 'the screen of the other');
  await a.page.getByRole('button', { name: 'Dừng trình chiếu của Xã Cẩm Xuyên' }).press('Enter');
  await b.page.getByText('Chủ tọa đã dừng phần trình chiếu của bạn').waitFor({ timeout: LONG });
  must(await b.page.evaluate(() => !window.mediadCall.state.sharing && window.testScreens.every((s) => s.getTracks().every((x) => x.readyState === 'ended'))), 'the screen is still taken');
  await a.page.locator(BIG).waitFor({ timeout: LONG });
  step('the chair takes it away');

  /* the chair came by a link: no account, no desk; what it does goes over its join socket */
  const chair = a.page, site = b.page, panel = chair.locator('.meet-panel'), press = (name) => panel.getByRole('button', { name, exact: true }).press('Enter');
  await chair.getByRole('button', { name: 'Điều hành' }).press('Enter');
  await site.getByRole('button', { name: 'Giơ tay' }).press('Enter');
  await panel.locator('.desk-queue li', { hasText: 'Xã Cẩm Xuyên' }).waitFor({ timeout: LONG });
  await chair.screenshot({ path: `${pictures}/chairing-queue-vi.png` });
  await press('Mời phát biểu');
  await site.getByText('Mời bạn phát biểu').waitFor({ timeout: LONG });
  await press('Dừng phát biểu');
  await panel.getByText('Chưa mời ai phát biểu').waitFor({ timeout: LONG });
  await press('Mở biểu quyết');
  await chair.getByLabel('Câu hỏi').fill('Thông qua chương trình?');
  await chair.screenshot({ path: `${pictures}/chairing-vote-vi.png` });
  await chair.getByRole('button', { name: 'Mở ngay' }).press('Enter');
  for (const page of [chair, site]) await page.getByRole('heading', { name: 'Thông qua chương trình?' }).waitFor({ timeout: LONG });
  for (const page of [chair, site]) await page.locator('.meet-choices button').first().press('Enter');
  await chair.getByRole('button', { name: 'Điều hành' }).press('Enter');
  await panel.getByText('2 trên 3 phiếu').waitFor({ timeout: LONG });
  await press('Đóng biểu quyết');
  await site.getByText('Đã đóng biểu quyết').waitFor({ timeout: LONG });
  step('the chair runs the floor and a vote from the call');

  await panel.getByText('Các điểm cầu (2)').click();
  await press('Tắt micro của Xã xem'); /* its tone, coded, is heard a little at every frequency */
  await press('Tắt micro của Xã Cẩm Xuyên');
  await panel.locator('li', { hasText: 'Xã Cẩm Xuyên' }).getByText('chủ tọa đã tắt micro').waitFor({ timeout: LONG });
  await hears(a, 900, false);
  for (const name of ['Xã xem', 'Xã Cẩm Xuyên']) await press(`Bật lại micro của ${name}`);
  await hears(a, 900);
  const id = await member(b), tile = chair.locator(`figure[data-member="${id}"]`);
  await chair.evaluate(() => window.mediadCall.setStreams(true));
  await tile.waitFor({ timeout: LONG });
  await press('Ẩn hình của Xã Cẩm Xuyên');
  await tile.waitFor({ state: 'detached', timeout: LONG });
  await site.getByText('Chủ tọa đã ẩn hình của bạn').waitFor({ timeout: LONG });
  await panel.getByText('chủ tọa đã ẩn hình').waitFor({ timeout: LONG });
  await chair.screenshot({ path: `${pictures}/chairing-hidden-vi.png` });
  await site.screenshot({ path: `${pictures}/hidden-site-vi.png` });
  const known = (off) => chair.waitForFunction(([who, is]) => window.mediadCall.state.room.members.find((m) => m.id === who).self_video_muted === is, [id, off], { timeout: LONG });
  await site.getByRole('button', { name: 'Tắt hình' }).press('Enter'); /* its own key is another thing than the chair's */
  await known(true);
  await site.getByRole('button', { name: 'Bật hình' }).press('Enter');
  await known(false);
  for (let i = 0; i < 5; i++) {
    await chair.waitForTimeout(200);
    must(await tile.count() === 0, 'its own key brought the hidden picture back');
  }
  await chair.evaluate(() => window.mediadCall.setStreams(false));
  await seen(a, BIG, (s) => s.magenta.share < 0.02 && s.cyan.share < 0.9, 'the meeting without the hidden picture');
  await chair.setViewportSize(PHONE);
  await chair.screenshot({ path: `${pictures}/chairing-hidden-phone-vi.png` });
  await chair.setViewportSize(DESKTOP);
  await press('Hiện hình của Xã Cẩm Xuyên');
  await seen(a, BIG, (s) => s.magenta.share > 0.05, 'the picture again');
  step('a picture is hidden, and stays so until the chair shows it');

  await ask('another meeting is booked');
  const clerk = await person(browser, { name: 'Văn thư' });
  await signIn(clerk, base, user, password);
  await clerk.page.goto(`${base}/meetings`);
  await clerk.page.getByRole('button', { name: 'Đặt lịch họp' }).click();
  await clerk.page.getByLabel('Tên cuộc họp').fill('Giao ban quý');
  await clerk.page.getByLabel(/^Tất cả điểm cầu/).uncheck();
  await clerk.page.getByLabel('Thêm tài khoản').fill('xem');
  await clerk.page.getByRole('button', { name: 'Đặt lịch', exact: true }).click();
  const clashes = clerk.page.getByRole('region', { name: 'Trùng giờ: 1' });
  await clashes.waitFor({ timeout: LONG });
  const told = await clashes.getByRole('listitem').innerText();
  must(/^Xã xem: Tập huấn phòng cháy .*08:30–09:30$/.test(told), `the clash is told: ${told}`);
  await clashes.scrollIntoViewIfNeeded();
  await clerk.page.screenshot({ path: `${pictures}/book-clash-vi.png`, fullPage: true });
  must(/\/meetings\/[^/]+$/.test(await clashes.getByRole('link').getAttribute('href')), 'no way to the other meeting');
  await clerk.page.getByLabel('Vẫn đặt, vì').fill('Chủ tịch yêu cầu');
  await clerk.page.getByRole('button', { name: 'Đặt lịch', exact: true }).click();
  await clerk.page.getByRole('heading', { name: 'Giao ban quý' }).waitFor({ timeout: LONG });
  step('who is where at that time is shown, a reason books all the same', told);
});
