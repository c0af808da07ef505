// SPDX-License-Identifier: GPL-3.0-or-later
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { judge, shares, spells, timeline, type Point } from '../src/pages/meet/line-state';
import { Batch } from '../src/app/batch';
import { backDelay, overBy, slept } from '../src/pages/meet/call';
import { levelOf, troubleOf } from '../src/pages/meet/devices';
import { apply, applyAll, countdown, EMPTY, isNext, left, sameNames, sameRow, trouble, voteOpen, type RoomState } from '../src/pages/meet/state';
import { targetFrom, targetOf } from '../src/pages/meet/target';
import type { Member } from '../src/pages/meet/types';

const member = (id: string, more: Partial<Member> = {}): Member => ({ id, name: id, role: 'site', muted: false, ...more });
const room = (): RoomState => ({
  ...EMPTY, members: [member('m1', { role: 'chair' }), member('m2')],
  room: { name: 'giao-ban', title: 'Giao ban', members: 2, layout: 'auto', locked: false, waiting_for_chair: false, muted_all: false },
});

describe('which meeting an address means', () => {
  it('knows links, rooms and other pages', () => {
    expect(targetOf('/', '#/join/aB3_-x')).toEqual({ code: 'aB3_-x' });
    expect(targetOf('/join/Giao-Ban', '')).toEqual({ room: 'giao-ban' });
    expect(targetOf('/join', '')).toEqual({});
    expect(targetOf('/meetings', '')).toBeNull();
    expect(targetOf('/', '#/join/a b')).toBeNull();
  });
  it('takes what people paste', () => {
    expect(targetFrom(' https://hop.hatinh.example/#/join/XYZ9 ')).toEqual({ code: 'XYZ9' });
    expect(targetFrom('https://hop.hatinh.example/join/giao-ban')).toEqual({ room: 'giao-ban' });
    expect(targetFrom('Giao-Ban')).toEqual({ room: 'giao-ban' });
    expect(targetFrom('phòng họp')).toBeNull();
    expect(targetFrom('')).toBeNull();
  });
});

describe('devices', () => {
  it('tells refusals apart', () => {
    expect(troubleOf({ name: 'NotAllowedError' }, true)).toBe('denied');
    expect(troubleOf({ name: 'NotFoundError' }, true)).toBe('none');
    expect(troubleOf({ name: 'NotReadableError' }, true)).toBe('busy');
    expect(troubleOf({ name: 'NotAllowedError' }, false)).toBe('insecure');
    expect(troubleOf(null, true)).toBe('other');
  });
  it('shows a level people can read', () => {
    const tone = (amplitude: number) => Float32Array.from({ length: 1024 }, (_, i) => amplitude * Math.sin(i / 3));
    expect(levelOf(new Float32Array(1024))).toBe(0);
    expect(levelOf(tone(1))).toBeGreaterThan(0.9);
    expect(levelOf(tone(0.01))).toBeGreaterThan(0.2);
    expect(levelOf(tone(0.01))).toBeLessThan(0.4);
  });
});

describe('coming back', () => {
  it('says why a call is over, whatever the server gives as its reason', () => {
    expect([overBy(200, ''), overBy(200, 'meeting ended'), overBy(200, 'removed')]).toEqual(['ended', 'ended', 'ended']);
    expect([overBy(200, 'removed by the chair'), overBy(403, 'removed by the chair')]).toEqual(['closed-403', 'closed-403']);
    expect([overBy(200, 'signed out'), overBy(408, 'gone'), overBy(200, 'something new')]).toEqual(['signed-out', 'closed-408', 'closed-200']);
  });
  it('tries at once and often enough for a seat that is kept 30 s', () => {
    expect(backDelay(0)).toBe(0);
    let sum = 0, n = 0;
    while (sum < 5000) sum += backDelay(n++);
    expect(n).toBeGreaterThanOrEqual(5);
    expect(backDelay(50)).toBe(2500);
  });
});

describe('a machine that slept', () => {
  it('is told from a late timer', () => {
    expect([slept(0, 1000), slept(0, 4900), slept(10000, 9000)]).toEqual([false, false, false]);
    expect([slept(0, 5100), slept(0, 3600_000)]).toEqual([true, true]);
  });
});

