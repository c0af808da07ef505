# SPDX-License-Identifier: GPL-3.0-or-later
"""What the peer tests share: TAP output, the daemon on a free set of ports, and real SIP clients run headless.

Everything waits for an event with a deadline; nothing sleeps to "give time". Traffic stays on loopback.
"""
import array
import atexit
import contextlib
import json
import math
import os
import random
import re
import select
import shutil
import signal
import socket
import sqlite3
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.request
import wave
import zlib

ROOT = os.environ.get("MEDIAD_SOURCE_ROOT", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.environ.get("MEDIAD_BUILD_ROOT", os.path.join(ROOT, "build"))
MODULES = "/usr/lib/baresip/modules"
# Sanitized builds are several times slower: deadlines stretch, figures do not.
PATIENCE = float(os.environ.get("MEDIAD_TEST_PATIENCE", "1"))

_cleanups = []


def _cleanup():
    while _cleanups:
        try:
            _cleanups.pop()()
        except Exception:  # noqa: BLE001 - the other clean-ups must still run
            traceback.print_exc()


atexit.register(_cleanup)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def need(program):
    """A missing peer fails the test: it may never pass silently."""
    if not shutil.which(program):
        print(f"Bail out! {program} is not installed: run deploy/check, which installs every peer")
        sys.exit(1)


def run_tap(cases):
    """Runs (name, function) pairs, prints TAP, exits 1 when one failed. argv[1] picks cases whose name contains it."""
    if len(sys.argv) > 1:
        cases = [c for c in cases if sys.argv[1] in c[0]]
    print(f"1..{len(cases)}", flush=True)
    failed = 0
    for number, (name, function) in enumerate(cases, 1):
        started = time.monotonic()
        try:
            function()
        except BaseException as error:  # noqa: BLE001
            if isinstance(error, KeyboardInterrupt):
                raise
            failed += 1
            for line in traceback.format_exc().rstrip().splitlines():
                print("# " + line)
            print(f"not ok {number} - {name}", flush=True)
        else:
            print(f"ok {number} - {name} # {time.monotonic() - started:.1f} s", flush=True)
    _cleanup()
    sys.exit(1 if failed else 0)


def wait_until(what, condition, seconds=10.0, every=0.05):
    """Polls a condition that has no event to wait on (a file growing, an HTTP state)."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"timed out after {seconds * PATIENCE:.0f} s waiting for {what}")
        select.select([], [], [], every)


def scene(d, room):
    """How a room stands as it is written for the next start (a moment after each change); None: nothing is."""
    with contextlib.closing(sqlite3.connect(os.path.join(d.state, "mediad.sqlite"))) as db:
        row = db.execute("SELECT scene FROM md_scenes WHERE room = ?", (room,)).fetchone()
    return row and json.loads(row[0])


def wait_for_scene(d, room, fits):
    """Until a room stands in the database as expected."""
    try:
        return wait_until("the scene", lambda: (lambda s: s and fits(s))(scene(d, room)))
    except AssertionError:
        raise AssertionError(f"written: {scene(d, room)}") from None


_next_port = [int(os.environ.get("MEDIAD_TEST_PORT", 20000 + random.randrange(2500) * 4))]


def free_ports(count, host="127.0.0.1"):
    """Ports free for both UDP and TCP just now, below the range that the kernel hands out by itself."""
    found = []
    while len(found) < count:
        port = _next_port[0]
        _next_port[0] = port + 1 if port < 29999 else 20000
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            try:
                udp.bind((host, port))
                tcp.bind((host, port))
            except OSError:
                continue
        found.append(port)
    return found


# ---------------------------------------------------------------- sound

def read_wav(path):
    """(rate, [mono samples as floats -1..1]); the first channel of a stereo file. Tolerates a header not yet finished."""
    with open(path, "rb") as f:
        data = f.read()
    rate, channels, bits = struct.unpack_from("<I", data, 24)[0], struct.unpack_from("<H", data, 22)[0], \
        struct.unpack_from("<H", data, 34)[0]
    assert bits == 16, f"{path}: {bits} bits"
    start = data.index(b"data") + 8
    pcm = array.array("h")
    body = data[start:]
    pcm.frombytes(body[:len(body) // (2 * channels) * (2 * channels)])
    return rate, [s / 32768.0 for s in pcm[::channels]]


def goertzel(samples, rate, frequency):
    """Amplitude (0..1) of one frequency in the samples."""
    if not samples:
        return 0.0
    w = 2 * math.pi * frequency / rate
    c, s1, s2 = 2 * math.cos(w), 0.0, 0.0
    for x in samples:
        s1, s2 = x + c * s1 - s2, s1
    power = s1 * s1 + s2 * s2 - c * s1 * s2
    return 2 * math.sqrt(max(power, 0.0)) / len(samples)


def tone_share(samples, rate, frequency, window_s=0.2, threshold=0.02):
    """Share of windows in which the tone is heard."""
    n = int(rate * window_s)
    windows = [samples[i:i + n] for i in range(0, len(samples) - n + 1, n)]
    if not windows:
        return 0.0
    return sum(goertzel(w, rate, frequency) > threshold for w in windows) / len(windows)


def rms(samples):
    return math.sqrt(sum(x * x for x in samples) / len(samples)) if samples else 0.0


# ---------------------------------------------------------------- pictures

def read_png(path):
    """(width, height, rows of (r, g, b) bytes): 8-bit RGB or RGBA, not interlaced."""
    with open(path, "rb") as f:
        data = f.read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", path
    at, packed, width, height, kind = 8, b"", 0, 0, 0
    while at < len(data):
        size, tag = struct.unpack_from(">I4s", data, at)
        body = data[at + 8:at + 8 + size]
        if tag == b"IHDR":
            width, height, depth, kind = struct.unpack_from(">IIBB", body)
            assert depth == 8 and kind in (2, 6), (depth, kind)
        elif tag == b"IDAT":
            packed += body
        at += size + 12
    bpp = 3 if kind == 2 else 4
    raw, stride = zlib.decompress(packed), width * bpp
    rows, previous = [], bytearray(stride)
    for y in range(height):
        f, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for i in range(stride):
            a = line[i - bpp] if i >= bpp else 0
            b = previous[i]
            c = previous[i - bpp] if i >= bpp else 0
            if f == 1:
                line[i] = (line[i] + a) & 255
            elif f == 2:
                line[i] = (line[i] + b) & 255
            elif f == 3:
                line[i] = (line[i] + (a + b) // 2) & 255
            elif f == 4:
                p = a + b - c
                pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
                line[i] = (line[i] + (a if pa <= pb and pa <= pc else b if pb <= pc else c)) & 255
        rows.append(bytes(line) if bpp == 3 else bytes(v for i, v in enumerate(line) if i % 4 != 3))
        previous = line
    return width, height, rows


def mean_rgb(picture, x0, y0, x1, y1):
    """Mean colour of a rectangle given in fractions of the picture."""
    width, height, rows = picture
    total, n = [0, 0, 0], 0
    for y in range(int(y0 * height), max(int(y1 * height), int(y0 * height) + 1)):
        row = rows[y]
        for x in range(int(x0 * width), max(int(x1 * width), int(x0 * width) + 1)):
            for k in range(3):
                total[k] += row[3 * x + k]
            n += 1
    return tuple(t / n for t in total)


# ---------------------------------------------------------------- processes

class Process:
    """A child whose output is kept, searchable by event, and which dies with the test."""

    def __init__(self, argv, name, env=None, cwd=None):
        self.name, self.lines, self._new = name, [], threading.Condition()
        self.child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      env=env, cwd=cwd, start_new_session=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        _cleanups.append(self.kill)

    def _read(self):
        for raw in self.child.stdout:
            with self._new:
                self.lines.append(raw.decode("utf-8", "replace").rstrip())
                self._new.notify_all()
        with self._new:
            self.lines.append("<end of output>")
            self._new.notify_all()

    def wait_line(self, pattern, seconds=10.0, since=0):
        """The match of the first line (from index since) that the pattern finds."""
        deadline, at, regex = time.monotonic() + seconds * PATIENCE, since, re.compile(pattern)
        with self._new:
            while True:
                while at < len(self.lines):
                    match = regex.search(self.lines[at])
                    at += 1
                    if match:
                        return match
                left = deadline - time.monotonic()
                if left <= 0 or (self.lines and self.lines[-1] == "<end of output>"):
                    tail = "\n  ".join(self.lines[-25:])
                    raise AssertionError(f"{self.name}: no line matches {pattern!r}; last lines:\n  {tail}")
                self._new.wait(left)

    def mark(self):
        with self._new:
            return len(self.lines)

    def kill(self, sig=signal.SIGKILL):
        if self.child.poll() is None:
            try:
                os.killpg(self.child.pid, sig)
            except ProcessLookupError:
                pass
        try:
            self.child.wait(20 * PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait(10)
        return self.child.returncode


# ---------------------------------------------------------------- baresip

class Baresip(Process):
    """One headless baresip with its own folder, ports and control socket.

    account: text of one accounts line. tone: Hz of what it says (None: silence file). Received sound is in wavs("dec").
    """

    def __init__(self, account, host="127.0.0.1", tone=None, audio_file=None, video=True, video_source="fakevideo,nil",
                 modules=(), config="", name="baresip"):
        need("baresip")
        self.dir = tempfile.mkdtemp(prefix="baresip-")
        _cleanups.append(lambda: shutil.rmtree(self.dir, ignore_errors=True))
        sip_port, tls_port, ctrl_port = free_ports(3)
        while tls_port != sip_port + 1:  # baresip listens for TLS one above, whatever it is told
            sip_port, tls_port, ctrl_port = tls_port, ctrl_port, free_ports(1)[0]
        rtp_port = 10000 + random.randrange(45) * 200  # baresip looks for free ones in there
        self.sip_port, self.host = sip_port, host
        bracketed = f"[{host}]" if ":" in host else host
        if audio_file:
            source = f"aufile,{audio_file}"
        else:
            source = f"ausine,{tone or 1}"
        mods = ["account.so", "contact.so", "menu.so", "ctrl_tcp.so", "opus.so", "g722.so", "g711.so", "ausine.so",
                "aufile.so", "aubridge.so", "sndfile.so", "srtp.so", "dtls_srtp.so", "uuid.so"]
        if video:
            mods += ["avcodec.so", "vp8.so", "fakevideo.so", "swscale.so", "snapshot.so"]
        mods += list(modules)
        text = [f"sip_listen {bracketed}:{sip_port}", f"sip_certificate {self._certificate()}",
                f"net_interface {host}", "call_max_calls 4", "call_local_timeout 60",
                f"audio_source {source}", "audio_player aubridge,nil", "audio_alert aubridge,nil",
                "ausrc_srate 48000", "auplay_srate 48000", "ausrc_channels 2", "auplay_channels 2", "audio_level no",
                f"rtp_ports {rtp_port}-{rtp_port + 200}",
                f"snd_path {self.dir}", f"ctrl_tcp_listen 127.0.0.1:{ctrl_port}",
                "rtp_timeout 0", "statmode_default off", "rtcp_mux yes", "jitter_buffer_type fixed", "jitter_buffer_delay 2-10",
                f"module_path {MODULES}"]
        if video:
            text += [f"video_source {video_source}", "video_display fakevideo,nil", "video_size 640x360",
                     "video_bitrate 500000", "video_fps 15", "video_fullscreen no"]
        text += [("module_app " if m in ("account.so", "contact.so", "menu.so", "ctrl_tcp.so") else "module ") + m
                 for m in mods]
        text.append(config)
        self._write("config", "\n".join(text) + "\n")
        self._write("accounts", account + "\n")
        self._write("contacts", "")
        env = dict(os.environ, HOME=self.dir, LD_PRELOAD="")
        super().__init__(["baresip", "-f", self.dir, "-v"] + (["-s"] if os.environ.get("BARESIP_TRACE") else []), name, env=env)
        self._events, self._event = [], threading.Condition()
        self._socket = wait_until(f"{name} control socket", lambda: self._try_connect(ctrl_port), 15)
        threading.Thread(target=self._read_events, daemon=True).start()

    def _write(self, file, text):
        with open(os.path.join(self.dir, file), "w", encoding="utf-8") as f:
            f.write(text)

    def _certificate(self):
        path = os.path.join(self.dir, "cert.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                        "30", "-subj", "/CN=baresip", "-keyout", path, "-out", path + ".crt"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(path, "a", encoding="ascii") as out, open(path + ".crt", encoding="ascii") as crt:
            out.write(crt.read())
        return path

    def _try_connect(self, port):
        if self.child.poll() is not None:
            raise AssertionError("baresip ended:\n" + "\n".join(self.lines[-20:]))
        try:
            return socket.create_connection(("127.0.0.1", port), 1)
        except OSError:
            return None

    def _read_events(self):
        buffer = b""
        self._socket.settimeout(None)
        while True:
            try:
                chunk = self._socket.recv(65536)
            except OSError:
                chunk = b""
            if not chunk:
                return
            buffer += chunk
            while b":" in buffer:
                head, rest = buffer.split(b":", 1)
                if not head.isdigit() or len(rest) <= int(head):
                    break
                body, buffer = rest[:int(head)], rest[int(head) + 1:]
                with self._event:
                    self._events.append(json.loads(body.decode("utf-8", "replace")))
                    self._event.notify_all()

    def command(self, command, params=""):
        body = json.dumps({"command": command, "params": params, "token": "t"}).encode()
        self._socket.sendall(b"%d:%s," % (len(body), body))

    def wait_event(self, *types, seconds=15.0, since=0):
        """The first event of one of the types (REGISTER_OK, REGISTER_FAIL, CALL_ESTABLISHED, CALL_CLOSED …)."""
        deadline = time.monotonic() + seconds * PATIENCE
        with self._event:
            at = since
            while True:
                while at < len(self._events):
                    event = self._events[at]
                    at += 1
                    if event.get("type") in types:
                        return event
                left = deadline - time.monotonic()
                if left <= 0:
                    seen = [e.get("type") for e in self._events if e.get("event")]
                    tail = "\n  ".join(self.lines[-25:])
                    raise AssertionError(f"{self.name}: none of {types} came; events: {seen}; output:\n  {tail}")
                self._event.wait(left)

    def registration(self, seconds=15, since=0):
        """Status of the first registration's final answer: it may come before the control socket is there to tell."""
        return int(self.wait_line(r"\{\d+/\w+/v\d\} (\d{3}) ", seconds, since)[1])

    def event_mark(self):
        with self._event:
            return len(self._events)

    def dial(self, uri):
        mark = self.event_mark()
        self.command("dial", uri)
        return self.wait_event("CALL_ESTABLISHED", "CALL_CLOSED", seconds=20, since=mark)

    def wavs(self, direction):
        """Files written by sndfile: "dec" what was heard, "enc" what was said; oldest first."""
        names = [os.path.join(self.dir, n) for n in os.listdir(self.dir) if n.endswith(f"-{direction}.wav")]
        return sorted(names, key=os.path.getmtime)

    def heard(self, seconds):
        """(rate, samples) of the last `seconds` heard, once that much is there."""
        def enough():
            files = self.wavs("dec")
            if not files or os.path.getsize(files[-1]) < 44:
                return None
            rate, samples = read_wav(files[-1])
            return (rate, samples[-int(seconds * rate):]) if len(samples) > seconds * rate else None
        return wait_until(f"{self.name} hearing {seconds} s", enough, seconds * 3 + 15, 0.2)

    def snapshot(self):
        """The received picture as (width, height, rows)."""
        path = os.path.join(self.dir, f"snap-{time.monotonic_ns()}")
        self.command("snapshot_recv", path)

        def done():
            for candidate in (path, path + ".png"):
                if os.path.exists(candidate) and os.path.getsize(candidate) > 100:
                    return candidate
            return None
        found = wait_until("baresip snapshot", done, 10)

        def whole():
            with open(found, "rb") as f:
                return f.read().endswith(b"IEND\xaeB`\x82")
        wait_until("whole snapshot", whole, 5)
        return read_png(found)


# ---------------------------------------------------------------- mediad

class Mediad(Process):
    """The daemon on free ports with a state folder of its own. extra: libconfig text put behind the basic settings."""

    def __init__(self, extra="", name="mediad", state=None, host="127.0.0.1", config=None, digests=("md5",)):
        self.state = state or tempfile.mkdtemp(prefix="mediad-")
        if not state:
            _cleanups.append(lambda: shutil.rmtree(self.state, ignore_errors=True))
        self.host = host
        self.sip_port, self.tls_port, self.trusted_port, self.api_port, self.sip6_port = free_ports(5)
        self.media_min = 61000  # daemons may share it: ports in use are passed over
        self.conf = os.path.join(self.state, "mediad.conf")
        text = (config or DEFAULT_CONFIG).format(
            state=self.state, sip=self.sip_port, tls=self.tls_port, trusted=self.trusted_port, api=self.api_port,
            sip6=self.sip6_port, media_min=self.media_min, media_max=self.media_min + 3999, host=host,
            prompts=os.environ.get("MEDIAD_PROMPT_DIR", os.path.join(BUILD, "prompts")),
            digests=", ".join(f'"{d}"' for d in digests)) + extra
        if "quiet_hours" not in text:  # tests run at any hour
            quiet = 'broadcast: { quiet_hours = "none"; '
            text = text.replace("broadcast: {", quiet, 1) if "broadcast: {" in text else text + quiet + "};\n"
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(text)
        self._launch(name)
        self.token, self.otp_secret, self._recovery = None, None, []

    def _launch(self, name):
        binary = os.environ.get("MEDIAD_BINARY", os.path.join(BUILD, "mediad", "mediad"))
        super().__init__([binary, "--config", self.conf], name)
        self.wait_line(r"mediad .* is ready", 30)

    def stop(self):
        """SIGTERM must end it by itself with status 0."""
        code = self.kill(signal.SIGTERM)
        assert code == 0, f"mediad ended with {code}:\n  " + "\n  ".join(self.lines[-40:])

    def url(self, path):
        return f"http://127.0.0.1:{self.api_port}{path}"

    def request(self, method, path, body=None, token=True, raw=False, content_type="application/json", headers=None):
        """(status, JSON or text). Where a one-time code is asked for, one is given and the request made again."""
        status, reply = self._request(method, path, body, token, raw, content_type, headers)
        if status == 403 and token and self.otp_secret and (b"second-factor-needed" if raw else "second-factor-needed") in \
                (reply if raw else json.dumps(reply)):
            self.unlock()
            status, reply = self._request(method, path, body, token, raw, content_type, headers)
        return status, reply

    def _request(self, method, path, body, token, raw, content_type, headers):
        headers = dict(headers or {})
        if token and self.token:
            headers["Authorization"] = "Bearer " + self.token
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers["Content-Type"] = content_type
        req = urllib.request.Request(self.url(path), data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(req, timeout=30 * PATIENCE) as reply:
                status, text = reply.status, reply.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        if raw:
            return status, text
        try:
            return status, json.loads(text) if text else None
        except ValueError:
            return status, text.decode("utf-8", "replace")

    def api(self, method, path, body=None, expect=(200, 201, 202, 204), **more):
        status, reply = self.request(method, "/api/v1" + path, body, **more)
        assert status in expect, f"{method} {path}: {status} {reply}"
        return reply

    def sign_in(self):
        """First start: the one-time code makes the first administrator."""
        with open(os.path.join(self.state, "setup-code"), encoding="ascii") as f:
            code = f.read().strip()
        self.secret = "thử-nghiệm-" + os.urandom(6).hex()
        self.api("POST", "/setup", {"code": code, "user": "tester", "password": self.secret}, token=False)
        self.token = self.api("POST", "/session", {"user": "tester", "password": self.secret}, token=False)["token"]
        self.enrol()
        return self.token

    def enrol(self):
        """A second factor for the account, its codes by oathtool; the session is unlocked for five minutes then."""
        self.otp_secret = self.api("POST", "/session/second-factor/enrol", {"password": self.secret})["secret"]
        self._recovery = self.api("POST", "/session/second-factor/confirm", {"code": one_time_code(self.otp_secret)})["recovery_codes"]

    def sign_in_again(self):
        """A new session, by password and one-time code."""
        body = {"user": "tester", "password": self.secret, "one_time_code": self._recovery.pop()}
        self.token = self.api("POST", "/session", body, token=False)["token"]
        return self.token

    def unlock(self):
        """Five more minutes without one-time codes: by a recovery code, which waits for no new half minute."""
        if not self._recovery:
            raise AssertionError("no recovery codes are left")
        self.api("POST", "/session/second-factor", {"code": self._recovery.pop()})
        if len(self._recovery) < 3:
            self._recovery = self.api("POST", "/session/second-factor/recovery-codes")["recovery_codes"]

    def add_account(self, name, **more):
        """A SIP account; returns its generated password."""
        return self.api("POST", "/accounts", dict({"name": name}, **more))["password"]


def one_time_code(secret, at=None):
    """The code of this moment (or of the moment at, in seconds since 1970) for a base 32 secret, by oathtool."""
    need("oathtool")
    when = [] if at is None else ["--now", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))]
    return subprocess.run(["oathtool", "--totp", "--base32", *when, secret], check=True, capture_output=True, text=True).stdout.strip()


