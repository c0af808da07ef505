// SPDX-License-Identifier: GPL-3.0-or-later
// The broadcast half of the console, used by the people it is for: usage: node broadcast.mjs BASE PICTURES-FOLDER JSON-OF-PEOPLE PATIENCE; prints
// one line a step. What loudspeakers really play is judged by broadcast.py.
import { byHand, launch, listen, must, oneTimeCode, person, signIn, step, story } from './console.mjs';

const [base, pictures, people, patience = '1'] = process.argv.slice(2);
const { editor, approver, duty, auditor, admin, plan } = JSON.parse(people);
const long = 15000 * Number(patience);
const browser = await launch();
const shot = ({ page }, name) => page.screenshot({ path: `${pictures}/broadcast-${name}.png` });
const press = ({ page }, name, exact = true) => page.getByRole('button', { name, exact }).click();
const local = (ms) => new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Ho_Chi_Minh', dateStyle: 'short', timeStyle: 'medium', hourCycle: 'h23' }).format(ms).replace(' ', 'T');

/** On the page "my account", at another computer: the session that is used afterwards is asked for a code all the same. */
async function enrolled(who, password) {
  const other = await person(browser, who.name, { long }), { page } = other;
  await signIn(other, base, password, '/me');
  await page.getByLabel('Mật khẩu hiện nay').first().fill(password);
  await press(other, 'Bật mã trên điện thoại');
  const secret = (await page.locator('code').textContent()).replace(/ /g, '');
  await page.locator('input[name=otp]').fill(oneTimeCode(secret));
  await press(other, 'Xác nhận');
  await page.getByText('Mã dự phòng – chỉ hiện một lần').waitFor();
  await other.context.close();
  return secret;
}

async function written(an) {
  const { page } = an;
  await page.getByRole('link', { name: 'Bản tin' }).click();
  await press(an, '+ Viết bản tin');
  await page.getByLabel('Tiêu đề').fill('Lịch tiêm phòng');
  await page.getByLabel('Nội dung sẽ đọc').fill('Sáng thứ bảy tiêm phòng tại trạm y tế.');
  await press(an, 'Lưu nháp');
  await page.waitForURL(/\/bulletins\/b/);
  await press(an, '▶ Nghe thử');
  await page.locator('audio[aria-label="Nghe thử"]').waitFor();
  /* the chime is 784, 659 and 523 Hz; 720 is none of it */
  const heard = await listen(an, 'audio[aria-label="Nghe thử"]', [784, 659, 523, 720], 2.5);
  must(heard.to > 1.5 && heard.duration > 3, `the preview does not move: ${JSON.stringify(heard)}`);
  must(Math.min(...heard.tones.slice(0, 3)) > heard.tones[3] + 12, `the preview is not the chime: ${JSON.stringify(heard)}`);
  step('the preview is heard', heard);
  await shot(an, 'draft');
  await press(an, 'Trình duyệt');
  await page.getByText('Đang chờ người duyệt.').waitFor();
  step('handed in');
  return page.url().split('/').pop();
}

async function approved(minh, id, secret) {
  const { page } = minh;
  await page.getByRole('link', { name: 'Bản tin' }).click();
  await page.getByRole('link', { name: 'Lịch tiêm phòng' }).click();
  await press(minh, '✔ Duyệt');
  const code = page.locator('input[name=otp]');
  await code.fill(oneTimeCode(secret, 1));
  await shot(minh, 'code');
  await code.press('Enter');
  await page.getByText('Đã duyệt. Bấm "Đặt lịch phát" để chọn giờ.').waitFor();
  step('approved', { id });
}

async function scheduled(who) {
  const { page } = who, at = Math.ceil(Date.now() / 1000) * 1000 + 9000 * Number(patience);
  await press(who, '▦ Đặt lịch phát');
  await page.getByLabel('Phát lúc').fill(local(at));
  await shot(who, 'schedule-dialog');
  await press(who, 'Đặt lịch');
  await page.getByText('Đã có lịch phát').waitFor();
  step('scheduled', { at });
}

