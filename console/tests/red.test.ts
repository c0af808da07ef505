// SPDX-License-Identifier: GPL-3.0-or-later
import { afterEach, describe, expect, it, vi } from 'vitest';
import { lostOnTheWay, PLAIN, preferRed, redundancy, takesRed } from '../src/pages/meet/red';

describe('copies of the sound', () => {
  const run = (...losses: [second: number, lost: number][]): boolean[] => {
    let state = PLAIN;
    return losses.map(([second, lost]) => (state = redundancy(state, lost, second * 1000)).on);
  };
  it('begin when 3 % stay lost, not at one bad report', () => {
    expect(run([0, 0.03], [1, 0.05], [2, 0.03])).toEqual([false, false, true]);
    expect(run([0, 0.2], [1, 0.029], [2, 0.2], [3, 0.2])).toEqual([false, false, false, false]);
    expect(run([0, 0], [1, 0.02], [60, 0.029])).toEqual([false, false, false]);
  });
  it('end after twelve seconds below 1 %, and no sooner', () => {
    expect(run([0, 0.1], [2, 0.1], [3, 0.005], [14, 0.005], [15, 0.009])).toEqual([false, true, true, true, false]);
    expect(run([0, 0.1], [2, 0.1], [3, 0], [14, 0.01], [15, 0], [26, 0], [27, 0])).toEqual([false, true, true, true, true, true, false]);
    expect(run([0, 0.1], [2, 0.1], [3, 0], [15, 0], [16, 0.05], [17, 0.05], [18, 0.05])).toEqual([false, true, true, false, false, false, true]);
  });

  const line = () => {
    const asked: string[][] = [];
    return { asked, line: { setCodecPreferences: (codecs: { mimeType: string }[]) => void asked.push(codecs.map((x) => x.mimeType)) } as unknown as RTCRtpTransceiver };
  };
  const browser = (codecs: string[]) => vi.stubGlobal('RTCRtpReceiver', { getCapabilities: () => ({ codecs: codecs.map((mimeType) => ({ mimeType })) }) });
  afterEach(() => vi.unstubAllGlobals());
  it('stand first or behind in the next offer', () => {
    const one = line();
    browser(['audio/opus', 'audio/red', 'audio/PCMA']);
    expect([preferRed(one.line, true), preferRed(one.line, false)]).toEqual([true, true]);
    expect(one.asked).toEqual([['audio/red', 'audio/opus', 'audio/PCMA'], ['audio/opus', 'audio/PCMA', 'audio/red']]);
  });
  it('leave other browsers and servers as they are', async () => {
    const one = line();
    expect(preferRed(one.line, true)).toBe(false); /* no RTCRtpReceiver at all */
    browser(['audio/opus', 'audio/PCMA']);
    expect(preferRed(one.line, true)).toBe(false);
    browser(['audio/opus', 'audio/red']);
    expect(preferRed({} as RTCRtpTransceiver, true)).toBe(false);
    expect(one.asked).toEqual([]);
    expect(takesRed('m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\na=rtpmap:63 red/48000/2\r\n')).toBe(true);
    expect([takesRed('a=rtpmap:111 opus/48000/2\r\na=fmtp:111 x=red/48000\r\n'), takesRed(undefined)]).toEqual([false, false]);
  });
  it('are decided on by what the server reports', async () => {
    const reports = (list: object[]) => ({ getStats: async () => new Map(list.map((x, i) => [String(i), x])) }) as unknown as RTCRtpSender;
    expect(await lostOnTheWay(reports([{ type: 'outbound-rtp', packetsSent: 9 }, { type: 'remote-inbound-rtp', fractionLost: 0.25 }]))).toBe(0.25);
    expect(await lostOnTheWay(reports([{ type: 'outbound-rtp', fractionLost: 0.25 }]))).toBeNull();
    expect(await lostOnTheWay({} as RTCRtpSender)).toBeNull();
  });
});