describe('a room by its events', () => {
  it('follows members', () => {
    let s = apply(room(), 'member.talking', { member: 'm2', talking: true })!;
    s = apply(s, 'member.self-muted', { member: 'm2', muted: true })!;
    expect(s.members[1]).toMatchObject({ talking: true, self_muted: true, muted: false });
    s = apply(s, 'room.mutes', { muted: ['m2'], unmuted: [] })!;
    expect(s.members.map((m) => m.muted)).toEqual([false, true]);
    s = apply({ ...s, content: 'm2' }, 'member.left', { member: 'm2' })!;
    expect(s.members.map((m) => m.id)).toEqual(['m1']);
    expect(s.content).toBeNull();
  });
  it('asks for the whole when an event says too little', () => {
    expect(apply(room(), 'member.joined', { member: 'm3' })).toBeNull();
    expect(apply(room(), 'floor.given', { member: 'm2' })).toBeNull();
    const s = room();
    expect(apply(s, 'schedule.changed', {})).toBe(s);
  });
  it('takes the floor and its queue', () => {
    const floor = { holder: 'm2', deadline_ms: 100_000, queue: [{ member: 'm1' }] };
    const s = apply(room(), 'floor.given', { floor })!;
    expect(s.floor.holder).toBe('m2');
    expect(left(s.floor, 40_000)).toBe(60_000);
    expect(left(s.floor, 200_000)).toBe(0);
    expect(left(EMPTY.floor, 0)).toBeNull();
    expect(countdown(60_000)).toBe('1:00');
    expect(countdown(9_100)).toBe('0:10');
  });
  it('counts down by its own clock, whatever the server thinks the time is', () => {
    const s = apply(room(), 'floor.given', { floor: { holder: 'm2', deadline_ms: 9_000_000, left_ms: 60_000, queue: [] } }, 5_000)!;
    expect(left(s.floor, 15_000)).toBe(50_000);
  });
  it('knows who speaks next: the first who is here, while another speaks', () => {
    const floor = { holder: 'm1', deadline_ms: null, queue: [{ member: 'm2', away: true }, { member: 'm3' }, { member: 'm4' }] };
    expect(['m1', 'm2', 'm3', 'm4'].filter((m) => isNext(floor, m))).toEqual(['m3']);
    expect(isNext({ ...floor, holder: null }, 'm3')).toBe(false);
  });
  it('counts votes and keeps one of each', () => {
    const vote = { id: 'v1', question: '?', secret: false, open: true, choices: [{ key: 1, text: 'a' }, { key: 2, text: 'b' }], cast: 0 };
    let s = apply(room(), 'vote.opened', { result: vote })!;
    s = apply(s, 'vote.cast', { vote: 'v1', cast: 2 })!;
    expect(voteOpen(s)?.cast).toBe(2);
    s = apply(s, 'vote.closed', { result: { ...vote, open: false, cast: 2, winner: 0 } })!;
    expect(s.votes).toHaveLength(1);
    expect(voteOpen(s)).toBeUndefined();
  });
  it('shows what runs', () => {
    let s = apply(room(), 'recording.started', {})!;
    s = apply(s, 'content.started', { member: 'm2' })!;
    expect([s.room!.recorded, s.content]).toEqual([true, 'm2']);
    expect(apply(s, 'content.stopped', {})!.content).toBeNull();
  });
});

describe('a weak line', () => {
  it('names what is first worth a look', () => {
    const media = { audio: 'opus', video: 'h264', security: 'dtls', remote: '' };
    expect(trouble(member('m1', { media, stats: { audio_packets_received: 50, round_trip_us: 20000 } }))).toBe('');
    expect(trouble(member('m1', { media, stats: { audio_packets_received: 0 } }))).toBe('no-packets');
    expect(trouble(member('m1', { media, stats: { audio_packets_received: 9, video_loss_percent: 7 } }))).toBe('loss');
    expect(trouble(member('m1', { away: true }))).toBe('away');
  });
});