/** Chromium's fake microphone beeps: spoken into the page, taken, handed in. */
async function recorded(an) {
  const { page } = an;
  await page.getByRole('link', { name: 'Bản tin', exact: true }).click();
  await press(an, '+ Viết bản tin');
  await page.getByLabel('Tiêu đề').fill('Mất nước chiều nay');
  await page.getByLabel('Ghi âm hoặc tệp âm thanh').check();
  await press(an, '● Ghi âm');
  await page.getByRole('meter').waitFor();
  const level = await page.waitForFunction(() => Number(document.querySelector('[role=meter]').ariaValueNow) > 30 && document.querySelector('[role=meter]').ariaValueNow).then((h) => h.jsonValue());
  await page.getByText('Đang ghi: 3 giây').waitFor();
  await press(an, '■ Dừng ghi');
  await press(an, 'Dùng bản ghi này');
  const sound = page.locator('audio[aria-label="Bản ghi"]');
  await sound.waitFor();
  await page.locator('audio[aria-label="Nghe lại"]').waitFor({ state: 'detached' });
  /* what the server kept, decoded here: as long as it was spoken, and the beeps are in it */
  const kept = await page.evaluate(async (src) => {
    const context = new OfflineAudioContext(1, 48000, 48000), buffer = await context.decodeAudioData(await (await fetch(src)).arrayBuffer()), data = buffer.getChannelData(0);
    let loudest = 0;
    for (const v of data) loudest = Math.max(loudest, Math.abs(v));
    return { seconds: buffer.duration, loudest };
  }, await sound.getAttribute('src'));
  must(kept.seconds > 2.5 && kept.seconds < 6 && kept.loudest > 0.05, `the recording that was kept: ${JSON.stringify(kept)}`);
  await shot(an, 'recorded');
  await press(an, 'Trình duyệt');
  await page.getByText('Đang chờ người duyệt.').waitFor();
  step('recorded and handed in', { level: Number(level), ...kept });
}

/** The other's recording, approved and put on the air at once. */
async function playedNow(minh) {
  const { page } = minh;
  await page.getByRole('link', { name: 'Bản tin', exact: true }).click();
  await page.getByRole('link', { name: 'Mất nước chiều nay' }).click();
  await press(minh, '✔ Duyệt');
  await press(minh, '▶ Phát ngay');
  const ask = page.getByRole('dialog');
  await ask.getByText('"Mất nước chiều nay" sẽ vang lên NGAY ở Phường Thành Sen: 1 cụm loa.').waitFor();
  await shot(minh, 'now');
  const at = Date.now();
  await ask.getByRole('button', { name: '▶ Phát ngay' }).click();
  const card = page.locator('li.now', { hasText: 'Mất nước chiều nay' });
  await card.getByText('Đang phát').waitFor();
  await card.getByText('1/1 cụm loa').waitFor();
  await shot(minh, 'on-air');
  step('on the air now', { at });
  await card.waitFor({ state: 'detached' });
  const row = page.locator('tr', { hasText: 'Mất nước chiều nay' });
  await row.getByText('Đã phát').waitFor();
  await row.getByRole('link').click();
  const play = page.locator('[role=row]', { hasText: 'loa-1' });
  await play.getByText('Đã phát đủ').waitFor();
  await shot(minh, 'play-log');
  await page.getByRole('link', { name: 'Báo cáo', exact: true }).click();
  const report = page.locator('tbody tr', { hasText: 'Phường Thành Sen' });
  await report.waitFor();
  const cells = await report.locator('td').allTextContents();
  await shot(minh, 'report');
  step('in the play log and the report', { cells });
}

/** What somebody may not do is not offered, and the server refuses the same call made by hand. */
async function refused(an, id) {
  const kiem = await person(browser, auditor.name, { long });
  await signIn(kiem, base, auditor.password, `/bulletins/${id}`);
  await kiem.page.getByText('Đã qua tay ai').waitFor();
  await an.page.goto(`${base}/bulletins/${id}`);
  await an.page.getByText('Đã qua tay ai').waitFor();
  const offered = async ({ page }) => (await page.locator('main button').allTextContents()).map((x) => x.trim());
  for (const [who, not] of [[an, ['✔ Duyệt', '▶ Phát ngay']], [kiem, ['✔ Duyệt', '▶ Phát ngay', '▦ Đặt lịch phát', 'Lưu nháp', 'Trình duyệt', 'Thu hồi']]]) {
    const there = await offered(who);
    must(there.includes('▶ Nghe thử') && !not.some((x) => there.includes(x)), `offered to ${who.name}: ${there.join(', ')}`);
    await who.page.getByRole('link', { name: 'Đang phát' }).click();
    await who.page.getByText('Vừa phát xong').waitFor();
    must((await offered(who)).length === 0, `offered to ${who.name} on the air: ${(await offered(who)).join(', ')}`);
  }
  const calls = [['POST', `/bulletins/${id}/approve`, { revision: 1 }], ['POST', '/announcements', { content: '0'.repeat(64), areas: [plan.area] }], ['POST', '/emergencies', { areas: [plan.area] }],
    ['POST', `/areas/${plan.area}/stop-all`], ['POST', `/inbox/conflicts/${plan.conflict}`, { first: 'own' }], ['DELETE', `/schedules/${plan.kept}`], ['POST', `/schedules/${plan.kept}/publish`, {}]];
  const said = [];
  for (const who of [an, kiem]) for (const call of [...calls, ...(who === kiem ? [['POST', '/bulletins', { title: 'x' }], ['POST', `/inbox/${plan.normal}/accept`, { start_local: local(Date.now() + 86400e3) }]] : [])]) {
    const answer = await byHand(who, ...call);
    must(answer.status === 403 && (answer.error.code === 'not-allowed' || call[1].endsWith('stop-all')), `${who.name}: ${call[0]} ${call[1]}: ${JSON.stringify(answer)}`);
    said.push(answer.status);
  }
  await kiem.context.close();
  step('refused', { calls: said.length });
}

