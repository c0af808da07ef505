// SPDX-License-Identifier: GPL-3.0-or-later
// The organiser's half of the trial session, clicked. usage: node trial.mjs SPEC (JSON); prints one line a step, asks where hands are needed at a site.
import { axe, catalogue, faults, launch, must, ok, open } from './look.mjs';
import { ask } from './people.mjs';

const { base, root, pictures, cookie, names, elsewhere, chair, patience } = JSON.parse(process.argv[2]), words = catalogue(root), long = 20000 * patience;
const browser = await launch();

async function look(page, name, access) {
  const wrong = [...await faults(page, words), ...(access ? await axe(page) : [])];
  must(wrong.length === 0, `${name}: ${wrong.join('; ')}`);
  await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true });
}

/** Moved onto a time at which its sites are elsewhere: told, and then done all the same. What else the meeting is stays. */
async function changed(page) {
  await page.getByRole('button', { name: 'Sửa lịch họp' }).click();
  must(await page.getByLabel('Mã PIN vào họp').inputValue() === '2468', 'the PIN is not there to change');
  await look(page, 'meeting-change-desktop-vi', true);
  const other = await open(browser, { base, cookie, language: 'en', size: 'phone' });
  await other.go(new URL(page.url()).pathname);
  await other.getByRole('button', { name: 'Change the booking' }).click();
  await other.getByLabel("The chair's PIN").waitFor();
  await look(other, 'meeting-change-phone-en', true);
  await other.context().close();
  await page.getByLabel('Tên cuộc họp').fill('Họp phòng chống bão số 9');
  await page.getByLabel('Bắt đầu (giờ Việt Nam)').fill(elsewhere);
  await page.getByLabel('Số phút').fill('45');
  await page.getByLabel('Mã PIN vào họp').fill('1357');
  await page.getByRole('button', { name: 'Lưu', exact: true }).click();
  await page.getByRole('heading', { name: 'Trùng giờ: 4' }).waitFor();
  await page.getByRole('listitem').filter({ hasText: names.cam }).getByRole('link', { name: 'Giao ban tuần' }).waitFor();
  ok('the clash is told');
  await page.getByLabel('Vẫn đặt, vì').fill('Bão đổ bộ');
  await page.getByRole('button', { name: 'Lưu', exact: true }).click();
  await page.getByRole('heading', { name: 'Họp phòng chống bão số 9' }).waitFor();
  await page.getByText('1357').waitFor();
  ok('changed');
}

/** Its chair may, who operates nothing; on a telephone, while the organiser's page is open. */
async function calledOff(organiser) {
  const page = await open(browser, { base, size: 'phone' });
  page.setDefaultTimeout(long);
  page.expects = ['status of 401'];
  await page.goto(base + new URL(organiser.url()).pathname);
  await page.locator('input[name=user]').fill(chair.name);
  await page.locator('input[name=password]').fill(chair.password);
  await page.locator('button[type=submit]').click();
  await page.getByRole('heading', { name: 'Họp phòng chống bão số 9' }).waitFor();
  must(await page.getByRole('button', { name: 'Sửa lịch họp' }).count() === 0, 'a chair is offered what the server refuses');
  await page.rest();
  await look(page, 'meeting-chair-phone-vi');
  await page.getByRole('button', { name: 'Hủy cuộc họp' }).click();
  const ask = page.getByRole('dialog', { name: 'Hủy cuộc họp này?' }), go = ask.getByRole('button', { name: 'Hủy cuộc họp' });
  must(await go.isDisabled(), 'called off without a reason');
  await ask.getByLabel('Lý do hủy').fill('Bão đã tan');
  await page.screenshot({ path: `${pictures}/meeting-cancel-vi.png` });
  await go.click();
  await page.getByText('Cuộc họp đã hủy: Bão đã tan').waitFor();
  await ask.waitFor({ state: 'detached' });
  for (const name of ['Sửa lịch họp', 'Hủy cuộc họp', 'Bắt đầu ngay', 'Tạo cho mọi điểm cầu']) must(await page.getByRole('button', { name }).count() === 0, `${name} is offered still`);
  await page.rest();
  await look(page, 'meeting-cancelled-phone-vi', true);
  await organiser.getByText('Cuộc họp đã hủy: Bão đã tan').waitFor();
  ok('called off');
}

