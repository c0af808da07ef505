// SPDX-License-Identifier: GPL-3.0-or-later
// The server's page, by an administrator who has written into the file. usage: node settings.mjs SPEC (JSON); prints one line a step.
import { readFileSync, writeFileSync } from 'node:fs';
import { byHand, oneTimeCode, signIn } from './console.mjs';
import { axe, catalogue, faults, launch, must, ok, open } from './look.mjs';
import { ask } from './people.mjs';

const { base, root, pictures, patience, user, password, conf, pin, newPin, badPin, key, newKey } = JSON.parse(process.argv[2]);
const long = 15000 * patience, first = readFileSync(conf, 'utf8'), mended = first.replace('redial_first_s = 1;', 'redial_first_s = 7;').replace(pin, newPin).replace(key, newKey);
const browser = await launch(), answers = [];

/** At another machine: the session of the page is asked for a code all the same. */
async function enrolled() {
  const call = async (path, body, token) => {
    const r = await fetch(`${base}/api/v1${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json', ...(token ? { Authorization: `Bearer ${token}` } : {}) }, body: JSON.stringify(body) });
    must(r.ok, `${path}: ${r.status}`);
    return r.json();
  };
  const { token } = await call('/session', { user, password }), { secret } = await call('/session/second-factor/enrol', { password }, token);
  await call('/session/second-factor/confirm', { code: oneTimeCode(secret) }, token);
  return secret;
}

async function look(page, name, access) {
  const wrong = [...await faults(page, catalogue(root)), ...(access ? await axe(page) : [])];
  must(wrong.length === 0, `${name}: ${wrong.join('; ')}`);
  await page.screenshot({ path: `${pictures}/settings-${name}.png`, fullPage: true });
}

/** The line that tells what this setting is. */
const entry = (page, name) => page.locator('ul.list > li').filter({ has: page.locator('code', { hasText: new RegExp(`^${name.replaceAll('.', '\\.')}$`) }) });
const value = (page, name) => entry(page, name).locator('pre').innerText();
const told = (page) => page.locator('section .card[role=status]');
const press = (page, name) => page.getByRole('button', { name, exact: true }).click();
const sure = (page) => page.getByRole('dialog', { name: 'Nạp lại cài đặt' }).getByRole('button', { name: 'Nạp lại cài đặt' }).click();

async function faulty(page) {
  const bad = first.replace('redial_first_s = 1;', 'redial_first_s = 700;').replace(pin, badPin);
  writeFileSync(conf, bad);
  await press(page, 'Kiểm tra tệp');
  await told(page).getByText('Tệp có 2 lỗi, không gì thay đổi').waitFor();
  const one = await told(page).locator('li').filter({ hasText: 'conference.redial_first_s' }).innerText(), line = Number(/Dòng (\d+):/.exec(one)?.[1]);
  must(one.includes(conf) && one.includes('must be a whole number, 1 to 600 seconds'), `it does not say where, what and how: ${one}`);
  must((await told(page).locator('li').filter({ hasText: 'rooms' }).innerText()).includes('digits'), 'the PIN is not told');
  ok('the faults are told', { line, file: bad });
  await look(page, 'faulty-vi', true);
  await press(page, 'Nạp lại cài đặt');
  await page.getByRole('dialog').getByText('Tệp có lỗi thì không gì thay đổi.').waitFor();
  await sure(page);
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await told(page).getByText('Tệp có 2 lỗi, không gì thay đổi').waitFor();
  must(await page.locator('input[name=otp]').count() === 0, 'a code is asked for, for nothing');
  must(await value(page, 'conference.redial_first_s') === '1', 'the faulty value is shown');
  await ask('is anything taken over?');
  writeFileSync(conf, first.replace('redial_first_s = 1;', 'redial_first_s = = 1;'));
  await press(page, 'Kiểm tra tệp');
  await told(page).getByText('Tệp có 1 lỗi, không gì thay đổi').waitFor();
  const words = await told(page).locator('li').innerText();
  must(/Dòng \d+:/.test(words) && words.includes('name = value;') && words.includes(conf), `a syntax error is told so: ${words}`);
  ok('a line that is no setting is told');
}

async function taken(page, secret) {
  writeFileSync(conf, mended);
  await press(page, 'Kiểm tra tệp');
  await told(page).getByText('Tệp không có lỗi').waitFor();
  await told(page).getByText('conference.redial_first_s thay đổi').waitFor();
  must((await told(page).locator('li').filter({ hasText: 'broadcast.listen_key' }).innerText()).includes('có hiệu lực khi khởi động lại'), 'what waits for a restart is not told');
  must(await value(page, 'conference.redial_first_s') === '1', 'a look has taken it over');
  ok('the mended file is sound');
  const refused = await byHand({ page }, 'POST', '/settings/reload');
  must(refused.status === 403 && refused.error.code === 'second-factor-needed', `taken over without a code: ${JSON.stringify(refused)}`);
  await press(page, 'Nạp lại cài đặt');
  await sure(page);
  const code = page.locator('input[name=otp]');
  await code.fill('000000');
  await code.press('Enter');
  await page.getByText('Mã sai, cũ hoặc đã dùng').waitFor();
  await ask('is it taken over with a wrong code?');
  await code.fill(oneTimeCode(secret, 1));
  await code.press('Enter');
  await told(page).getByText('Đã nạp lại').waitFor();
  await page.getByText('1 cài đặt mới chỉ có hiệu lực khi khởi động lại máy chủ.').waitFor();
  must(await value(page, 'conference.redial_first_s') === '7', 'what is in force is not shown');
  await entry(page, 'conference.redial_first_s').getByText('Đã đổi từ khi chạy').waitFor();
  must((await entry(page, 'broadcast.listen_key').innerText()).includes('Lần khởi động tới: đã đặt, không hiện'), await entry(page, 'broadcast.listen_key').innerText());
  ok('it is taken over');
}

async function secrets(page) {
  await press(page, 'Tất cả');
  await page.getByRole('textbox', { name: 'Tìm cài đặt' }).fill('listen_key');
  must(await value(page, 'broadcast.listen_key') === 'đã đặt, không hiện', await value(page, 'broadcast.listen_key'));
  await page.getByRole('textbox', { name: 'Tìm cài đặt' }).fill('rooms');
  const rooms = await entry(page, 'rooms').innerText();
  must(rooms.includes('giao-ban'), rooms);
  const shown = await page.content(), bodies = await Promise.all(answers);
  for (const secret of [pin, newPin, badPin, key, newKey]) must(!shown.includes(secret) && bodies.every((b) => !b.includes(secret)), `${secret} is told`);
  ok('no secret is on a page', { answers: bodies.length, shown: shown.length });
}

try {
  const page = await open(browser, { base });
  page.setDefaultTimeout(long);
  page.expects = ['status of 403', 'status of 401', 'status of 400', 'status of 409']; /* 409: no device link here */
  page.on('response', (r) => { if (r.url().includes('/api/v1/settings')) answers.push(r.text()); });
  await signIn({ page, name: user }, base, password, '/settings');
  const secret = await enrolled();
  await entry(page, 'conference.redial_first_s').waitFor();
  must(await value(page, 'conference.redial_first_s') === '1', 'it does not begin as the file says');
  await faulty(page);
  await taken(page, secret);
  await secrets(page);
  await look(page, 'taken-vi');
} catch (error) {
  for (const context of browser.contexts()) for (const page of context.pages()) await page.screenshot({ path: `${pictures}/settings-failed.png` }).catch(() => undefined);
  console.log(`FAILED ${error.message.replaceAll('\n', ' | ')}`);
  process.exitCode = 1;
} finally {
  await browser.close();
  process.stdin.destroy();
}
