// SPDX-License-Identifier: GPL-3.0-or-later
// Ten (or so) pages of the console in one Chromium, in one meeting. The first one talks, a tone; each of the others is asked whether it hears it, and
// for what it received. usage: node pages.mjs BASE SECONDS LINK...; prints one line a step, and the figures as JSON.
import { ask, hears, join, member, person, step, story, up } from '../../browser/people.mjs';

const [base, seconds, ...links] = process.argv.slice(2);

const figures = ({ page }) => page.evaluate(async () => {
  const found = { audio: 0, concealed: 0, samples: 0, frames: 0, freezes: 0, frozen: 0, width: 0, lost: 0, packets: 0, rtt: 0, sent: 0, limit: '' };
  for (const s of (await window.mediadCall.pc.getStats()).values()) {
    if (s.type === 'inbound-rtp' && s.kind === 'audio') Object.assign(found, { audio: s.packetsReceived, concealed: s.concealedSamples, samples: s.totalSamplesReceived, lost: found.lost + s.packetsLost, packets: found.packets + s.packetsReceived });
    if (s.type === 'inbound-rtp' && s.kind === 'video' && s.framesDecoded > found.frames) Object.assign(found, { frames: s.framesDecoded, freezes: s.freezeCount, frozen: s.totalFreezesDuration, width: s.frameWidth });
    if (s.type === 'candidate-pair' && s.nominated) found.rtt = s.currentRoundTripTime;
    if (s.type === 'outbound-rtp' && s.kind === 'video' && s.framesSent > found.sent) Object.assign(found, { sent: s.framesSent, limit: s.qualityLimitationReason });
  }
  return { ...found, at: performance.now() };
});

await story(async (browser) => {
  const people = [];
  for (const [i, link] of links.entries()) {
    const one = await person(browser, { name: `Trang ${i + 1}`, viewport: { width: 640, height: 400 }, colour: 'cyan', hz: i === 0 ? 1700 : 0, fps: 8, size: [320, 180] });
    const t0 = Date.now();
    await join(one, base + link);
    await up(one);
    people.push({ ...one, id: await member(one) });
    step(`page ${i + 1} is in`, { ms: Date.now() - t0 });
  }
  await ask('the sites are in');
  const before = await Promise.all(people.map(figures));
  await people[0].page.waitForTimeout(Number(seconds) * 1000);
  const after = await Promise.all(people.map(figures));
  step('measured');
  const heard = [];
  for (const one of people.slice(1)) heard.push(await hears(one, 1700).then((h) => ({ dB: h.level, ms: h.ms }), (error) => ({ error: error.message })));
  console.log(`figures ${JSON.stringify(people.map((p, i) => {
    const a = before[i], b = after[i], s = (b.at - a.at) / 1000;
    return {
      page: i + 1, pictures_per_s: +((b.frames - a.frames) / s).toFixed(1), width: b.width, freezes: b.freezes - a.freezes, frozen_s: +(b.frozen - a.frozen).toFixed(1),
      sound_filled_percent: +((100 * (b.concealed - a.concealed)) / Math.max(1, b.samples - a.samples)).toFixed(1), lost: b.lost - a.lost, packets: b.packets - a.packets,
      sent_per_s: +((b.sent - a.sent) / s).toFixed(1), limited_by: b.limit, round_trip_ms: Math.round(b.rtt * 1000), hears_the_tone: i === 0 ? 'speaks' : heard[i - 1],
    };
  }))}`);
});
