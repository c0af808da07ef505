// SPDX-License-Identifier: GPL-3.0-or-later
// Files of bulletins, the dictionary and the schedule's problems, clicked: usage: node papers.mjs BASE PICTURES-FOLDER JSON-OF-PEOPLE PATIENCE.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { byHand, launch, must, person, signIn, step, story } from './console.mjs';

const [base, pictures, people, patience = '1'] = process.argv.slice(2);
const { editor, approver, stranger, files, plan } = JSON.parse(people);
const long = 15000 * Number(patience);
const browser = await launch();
const shot = ({ page }, name) => page.screenshot({ path: `${pictures}/papers-${name}.png`, fullPage: true });
const press = ({ page }, name, exact = true) => page.getByRole('button', { name, exact }).click();

async function written(an) {
  const { page } = an;
  await page.goto(`${base}/bulletins/new`);
  const where = page.getByRole('group', { name: 'Ở đâu' });
  await where.getByText('Phường Thành Sen').waitFor();
  await where.getByText('Địa bàn của bạn: cố định, không cần chọn').waitFor();
  must((await where.locator('input').count()) === 0, 'there is something to choose where nothing can be');
  step('the own area is fixed');
  await page.getByLabel('Tiêu đề').fill('Tiêm phòng');
  await page.getByLabel('Nội dung sẽ đọc').fill('UBND phường mời bà con tiêm phòng.');
  const box = page.getByRole('group', { name: 'Tệp đính kèm' }), input = box.locator('input[type=file]');
  await box.getByText('Ảnh và tài liệu đến').waitFor();
  await input.setInputFiles([files['Áp phích tiêm phòng.png'], files['Hồ sơ.pdf'], files['Kế hoạch số 12.pdf']]);
  const refused = box.getByRole('alert');
  await refused.getByText('Máy chủ không nhận tệp này').waitFor();
  await refused.getByText('a ZIP archive is not taken').waitFor();
  await box.locator('b', { hasText: 'Hồ sơ.pdf' }).waitFor();
  await shot(an, 'attached');
  must((await box.locator('.files li').count()) === 2, `listed: ${await box.locator('.files li').allTextContents()}`);
  const thumb = box.locator('img');
  await page.waitForFunction((img) => img.complete && img.naturalWidth === 320, await thumb.elementHandle());
  /* dropped, as from a folder; and one that is taken out again */
  const drop = (name, text) => box.locator('.drop').evaluate((element, [n, words]) => {
    const data = new DataTransfer();
    data.items.add(new File([words], n, { type: 'text/plain' }));
    for (const type of ['dragover', 'drop']) element.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
  }, [name, text]);
  let through;
  const held = new Promise((done) => { through = done; });
  await page.route('**/api/v1/attachments?name=ghi-chu*', async (route) => { await held; await route.continue(); });
  await drop('ghi-chu.txt', 'Hẹn lúc 7 giờ.\n');
  await page.getByText('Tệp đang tải lên: xong rồi mới lưu').waitFor();
  for (const name of ['Lưu nháp', 'Trình duyệt']) must(await page.getByRole('button', { name, exact: true }).isDisabled(), `"${name}" may be pressed while a file is uploaded`);
  through();
  await box.locator('.files li', { hasText: 'ghi-chu.txt' }).waitFor();
  await drop('nham.txt', 'Gửi nhầm\n');
  await box.getByRole('button', { name: 'Gỡ nham.txt' }).click();
  await box.locator('.files li', { hasText: 'nham.txt' }).waitFor({ state: 'detached' });
  await press(an, 'Lưu nháp');
  await page.waitForURL(/\/bulletins\/b/);
  await box.locator('.files li', { hasText: 'Kế hoạch số 12.pdf' }).waitFor();
  step('attached', { bulletin: page.url().split('/').pop() });
  return page.url().split('/').pop();
}

/** The approver: to look at, not to change; what is downloaded is what was sent. */
async function fetched(minh, id) {
  const { page } = minh;
  await page.goto(`${base}/bulletins/${id}`);
  const box = page.getByRole('group', { name: 'Tệp đính kèm' });
  await box.locator('.files li').nth(2).waitFor();
  await shot(minh, 'files-approver');
  const got = {};
  for (const name of ['Áp phích tiêm phòng.png', 'Kế hoạch số 12.pdf', 'ghi-chu.txt']) {
    const [download] = await Promise.all([page.waitForEvent('download'), box.getByRole('link', { name: `Tải về ${name}` }).click()]);
    must(download.suggestedFilename() === name, `it comes as ${download.suggestedFilename()}`);
    got[name] = createHash('sha256').update(readFileSync(await download.path())).digest('hex');
  }
  step('fetched by another', got);
  return got;
}

