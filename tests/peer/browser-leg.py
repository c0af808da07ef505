#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Chromium against one leg in browser mode: ICE, BUNDLE, DTLS-SRTP, sound and pictures both ways, ICE restart.

usage: browser-leg.py LEG_ECHO
The page sends its fake camera and microphone and a canvas as content, and looks at what comes back. TAP on stdout."""
import http.server
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

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
  await negotiate(pc, false);
  const ctx = new AudioContext(); await ctx.resume();
  const hear = tone(ctx, pc.getTransceivers()[0].receiver.track);
  const camera = await picture(pc, 1), content = await picture(pc, 2);
  await pause(4000);
  for (let i = 0; i < 50 && !(camera.videoWidth === 640 && (await figures(pc)).pair?.bwe > 600000); i++) await pause(500); /* a busy machine climbs slowly */
  const first = await figures(pc), sound = hear(), green = colour(content), size = [camera.videoWidth, camera.videoHeight];
  await negotiate(pc, true);
  await pause(2500);
  await say('/result', {state: pc.connectionState, first, second: await figures(pc), sound, after: hear(), green, size});
} catch (e) { await say('/result', {error: String(e)}); } })();
</script>'''


class Peer:
    """The leg's program: offers in, answers out."""

    def __init__(self, program, codec):
        self.process = subprocess.Popen([program, codec], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lock = threading.Lock()
        self.candidates = []

    def write(self, text):
        with self.lock:
            self.process.stdin.write(text)
            self.process.stdin.flush()

    def answer(self, offer):
        self.write(offer.replace('\r', '').rstrip('\n') + '\n\n')
        lines = []
        while True:
            line = self.process.stdout.readline()
            if line.startswith('candidate '):
                self.candidates.append(line)
            elif line.strip():
                lines.append(line.strip())
            else:
                return '\r\n'.join(lines) + '\r\n'

    def end(self):
        self.process.stdin.close()
        text = self.process.stdout.read()
        told = [line for line in text.splitlines() if line.startswith('{')]
        return self.process.wait(10), json.loads(told[-1]) if told else {}


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
            if self.path == '/candidate':
                peer.write('candidate ' + body + '\n')
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
    peer = Peer(program, codec)
    server = serve(peer, result)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = browse(f'http://127.0.0.1:{server.server_port}/?codec={codec}', folder)
        try:
            result['done'].wait(60)
        finally:
            os.killpg(browser.pid, signal.SIGKILL)
            browser.wait()
    code, figures = peer.end()
    server.shutdown()
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
    yield f'{codec}: the leg ended in order', code == 0


def main():
    n = failed = 0
    for codec in ('h264', 'vp8'):
        code, leg, page = run(sys.argv[1], codec)
        page.pop('done')
        print('# leg:', json.dumps(leg))
        print('# page:', json.dumps(page))
        for what, holds in check(codec, code, leg, page):
            n += 1
            failed += not holds
            print('ok' if holds else 'not ok', n, '-', what, flush=True)
    print(f'1..{n}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
