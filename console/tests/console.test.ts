// SPDX-License-Identifier: GPL-3.0-or-later
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { catalogue } from '../src/app/catalogue';
import { concerns, retryDelay } from '../src/app/events';
import { failureFrom } from '../src/app/failure';
import { fromLocal, toLocal } from '../src/app/format';
import { match } from '../src/app/router';
import { wholeList } from '../src/app/use';
import { sayAudit } from '../src/pages/audit-words';
import { stepsOf } from '../src/pages/bulletin/state';
import { picture } from '../src/pages/loudspeakers/geometry';
import { bodyOf, movableBy, moved } from '../src/pages/schedule/move';
import type { Right, Schedule } from '../src/app/types';
import { causesOf, evidence, isQuiet } from '../src/pages/loudspeaker';
import { tell, worst } from '../src/ui/health';
import { sayReason } from '../src/ui/run';
import { inSight } from '../src/ui/virtual-table';

const sources = (folder: string): string[] => readdirSync(folder).flatMap((name) => {
  const path = join(folder, name);
  return statSync(path).isDirectory() ? sources(path) : /\.tsx?$/.test(name) ? [readFileSync(path, 'utf8')] : [];
});

describe('catalogue', () => {
  it('has every message in both languages, with the same values', () => {
    for (const [key, [vi, en]] of Object.entries(catalogue)) {
      const values = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort().join();
      expect(vi.trim(), key).not.toBe('');
      expect(en.trim(), key).not.toBe('');
      expect(values(vi), key).toBe(values(en));
    }
  });
  it('has no message twice', () => {
    const keys = sources('src/app/catalogue').flatMap((text) => [...text.matchAll(/^ {2}'?([\w.+-]+)'?: \[/gm)].map((m) => m[1]));
    expect(keys.length).toBe(Object.keys(catalogue).length);
  });
  it('has every word the pages name', () => {
    for (const text of sources('src')) for (const [, key] of text.matchAll(/\bt\('([\w.-]+)'/g)) expect(catalogue, key).toHaveProperty([key]);
  });
});

describe('events', () => {
  it('tries again ever later, never all at once, at most every 15 s', () => {
    expect(retryDelay(0, 0)).toBe(250);
    expect(retryDelay(3, 1)).toBe(4000);
    expect(retryDelay(50, 1)).toBe(15000);
  });
  it('tells those concerned, and everybody after a gap', () => {
    expect(concerns('bulletin.approved', ['bulletin.'])).toBe(true);
    expect(concerns('bulletins', ['bulletin.'])).toBe(false);
    expect(concerns('area.stopped', ['area.stopped'])).toBe(true);
    expect(concerns('again', ['inbox.'])).toBe(true);
  });
});

describe('times', () => {
  it("speak the province's time and come back", () => {
    expect(fromLocal('2026-11-23T05:00')).toBe(Date.UTC(2026, 10, 22, 22));
    expect(toLocal(Date.UTC(2026, 10, 22, 22))).toBe('2026-11-23T05:00:00');
    expect(moved('2026-12-31T23:30:00', 45 * 60e3)).toBe('2027-01-01T00:15:00');
  });
});

describe('bulletins', () => {
  const all = () => true, editor = (...r: Right[]) => r.every((x) => x === 'view' || x === 'edit');
  const at = (state: string) => ({ state, created_by: 'lan', submitted_by: 'lan', changed_by: 'lan' });
  it('are approved by another person than wrote them', () => {
    expect(stepsOf(at('submitted'), all, 'lan')).not.toContain('approve');
    expect(stepsOf(at('submitted'), all, 'minh')).toContain('approve');
    expect(stepsOf(at('submitted'), editor, 'minh')).toEqual(['withdraw']);
  });
  it('are scheduled once approved', () => {
    expect(stepsOf(at('draft'), all, 'lan')).toContain('submit');
    expect(stepsOf(at('draft'), all, 'lan')).not.toContain('schedule');
    expect(stepsOf(at('approved'), editor, 'lan')).toContain('schedule');
  });
});

describe('a failure', () => {
  it('keeps what the answer holds beside the error', () => {
    const f = failureFrom(409, '{"error":{"code":"clash","message":"no","hint":"choose"},"clashes":[{"title":"Giao ban"}]}', 'Conflict', 'POST /meetings');
    expect([f.status, f.code, f.message, f.hint]).toEqual([409, 'clash', 'no', 'choose']);
    expect(f.list<{ title: string }>('clashes')).toEqual([{ title: 'Giao ban' }]);
    expect(f.list('problems')).toEqual([]);
  });
  it('comes of whatever a server or what stands before it answers', () => {
    for (const text of ['', '<html>', '{}', 'null']) expect(failureFrom(502, text, 'Bad Gateway', 'GET /x').code).toBe('status-502');
  });
});

it('a long list is read in parts the server gives', async () => {
  const asked: string[] = [];
  const read = (async (path: string) => {
    asked.push(path);
    const offset = Number(/offset=(\d+)/.exec(path)![1]);
    return { plays: Array.from({ length: Math.min(1000, 2300 - offset) }, (_, i) => offset + i) };
  }) as Parameters<typeof wholeList>[3];
  expect((await wholeList<number>('/play-log/a', 'plays', undefined, read)).at(-1)).toBe(2299);
  expect(asked).toEqual(['/play-log/a?limit=1000&offset=0', '/play-log/a?limit=1000&offset=1000', '/play-log/a?limit=1000&offset=2000']);
});

it('what is published is moved only by those who may put on the air, what reaches beyond their area by none of them', () => {
  const editor = (...r: Right[]) => r.every((x) => x === 'view' || x === 'edit'), all = () => true;
  expect([movableBy(editor, { draft: true }, true), movableBy(editor, { draft: false }, true), movableBy(all, { draft: false }, true), movableBy(all, { draft: true }, false)]).toEqual([true, false, true, false]);
});

it('a schedule goes back without what the server makes', () => {
  const s: Schedule = { id: 's-1', name: 'Tin', content: 'abc', areas: ['42'], start_local: '2026-11-24T05:00:00', zone: 'Asia/Ho_Chi_Minh', rule: '', priority: 'normal', enabled: true, items: [{ kind: 'content', content: 'abc' }], exdates: [], volume: 0, expires_us: 0, next_us: 5, created_by: 'lan' };
  expect(bodyOf(s, { draft: true })).toEqual({ name: 'Tin', areas: ['42'], start_local: '2026-11-24T05:00:00', zone: 'Asia/Ho_Chi_Minh', priority: 'normal', enabled: true, items: s.items, draft: true });
});

it('pages are found by their address', () => {
  expect(match('/loudspeakers/:id', '/loudspeakers/loa%2F1')).toEqual({ id: 'loa/1' });
  expect(match('/loudspeakers/:id', '/loudspeakers')).toBeNull();
  expect(match('/', '/')).toEqual({});
});

it('the map has a cell for each of the 69 communes, all within the picture', () => {
  const p = picture(readFileSync('src/data/communes.csv', 'utf8'), readFileSync('src/data/outline.csv', 'utf8'));
  expect(p.cells.length).toBe(69);
  expect(new Set(p.cells.map((c) => c.code)).size).toBe(69);
  for (const c of p.cells) {
    expect(c.path).toMatch(/^M/);
    expect(c.x > 0 && c.x < p.width && c.y > 0 && c.y < p.height, c.name).toBe(true);
  }
});

it('health tells causes apart', () => {
  const d = { id: 'a', name: 'a', area: '1', volume: 80, enabled: true, registered: false, outcome: '' };
  expect(tell({ ...d, enabled: false }, undefined)).toEqual({ tone: 'idle', cause: 'disabled' });
  expect(tell(d, { device: 'a', there: 'no', cause: 'no-power' })).toEqual({ tone: 'bad', cause: 'no-power' });
  expect(tell(d, { device: 'a', there: 'yes', cause: 'last-failed' })).toEqual({ tone: 'warn', cause: 'last-failed' });
  expect(tell(d, { device: 'a', there: 'yes' })).toEqual({ tone: 'good', cause: '' });
  expect(worst(['good', 'good', 'bad'])).toBe('bad');
  expect(worst(['good', 'good', 'good', 'bad'])).toBe('warn');
  expect(worst([...Array<'good'>(30).fill('good'), 'bad'])).toBe('good');
  expect(worst(['idle'])).toBe('idle');
});

it('what the server found about a silent loudspeaker is said with its figures', () => {
  const says = (cause: string, text: string) => evidence({ cause, text, since_us: 0, sure: true }, (code) => `[${code}]`);
  expect(says('outage', '62 loudspeakers went at the same time: area 18766')).toBe('62 loa mất liên lạc cùng lúc, cùng địa bàn [18766].');
  expect(says('outage', '62 loudspeakers went at the same time: carrier Viettel')).toContain('nhà mạng Viettel');
  expect(says('volume', 'it says its volume is 0, set is 70')).toBe('Loa tự báo âm lượng 0, trong khi ở đây đặt 70.');
  expect(says('volume', 'it says its volume is 0, set is 0')).toBe('Loa đang để âm lượng 0.');
  expect(says('last-failed', 'last announcement: missed: no answer')).toBe('Lần phát gần nhất không thành công: loa không trả lời.');
  expect(says('last-failed', 'last announcement: missed')).toBe('Lần phát gần nhất không thành công.');
  expect(says('clock', 'its clock is wrong by -7.3 s')).toContain('-7,3');
});

it('a table of 5,000 draws what is in sight', () => {
  const [first, last] = inSight(100000, 600, 5000);
  expect(last - first).toBeLessThan(40);
  expect(first).toBeLessThan(100000 / 48);
  expect(inSight(0, 600, 3)).toEqual([0, 3]);
});

it('why a loudspeaker is silent: the cause is named, not what follows from it', () => {
  const cause = (name: string) => ({ cause: name, text: '', since_us: 0, sure: true }), noon = Date.parse('2026-11-23T12:00:00+07:00');
  expect(causesOf([cause('no-power'), cause('offline')], undefined, 'none', noon).map((c) => c.cause)).toEqual(['no-power']);
  expect(causesOf([cause('offline')], undefined, 'none', noon).map((c) => c.cause)).toEqual(['offline']);
  expect(causesOf([], undefined, '11:30-13:00', noon).map((c) => c.cause)).toEqual(['quiet-hours']);
  const refused = { cause: 'last-failed', text: 'last announcement: missed: quiet hours', since_us: 0, sure: true };
  expect(causesOf([refused], undefined, '11:30-13:00', noon).map((c) => c.cause)).toEqual(['quiet-hours']);
  expect(causesOf([refused], undefined, 'none', noon).map((c) => c.cause)).toEqual(['last-failed']);
  expect(isQuiet('21:30-05:00', Date.parse('2026-11-23T23:00:00+07:00'))).toBe(true);
  expect(isQuiet('21:30-05:00', Date.parse('2026-11-23T05:00:00+07:00'))).toBe(false);
  expect(isQuiet('21:30-05:00', noon)).toBe(false);
});

it('the reason of a missed play is told in the reader\'s language', () => {
  expect(sayReason('not connected')).toBe('loa mất kết nối');
  expect(sayReason('the loudspeaker ended the call (486 Busy Here)')).toBe('loa tự ngắt cuộc gọi');
  expect(sayReason('something nobody has words for')).toBe('something nobody has words for');
});

describe('a line of the audit trail', () => {
  const say = (what: string) => { const [method, path] = what.split(' '); return sayAudit(`${method} /api/v1${path}`); };
  it('is what was done, and to what', () => {
    expect(say('POST /meetings')).toBe('Thêm hoặc làm: cuộc họp');
    expect(say('PATCH /meetings/m1')).toBe('Sửa: cuộc họp');
    expect(say('DELETE /schedules/s1')).toBe('Xóa: lịch phát');
    expect(say('GET /meetings')).toBe('');
  });
  it('does not say that something was removed or added of which only a part was touched', () => {
    expect(say('DELETE /meetings/m1/links/l1')).toBe('Thu hồi đường dẫn vào họp');
    expect(say('POST /meetings/m1/cancel')).toBe('Hủy cuộc họp');
    expect(say('DELETE /meetings/m1/trial')).toBe('Họp thử trước cuộc họp');
    expect(say('DELETE /devices/d1/credential')).toBe('Thu hồi ghi danh của loa');
    expect(say('POST /inbox/x/decline')).toBe('Từ chối bản tin từ trên');
    expect(say('DELETE /areas/42/holidays/2026-09-02')).toBe('Sửa ngày nghỉ');
    expect(say('POST /recordings/r1/stop')).toBe('Thao tác với: bản ghi hình');
    expect(say('POST /meetings/m1/start')).toBe('Thao tác với: cuộc họp');
  });
  it('names the room alone where the meeting was confidential: whatever was done there', () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) expect(say(`${method} /rooms/r1`)).toBe('Điều hành cuộc họp, hoặc đổi phòng họp');
    expect(say('POST /rooms/r1/end')).toBe('Điều hành cuộc họp');
  });
});
