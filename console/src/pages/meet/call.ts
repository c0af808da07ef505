// SPDX-License-Identifier: GPL-3.0-or-later
// This browser in a meeting: the join protocol over a WebSocket, one RTCPeerConnection, and the way back into the same seat when either breaks.
import { PREFIX } from '../../app/api';
import { Failure } from '../../app/failure';
import type { Values } from '../../app/i18n';
import { reopenEnded } from './devices';
import type { Doer } from './doer';
import { lostOnTheWay, PLAIN, preferRed, redundancy, takesRed, type Redundancy } from './red';
import { apply, byOwnClock, EMPTY, type RoomState } from './state';
import { ROLES, type Line, type Role, type Room } from './types';

export type Phase = 'connecting' | 'asked' | 'lobby' | 'in' | 'back' | 'over';
/** Speakers' own pictures: asked for or not, on which line (by its mid) whose, and how much of the composed picture comes beside them. */
export type StreamTile = { mid: string; member: string | null; main: boolean; stream: MediaStream };
export type Streams = { on: boolean; composed: 'full' | 'small' | 'off'; why: '' | 'line' | 'limit'; tiles: StreamTile[] };
export const NO_STREAMS: Streams = { on: false, composed: 'full', why: '', tiles: [] };
const STREAMS_MAX = 6;

export type CallState = {
  phase: Phase; ask: 'pin' | 'name' | null; trouble: { code: string; message: string; of?: string; values?: Values } | null; over: { code: string; reason: string } | null;
  member: string; role: Role; may: readonly string[]; room: RoomState; chat: Line[]; media: 'none' | 'connecting' | 'up' | 'broken';
  main: MediaStream | null; sound: MediaStream | null; content: MediaStream | null; muted: boolean; cameraOff: boolean; sharing: boolean; backMs: number;
  streams: Streams;
};
export type Wanted = { room?: string; code?: string; name?: string; pin?: string };
type Message = { type: string; [name: string]: unknown };

const PING_MS = 4000, QUIET_MS = 9000, GIVE_UP_MS = 60000, CHAT_MAX = 300, SEAT = 'mediad.seat';
/** How long to wait before the n-th try to come back: at once, then quickly, for the seat is kept 30 s only. */
export const backDelay = (n: number): number => (n === 0 ? 0 : Math.min(2500, 250 * 2 ** (n - 1)));

/** Timers stood still between two ticks of a second: the machine slept, or the page was frozen. By the wall clock, for a monotonic one stands still
 *  in a sleeping machine. */
export const slept = (lastMs: number, nowMs: number): boolean => nowMs - lastMs > 5000;

/** What a reload needs to come back: the seat of this window, as long as it is kept. */
export function keptSeat(): (Wanted & { resume: string; at: number; camera?: boolean; muted?: boolean; streams?: boolean }) | null {
  try {
    const kept = JSON.parse(sessionStorage.getItem(SEAT) ?? 'null') as (Wanted & { resume: string; at: number }) | null;
    return kept && Date.now() - kept.at < 45000 ? kept : null;
  } catch { return null; }
}
export function forgetSeat(): void {
  try { sessionStorage.removeItem(SEAT); } catch { /* a browser that keeps nothing */ }
}

/** Why a call is over, by what the server's "closed" says. */
const OVER: Record<string, string> = { '': 'ended', 'meeting ended': 'ended', removed: 'ended', 'removed by the chair': 'closed-403', 'signed out': 'signed-out', 'went to another meeting': 'replaced', left: 'left' };
export const overBy = (code: number, reason: string): string => (code === 200 && OVER[reason]) || `closed-${code}`;

export class Call {
  state: CallState = {
    phase: 'connecting', ask: null, trouble: null, over: null, member: '', role: 'guest', may: [], room: EMPTY, chat: [], media: 'none', main: null, sound: null, content: null,
    muted: false, cameraOff: false, sharing: false, backMs: 0, streams: NO_STREAMS,
  };
  pc: RTCPeerConnection | null = null;
  private socket: WebSocket | null = null;
  private listeners = new Set<() => void>();
  private resume = '';
  private tries = 0;
  private lost = 0;
  private heard = Date.now();
  private tick = 0;
  private retry = 0;
  private iceTimer = 0;
  private told = new Set<string>(); /* servers that did not serve: said once */
  private early: RTCIceCandidateInit[] = [];
  private screen: MediaStream | null = null;
  private lines: { audio?: RTCRtpTransceiver; video?: RTCRtpTransceiver; content?: RTCRtpTransceiver } = {};
  private others: { line: RTCRtpTransceiver; stream: MediaStream }[] = []; /* for speakers' own pictures */
  private negotiating: Promise<void> = Promise.resolve();

