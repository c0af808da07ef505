#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Chromium against one leg in browser mode: ICE, BUNDLE, DTLS-SRTP, sound and pictures both ways, ICE restart; and over a line
that becomes narrow and wide again: what is sent to the browser follows its feedback.

usage: browser-leg.py LEG_ECHO
The page sends its fake camera and microphone and a canvas as content, and looks at what comes back. TAP on stdout."""
import http.server
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

NARROW_BPS = 250000
PAGE = r'''<!doctype html><meta charset="utf-8"><body><script>
const say = (path, body) => fetch(path, {method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body)}).then(r => r.text());
const pause = ms => new Promise(r => setTimeout(r, ms));
const codec = new URLSearchParams(location.search).get('codec');
async function picture(pc, index) {
  const v = document.createElement('video');
  v.muted = true; v.srcObject = new MediaStream([pc.getTransceivers()[index].receiver.track]); document.body.append(v);
  await v.play().catch(() => {});
  return v;
}
function colour(v) {
  const c = new OffscreenCanvas(16, 16), g = c.getContext('2d');
  g.drawImage(v, 0, 0, 16, 16);
  return Array.from(g.getImageData(8, 8, 1, 1).data).slice(0, 3);
}
function tone(ctx, track) {
  const sink = new Audio(); sink.muted = true; sink.srcObject = new MediaStream([track]); sink.play(); /* without one nothing is decoded */
  const a = ctx.createAnalyser(); a.fftSize = 8192;
  ctx.createMediaStreamSource(new MediaStream([track])).connect(a);
  return () => { const d = new Float32Array(a.frequencyBinCount); a.getFloatFrequencyData(d);
    let best = 0; for (let i = 1; i < d.length; i++) if (d[i] > d[best]) best = i;
    return {hz: best * ctx.sampleRate / a.fftSize, db: d[best]}; };
}
async function negotiate(pc, restart) {
  await pc.setLocalDescription(await pc.createOffer({iceRestart: restart}));
  await pc.setRemoteDescription({type: 'answer', sdp: await say('/offer', pc.localDescription.sdp)});
}
async function figures(pc) {
  const out = {};
  (await pc.getStats()).forEach(s => {
    if (s.type === 'inbound-rtp') out['in-' + s.mid] = {packets: s.packetsReceived, lost: s.packetsLost, frames: s.framesDecoded, width: s.frameWidth, codec: s.codecId};
    if (s.type === 'outbound-rtp') out['out-' + s.mid + (s.rid || '')] = {packets: s.packetsSent, nack: s.nackCount, pli: s.pliCount, target: s.targetBitrate, width: s.frameWidth};
    if (s.type === 'candidate-pair' && s.nominated && s.availableOutgoingBitrate) out.pair = {bwe: s.availableOutgoingBitrate, rtt: s.currentRoundTripTime};
  });
  return out;
}
(async () => { try {
  const s = await navigator.mediaDevices.getUserMedia({audio: true, video: {width: 1280, height: 720}});
  const canvas = document.createElement('canvas'); canvas.width = 640; canvas.height = 360;
  const g = canvas.getContext('2d'); let n = 0;
  setInterval(() => { g.fillStyle = '#20c040'; g.fillRect(0, 0, 640, 360); g.fillStyle = '#000'; g.fillRect(n++ % 100, 0, 4, 4); }, 100);
  const pc = new RTCPeerConnection();
  pc.onicecandidate = e => say('/candidate', (e.candidate ? e.candidate.sdpMid : '0') + ' ' + (e.candidate ? e.candidate.candidate : ''));
  pc.addTransceiver(s.getAudioTracks()[0], {direction: 'sendrecv', streams: [s]});
  pc.addTransceiver(s.getVideoTracks()[0], {direction: 'sendrecv', streams: [s], sendEncodings: [
    {rid: 'l', scaleResolutionDownBy: 4}, {rid: 'm', scaleResolutionDownBy: 2}, {rid: 'h'}]});
  pc.addTransceiver(canvas.captureStream(10).getVideoTracks()[0], {direction: 'sendrecv'});
  if (codec === 'h264') { /* its sound with copies, as a page asks for when the line loses packets */
    const all = RTCRtpReceiver.getCapabilities('audio').codecs, isRed = c => c.mimeType === 'audio/red';
    pc.getTransceivers()[0].setCodecPreferences([...all.filter(isRed), ...all.filter(c => !isRed(c))]);
  }
  await negotiate(pc, false);
  const ctx = new AudioContext(); await ctx.resume();
  const hear = tone(ctx, pc.getTransceivers()[0].receiver.track);
  const camera = await picture(pc, 1), content = await picture(pc, 2);
  await pause(4000);
  for (let i = 0; i < 50 && !(camera.videoWidth === 640 && (await figures(pc)).pair?.bwe > 600000); i++) await pause(500); /* a busy machine climbs slowly */
  const first = await figures(pc), sound = hear(), green = colour(content), size = [camera.videoWidth, camera.videoHeight];
  await say('/narrow', '');
  await negotiate(pc, true);
  await pause(2500);
  await say('/result', {state: pc.connectionState, first, second: await figures(pc), sound, after: hear(), green, size});
} catch (e) { await say('/result', {error: String(e)}); } })();
</script>'''


class Peer:
    """The leg's program: offers in, answers out."""

    def __init__(self, program, codec, line):
        self.line = line
        self.last = None
        self.process = subprocess.Popen([program, codec], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lock = threading.Lock()
        self.candidates = []

    def write(self, text):
        with self.lock:
            self.process.stdin.write(text)
            self.process.stdin.flush()

    def candidate(self, text):
        text = self.line.candidate(text) if self.line else text
        if text:
            self.last = text
            self.write('candidate ' + text + '\n')

    def figures(self):
        self.write('figures\n')
        while not (line := self.process.stdout.readline()).startswith('{'):
            pass
        return json.loads(line)

    def answer(self, offer):
        if self.line: # only the way over the narrow place is known to either
            for line in re.findall(r'a=(candidate:.*)', offer[:offer.find('m=video')]):
                self.candidate('0 ' + line.strip())
            offer = re.sub(r'a=candidate:.*\r?\n', '', offer)
        self.write(offer.replace('\r', '').rstrip('\n') + '\n\n')
        lines = []
        while True:
            line = self.process.stdout.readline()
            if line.startswith('candidate '):
                self.candidates.append(line)
            elif line.strip() and not (self.line and line.startswith(('a=candidate', 'a=end-of-candidates'))):
                lines.append(line.strip())
            elif line.strip():
                continue
            else:
                break
        if self.line and self.last: # candidates of a restart may have overtaken its offer, and there is no other way in
            self.write('candidate ' + self.last + '\n')
        return '\r\n'.join(lines) + '\r\n'

    def end(self):
        self.process.stdin.close()
        text = self.process.stdout.read()
        told = [line for line in text.splitlines() if line.startswith('{')]
        return self.process.wait(10), json.loads(told[-1]) if told else {}


class Line:
    """All datagrams between the two pass here; towards the browser at most `bps`, behind a queue of a second (None: no bound)."""

    def __init__(self):
        self.leg_side, self.browser_side = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for one in (self.leg_side, self.browser_side):
            one.bind(('127.0.0.1', 0))
        self.leg = self.browser = self.bps = None
        self.passed = self.dropped = 0
        self.over = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def candidate(self, text):
        """What the leg may know of a candidate of the browser's: our address in its place, or nothing."""
        part = text.split(' ')
        if len(part) < 8 or part[0] != '0' or part[3].lower() != 'udp' or part[5] != '127.0.0.1':
            return None
        self.browser = ('127.0.0.1', int(part[6]))
        part[6] = str(self.leg_side.getsockname()[1])
        return ' '.join(part)

    def run(self):
        queue, free = [], 0.0
        while not self.over:
            wait = max(0.0, queue[0][0] - time.monotonic()) if queue else 0.1
            for ready in select.select([self.leg_side, self.browser_side], [], [], min(wait, 0.1))[0]:
                data, source = ready.recvfrom(2048)
                now = time.monotonic()
                if ready is self.browser_side:
                    self.browser = source
                    if self.leg:
                        self.leg_side.sendto(data, self.leg)
                    continue
                self.leg = source
                free = max(free, now)
                if self.bps and free - now > 1.0:
                    self.dropped += 1
                    continue
                free = free + len(data) * 8 / self.bps if self.bps else now
                queue.append((free, data))
            while queue and queue[0][0] <= time.monotonic():
                data = queue.pop(0)[1]
                if self.browser:
                    self.passed += len(data)
                    self.browser_side.sendto(data, self.browser)

    def end(self):
        self.over = True
        self.thread.join()


def until(what, limit_s):
    """The last value, and how long it took to be true (None: it never was)."""
    begun = time.monotonic()
    while time.monotonic() - begun < limit_s:
        value, holds = what()
        if holds:
            return value, time.monotonic() - begun
        time.sleep(0.25)
    return value, None


def narrow(peer):
    """The line carries a fifth of a megabit for a while, then all again."""
    def estimate(holds):
        def ask():
            bps = peer.figures()['send_estimate_bps']
            return bps, holds(bps)
        return ask
    out = {'before': peer.figures()}
    peer.line.bps = NARROW_BPS
    out['fell'] = until(estimate(lambda bps: 0 < bps < NARROW_BPS * 1.05), 8)
    time.sleep(1.5)
    out['narrow'] = peer.figures()
    passed = peer.line.passed
    time.sleep(1.5)
    out['passed_bps'] = (peer.line.passed - passed) * 8 / 1.5
    peer.line.bps = None
    out['rose'] = until(estimate(lambda bps: bps > 2.5 * NARROW_BPS), 40) # a probe that a busy machine spoils is tried again ten seconds later
    out['after'] = peer.figures()
    return out


def serve(peer, result):
    class Handler(http.server.BaseHTTPRequestHandler):
        def reply(self, body, kind='text/plain'):
            self.send_response(200)
            self.send_header('content-type', kind)
            self.send_header('content-length', str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def do_GET(self):
            self.reply(PAGE, 'text/html')

        def do_POST(self):
            body = self.rfile.read(int(self.headers['content-length'])).decode()
            if self.path == '/offer':
                self.reply(peer.answer(body))
                return
            if self.path == '/narrow':
                if peer.line:
                    result['narrow'] = narrow(peer)
            elif self.path == '/candidate':
                peer.candidate(body)
            else:
                result.update(json.loads(body))
                result['done'].set()
            self.reply('')

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def browse(url, folder):
    flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
             '--disable-component-update', '--disable-sync', '--user-data-dir=' + folder, '--use-fake-device-for-media-stream',
             '--use-fake-ui-for-media-stream', '--allow-loopback-in-peer-connection', '--autoplay-policy=no-user-gesture-required']
    return subprocess.Popen(['chromium'] + flags + [url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def run(program, codec):
    result = {'done': threading.Event()}
    line = Line() if codec == 'vp8' else None
    peer = Peer(program, codec, line)
    server = serve(peer, result)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = browse(f'http://127.0.0.1:{server.server_port}/?codec={codec}', folder)
        try:
            result['done'].wait(100)
        finally:
            os.killpg(browser.pid, signal.SIGKILL)
            browser.wait()
    code, figures = peer.end()
    server.shutdown()
    if line:
        line.end()
    return code, figures, result


def check(codec, code, leg, page):
    """Yields (what, holds)."""
    yield f'{codec}: the page went through it', 'state' in page
    if 'state' not in page:
        return
    first, second = page['first'], page['second']
    yield f'{codec}: connected', page['state'] == 'connected' and leg['security'].startswith('dtls ')
    yield f'{codec}: our tone is heard', abs(page['sound']['hz'] - 440) < 12 and page['sound']['db'] > -50
    yield f'{codec}: its microphone is heard', leg['ticks_heard'] > 10 and leg['audio_packets_received'] > 200
    yield f'{codec}: its picture comes back', first['in-1'].get('frames', 0) > 20
    yield f'{codec}: a larger layer is taken when it is wanted', page['size'] == [640, 360]
    yield f'{codec}: the content comes back in its colour', all(abs(a - b) < 48 for a, b in zip(page['green'], (0x20, 0xc0, 0x40)))
    yield f'{codec}: it learns what the line carries', first.get('pair', {}).get('bwe', 0) > 600000
    yield f'{codec}: nothing was taken from a wrong place', leg['packets_rejected'] < 20
    yield f'{codec}: sound and pictures go on over an ICE restart', (abs(page['after']['hz'] - 440) < 12 and
                                                                     second['in-1']['frames'] > first['in-1']['frames'] + 10)
    yield f'{codec}: its feedback on our packets comes', leg['send_feedbacks'] > 40 and leg['send_arrived_bps'] > 0
    if 'narrow' in page:
        yield from check_narrow(codec, page['narrow'])
    yield f'{codec}: the leg ended in order', code == 0


def check_narrow(codec, line):
    before, during = line['before'], line['narrow']
    yield f'{codec}: a wide line is known to be wide', before['send_estimate_bps'] > 3 * NARROW_BPS
    yield f'{codec}: a narrow one is found out in time', line['fell'][1] is not None and line['fell'][1] < 4
    yield f'{codec}: what may be sent follows', during['video_target_bps'] < NARROW_BPS and during['send_overuses'] > before['send_overuses']
    yield f'{codec}: what still flows fits in', 40000 < line['passed_bps'] < 1.2 * NARROW_BPS
    yield f'{codec}: when it is wide again more is sent', line['rose'][1] is not None and line['after']['send_probes'] > 0


def main():
    n = failed = 0
    sound = {} # bytes a packet
    for codec in ('h264', 'vp8'):
        code, leg, page = run(sys.argv[1], codec)
        page.pop('done')
        print('# leg:', json.dumps(leg))
        print('# page:', json.dumps(page))
        sound[codec] = leg.get('audio_bytes_received', 0) / max(1, leg.get('audio_packets_received', 0))
        for what, holds in [*check(codec, code, leg, page)] + ([('sound with copies came with copies', sound['h264'] > 1.5 * sound['vp8'])] if len(sound) == 2 else []):
            n += 1
            failed += not holds
            print('ok' if holds else 'not ok', n, '-', what, flush=True)
    print(f'1..{n}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