async function strange(la, got) {
  await signIn(la, base, stranger.password, '/bulletins');
  const answer = await byHand(la, 'GET', `/attachments/${got['Kế hoạch số 12.pdf']}`);
  step('refused to a stranger', { status: answer.status });
}

/** The word is marked in the text: the dialog begins with it. */
async function word(an) {
  const { page } = an, text = page.getByLabel('Nội dung sẽ đọc');
  await text.evaluate((e) => { e.focus(); e.setSelectionRange(0, 4); });
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Shift+ArrowLeft');
  await press(an, 'Máy đọc sai một từ?');
  const ask = page.getByRole('dialog');
  must((await ask.getByLabel('Viết là').inputValue()) === 'UBND', `it begins with ${await ask.getByLabel('Viết là').inputValue()}`);
  await ask.getByLabel('Đọc là').fill('uỷ ban nhân dân');
  const [asked] = await Promise.all([page.waitForRequest(/\/hear$/), ask.getByRole('button', { name: '▶ Nghe thử' }).click()]);
  const audio = ask.locator('audio');
  await audio.waitFor();
  await page.waitForFunction((e) => e.currentTime > 0.3 && !e.error, await audio.elementHandle()); /* the page's policy lets it be played */
  /* the same once more by hand: its samples */
  const heard = await page.evaluate(async (body) => {
    const { csrf } = await (await fetch('/api/v1/session')).json();
    const answer = await fetch('/api/v1/dictionary/18073/hear', { method: 'POST', headers: { 'X-CSRF-Token': csrf, 'Content-Type': 'application/json' }, body });
    const buffer = await new OfflineAudioContext(1, 48000, 48000).decodeAudioData(await answer.arrayBuffer());
    return { seconds: buffer.duration, loudest: buffer.getChannelData(0).reduce((most, v) => Math.max(most, Math.abs(v)), 0), body };
  }, asked.postData());
  await shot(an, 'word');
  await ask.getByRole('button', { name: 'Lưu cách đọc' }).click();
  await ask.waitFor({ state: 'detached' });
  step('a word is heard', heard);
  await press(an, '▶ Nghe thử');
  await page.locator('audio[aria-label="Nghe thử"]').waitFor();
  step('the preview is made');
}

async function dictionary(an) {
  const { page } = an;
  await page.goto(`${base}/bulletins`);
  await page.getByRole('link', { name: 'Từ điển cách đọc' }).click();
  const rows = page.locator('tbody tr');
  await rows.first().waitFor();
  await page.getByLabel('Tìm từ').fill('uy ban');
  await rows.filter({ hasText: 'UBND' }).waitFor();
  await page.getByLabel('Tìm từ').fill('khong co');
  await page.getByText('Không có gì').or(page.getByText('Chưa có từ nào')).first().waitFor();
  await page.getByLabel('Tìm từ').fill('');
  await page.getByLabel('Câu trong bản tin').fill('Ubnd phường họp.');
  await press(an, 'Xem máy đọc gì');
  await page.getByRole('status').getByText('uỷ ban nhân dân phường họp.').waitFor();
  const table = async (file, go) => {
    await page.locator('input[type=file]').setInputFiles(file);
    await page.getByRole('dialog').getByText('sẽ được thay hết bằng bảng').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: go }).click();
  };
  await table(files['loi.csv'], 'Thay bằng bảng này');
  const faults = page.getByRole('list', { name: 'Dòng sai trong bảng' });
  await faults.locator('li', { hasText: 'Dòng 3: thiếu cột "đọc là"' }).waitFor();
  await faults.locator('li', { hasText: 'Dòng 4: nhiều hơn hai cột' }).waitFor();
  must((await faults.locator('li').count()) === 2, 'other lines are told too');
  await shot(an, 'faults');
  step('the bad lines are told');
  step('before', { words: (await byHand(an, 'GET', '/dictionary')).words.map((w) => [w.written, w.spoken]) });
  await table(files['tot.csv'], 'Thay bằng bảng này');
  await rows.nth(2).waitFor();
  await press(an, 'Xóa km/h');
  await page.getByRole('dialog').getByRole('button', { name: 'Xóa' }).click();
  await rows.filter({ hasText: 'km/h' }).waitFor({ state: 'detached' });
  await press(an, 'Sửa TTYT');
  await page.getByRole('dialog').getByLabel('Đọc là').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Thôi' }).click();
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  step('the table is brought in');
  const [download] = await Promise.all([page.waitForEvent('download'), press(an, 'Tải bảng về')]);
  must(download.suggestedFilename() === 'cach-doc-18073.csv', download.suggestedFilename());
  const csv = readFileSync(await download.path(), 'utf8');
  must(csv.startsWith('\ufeffwritten,spoken'), `it begins with ${csv.slice(0, 20)}`);
  step('the table is taken home', { csv });
}

