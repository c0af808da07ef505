// SPDX-License-Identifier: GPL-3.0-or-later
// A confidential meeting in Chromium: an operator books it, a named site chairs it, others are turned away. usage: node confidential.mjs BASE
// PICTURES-FOLDER PEOPLE (JSON: name to password) WORDS-TO-WRITE
import { byHand } from './console.mjs';
import { ask, hears, join, LONG, must, person, signIn, step, story, up } from './people.mjs';

const [base, pictures, people, words] = [process.argv[2], process.argv[3], JSON.parse(process.argv[4]), process.argv[5]];
const TITLE = 'Họp phương án A2';

async function book({ page }) {
  await page.goto(`${base}/meetings`);
  await page.getByRole('button', { name: 'Đặt lịch họp' }).click();
  await page.getByLabel('Tên cuộc họp').fill(TITLE);
  await page.getByLabel('Bắt đầu (giờ Việt Nam)').fill(new Date(Date.now() + (7 * 60 + 3) * 60000).toISOString().slice(0, 16));
  await page.getByLabel('Tài khoản chủ tọa').fill('xa-a');
  await page.getByLabel(/Tất cả điểm cầu của/).uncheck();
  await page.getByLabel('Thêm tài khoản').fill('xa-a, xa-b');
  await page.getByLabel('Tắt micro khi vào').uncheck();
  await page.getByLabel('Tự gọi các điểm cầu khi bắt đầu').uncheck();
  const record = page.getByLabel('Ghi hình', { exact: true });
  await record.check();
  await page.getByLabel(/^Họp kín/).check();
  must(!await record.isChecked() && await record.isDisabled(), 'it may still be recorded');
  await page.getByText('phải dùng thiết bị của cơ yếu').waitFor();
  await page.screenshot({ path: `${pictures}/confidential-book-vi.png`, fullPage: true });
  await page.getByRole('button', { name: 'Đặt lịch', exact: true }).click();
  await page.getByRole('heading', { name: TITLE }).waitFor();
  await page.getByText('phải dùng thiết bị của cơ quan cơ yếu').waitFor();
  await page.getByText('Họp kín không nhận khách').waitFor();
  await page.getByRole('button', { name: 'Bàn chủ tọa' }).waitFor();
  await page.screenshot({ path: `${pictures}/confidential-meeting-vi.png`, fullPage: true });
  const meeting = new URL(page.url()).pathname.split('/').pop();
  for (;;) { /* its room opens a quarter of an hour before */
    const found = await byHand({ page }, 'GET', `/meetings/${meeting}`);
    if (found.state === 'open') return { meeting, room: found.room, title: TITLE };
    must(found.state === 'scheduled', `the meeting is ${found.state}`);
    await page.waitForTimeout(200);
  }
}

async function nothingLeaves({ page }, { meeting, room }) {
  const guest = await byHand({ page }, 'POST', `/meetings/${meeting}/links`, { invitees: [{ name: 'Khách' }] });
  must(guest.status === 409 && /no guests/.test(guest.error.message), `a guest's link: ${JSON.stringify(guest)}`);
  for (const what of ['recordings', 'streams']) {
    const refused = await byHand({ page }, 'POST', `/rooms/${room}/${what}`, {});
    must(refused.status === 409 && /confidential/.test(refused.error.message), `${what}: ${JSON.stringify(refused)}`);
  }
  await page.goto(`${base}/desk/${room}`);
  await page.getByText('Họp kín: không ghi hình, không phát trực tiếp').waitFor();
  await page.getByText('phải dùng thiết bị của cơ quan cơ yếu').waitFor();
  must(await page.getByRole('button', { name: /Ghi hình|Phát trực tiếp/ }).count() === 0, 'the desk offers what is refused');
  await page.screenshot({ path: `${pictures}/confidential-desk-vi.png` });
}

/* Turned away, not asked to wait: whoever is not named learns no more than that, signed in or not. */
async function refused(p, url) {
  await p.page.goto(url);
  await p.page.locator('input[name=name]').fill(p.name);
  await p.page.locator('button.door-go').click();
  await p.page.getByRole('heading', { name: 'Chưa vào được cuộc họp', exact: true }).waitFor({ timeout: LONG });
  await p.page.getByText('Cuộc họp này chỉ dành cho người được mời.', { exact: true }).waitFor({ timeout: LONG });
}

await story(async (browser) => {
  const clerk = await person(browser, { name: 'Văn thư' }), chair = { ...await person(browser, { name: 'Chủ tọa', colour: 'yellow', hz: 500 }), hz: 500 };
  await signIn(clerk, base, 'vanthu', people.vanthu);
  const made = await book(clerk);
  step('booked', made);
  await nothingLeaves(clerk, made);
  step('no guests, no recording, no stream');
  await signIn(chair, base, 'xa-a', people['xa-a']);
  await join(chair, `${base}/join/${made.room}`).catch(async (e) => { throw new Error(await chair.page.locator('body').innerText() + e.message); });
  await up(chair);
  await chair.page.getByText('phải dùng thiết bị của cơ quan cơ yếu').waitFor({ timeout: LONG });
  await chair.page.screenshot({ path: `${pictures}/confidential-call-vi.png` });
  await chair.page.getByRole('button', { name: 'Đã hiểu' }).click();
  await chair.page.locator('.meet-sign').getByText('Họp kín').waitFor();
  step('the chair is in');
  await ask('a named site in the clear');
  await ask('a named site encrypted');
  await hears(chair, 1200);
  step('they hear each other');
  await refused(clerk, `${base}/join/${made.room}`);
  const stranger = await person(browser, { name: 'Người lạ' });
  await refused(stranger, `${base}/join/${made.room}`);
  step('who is not named stays outside');
  await chair.page.getByRole('button', { name: 'Trò chuyện' }).click();
  await chair.page.getByLabel('Viết…').fill(words);
  await chair.page.getByRole('button', { name: 'Gửi' }).click();
  await chair.page.getByRole('log').getByText(words).waitFor();
  step('written');
}, ['--ignore-certificate-errors']);
