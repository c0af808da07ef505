// SPDX-License-Identifier: GPL-3.0-or-later
// A page behind a line that becomes thin, loses packets and is mended: the speaker's own picture in a smaller size and larger again, while another
// page keeps the large one; its sound with copies while packets are lost. All datagrams of that page pass through a relay in this program.
// usage: node thin.mjs BASE LINK LINK LINK; prints one line a step.
import { createSocket } from 'node:dgram';
import { ask, join, LONG, member, must, PATIENCE, person, seen, step, story, hears, up } from './people.mjs';

const [base, linkA, linkV, linkW] = process.argv.slice(2);
/* LARGE: its second size; when Chromium sends the third goes by what it thinks of its line */
const THIN_BPS = 280_000, LOST = 0.12, QUEUE_MS = 500, HZ = 600, VOICE = 900, LARGE = 640;

/** Between one page and the server: towards the page at most `bps` behind a queue, towards the server a share of the packets lost (of its own
 *  seeded chance). bps 0: no bound. */
class Relay {
  bps = 0; loss = 0; server = 0; page = null; dropped = 0; free = 0; seed = 1;
  async start() {
    [this.toPage, this.toServer] = [createSocket('udp4'), createSocket('udp4')];
    await Promise.all([this.toPage, this.toServer].map((s) => new Promise((done) => s.bind(0, '127.0.0.1', done))));
    this.toPage.on('message', (data, from) => {
      this.page = from.port;
      if (!this.server || (this.loss && this.chance() < this.loss && data[0] >= 128 && data[0] < 192 && !(data[1] >= 192 && data[1] <= 223))) return; /* media, not what is said of it */
      this.toServer.send(data, this.server, '127.0.0.1');
    });
    this.toServer.on('message', (data) => {
      const now = performance.now();
      this.free = Math.max(this.free, now);
      if (this.bps && this.free - now > QUEUE_MS) { this.dropped++; return; }
      if (this.bps) this.free += (data.length * 8000) / this.bps;
      const send = () => { if (this.page) this.toPage.send(data, this.page, '127.0.0.1'); };
      if (this.free > now) setTimeout(send, this.free - now); else send();
    });
  }
  chance() { this.seed = (Math.imul(this.seed, 1664525) + 1013904223) >>> 0; return this.seed / 2 ** 32; }
  get port() { return this.toPage.address().port; }
  end() { this.toPage.close(); this.toServer.close(); }
}

/* In the page, before its own code: neither side hears of another way than the relay. */
function onlyBy(port) {
  const plain = (sdp) => sdp.replace(/a=(candidate|end-of-candidates).*\r?\n/g, '');
  const send = WebSocket.prototype.send, add = RTCPeerConnection.prototype.addIceCandidate, set = RTCPeerConnection.prototype.setRemoteDescription;
  WebSocket.prototype.send = function (text) {
    const m = JSON.parse(text);
    if (m.type === 'candidate' && m.candidate) return;
    send.call(this, JSON.stringify(m.type === 'offer' ? { ...m, sdp: plain(m.sdp) } : m));
  };
  const by = async (line) => {
    const part = line.split(' '); /* candidate:F 1 UDP priority host port typ host */
    if (part.length < 8 || part[1] !== '1' || part[2].toLowerCase() !== 'udp' || part[4] !== '127.0.0.1') return null;
    await window.relayTo(Number(part[5]));
    part[5] = String(port);
    return part.join(' ');
  };
  RTCPeerConnection.prototype.addIceCandidate = async function (one) {
    const candidate = await by(one.candidate);
    if (candidate) await add.call(this, { ...one, candidate });
  };
  RTCPeerConnection.prototype.setRemoteDescription = async function (description) {
    const said = [...(description.sdp ?? '').split('m=video')[0].matchAll(/a=(candidate:.*)/g)].map((x) => x[1].trim());
    await set.call(this, { type: description.type, sdp: plain(description.sdp ?? '') });
    for (const line of said) {
      const candidate = await by(line);
      if (candidate) await add.call(this, { candidate, sdpMLineIndex: 0 });
    }
  };
}

