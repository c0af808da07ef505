// SPDX-License-Identifier: GPL-3.0-or-later
// People with the console's own pages in Chromium. Each has a camera of one colour and a microphone of one tone, made by the page itself, so
// that who is seen and heard is told by pixels and hertz; a screen to show has four coloured quarters.
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';
import { must, PATIENCE, SIZES, step, until } from './tell.mjs';

export { must, PATIENCE, SIZES, step, until };

const ARGS = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--autoplay-policy=no-user-gesture-required', '--disable-features=WebRtcHideLocalIpsWithMdns',
  '--no-sandbox', '--allow-loopback-in-peer-connection', '--disable-gpu', '--disable-background-timer-throttling', '--disable-renderer-backgrounding', '--disable-backgrounding-occluded-windows'];
export const LONG = 20000 * PATIENCE;
export const DESKTOP = { width: 1280, height: 720 }, PHONE = { width: 360, height: 640 };
export const COLOURS = { red: [220, 30, 30], green: [30, 200, 60], blue: [40, 60, 220], yellow: [230, 220, 40], magenta: [210, 40, 200], cyan: [40, 200, 210] };

export const launch = (more = []) => chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: [...ARGS, ...more] });
/** The same as a program of its own, for what is done to its processes. */
export const serve = (more = []) => chromium.launchServer({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: [...ARGS, ...more] });
export const reach = (server) => chromium.connect(server.wsEndpoint());
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
/** Asks the other half of the story (it looks at what only it can see) and waits for its answer, one line. */
export async function ask(what) {
  console.log(`ask - ${what}`);
  const { value, done } = await answers.next();
  must(!done, `no answer to: ${what}`);
  return value;
}
/** Runs a story: any error is told as one line, and ends it. */
export async function story(fn, browserArgs) {
  const browser = await launch(browserArgs);
  try { await fn(browser); } catch (error) {
    console.log(`FAILED ${String(error.message).replaceAll('\n', ' | ')}`);
    process.exitCode = 1;
  } finally { await browser.close(); process.stdin.destroy(); }
}

/* In the page, before its own code: camera, microphone and screen that are drawn and computed. */
function devices({ colour, hz, quarters, fps, size, noisy }) {
  if (!navigator.mediaDevices) return; /* an empty page */
  const canvas = (width, height, draw, rate) => {
    const c = document.createElement('canvas');
    c.width = width; c.height = height;
    const ctx = c.getContext('2d', { willReadFrequently: true });
    let n = 0;
    const paint = () => { draw(ctx, width, height); ctx.fillStyle = n % 2 ? '#000' : '#fff'; ctx.fillRect(((n++ * 7) % width), height - 6, 6, 6); };
    paint();
    const timer = setInterval(paint, 1000 / rate), stream = c.captureStream(rate);
    stream.getVideoTracks()[0].addEventListener('ended', () => clearInterval(timer));
    return stream;
  };
  const css = (rgb) => `rgb(${rgb.join(',')})`;
  window.testTone = { gain: null, tone: null };
  const microphone = () => {
    const audio = new AudioContext(), tone = audio.createOscillator(), gain = audio.createGain(), out = audio.createMediaStreamDestination();
    tone.frequency.value = hz;
    gain.gain.value = hz ? 0.3 : 0;
    tone.connect(gain).connect(out);
    tone.start();
    window.testTone = { gain, tone };
    return out.stream.getAudioTracks();
  };
  /* noisy: a band of it never is the same twice, so that it takes as many bits as a coder may use */
  const noise = (ctx, w, h) => {
    for (let i = 0; i < 900; i++) { ctx.fillStyle = `hsl(${Math.random() * 360} 80% 50%)`; ctx.fillRect(Math.random() * w, h * (0.6 + 0.4 * Math.random()), w / 40, h / 40); }
  };
  const camera = () => canvas(...size, (ctx, w, h) => { ctx.fillStyle = css(colour); ctx.fillRect(0, 0, w, h); if (noisy) noise(ctx, w, h); }, fps).getVideoTracks();
  navigator.mediaDevices.getUserMedia = async (wanted) => new MediaStream([...(wanted?.audio ? microphone() : []), ...(wanted?.video ? camera() : [])]);
  window.testScreens = [];
  navigator.mediaDevices.getDisplayMedia = async () => {
    const stream = canvas(1280, 720, (ctx, w, h) => quarters.forEach((q, i) => { ctx.fillStyle = css(q); ctx.fillRect((i % 2) * w / 2, (i >> 1) * h / 2, w / 2, h / 2); }), 5);
    window.testScreens.push(stream);
    return stream;
  };
}