DEFAULT_CONFIG = """
general: {{ domain = "127.0.0.1"; aliases = ["localhost", "::1"]; state_dir = "{state}"; workers = 2; pin_workers = false; }};
log: {{ level = "info"; }};
sip: {{
  listeners = (
    {{ transport = "udp"; address = "127.0.0.1"; port = {sip}; digests = [{digests}]; }},
    {{ transport = "tcp"; address = "127.0.0.1"; port = {sip}; digests = [{digests}]; }},
    {{ transport = "tls"; address = "127.0.0.1"; port = {tls}; digests = [{digests}]; }},
    {{ transport = "udp"; address = "::1"; port = {sip6}; digests = [{digests}]; }},
    {{ transport = "udp"; address = "127.0.0.1"; port = {trusted}; trusted = ["127.0.0.1"]; }}
  );
}};
media: {{ address4 = "127.0.0.1"; address6 = "::1"; port_min = {media_min}; port_max = {media_max}; }};
conference: {{ prompt_dir = "{prompts}"; redial_first_s = 1; }};
api: {{ listen = ["127.0.0.1:{api}"]; allow_http = true; }};
"""


def ssl_context():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def write_tone_wav(path, frequency, seconds, rate=48000, channels=2, amplitude=0.3):
    with wave.open(path, "wb") as f:
        f.setnchannels(channels)
        f.setsampwidth(2)
        f.setframerate(rate)
        frames = array.array("h")
        for i in range(int(rate * seconds)):
            v = int(32767 * amplitude * math.sin(2 * math.pi * frequency * i / rate))
            frames.extend([v] * channels)
        f.writeframes(frames.tobytes())