  constructor(private wanted: Wanted, public local: MediaStream | null) {
    this.state.muted = !local?.getAudioTracks().some((x) => x.enabled);
    this.state.cameraOff = !local?.getVideoTracks().some((x) => x.enabled);
  }

  subscribe = (fn: () => void): (() => void) => {
    this.listeners.add(fn);
    return () => void this.listeners.delete(fn);
  };
  snapshot = (): CallState => this.state;
  private set(change: Partial<CallState>): void {
    this.state = { ...this.state, ...change };
    this.listeners.forEach((fn) => fn());
  }

  /** streams: the speakers' own pictures were chosen before the reload. */
  start(resume = '', streams = false): void {
    this.resume = resume;
    this.last = Date.now();
    if (streams) this.set({ streams: { ...NO_STREAMS, on: true } });
    this.tick = window.setInterval(this.watch, 1000);
    window.addEventListener('online', this.network);
    document.addEventListener('visibilitychange', this.woke);
    document.addEventListener('resume', this.woke);
    window.addEventListener('pagehide', this.keep);
    navigator.mediaDevices?.addEventListener?.('devicechange', this.reopen);
    this.open();
  }

  /** After an "ask": what the person has typed. */
  answer(more: Wanted): void {
    this.wanted = { ...this.wanted, ...more };
    this.set({ phase: 'connecting', ask: null, trouble: null });
    this.hello();
  }

  leave(): void {
    if (this.state.phase === 'over') return;
    this.send({ type: 'bye' });
    this.end('left', '');
  }

  // --- the connection ---------------------------------------------------------------------------------------------------------