try {
  const page = await open(browser, { base, cookie });
  page.setDefaultTimeout(long);
  page.expects = ['status of 409'];
  const row = (account) => page.getByRole('row').filter({ hasText: names[account] });
  await page.go('/meetings');
  await page.getByRole('button', { name: 'Đặt lịch họp' }).click();
  await page.getByLabel('Tên cuộc họp').fill('Họp phòng chống bão');
  await page.getByLabel('Bắt đầu (giờ Việt Nam)').fill(new Date(Date.now() + (7 * 60 + 30) * 60000).toISOString().slice(0, 16));
  await page.getByLabel(/Tất cả điểm cầu của/).uncheck();
  await page.getByLabel('Bốn xã (4)').check();
  await page.getByLabel('Tài khoản chủ tọa').fill(chair.name);
  await page.getByLabel('Mã PIN vào họp').fill('2468');
  await page.getByLabel('Mã PIN của chủ tọa').fill('2468');
  await page.getByRole('button', { name: 'Đặt lịch', exact: true }).click();
  await page.getByText('Mã của chủ tọa phải khác mã vào họp.').waitFor();
  await page.getByLabel('Mã PIN của chủ tọa').fill('97531');
  must(await page.getByLabel('Họp thử, kiểm tra từng điểm cầu từ trước 60 phút').isChecked(), 'a trial is not what one gets by itself');
  await page.getByRole('button', { name: 'Đặt lịch', exact: true }).click();
  await page.getByRole('heading', { name: 'Họp phòng chống bão' }).waitFor();
  ok('booked', new URL(page.url()).pathname.split('/').pop());
  await page.getByText(/Đang kiểm tra, còn \d điểm cầu/).waitFor();
  await page.getByRole('cell', { name: 'Đang đo', exact: true }).first().waitFor();
  ok('the sites are called');
  await page.screenshot({ path: `${pictures}/trial-running-desktop-vi.png`, fullPage: true });
  await row('cam').getByText('Micro không có tín hiệu').waitFor({ timeout: 2 * long });
  await row('cam').getByText('dây cắm, pin micro không dây').waitFor();
  await row('tat').getByText('Thiết bị chưa đăng ký').waitFor();
  await row('hinh').getByText('hình tĩnh').waitFor({ timeout: 2 * long });
  await row('tot').locator('.badge.good').waitFor();
  await page.getByRole('button', { name: 'Kiểm tra tất cả' }).waitFor();
  const order = await page.getByRole('row').locator('td:first-child').allInnerTexts();
  must(order.join() === [names.cam, names.tat, names.hinh, names.tot].join(), `not the worst first: ${order}`);
  must(await row('tot').getByRole('button').count() === 0, 'what is well is to be checked again');
  ok('all are judged', { order });
  const [list] = await Promise.all([page.context().waitForEvent('page'), page.getByRole('link', { name: 'Bản in cho kỹ thuật viên' }).click()]);
  await list.getByRole('heading', { name: 'Kết quả họp thử: Họp phòng chống bão' }).waitFor();
  must((await list.locator('tbody tr').first().innerText()).includes('Micro không có tín hiệu'), 'the list does not begin with what is broken');
  await list.screenshot({ path: `${pictures}/trial-list-vi.png`, fullPage: true });
  await list.close();
  const [file] = await Promise.all([page.waitForEvent('download'), page.locator('section').filter({ has: page.getByRole('heading', { name: 'Họp thử', exact: true }) }).getByRole('link', { name: 'Bảng tính (CSV)' }).click()]);
  must(/^hop-thu-.*\.csv$/.test(file.suggestedFilename()), file.suggestedFilename());
  ok('the list to print');
  await look(page, 'trial-desktop-vi', true);
  for (const [size, language] of [['phone', 'vi'], ['desktop', 'en'], ['phone', 'en']]) {
    const other = await open(browser, { base, cookie, language, size });
    await other.go(new URL(page.url()).pathname);
    await other.getByText(language === 'vi' ? 'Micro không có tín hiệu' : 'The microphone is dead').waitFor({ timeout: long });
    await look(other, `trial-${size}-${language}`, size === 'phone' && language === 'vi');
    await other.context().close();
  }
  await ask('mend the microphone');
  await page.getByRole('button', { name: `Kiểm tra lại ${names.cam}` }).click();
  await page.getByText('Đang gọi các điểm cầu').waitFor();
  await row('cam').locator('.badge.good').waitFor({ timeout: 2 * long });
  must(await row('tat').getByText('Thiết bị chưa đăng ký').isVisible(), 'the others are forgotten');
  ok('it passes now');
  await page.rest();
  await look(page, 'trial-mended-desktop-vi');
  ok('looked at', { pictures: 7 });
  await changed(page);
  await calledOff(page);
} catch (error) {
  console.log(`FAILED ${error.message.replaceAll('\n', ' | ')}`);
  process.exitCode = 1;
} finally {
  await browser.close();
  process.stdin.destroy();
}