async function inbox(an, minh) {
  const tab = async (who) => {
    await who.page.goto(`${base}/bulletins?tab=inbox`);
    await who.page.getByText('Tin thường của tỉnh').waitFor();
    await who.page.getByText('xã quyết định').waitFor();
  };
  await Promise.all([tab(an), tab(minh)]);
  await shot(minh, 'conflict');
  must((await an.page.getByRole('button', { name: 'Phát bản này trước' }).count()) === 0 && (await an.page.getByRole('button', { name: 'Không phát' }).count()) === 0, 'an editor decides');
  await press(an, 'Chọn giờ phát');
  await an.page.getByRole('dialog').getByRole('button', { name: 'Chọn giờ phát' }).click();
  await an.page.locator('li', { hasText: 'Tin thường của tỉnh' }).getByText('Đã chọn giờ').waitFor();
  const card = minh.page.locator('section.emergency', { hasText: 'Tin ưu tiên của tỉnh' });
  await card.locator('.card', { hasText: 'Ưu tiên của xã' }).getByRole('button', { name: 'Phát bản này trước' }).click();
  await card.waitFor({ state: 'detached' });
  step('the commune decided');
}

/** Dragging: not offered to those it would be refused to; taken back with the reason when the server refuses; kept when it does not. */
async function calendar(an, minh) {
  const event = ({ page }, name) => page.locator('.fc-event', { hasText: name });
  const open = async (who) => {
    await who.page.goto(`${base}/schedule`);
    await who.page.locator('.fc-timegrid').waitFor();
    if (plan.nextWeek) await who.page.locator('.fc-next-button').click();
    await event(who, 'Tin nông vụ').waitFor();
  };
  await Promise.all([open(an), open(minh)]);
  await shot(an, 'calendar-editor');
  must((await an.page.locator('.fc-event-draggable').count()) === 0, 'an editor is offered to drag what is published');
  const drag = async (name, hour) => {
    const { page } = minh, from = event(minh, name);
    const lane = page.locator(`.fc-timegrid-slot-lane[data-time="${hour}:00"]`);
    await lane.evaluate((e) => e.scrollIntoView({ block: 'center' }));
    const box = await from.boundingBox(), slot = await lane.boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + 6);
    await page.mouse.down();
    for (let i = 1; i <= 8; i++) await page.mouse.move(box.x + box.width / 2, box.y + 6 + ((slot.y + 8 - box.y - 6) * i) / 8);
    await page.mouse.up();
    await page.getByText('Đổi giờ phát?').waitFor();
  };
  let shownMeanwhile = '';
  const api = (method, path, body) => fetch(`${base}/api/v1${path}`, { method, headers: { Authorization: `Bearer ${admin}`, 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) }).then(async (r) => { must(r.ok, `${path}: ${r.status} ${await r.clone().text()}`); return r.json(); });
  /* while the order is on its way the province takes the programme over: the server refuses it */
  await minh.page.route(`**/api/v1/schedules/${plan.taken}`, async (route) => {
    if (route.request().method() !== 'PUT') return route.continue();
    shownMeanwhile = await event(minh, 'Nhạc hiệu').textContent();
    const s = await api('GET', `/schedules/${plan.taken}`);
    await api('PUT', `/schedules/${plan.taken}`, { name: s.name, items: s.items, areas: ['42'], start_local: s.start_local, priority: s.priority, reason: 'của tỉnh' });
    return route.continue();
  });
  await drag('Nhạc hiệu', '17:00');
  await shot(minh, 'move');
  await press(minh, 'Đổi giờ');
  await minh.page.getByRole('alert').getByText('Việc này ở ngoài địa bàn của bạn').waitFor();
  await event(minh, 'Nhạc hiệu').filter({ hasText: '15:00' }).waitFor();
  await shot(minh, 'moved-back');
  must(shownMeanwhile.includes('17:00'), `it was not shown at its new time meanwhile: ${shownMeanwhile}`);
  step('moved back with the reason', { shownMeanwhile });
  await drag('Tin nông vụ', '18:00');
  await press(minh, 'Đổi giờ');
  await minh.page.getByText('Công bố "Tin nông vụ"').waitFor();
  await shot(minh, 'publish');
  await minh.page.getByRole('dialog').getByRole('button', { name: 'Công bố', exact: true }).click();
  await event(minh, 'Tin nông vụ').filter({ hasText: '18:00' }).filter({ hasNotText: 'Nháp' }).waitFor();
  step('moved and published');
}