/** A new browser profile. tone 0: silent. */
export async function person(browser, { name, viewport = DESKTOP, locale = 'vi', colour = 'green', hz = 0, fps = 10, size = [640, 360], quarters = ['red', 'green', 'blue', 'yellow'], fresh = false, noisy = false }) {
  const context = await browser.newContext({ viewport, ignoreHTTPSErrors: true, permissions: ['camera', 'microphone'], locale: locale === 'vi' ? 'vi-VN' : 'en-GB' });
  const page = await context.newPage();
  page.on('pageerror', (error) => { console.log(`page of ${name}: ${error.message}`); process.exitCode = 1; });
  await page.addInitScript(devices, { colour: COLOURS[colour], hz, fps, size, noisy, quarters: quarters.map((q) => COLOURS[q]) });
  if (!fresh) await page.addInitScript((l) => localStorage.setItem('mediad.language', l), locale);
  return { page, name, context };
}
/** Through the door. */
export async function join({ page, name }, url) {
  await page.goto(url);
  await page.locator('input[name=name]').fill(name);
  await page.locator('button.door-go').click();
  await page.locator('main.meet').waitFor({ timeout: LONG });
}
export const up = ({ page }) => page.waitForFunction(() => window.mediadCall?.state.media === 'up', null, { timeout: LONG });
/** One member's own picture: wherever it is, and where it is the large one. */
export const tile = (id) => `.meet-tile[data-member="${id}"] video`;
export const main = (id) => `.meet-tile.main[data-member="${id}"] video`;
/** "Each by himself" or the composed picture, by its button. */
export async function choose({ page }, name) {
  await page.getByRole('button', { name: /^Thêm/ }).click();
  await page.getByRole('button', { name, exact: true }).click();
  await page.getByRole('button', { name: 'Đóng', exact: true }).first().click();
}
export const member = ({ page }) => page.evaluate(() => window.mediadCall.state.member);

/** Share of each colour's pixels in a <video>, and where their middle is (fractions). Waits until fn(shares) is true. */
export async function seen({ page, name }, selector, wanted, what, timeout = LONG) {
  const look = () => page.evaluate(([sel, colours]) => {
    const video = document.querySelector(sel), found = {};
    if (!video?.videoWidth) return null;
    const w = 96, h = 54, canvas = document.createElement('canvas');
    canvas.width = w; canvas.height = h;
    const ctx = canvas.getContext('2d');
    ctx.drawImage(video, 0, 0, w, h);
    const data = ctx.getImageData(0, 0, w, h).data;
    for (const [key, rgb] of Object.entries(colours)) {
      let n = 0, x = 0, y = 0;
      for (let i = 0; i < data.length; i += 4)
        if (Math.abs(data[i] - rgb[0]) < 60 && Math.abs(data[i + 1] - rgb[1]) < 60 && Math.abs(data[i + 2] - rgb[2]) < 60) { n++; x += (i / 4) % w; y += Math.floor(i / 4 / w); }
      found[key] = { share: +(n / (w * h)).toFixed(3), x: n ? +(x / n / w).toFixed(2) : 0, y: n ? +(y / n / h).toFixed(2) : 0 };
    }
    return found;
  }, [selector, COLOURS]);
  const end = Date.now() + timeout;
  for (let last = null; ;) {
    last = await look();
    if (last && wanted(last)) return last;
    if (Date.now() > end) throw new Error(`${name} does not see ${what}: ${JSON.stringify(last)}`);
    await page.waitForTimeout(200);
  }
}
/** The four quarters of a screen stand where they belong. */
export const quartered = (s) => ['red', 'green', 'blue', 'yellow'].every((c) => s[c].share > 0.1) && s.red.x < s.green.x && s.blue.x < s.yellow.x && s.red.y < s.blue.y && s.green.y < s.yellow.y;

/** How far a tone stands above the middle of what is heard, dB; waits until it is above (or, over false, below) 25 dB for three looks. A tone
 * stands above what is beside it, too: a codec spreads every other tone, and where there is no sound at all its dust is high above the middle. */
export async function hears({ page, name }, hz, over = true, timeout = LONG) {
  const found = await page.evaluate(async ([wanted, is, ms]) => {
    const ctx = new AudioContext(), source = ctx.createMediaStreamSource(window.mediadCall.state.sound), analyser = ctx.createAnalyser();
    analyser.fftSize = 8192;
    analyser.smoothingTimeConstant = 0;
    source.connect(analyser);
    const bins = new Float32Array(analyser.frequencyBinCount), end = Date.now() + ms, at = Math.round((wanted * analyser.fftSize) / ctx.sampleRate);
    let level = 0, times = 0, began = Date.now();
    while (times < 3 && Date.now() < end) {
      await new Promise((done) => setTimeout(done, 180));
      analyser.getFloatFrequencyData(bins);
      const sorted = [...bins].filter(Number.isFinite).sort((a, b) => a - b);
      const peak = Math.max(...bins.slice(at - 2, at + 3)), hertz = (n) => Math.round((n * analyser.fftSize) / ctx.sampleRate);
      const beside = Math.max(...bins.slice(at - hertz(75), at - hertz(25)), ...bins.slice(at + hertz(25) + 1, at + hertz(75) + 1));
      level = peak > -85 && peak > beside + 10 ? peak - (sorted[sorted.length >> 1] ?? -200) : 0;
      times = (level > 25) === is ? times + 1 : 0;
    }
    await ctx.close();
    return { level: Math.round(level), ok: times >= 3, ms: Date.now() - began };
  }, [hz, over, timeout]);
  must(found.ok, `${name} ${over ? 'does not hear' : 'still hears'} ${hz} Hz: ${JSON.stringify(found)}`);
  return found;
}
/** Signs this profile in at the console: as somebody who works there, by the session's cookie. */
export async function signIn({ context }, base, user, password) {
  await context.request.post(`${base}/api/v1/session`, { data: { user, password, cookie: true }, headers: { 'Content-Type': 'application/json' } })
    .then(async (r) => must(r.ok(), `sign in: ${r.status()} ${await r.text()}`));
}