  private open(): void {
    const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${PREFIX}/join`, 'mediad.join.1');
    this.socket?.close();
    this.socket = socket;
    this.heard = Date.now();
    socket.onopen = () => { if (this.socket === socket) this.hello(); };
    socket.onmessage = (event) => {
      if (this.socket !== socket) return;
      this.heard = Date.now();
      try { this.take(JSON.parse(event.data as string) as Message); } catch (error) { if (!(error instanceof SyntaxError)) throw error; }
    };
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      this.socket = null;
      if (this.state.phase === 'over') return;
      if (event.code === 4409) return this.end('replaced', event.reason);
      if (event.code === 4403) return this.end('refused', event.reason);
      this.comeBack();
    };
  }

  private hello(): void {
    const alive = this.resume !== '' && this.pc !== null && this.pc.connectionState !== 'closed';
    this.send({ type: 'hello', ...this.wanted, ...(this.resume ? { resume: this.resume } : {}), ...(alive ? { media: 'keep' } : {}) });
  }

  private send(message: Message): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  private comeBack(): void {
    const now = Date.now();
    if (slept(this.last, now)) return this.watch(); /* told of the end before the clock ticked again */
    if (this.state.phase === 'asked') { this.retry = window.setTimeout(() => this.open(), 1000); return; }
    if (!this.lost) this.lost = now;
    if (now - this.lost > GIVE_UP_MS) return this.end('no-connection', '');
    this.set({ phase: this.state.member ? 'back' : 'connecting', backMs: now - this.lost });
    window.clearTimeout(this.retry);
    this.retry = window.setTimeout(() => this.open(), backDelay(this.tries++));
  }

  /** Another network: the old connection says nothing of its end, so it is asked, and dropped if it is quiet. */
  private network = (): void => {
    if (this.state.phase === 'over') return;
    this.tries = 0;
    if (this.socket?.readyState === WebSocket.OPEN) { this.probe(1500); void this.restartIce(); }
    else { window.clearTimeout(this.retry); this.open(); }
  };
  private woke = (): void => {
    if (slept(this.last, Date.now())) this.watch();
    else if (!document.hidden && Date.now() - this.heard > PING_MS * 1.5) this.network();
  };
  /** The laptop was closed and opened: whatever the connection was, the server has given it up or soon will. A new one takes the seat over at once,
   *  and the way of the media is sought anew as soon as it stands. What was lost before the sleep does not count: nobody could try. */
  private napped(): void {
    if (this.state.phase === 'asked') return this.network();
    this.lost = Date.now();
    this.tries = 0;
    this.set({ phase: this.state.member ? 'back' : 'connecting', backMs: 0 });
    window.clearTimeout(this.retry);
    window.clearTimeout(this.iceTimer);
    this.open();
    this.reopen();
  }
  /** A camera or microphone that went with the machine's sleep, or was pulled, and is there again. */
  private reopen = (): void => {
    if (this.local) void reopenEnded(this.local, (track) => {
      if (this.state.phase === 'over') return track.stop();
      void (track.kind === 'audio' ? this.lines.audio : this.lines.video)?.sender.replaceTrack(track);
    });
  };
  private probe(wait: number): void {
    const socket = this.socket, asked = Date.now();
    this.send({ type: 'ping', t: asked });
    window.setTimeout(() => { if (this.socket === socket && this.heard < asked) this.drop(); }, wait);
  }
  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    this.comeBack();
  }
  private last = Date.now();
  private watch = (): void => {
    const now = Date.now(), nap = slept(this.last, now);
    this.last = now;
    if (this.state.phase === 'over') return;
    if (nap) return this.napped();
    if (this.lost) this.set({ backMs: now - this.lost });
    void this.guardSound();
    if (this.socket?.readyState === WebSocket.OPEN) {
      if (now - this.heard > QUIET_MS) return this.drop();
      if (now - this.heard > PING_MS) this.send({ type: 'ping', t: now });
      this.renewServers();
    } else if (this.socket?.readyState === WebSocket.CONNECTING && now - this.heard > 5000) this.drop();
  };

  private keep = (): void => {
    if (!this.resume || this.state.phase === 'over') return forgetSeat();
    const { pin: _, ...rest } = this.wanted;
    try { sessionStorage.setItem(SEAT, JSON.stringify({ ...rest, resume: this.resume, at: Date.now(), camera: !this.state.cameraOff, muted: this.state.muted, streams: this.state.streams.on })); } catch { /* as above */ }
  };

  private end(code: string, reason: string): void {
    window.clearInterval(this.tick);
    window.clearTimeout(this.retry);
    window.clearTimeout(this.iceTimer);
    window.removeEventListener('online', this.network);
    window.removeEventListener('pagehide', this.keep);
    navigator.mediaDevices?.removeEventListener?.('devicechange', this.reopen);
    document.removeEventListener('visibilitychange', this.woke);
    document.removeEventListener('resume', this.woke);
    forgetSeat();
    this.screen?.getTracks().forEach((x) => x.stop());
    this.local?.getTracks().forEach((x) => x.stop());
    this.pc?.close();
    this.pc = null;
    this.set({ phase: 'over', over: { code, reason }, main: null, sound: null, content: null, media: 'none', sharing: false });
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  // --- what the server says ---------------------------------------------------------------------------------------------------

  private take(m: Message): void {
    if (m.type === 'closed' && Number(m.code) === 503) return; /* the server is started anew: the connection ends with it, and is tried again */
    switch (m.type) {
      case 'welcome': return this.welcome(m);
      case 'ask': return this.set({ phase: 'asked', ask: m.what === 'name' ? 'name' : 'pin', trouble: m.message ? { code: `ask-${String(m.what)}`, message: String(m.message) } : null });
      case 'lobby': return this.set({ phase: 'lobby' });
      case 'admitted': return this.set({ phase: 'in' });
      case 'answer': return void this.queue(() => this.remote({ type: 'answer', sdp: String(m.sdp) }));
      case 'offer': return void this.queue(() => this.remote({ type: 'offer', sdp: String(m.sdp) }));
      case 'candidate': return void this.queue(() => this.candidate(m));
      case 'streams': return this.streams(m);
      case 'restart-ice': return this.askedToRestart();
      case 'ice-servers': return this.iceServers(m);
      case 'state': return this.whole(m);
      case 'event': return this.event(String(m.event), (m.data ?? {}) as Record<string, unknown>);
      case 'chat': return this.line(m);
      case 'done': return void this.answered(m);
      case 'error': return this.answered(m) ? undefined : this.wrong(String(m.code), String(m.message ?? ''), String(m.of ?? ''));
      case 'closed': return this.end(overBy(Number(m.code), String(m.reason ?? '')), String(m.reason ?? ''));
      default: /* pong, and what later versions say */
    }
  }

  private welcome(m: Message): void {
    const same = this.pc !== null && m.resumed === true && this.state.member === m.member; /* a server that was started anew numbers anew */
    this.resume = String(m.resume ?? '');
    this.tries = 0;
    this.lost = 0;
    const inLobby = m.lobby === true || this.state.phase === 'lobby';
    this.set({
      may: (m.may as string[] | undefined) ?? this.state.may,
      phase: inLobby ? 'lobby' : 'in', ask: null, trouble: null, member: String(m.member), role: m.role as Role, backMs: 0,
      room: { ...this.state.room, room: (m.room ?? this.state.room.room) as Room },
    });
    this.send({ type: 'state' });
    if (this.state.muted || m.resumed) this.send({ type: 'mute', muted: this.state.muted });
    if (this.state.cameraOff || m.resumed) this.send({ type: 'video', muted: this.state.cameraOff });
    this.iceServers(m);
    if (same) void this.restartIce();
    else this.media();
  }

  // --- servers on the way: TURN takes their credentials for a while only ------------------------------------------------------

  private servers: RTCIceServer[] = [];
  private serversAt = 0;
  private serversMs = Infinity;
  private serversAsked = 0;
  private serversCame: (() => void) | null = null;

  private iceServers(m: Message): void {
    this.servers = (m.ice_servers ?? []) as RTCIceServer[];
    this.serversAt = Date.now();
    this.serversMs = typeof m.ice_ttl_s === 'number' ? m.ice_ttl_s * 1000 : Infinity;
    this.serversAsked = 0;
    try { this.pc?.setConfiguration({ ...this.pc.getConfiguration(), iceServers: this.servers }); } catch { /* closed, or a browser that cannot: then they serve the next connection */ }
    this.serversCame?.();
  }

  /** Half their life is over: new ones come while the old ones still do. */
  private renewServers(): void {
    const now = Date.now();
    if (now - this.serversAt < this.serversMs / 2 || now - this.serversAsked < 10_000) return;
    this.serversAsked = now;
    this.send({ type: 'ice-servers' });
  }

  /** Nobody would take those we have any more (the laptop slept for hours): asked for, and waited for a moment. */
  private async goodServers(): Promise<void> {
    if (Date.now() - this.serversAt < this.serversMs * 0.9 || !this.send({ type: 'ice-servers' })) return;
    await new Promise<void>((done) => {
      const late = window.setTimeout(done, 1500);
      this.serversCame = () => { window.clearTimeout(late); done(); };
    });
    this.serversCame = null;
  }

  private whole(m: Message): void {
    const members = (m.members ?? []) as RoomState['members'];
    const me = members.find((x) => x.id === this.state.member);
    this.set({
      role: me?.role ?? this.state.role, may: (m.may as string[] | undefined) ?? this.state.may,
      phase: this.state.phase === 'lobby' && me && !me.in_lobby ? 'in' : this.state.phase === 'in' && me?.in_lobby ? 'lobby' : this.state.phase,
      room: {
        room: (m.room ?? this.state.room.room) as Room, members, floor: byOwnClock((m.floor ?? this.state.room.floor) as RoomState['floor'], Date.now()),
        votes: (m.votes ?? []) as RoomState['votes'], content: (m.content as { member: string } | null)?.member ?? null, channels: (m.channels as RoomState['channels'] | undefined) ?? [],
      },
    });
    if (this.state.room.content === this.state.member && !this.screen) this.send({ type: 'share', on: false }); /* after a reload the screen is not taken any more */
  }

  private event(name: string, data: Record<string, unknown>): void {
    const room = apply(this.state.room, name, data);
    if (name === 'member.role' && data.member === this.state.member) this.set({ role: data.role as Role });
    if (name === 'content.stopped' && this.state.sharing && data.member === this.state.member) {
      this.stopScreen();
      if (data.reason === 'taken away' || data.reason === 'another presents') this.set({ trouble: { code: data.reason === 'taken away' ? 'share-ended' : 'share-passed', message: '' } });
    }
    if (room === null) this.send({ type: 'state' });
    else if (room !== this.state.room) this.set({ room });
  }

  private line(m: Message): void {
    const time = Number(m.time ?? m.time_us ?? 0);
    const member = String(m.member ?? m.from ?? ''), known = this.state.room.members.find((x) => x.id === member);
    const line: Line = { from: String(m.name ?? known?.name ?? m.from ?? ''), to: String(m.to ?? 'all'), text: String(m.text ?? ''), time: time > 1e14 ? time / 1000 : time || Date.now(), member, mine: member === this.state.member };
    this.set({ chat: [...this.state.chat, line].slice(-CHAT_MAX) });
  }

  private answered(m: Message): boolean {
    const id = Number(m.id), one = this.answers.get(id);
    if (!one) return false;
    this.answers.delete(id);
    if (m.type === 'done') one.done(m);
    else one.fail(String(m.message ?? ''), String(m.why ?? ''));
    return true;
  }

  private wrong(code: string, message: string, of: string): void {
    if (code === 'replaced') return; /* the close that follows says it */
    if (code === 'too-often' && of === 'mute') this.closeMicrophone(); /* as the server has it */
    if (code === 'too-often' && of === 'video') this.closeCamera();
    const trouble = { code: code === 'not-done' && of === 'share' ? 'share-refused' : code, message, of };
    if (trouble.code === 'share-refused') {
      if (!this.screen) return; /* ended here and there at once: nothing was refused */
      this.stopScreen();
    }
    if (code === 'room-not-found' && this.state.phase === 'back') return this.drop(); /* a server that has just begun may still make its rooms */
    if (this.state.member || code === 'wait') return this.set({ trouble });
    if (code === 'wrong-pin') return this.set({ phase: 'asked', ask: 'pin', trouble });
    this.end(code, message);
  }

  clearTrouble(): void { this.set({ trouble: null }); }

  // --- picture and sound ------------------------------------------------------------------------------------------------------

  private queue(work: () => Promise<void>): Promise<void> {
    this.negotiating = this.negotiating.then(work).catch((error: Error) => this.set({ trouble: { code: 'media', message: error.message } }));
    return this.negotiating;
  }

  private copies: Redundancy = PLAIN;
  private copied = false; /* as the last offer asked for */

  /** Every second: does our sound arrive? */
  private async guardSound(): Promise<void> {
    const pc = this.pc, line = this.lines.audio;
    if (!pc || !line || this.state.media !== 'up') return;
    const lost = await lostOnTheWay(line.sender);
    if (lost === null || this.pc !== pc) return;
    this.copies = redundancy(this.copies, lost, Date.now());
    if (this.copies.on === this.copied || this.socket?.readyState !== WebSocket.OPEN || !takesRed(pc.currentRemoteDescription?.sdp)) return;
    this.copied = this.copies.on;
    if (preferRed(line, this.copied)) void this.offer({});
  }

  private media(): void {
    this.pc?.close();
    this.copies = PLAIN;
    this.copied = false;
    this.early = [];
    const pc = new RTCPeerConnection({ iceServers: this.servers, bundlePolicy: 'max-bundle' });
    this.pc = pc;
    const audio = this.local?.getAudioTracks()[0], video = this.local?.getVideoTracks()[0];
    this.lines.audio = pc.addTransceiver(audio ?? 'audio', { direction: 'sendrecv' });
    this.lines.video = pc.addTransceiver(video ?? 'video', {
      direction: 'sendrecv',
      sendEncodings: [{ rid: 'l', scaleResolutionDownBy: 4, maxBitrate: 150_000 }, { rid: 'm', scaleResolutionDownBy: 2, maxBitrate: 500_000 }, { rid: 'h', maxBitrate: 1_500_000 }],
    });
    this.others = [];
    this.lines.content = pc.addTransceiver(this.screen?.getVideoTracks()[0] ?? 'video', { direction: 'sendrecv', sendEncodings: [{ maxBitrate: 1_500_000 }] });
    const stream = (line: RTCRtpTransceiver) => new MediaStream([line.receiver.track]);
    this.set({ media: 'connecting', sound: stream(this.lines.audio), main: stream(this.lines.video), content: stream(this.lines.content) });
    if (this.state.streams.on) this.addOthers(pc);
    pc.onicecandidate = (e) => this.send({ type: 'candidate', mid: e.candidate?.sdpMid ?? '', candidate: e.candidate?.candidate ?? '' });
    pc.onicecandidateerror = (e) => {
      const error = e as RTCPeerConnectionIceErrorEvent;
      if (error.url && !this.told.has(error.url)) { this.told.add(error.url); this.send({ type: 'ice-error', url: error.url.slice(0, 256), code: error.errorCode, text: error.errorText.slice(0, 200) }); }
    };
    pc.onconnectionstatechange = () => this.path(pc);
    pc.oniceconnectionstatechange = () => this.path(pc);
    void this.offer({});
    if (this.state.streams.on) this.wantStreams();
  }

  private addOthers(pc: RTCPeerConnection): void {
    /* what the server speaks: a list of everything, line by line, would be several times as long */
    const codecs = RTCRtpReceiver.getCapabilities('video')?.codecs.filter((x) => /^video\/(h264|vp8|rtx)$/i.test(x.mimeType)) ?? [];
    while (this.others.length < STREAMS_MAX) {
      const line = pc.addTransceiver('video', { direction: 'recvonly' });
      if (codecs.length > 0 && 'setCodecPreferences' in line) line.setCodecPreferences(codecs);
      this.others.push({ line, stream: new MediaStream([line.receiver.track]) });
    }
  }

  private wantStreams(): void {
    const scale = window.devicePixelRatio || 1;
    void this.queue(async () => {
      this.send({ type: 'view', streams: this.state.streams.on ? STREAMS_MAX : 0, width: Math.round(window.innerWidth * scale), height: Math.round(window.innerHeight * scale) });
    });
  }

  /** Who is on which line now. */
  private streams(m: Message): void {
    const told = (m.lines ?? []) as { mid: string; member: string | null; main?: boolean }[];
    const tiles = told.flatMap((x) => {
      const other = this.others.find((o) => o.line.mid === x.mid);
      return other ? [{ mid: x.mid, member: x.member, main: x.main === true, stream: other.stream }] : [];
    });
    const composed = m.composed === 'off' || m.composed === 'small' ? m.composed : 'full', why = m.why === 'line' || m.why === 'limit' ? m.why : '';
    this.set({ streams: { on: this.state.streams.on, composed: this.state.streams.on ? composed : 'full', why, tiles: this.state.streams.on ? tiles : [] } });
  }

  private path(pc: RTCPeerConnection): void {
    if (this.pc !== pc || this.state.phase === 'over') return;
    window.clearTimeout(this.iceTimer);
    const ice = pc.iceConnectionState;
    if (ice === 'connected' || ice === 'completed') this.set({ media: 'up' });
    else if (ice === 'disconnected' || ice === 'failed') {
      this.set({ media: 'broken' });
      this.iceTimer = window.setTimeout(() => void this.restartIce(), ice === 'failed' ? 0 : 1500);
    }
  }

  /** The server lost the way to us; we may not have noticed, or be at it already. */
  private askedToRestart(): void {
    if (Date.now() - this.restarted > 3000) void this.restartIce();
  }

  private restarted = 0;

  restartIce(): Promise<void> {
    const pc = this.pc;
    if (!pc || this.socket?.readyState !== WebSocket.OPEN) return Promise.resolve();
    this.restarted = Date.now();
    if (this.state.media !== 'up') this.iceTimer = window.setTimeout(() => { if (this.pc === pc && this.state.media === 'broken') void this.restartIce(); }, 4000);
    return this.goodServers().then(() => this.offer({ iceRestart: true }));
  }

  private offer(options: RTCOfferOptions): Promise<void> {
    return this.queue(async () => {
      const pc = this.pc;
      if (!pc || pc.signalingState === 'closed') return;
      await pc.setLocalDescription(await pc.createOffer(options));
      this.send({ type: 'offer', sdp: pc.localDescription!.sdp });
    });
  }

  private async remote(description: RTCSessionDescriptionInit): Promise<void> {
    const pc = this.pc;
    if (!pc || (description.type === 'answer' && pc.signalingState !== 'have-local-offer')) return; /* an answer to what is past */
    await pc.setRemoteDescription(description);
    for (const one of this.early.splice(0)) await pc.addIceCandidate(one);
    if (description.type === 'offer') {
      await pc.setLocalDescription();
      this.send({ type: 'answer', sdp: pc.localDescription!.sdp });
    }
  }

  private async candidate(m: Message): Promise<void> {
    const one: RTCIceCandidateInit = { candidate: String(m.candidate ?? ''), ...(m.mid ? { sdpMid: String(m.mid) } : { sdpMLineIndex: 0 }) };
    if (!this.pc || !one.candidate) return;
    if (this.pc.remoteDescription) await this.pc.addIceCandidate(one);
    else this.early.push(one);
  }

  // --- what the person does ---------------------------------------------------------------------------------------------------

  private closeMicrophone(): void {
    this.local?.getAudioTracks().forEach((x) => { x.enabled = false; });
    this.set({ muted: true });
  }
  private closeCamera(): void {
    this.local?.getVideoTracks().forEach((x) => { x.enabled = false; });
    this.set({ cameraOff: true });
  }
  setMuted(muted: boolean): void {
    this.local?.getAudioTracks().forEach((x) => { x.enabled = !muted; });
    this.set({ muted });
    this.send({ type: 'mute', muted });
  }
  setCameraOff(off: boolean): void {
    this.local?.getVideoTracks().forEach((x) => { x.enabled = !off; });
    this.set({ cameraOff: off });
    this.send({ type: 'video', muted: off });
  }
  raise(raised: boolean): void { this.send({ type: 'hand', raised }); }
  floorDone(): void { this.send({ type: 'floor-done' }); }
  say(to: 'all' | 'secretary', text: string): boolean { return this.send({ type: 'chat', to, text }); }
  /** True: it is on its way; what is refused comes as a trouble of 'vote'. */
  vote(vote: string, choice: number): boolean { return this.send({ type: 'vote', vote, choice }); }
  listen(name: string | null): void { this.send({ type: 'channel', name }); }
  view(layout: string | null): void { this.send({ type: 'view', layout }); }

  /** What the chair's and the secretary's buttons do, in this member's name; the server checks the role again. */
  act: Doer = (act, fields = {}) => new Promise((done, fail) => {
    const id = ++this.acts;
    if (!this.send({ type: 'act', act, id, ...fields })) return fail(new Failure(0, 'no-connection', '', '', act));
    this.answers.set(id, { done, fail: (message, why) => fail(new Failure(0, why === 'denied' ? 'not-allowed' : 'told', message, '', act)) });
    window.setTimeout(() => { if (this.answers.delete(id)) fail(new Failure(0, 'no-connection', '', '', act)); }, 10000);
  });
  private acts = 0;
  private answers = new Map<number, { done: (value: unknown) => void; fail: (message: string, why: string) => void }>();

  /** The speakers' own pictures instead of the composed one, where the line carries them. */
  setStreams(on: boolean): void {
    if (on === this.state.streams.on || !this.pc) return;
    this.set({ streams: { ...NO_STREAMS, on } });
    if (on) this.addOthers(this.pc);
    for (const { line } of this.others) line.direction = on ? 'recvonly' : 'inactive';
    void this.offer({});
    this.wantStreams();
  }

  async share(): Promise<void> {
    const holder = this.state.room.members.find((m) => m.id === this.state.room.content);
    if (holder && holder.id !== this.state.member && ROLES.indexOf(this.state.role) >= ROLES.indexOf(holder.role)) /* only a higher role takes it over */
      return this.set({ trouble: { code: 'share-taken', message: '', values: { name: holder.name } } });
    this.set({ trouble: null });
    const screen = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 10 } }, audio: false });
    const track = screen.getVideoTracks()[0];
    this.screen = screen;
    track.contentHint = 'detail';
    track.onended = () => this.unshare();
    await this.lines.content?.sender.replaceTrack(track);
    this.set({ sharing: true });
    this.send({ type: 'share', on: true });
  }
  unshare(): void {
    if (!this.state.sharing) return;
    this.send({ type: 'share', on: false });
    this.stopScreen();
  }
  private stopScreen(): void {
    void this.lines.content?.sender.replaceTrack(null);
    this.screen?.getTracks().forEach((x) => x.stop());
    this.screen = null;
    this.set({ sharing: false });
  }
}