async function emergency(truc, secret) {
  const { page } = truc, ask = page.getByRole('dialog');
  await page.goto(`${base}/`);
  /* silence is for the whole area, whatever was chosen the last time */
  await press(truc, 'Tắt tiếng tất cả');
  await ask.getByRole('radio').nth(1).check();
  await ask.getByLabel('Phường Thành Sen').check();
  await ask.getByRole('button', { name: 'Thôi', exact: true }).click();
  await ask.waitFor({ state: 'detached' });
  await press(truc, 'Tắt tiếng tất cả');
  await ask.getByText(/^Sẽ tắt tiếng/).waitFor();
  must(await ask.getByRole('radio').first().isChecked(), 'the silence of all loudspeakers is still bound to what was chosen before');
  await ask.getByRole('button', { name: 'Thôi', exact: true }).click();
  await ask.waitFor({ state: 'detached' });
  await press(truc, '⚠ Phát khẩn cấp');
  await ask.getByLabel('Phường Thành Sen').check();
  await ask.getByLabel('Tiêu đề').fill('Xả lũ');
  await ask.getByLabel('Lời đọc').fill('Hồ xả lũ. Bà con ở ven sông lên chỗ cao ngay.');
  await shot(truc, 'emergency');
  await ask.getByRole('button', { name: 'Tiếp tục' }).click();
  await ask.getByText('1 cụm loa ở Phường Thành Sen sẽ vang lên NGAY và cắt mọi chương trình.').waitFor();
  await shot(truc, 'emergency-sure');
  await ask.getByRole('button', { name: 'PHÁT NGAY' }).click();
  const code = page.locator('input[name=otp]');
  await code.fill('000000');
  await code.press('Enter');
  await page.getByText('Mã sai, cũ hoặc đã dùng').waitFor();
  const none = await byHand(truc, 'GET', '/alerts');
  must(none.alerts.length === 0, `it sounds without a code: ${JSON.stringify(none.alerts)}`);
  step('a wrong code is refused', { at: Date.now() });
  await code.fill(oneTimeCode(secret, 1));
  const at = Date.now();
  await code.press('Enter');
  const card = page.locator('section.emergency', { hasText: 'KHẨN CẤP ĐANG PHÁT' });
  await card.getByText('Xả lũ').waitFor();
  const first = await card.getByText('Tiếng đầu tiên sau').textContent();
  await shot(truc, 'emergency-on-air');
  must(first.includes('1/1 cụm loa'), first);
  step('the emergency sounds', { at, first });
  await press(truc, 'Dừng cảnh báo');
  await card.waitFor({ state: 'detached' });
  step('stopped', { at: Date.now() });
  await page.waitForTimeout(1200); /* in which a loudspeaker that did not stop would be heard */
  await press(truc, 'Báo yên');
  await ask.getByText('Loa ở Phường Thành Sen sẽ báo đã hết nguy hiểm: Xả lũ.').waitFor();
  await shot(truc, 'all-clear');
  await ask.getByRole('button', { name: 'Phát báo yên' }).click();
  await page.locator('section.card', { hasText: 'Đang báo yên:' }).getByText('Tiếng đầu tiên sau').waitFor();
  must((await page.getByRole('button', { name: 'Báo yên' }).count()) === 0, 'the all-clear is offered again');
  await shot(truc, 'all-clear-on-air');
  step('the all-clear sounds', { at: Date.now() });
}

await story(browser, pictures, async () => {
  const [an, minh, truc] = await Promise.all([editor, approver, duty].map((p) => person(browser, p.name, { long })));
  await Promise.all([signIn(an, base, editor.password), signIn(minh, base, approver.password), signIn(truc, base, duty.password)]);
  const [id, secret] = await Promise.all([written(an), enrolled(minh, approver.password)]);
  const [, dutySecret] = await Promise.all([approved(minh, id, secret).then(() => scheduled(minh)), enrolled(truc, duty.password), recorded(an)]);
  await inbox(an, minh);
  await refused(an, id);
  await calendar(an, minh);
  await an.page.goto(`${base}/bulletins/${id}`);
  await an.page.locator('.badge', { hasText: 'Đã phát' }).waitFor();
  await an.page.goto(`${base}/`); /* it has ended before the next begins: of two that are alike the newer would cut the older */
  await an.page.getByText('Không có gì đang phát').waitFor();
  step('shown as played');
  await playedNow(minh);
  await emergency(truc, dutySecret);
});