const main = (id) => `.meet-tile.main[data-member="${id}"] video`;
const width = ({ page }, id) => page.evaluate((s) => document.querySelector(s)?.videoWidth ?? 0, main(id));
async function until(what, look, ms) {
  const end = Date.now() + ms * PATIENCE;
  for (let last; ;) {
    last = await look();
    if (last.ok) return last;
    if (Date.now() > end) throw new Error(`${what}: ${JSON.stringify(last)}`);
    await new Promise((done) => setTimeout(done, 250));
  }
}
const wide = async (who, id, is, what, ms = 20000) => until(`${who.name} sees ${what}`, async () => { const w = await width(who, id); return { ok: is(w), width: w }; }, ms);
const choose = async ({ page }) => {
  await page.getByRole('button', { name: /^Thêm/ }).click();
  await page.getByRole('button', { name: 'Hình từng người', exact: true }).click();
  await page.getByRole('button', { name: 'Đóng', exact: true }).first().click();
};
/* Bytes of sound in a packet that goes out, over two seconds. */
const size = ({ page }) => page.evaluate(async () => {
  const look = async () => {
    let found = null;
    (await window.mediadCall.pc.getStats()).forEach((s) => { if (s.type === 'outbound-rtp' && s.kind === 'audio') found = s; });
    return found;
  };
  const first = await look();
  await new Promise((done) => setTimeout(done, 2000));
  const last = await look();
  return Math.round((last.bytesSent - first.bytesSent) / (last.packetsSent - first.packetsSent));
});

await story(async (browser) => {
  const relay = new Relay();
  await relay.start();
  const a = await person(browser, { name: 'Xã Cẩm Xuyên', colour: 'cyan', hz: HZ, size: [1280, 720], fps: 5, noisy: true });
  const v = await person(browser, { name: 'Xã vùng xa', colour: 'red', hz: VOICE, fps: 2 });
  const w = await person(browser, { name: 'Văn phòng UBND tỉnh', colour: 'green', fps: 2 });
  await v.page.exposeFunction('relayTo', (port) => { relay.server = port; });
  await v.page.addInitScript(onlyBy, relay.port);
  await join(a, base + linkA);
  await join(v, base + linkV);
  await join(w, base + linkW);
  await Promise.all([up(a), up(v), up(w)]);
  await v.page.evaluate(() => { window.testTone.gain.gain.value = 0; });
  const id = await member(a);
  /* a busy machine is no reason for a smaller picture here */
  await a.page.evaluate(async () => {
    for (const sender of window.mediadCall.pc.getSenders().filter((x) => x.track?.kind === 'video'))
      await sender.setParameters({ ...sender.getParameters(), degradationPreference: 'maintain-resolution' });
  });
  await Promise.all([choose(v), choose(w)]);
  await Promise.all([v, w].map((who) => wide(who, id, (x) => x >= LARGE, 'the large picture', 40000)));
  step('both see the large picture', { a: id, v: await member(v) });

  relay.bps = THIN_BPS;
  const fell = await wide(v, id, (x) => x > 0 && x < LARGE, 'a smaller one');
  await wide(w, id, (x) => x >= LARGE, 'the large picture still');
  must(await width(v, id) < LARGE, 'the thin line has the large picture');
  await seen(v, main(id), (s) => s.cyan.share > 0.3, 'who speaks, in the smaller picture');
  step('the thin line has a smaller picture, the other the large one', { ...fell, dropped: relay.dropped });

  relay.bps = 0;
  const rose = await wide(v, id, (x) => x >= LARGE, 'the large picture again', 40000);
  step('a line that is mended has the large one again', rose);

  await v.page.reload();
  await v.page.locator('main.meet').waitFor({ timeout: LONG });
  await wide(v, id, (x) => x > 0, 'each by himself after a reload');
  must(await v.page.evaluate(() => window.mediadCall.state.streams.on), 'the choice is gone');
  step('the choice is kept over a reload');

  await v.page.evaluate(() => { window.testTone.gain.gain.value = 0.3; });
  await hears(w, VOICE);
  const plain = await size(v);
  relay.loss = LOST;
  await ask('copies are used');
  const copied = await size(v);
  must(copied > 1.5 * plain, `bytes of sound a packet: ${plain}, then ${copied}`);
  await hears(w, VOICE);
  step('lost packets: sound with copies', { plain, copied });
  await ask('three sizes of a camera');
  relay.end();
});