describe('the desk is drawn once a frame, and only where something changed', () => {
  let frame: (() => void) | null = null;
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('requestAnimationFrame', (fn: () => void) => { frame = fn; return 1; });
    vi.stubGlobal('cancelAnimationFrame', () => { frame = null; });
    vi.stubGlobal('window', { setTimeout, clearTimeout });
  });
  afterEach(() => { vi.unstubAllGlobals(); vi.useRealTimers(); });

  it('takes what came since the last frame at once, in its order', () => {
    const taken: number[][] = [], batch = new Batch<number>((all) => taken.push([...all]));
    for (const n of [1, 2, 3]) batch.add(n);
    expect(taken).toEqual([]);
    frame!();
    expect(taken).toEqual([[1, 2, 3]]);
    batch.add(4);
    batch.flush();
    expect(taken).toEqual([[1, 2, 3], [4]]);
    expect(frame).toBeNull();
    batch.flush();
    vi.runAllTimers();
    expect(taken.length).toBe(2);
  });
  it('goes on in a window that draws no frames, and forgets what it is told to', () => {
    const taken: number[][] = [], batch = new Batch<number>((all) => taken.push([...all]));
    batch.add(1);
    vi.advanceTimersByTime(249);
    expect(taken).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(taken).toEqual([[1]]);
    batch.add(2);
    batch.drop();
    vi.runAllTimers();
    expect(taken).toEqual([[1]]);
  });
  it('applies many events in their order, and says when the whole is to be read', () => {
    const talks = (id: string, talking: boolean) => ({ type: 'member.talking', data: { member: id, talking } });
    const all = applyAll(room(), [talks('m2', true), { type: 'member.joined', data: { member: 'm3' } }, talks('m1', true), talks('m2', false)]);
    expect(all.again).toBe(true);
    expect(all.state.members.map((m) => m.talking)).toEqual([true, false]);
    expect(applyAll(room(), [talks('m1', true)]).again).toBe(false);
  });
  it('an event that changes nothing leaves the same state, one of a member only that one', () => {
    const old = room(), once = apply(old, 'member.talking', { member: 'm2', talking: true })!;
    expect(apply(once, 'member.talking', { member: 'm2', talking: true })).toBe(once);
    expect(once.members[0]).toBe(old.members[0]);
    expect(sameRow(old.members[1], once.members[1])).toBe(false);
    expect(sameNames(old.members, once.members)).toBe(true);
  });
  it('figures draw a row anew only when they become trouble', () => {
    const m = member('m1', { stats: { audio_loss_percent: 1 } });
    expect(sameRow(m, { ...m, stats: { audio_loss_percent: 2 } })).toBe(true);
    expect(sameRow(m, { ...m, stats: { audio_loss_percent: 6 } })).toBe(false);
    for (const change of [{ muted: true }, { self_muted: true }, { video_muted: true }, { away: true }, { name: 'x' }, { role: 'guest' as const }, { view: { layout: '2x2', by: 'chair' as const, shown: true } }]) expect(sameRow(m, { ...m, ...change })).toBe(false);
    expect(sameNames([m], [{ ...m, name: 'x' }])).toBe(false);
    expect(sameNames([m], [])).toBe(false);
  });
});

describe('the last hour of a line', () => {
  const point = (s: number, more: Partial<Point> = {}): Point => ({ time_us: (1700000000 + s) * 1e6, in_bps: 5e5, out_bps: 6e5, audio_in_bps: 3e4, audio_out_bps: 3e4, audio_loss_percent: 0, video_loss_percent: 0, sent_loss_percent: 0, audio_jitter_us: 4000, round_trip_us: 20000, video_frozen_ms: 0, ...more });
  it('is judged by what hurts most', () => {
    expect(judge(point(0)).is).toBe('good');
    expect(judge(point(0, { sent_loss_percent: 2 }))).toEqual({ is: 'weak', cause: 'loss', figure: 2 });
    expect(judge(point(0, { video_loss_percent: 5, audio_jitter_us: 61000 }))).toMatchObject({ is: 'bad', cause: 'jitter' });
    expect(judge(point(0, { video_frozen_ms: 4500 }))).toEqual({ is: 'bad', cause: 'frozen', figure: 4.5 });
    expect(judge(point(0, { round_trip_us: 400000 }))).toEqual({ is: 'bad', cause: 'delay', figure: 400 });
  });
  it('has gaps where nothing was measured', () => {
    const { x, at } = timeline([point(0), point(10), point(21), point(90)]);
    expect(x.map((s) => s - 1700000000)).toEqual([0, 10, 21, 31, 90]);
    expect(at.map((p) => p === null)).toEqual([false, false, false, true, false]);
  });
  it('tells its bad spells, the latest first', () => {
    const told = spells([point(0), point(10, { audio_loss_percent: 6 }), point(20, { audio_loss_percent: 14 }), point(30), point(100, { video_frozen_ms: 9000 }), point(110, { audio_loss_percent: 8 })]);
    expect(told.map((s) => [s.from_s - 1700000000, s.to_s - 1700000000, s.cause, s.worst])).toEqual([[110, 120, 'loss', 8], [100, 110, 'frozen', 9], [40, 100, 'gap', 0], [10, 30, 'loss', 14]]);
    expect(spells([point(0), point(10)])).toEqual([]);
  });
  it('is shared out', () => expect(shares([point(0), point(10, { audio_loss_percent: 6 }), point(20), point(30)])).toEqual({ good: 0.75, weak: 0, bad: 0.25 }));
});