/** The week that is rehearsed beforehand is clean: the refusal itself tells what it meets. */
async function clash(minh) {
  const { page } = minh, ask = page.getByRole('dialog');
  await page.goto(`${base}/schedule`);
  await page.locator('li', { hasText: 'Đọc truyện' }).getByRole('button', { name: 'Công bố…' }).click();
  await ask.getByText('Không có vướng mắc').waitFor();
  await ask.getByRole('button', { name: 'Công bố', exact: true }).click();
  await ask.getByText('Lịch còn vướng mắc').waitFor();
  const one = ask.locator('.problems li').filter({ hasText: 'Nhạc hiệu chiều' }).first();
  await one.getByText('Không công bố được nếu chưa xử lý').waitFor();
  await one.getByText('Phường Thành Sen', { exact: false }).first().waitFor();
  await shot(minh, 'clash');
  must(await ask.getByRole('button', { name: 'Vẫn công bố' }).isDisabled(), 'it can be published without a reason');
  step('the clash is told', { text: await one.textContent() });
  await one.getByRole('link', { name: 'Mở "Nhạc hiệu chiều"' }).click();
  await ask.locator('.ant-modal-title', { hasText: 'Nhạc hiệu chiều' }).waitFor();
  await page.goto(`${base}/schedule?open=${plan.there}`); /* as from another page */
  await ask.locator('.ant-modal-title', { hasText: 'Nhạc hiệu chiều' }).waitFor();
  step('the link opens what it meets');
}

async function inbox(minh) {
  const { page } = minh;
  await page.goto(`${base}/bulletins?tab=inbox`);
  const item = page.locator('li', { hasText: 'Tin của tỉnh có ảnh' }).first();
  await item.getByText('1 tệp đính kèm').click();
  const image = item.locator('img');
  await image.waitFor();
  await page.waitForFunction((img) => img.complete && img.naturalWidth === 320, await image.elementHandle());
  await shot(minh, 'inbox');
  step('what came from above shows its files');
}

/** On a telephone and in English, to be looked at. */
async function looked(an, id) {
  const english = await person(browser, editor.name, { locale: 'en', long });
  await signIn(english, base, editor.password, `/bulletins/${id}`);
  for (const [who, locale, width, height] of [[an, 'vi', 390, 844], [english, 'en', 1280, 900], [english, 'en', 390, 844]]) {
    const { page } = who, size = width > 800 ? 'desktop' : 'phone';
    await page.setViewportSize({ width, height });
    for (const [name, path, there] of [['bulletin', `/bulletins/${id}`, '.files li >> nth=2'], ['words', '/bulletins/words', 'tbody tr >> nth=0']]) {
      await page.goto(base + path);
      await page.locator(there).waitFor();
      await shot(who, `${name}-${size}-${locale}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      must(wide <= 0, `${name} is ${wide} points too wide for a ${size}`);
    }
  }
  step('pictures');
}

await story(browser, pictures, async () => {
  const [an, minh, la] = await Promise.all([editor, approver, stranger].map((p) => person(browser, p.name, { long })));
  await Promise.all([signIn(an, base, editor.password), signIn(minh, base, approver.password)]);
  const id = await written(an), got = await fetched(minh, id);
  await strange(la, got);
  await word(an);
  await dictionary(an);
  await clash(minh);
  await inbox(minh);
  await looked(an, id);
});
