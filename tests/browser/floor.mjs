// SPDX-License-Identifier: GPL-3.0-or-later
// The floor, from a raised hand to the big picture: sites with pages and a SIP endpoint raise hands, the chair's desk shows who waits, reorders,
// and gives the floor with one press; the clock ends it; then a named and a secret vote.
// usage: node floor.mjs BASE PICTURES-FOLDER USER PASSWORD ROOM TOKEN LINK LINK
import { ask, hears, join, LONG, must, PHONE, person, seen, signIn, step, story, up } from './people.mjs';

const [base, pictures, user, password, room, token, linkA, linkB] = process.argv.slice(2);
const BIG = 'video.meet-big.main';
const order = (method, path, body) => fetch(`${base}/api/v1/rooms/${room}${path}`, { method, headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
  .then(async (r) => must(r.ok, `${path}: ${r.status} ${await r.text()}`));

await story(async (browser) => {
  const chair = await person(browser, { name: 'Chủ tọa' }), a = await person(browser, { name: 'Xã Cẩm Xuyên', colour: 'magenta', hz: 700 });
  const b = await person(browser, { name: 'Xã Kỳ Anh', colour: 'cyan', hz: 1300, viewport: PHONE });
  await signIn(chair, base, user, password);
  await Promise.all([chair.page.goto(`${base}/desk/${room}`), join(a, base + linkA), join(b, base + linkB)]);
  await Promise.all([up(a), up(b)]);
  await hears(a, 1300);
  await hears(b, 700);
  step('all are in');

  const desk = chair.page, queue = desk.locator('.desk-queue li'), waiting = () => queue.locator('> span:first-child').allTextContents();
  const queued = (...names) => desk.waitForFunction((want) => [...document.querySelectorAll('.desk-queue li > span:first-child')].map((x) => x.textContent).join() === want, names.join(), { timeout: LONG })
    .catch(async () => { throw new Error(`the desk shows ${await waiting()}, not ${names}`); });
  await a.page.getByRole('button', { name: 'Giơ tay' }).press('Enter');
  await queued('Xã Cẩm Xuyên');
  await ask('the endpoint raises its hand by keys');
  await queued('Xã Cẩm Xuyên', 'Xã nghe');
  await b.page.getByRole('button', { name: 'Giơ tay' }).press('Space');
  await queued('Xã Cẩm Xuyên', 'Xã nghe', 'Xã Kỳ Anh');
  await desk.getByRole('button', { name: 'Đưa Xã Kỳ Anh lên trước' }).press('Enter');
  await queued('Xã Cẩm Xuyên', 'Xã Kỳ Anh', 'Xã nghe');
  await b.page.getByRole('button', { name: 'Hạ tay (2)' }).waitFor({ timeout: LONG }); /* the server's order, not the desk's own */
  await desk.screenshot({ path: `${pictures}/floor-queue-vi.png` });
  step('hands are in the queue, and reordered', await waiting());

  await desk.getByLabel('Thời gian mỗi lượt phát biểu').selectOption({ label: '3 phút' });
  await desk.locator('.desk-queue li').first().getByRole('button', { name: 'Mời phát biểu' }).press('Enter');
  await a.page.getByText('Mời bạn phát biểu').waitFor({ timeout: LONG });
  for (const one of [a, b]) must(/^[23]:\d\d$/.test(await one.page.locator('.meet-sign.time').textContent({ timeout: LONG })), 'no countdown');
  must(/^[23]:\d\d$/.test(await desk.getByRole('timer').textContent()), 'no countdown on the desk');
  await b.page.getByText('Chuẩn bị: bạn nói kế tiếp').waitFor({ timeout: LONG });
  await b.page.getByText('Micro của bạn tắt trong lúc người khác phát biểu').waitFor({ timeout: LONG });
  must(await a.page.getByText('Chuẩn bị: bạn nói kế tiếp').count() === 0, 'the speaker is told to get ready');
  const big = await seen(b, BIG, (s) => s.magenta.share > 0.3 && s.magenta.share > 2 * s.cyan.share, 'the speaker large');
  await hears(b, 700);
  await hears(a, 1300, false);
  await b.page.screenshot({ path: `${pictures}/floor-next-phone-vi.png` });
  await a.page.screenshot({ path: `${pictures}/floor-speaker-vi.png` });
  await desk.screenshot({ path: `${pictures}/floor-given-vi.png` });
  step('one press: the speaker large and alone to be heard, the next one told', big.magenta);

  await desk.getByRole('button', { name: 'Thêm 1 phút' }).press('Enter');
  await desk.waitForFunction(() => /^[34]:/.test(document.querySelector('.desk-rest')?.textContent ?? ''), null, { timeout: LONG });
  await desk.getByRole('button', { name: 'Dừng phát biểu' }).press('Enter');
  await hears(a, 1300);
  await seen(b, BIG, (s) => s.magenta.share > 0.1 && Math.abs(s.magenta.share - s.cyan.share) < 0.1, 'the layout as before');
  step('the chair ends it: microphones and layout as before');

  await order('PUT', '/floor/rules', { budget_s: 7, warn_s: 4 });
  await desk.waitForFunction(() => document.querySelectorAll('.desk-queue li').length === 2, null, { timeout: LONG });
  const tone = b.page.evaluate(async (ms) => {
    const ctx = new AudioContext(), analyser = ctx.createAnalyser(), end = Date.now() + ms;
    analyser.fftSize = 2048; analyser.smoothingTimeConstant = 0;
    ctx.createMediaStreamSource(window.mediadCall.state.sound).connect(analyser);
    const bins = new Float32Array(analyser.frequencyBinCount), at = Math.round((1000 * analyser.fftSize) / ctx.sampleRate);
    let looks = 0;
    while (looks < 3 && Date.now() < end) {
      await new Promise((done) => setTimeout(done, 25));
      analyser.getFloatFrequencyData(bins);
      const low = Math.max(...bins.slice(at - 14, at - 9)), high = Math.max(...bins.slice(at + 9, at + 12));
      if (Math.max(bins[at], bins[at + 1]) > Math.max(low, high, -70) + 15) looks++;
    }
    return looks;
  }, LONG);
  await desk.getByRole('button', { name: 'Mời người kế tiếp' }).press('Enter');
  await b.page.getByText('Mời bạn phát biểu').waitFor({ timeout: LONG });
  await b.page.locator('.meet-sign.time.soon').waitFor({ timeout: LONG });
  const t0 = Date.now();
  await b.page.getByRole('button', { name: 'Giơ tay' }).waitFor({ timeout: LONG });
  must(await tone >= 3, 'no warning tone');
  await desk.getByText('Chưa mời ai phát biểu').waitFor({ timeout: LONG });
  step('the clock warns and ends it', { ms: Date.now() - t0 });

  await order('PUT', '/floor/rules', { budget_s: 0 });
  const corner = (x, y) => (s, c) => s[c].share > 0.1 && Math.abs(s[c].x - x) < 0.1 && Math.abs(s[c].y - y) < 0.12;
  await desk.getByRole('button', { name: '2 × 2' }).press('Enter');
  await desk.getByText('Chỗ cố định').click();
  await desk.getByLabel('Chỗ 4').selectOption({ label: 'Xã Kỳ Anh' });
  await desk.getByLabel('Chỗ 2').selectOption({ label: 'Xã Cẩm Xuyên' });
  const seated = (s) => corner(0.75, 0.75)(s, 'cyan') && corner(0.75, 0.25)(s, 'magenta');
  await seen(a, BIG, seated, 'everybody in the seat that was given');
  await desk.screenshot({ path: `${pictures}/desk-seats-vi.png`, fullPage: true });
  await desk.locator('.desk-members > li', { hasText: 'Xã Kỳ Anh' }).locator('summary').press('Enter');
  await desk.getByLabel('Bố cục gửi cho Xã Kỳ Anh').selectOption({ label: 'Bố cục riêng: Một hình' });
  await seen(b, BIG, (s) => s.magenta.share > 0.7 || s.red.share > 0.2, 'one large picture of its own');
  await desk.screenshot({ path: `${pictures}/desk-member-vi.png` });
  await seen(a, BIG, seated, 'the layout of all still');
  await desk.getByLabel('Bố cục gửi cho Xã Kỳ Anh').selectOption({ label: 'Bố cục như mọi người' });
  await seen(b, BIG, seated, 'the layout of all again');
  await desk.locator('.desk-members > li', { hasText: 'Xã Kỳ Anh' }).locator('summary').press('Enter');
  await desk.getByLabel('Chỗ 4').selectOption({ label: 'Tự động' });
  await desk.getByLabel('Chỗ 2').selectOption({ label: 'Tự động' });
  step('seats and views of one\'s own');

  await desk.getByLabel('Tên kênh, ví dụ English').fill('English');
  await desk.getByRole('button', { name: 'Thêm kênh' }).press('Enter');
  await desk.getByLabel('Thêm người phiên dịch cho kênh English').selectOption({ label: 'Xã Kỳ Anh' });
  await desk.getByRole('button', { name: 'Xã Kỳ Anh thôi phiên dịch' }).waitFor({ timeout: LONG });
  await hears(a, 1300, false); /* nobody listens to the interpreter yet */
  await hears(a, 1200); /* the endpoint: the floor is heard */
  await a.page.getByRole('button', { name: 'Thêm', exact: true }).press('Enter');
  await a.page.getByLabel('Kênh nghe').selectOption({ label: 'English' });
  await a.page.getByText('Đang nghe kênh English').waitFor({ timeout: LONG });
  await hears(a, 1300); /* the interpreter */
  await desk.getByText('1 người nghe').waitFor({ timeout: LONG });
  await desk.screenshot({ path: `${pictures}/desk-channels-vi.png`, fullPage: true });
  await a.page.screenshot({ path: `${pictures}/channel-listener-vi.png` });
  await a.page.getByLabel('Kênh nghe').selectOption({ label: 'Tiếng gốc' });
  await desk.getByText('0 người nghe').waitFor({ timeout: LONG });
  await hears(a, 1300, false);
  await desk.getByRole('button', { name: 'Bỏ kênh English' }).press('Enter');
  await a.page.getByLabel('Kênh nghe').waitFor({ state: 'detached', timeout: LONG });
  step('an interpreter and who listens');

  const open = async (question, secret) => {
    await desk.getByRole('button', { name: 'Mở biểu quyết' }).press('Enter');
    await desk.getByLabel('Câu hỏi').fill(question);
    if (secret) await desk.getByLabel('Bỏ phiếu kín').check();
    await desk.getByRole('button', { name: 'Mở ngay' }).press('Enter');
    for (const one of [a, b]) await one.page.getByRole('heading', { name: question }).waitFor({ timeout: LONG });
  };
  const close = async () => {
    await desk.getByRole('button', { name: 'Đóng biểu quyết' }).press('Enter');
    for (const one of [a, b]) await one.page.getByText('Đã đóng biểu quyết').waitFor({ timeout: LONG });
  };
  const result = (page) => page.locator('ul.list:has(.bar) > li').allTextContents();
  await open('Thông qua dự toán?', false);
  await a.page.locator('.meet-choices button').nth(0).press('Enter');
  await b.page.locator('.meet-choices button').nth(1).press('Enter');
  await ask('the endpoint votes by keys: the first choice');
  await desk.getByText('3 trên 3 phiếu').waitFor({ timeout: LONG });
  await close();
  await desk.waitForFunction(() => document.querySelector('ul.list:has(.bar)')?.textContent.includes('✔'), null, { timeout: LONG });
  const named = await result(desk);
  must(/2/.test(named[0]) && named[0].includes('Xã Cẩm Xuyên') && named[0].includes('Xã nghe') && /1/.test(named[1]) && named[1].includes('Xã Kỳ Anh'), `the named vote: ${JSON.stringify(named)}`);
  must((await result(b.page))[0].includes('Xã Cẩm Xuyên'), 'the page does not show who voted what');
  await desk.screenshot({ path: `${pictures}/vote-named-vi.png`, fullPage: true });
  step('a named vote', named);
  await open('Bầu ban kiểm phiếu?', true);
  for (const one of [a, b]) await one.page.locator('.meet-choices button').nth(0).press('Enter');
  await desk.getByText('2 trên 3 phiếu').waitFor({ timeout: LONG });
  await close();
  await desk.waitForFunction(() => document.querySelector('ul.list:has(.bar)')?.textContent.includes('✔'), null, { timeout: LONG });
  const secret = await result(desk);
  must(/2/.test(secret[0]) && !/Xã/.test(secret.join()) && !/Xã/.test((await result(a.page)).join()), `the secret vote tells: ${JSON.stringify(secret)}`);
  await a.page.screenshot({ path: `${pictures}/vote-secret-vi.png` });
  step('a secret vote', secret);
});
