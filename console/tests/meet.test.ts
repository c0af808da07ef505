// SPDX-License-Identifier: GPL-3.0-or-later
import { describe, expect, it } from 'vitest';
import { backDelay } from '../src/pages/meet/call';
import { levelOf, troubleOf } from '../src/pages/meet/devices';
import { apply, countdown, EMPTY, isNext, left, trouble, voteOpen, type RoomState } from '../src/pages/meet/state';
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
  it('tries at once and often enough for a seat that is kept 30 s', () => {
    expect(backDelay(0)).toBe(0);
    let sum = 0, n = 0;
    while (sum < 5000) sum += backDelay(n++);
    expect(n).toBeGreaterThanOrEqual(5);
    expect(backDelay(50)).toBe(2500);
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
