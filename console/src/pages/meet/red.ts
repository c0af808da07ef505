// SPDX-License-Identifier: GPL-3.0-or-later
// Sound with copies of what was just said (RED, RFC 2198) while the line to the server loses packets: it costs a second time the sound's bit rate.

/** lossy, clean: since when (ms of any clock), null: not now. */
export type Redundancy = { readonly on: boolean; readonly lossy: number | null; readonly clean: number | null };
export const PLAIN: Redundancy = { on: false, lossy: null, clean: null };
const LOSSY = 0.03, CLEAN = 0.01, LOSSY_MS = 2000, CLEAN_MS = 12000; /* what the server goes by in its direction */

/** What the next look makes of it. lost: the share of our packets that the server missed, 0 to 1, by its last report. */
export function redundancy(before: Redundancy, lost: number, now: number): Redundancy {
  const lossy = lost >= LOSSY ? before.lossy ?? now : null, clean = lost < CLEAN ? before.clean ?? now : null;
  if (!before.on && lossy !== null && now - lossy >= LOSSY_MS) return { on: true, lossy, clean };
  if (before.on && clean !== null && now - clean >= CLEAN_MS) return { on: false, lossy, clean };
  return { on: before.on, lossy, clean };
}

const isRed = (codec: { mimeType: string }): boolean => codec.mimeType.toLowerCase() === 'audio/red';

/** Whether the server takes it, by its last description. */
export const takesRed = (sdp: string | undefined): boolean => /^a=rtpmap:\d+ red\/48000/im.test(sdp ?? '');

/** What the next offer prefers. Browsers send with copies where those stand first in what was agreed on: the codec field of a sender's encodings does
 *  not do it (Chromium takes "audio/red" there, says so, and sends plain sound). False: this browser cannot; all is as it was. */
export function preferRed(line: RTCRtpTransceiver, on: boolean): boolean {
  try {
    const all = RTCRtpReceiver.getCapabilities('audio')?.codecs ?? [], red = all.filter(isRed), others = all.filter((x) => !isRed(x));
    if (red.length === 0 || others.length === 0) return false;
    line.setCodecPreferences(on ? [...red, ...others] : [...others, ...red]);
    return true;
  } catch { return false; }
}

/** The share of our packets lost on the way to the server, by its last report; null: it has not reported. */
export async function lostOnTheWay(sender: RTCRtpSender): Promise<number | null> {
  let lost: number | null = null;
  try {
    (await sender.getStats()).forEach((one: { type: string; fractionLost?: number }) => {
      if (one.type === 'remote-inbound-rtp' && typeof one.fractionLost === 'number') lost = one.fractionLost;
    });
  } catch { /* the connection is gone, or it has none */ }
  return lost;
}
