# SPDX-License-Identifier: GPL-3.0-or-later
"""A small province for the end-to-end tests: mediad, the broker, speakerd with file output, baresip as a SIP loudspeaker, and a line
between any of them and the centre that can be cut.

What was heard is read from the recordings, by wall clock, over all lives of a loudspeaker.
"""
import datetime
import os
import sys
import urllib.parse
import zoneinfo

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peer"))
from harness import *  # noqa: E402,F403
from harness import _cleanups

os.environ["PATH"] += ":/usr/sbin"  # where Debian puts the broker
SPEAKERD = os.path.join(BUILD, "broadcast", "speaker", "speakerd")
MEDIACTL = os.path.join(BUILD, "mediactl", "mediactl")
ZONE = zoneinfo.ZoneInfo("Asia/Ho_Chi_Minh")
RATE, STEP = 48000, 4  # sound is looked at with every fourth sample: tones lie below 2 kHz
WINDOW_S = 0.1


def local(at):
    return datetime.datetime.fromtimestamp(at, ZONE).strftime("%Y-%m-%dT%H:%M:%S")


class Line(threading.Thread):
    """A TCP line to port: passes everything, or nothing (frozen: what is sent waits, as on a radio link that is gone), or refuses."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.down, self.pairs = port, False, {}
        self.server = socket.create_server(("127.0.0.1", 0))
        self.here = self.server.getsockname()[1]
        self.start()

    def run(self):
        while True:
            sources = [] if self.down else [self.server, *list(self.pairs)]
            for s in select.select(sources, [], [], 0.02)[0]:
                if self.down:
                    break
                if s is self.server:
                    near = s.accept()[0]
                    try:
                        far = socket.create_connection(("127.0.0.1", self.port), 2)
                    except OSError:
                        near.close()
                        continue
                    self.pairs.update({near: far, far: near})
                elif s in self.pairs:
                    self._pass(s)

    def _pass(self, s):
        other = self.pairs[s]
        try:
            data = s.recv(65536)
            if data:
                other.sendall(data)
        except OSError:
            data = b""
        if not data:
            for one in (s, other):
                self.pairs.pop(one, None)
                one.close()

    def freeze(self):
        self.down = True

    def open(self):
        self.down = False


class LinkSpeaker:
    """speakerd as it is delivered: enrolled with a code, TLS, its own certificate; every life writes a recording of its own."""

    def __init__(self, village, device, broker_port=None, folder=None):
        self.village, self.device, self.lives, self.port = village, device, [], broker_port
        self.dir = folder or tempfile.mkdtemp(prefix=device + "-", dir=village.dir)
        self.conf = os.path.join(self.dir, "speakerd.conf")
        code = village.api("POST", f"/devices/{device}/enrol-code", {})["code"]
        self._write("null", "none")
        done = subprocess.run([SPEAKERD, "--config", self.conf, "--enrol", village.d.url(""), "--code", code, "--device", device],
                              capture_output=True, timeout=30 * PATIENCE)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        self.start()

    def _write(self, output, wav):
        broker = f'broker: {{ host = "localhost"; port = {self.port}; }};\n' if self.port else ""
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(f'general: {{ device = "{self.device}"; state_dir = "{self.dir}"; log_level = "debug"; }};\n{broker}'
                    f'output: {{ kind = "{output}"; device = "{wav}"; latency_ms = 100; }};\ntelemetry: {{ every_s = 5; }};\n')

    def start(self):
        wav = os.path.join(self.dir, f"out-{len(self.lives)}.wav")
        self._write("file", wav)
        self.process = Process([SPEAKERD, "--config", self.conf], self.device)
        boot_us = int(self.process.wait_line(r"output begins at (\d+) us", 20)[1])
        self.lives.append((wav, (boot_us + (time.time_ns() - time.monotonic_ns()) // 1000) / 1e6))

    def power_cut(self):
        self.process.kill()

    def written_until(self):
        wav, first = self.lives[-1]
        return first + max(0, os.path.getsize(wav) - 44) / 2 / RATE

    def sound(self, start, end):
        """Samples (every STEP-th) of wall clock start to end, silence where it had no power."""
        end_wait = min(end, time.time() + 30)
        if self.process.child.poll() is None:
            wait_until(f"{self.device} writing sound", lambda: self.written_until() >= end_wait, max(1, end_wait - time.time()) + 20, 0.05)
        out = array.array("h", bytes(2 * max(0, int((end - start) * RATE))))
        for wav, first in self.lives:
            skip = int((start - first) * RATE)
            with open(wav, "rb") as f:
                f.seek(44 + 2 * max(0, skip))
                room = len(out) - max(0, -skip)
                data = f.read(2 * room) if room > 0 else b""
            pcm = array.array("h", data[:len(data) // 2 * 2])
            at = max(0, -skip)
            out[at:at + len(pcm)] = pcm
        return [s / 32768 for s in out[::STEP]]

    def tone(self, hz, start, end, threshold=0.03):
        """Wall times of the windows in which the tone sounds."""
        samples, n = self.sound(start, end), int(RATE / STEP * WINDOW_S)
        return [start + i / (RATE / STEP) for i in range(0, len(samples) - n + 1, n)
                if rms(samples[i:i + n]) > 0.003 and goertzel(samples[i:i + n], RATE / STEP, hz) > threshold]

    def loud(self, start, end, level=0.003):
        samples, n = self.sound(start, end), int(RATE / STEP * WINDOW_S)
        return [start + i / (RATE / STEP) for i in range(0, len(samples) - n + 1, n) if rms(samples[i:i + n]) > level]


class SipSpeaker:
    """baresip registered as a SIP loudspeaker; baresip 1.0 takes a=sendonly for a reason to decode nothing, hence two_way there."""

    def __init__(self, village, device):
        self.device = device
        secret = village.d.add_account(device, kind="loudspeaker")
        account = (f"<sip:{device}@127.0.0.1:{village.d.sip_port}>;auth_pass={secret};regint=10;answermode=auto;audio_codecs=PCMA/8000/1")
        for attempt in range(3):
            try:
                self.agent = Baresip(account, tone=1000, video=False, name=device)
                break
            except AssertionError as error:
                if attempt == 2 or "in use" not in str(error):
                    raise
        assert self.agent.registration() == 200

    def tone_s(self, hz, threshold=0.03):
        """Seconds of the tone in all that it heard so far."""
        total = 0.0
        for file in self.agent.wavs("dec"):
            if os.path.getsize(file) < 100:
                continue
            rate, pcm = read_wav(file)
            n = int(rate * WINDOW_S)
            total += WINDOW_S * sum(goertzel(pcm[i:i + n], rate, hz) > threshold for i in range(0, len(pcm) - n + 1, n))
        return total


class Village:
    """areas: {code: (name, kind, parent)}; loudspeakers are added afterwards. state: a folder mediad keeps its state in."""

    AREAS = {"42": ("Hà Tĩnh", "province", None), "18073": ("Phường Thành Sen", "commune", "42"), "18100": ("Xã Thạch Hà", "commune", "42")}

    def __init__(self, quiet="none", link="", broadcast="", extra="", state=None, areas=AREAS, config=None):
        need("mosquitto")
        need("ffmpeg")
        self.dir = tempfile.mkdtemp(prefix="e2e-")
        _cleanups.append(lambda: shutil.rmtree(self.dir, ignore_errors=True))
        self.port = free_ports(1)[0]
        self.speakers, self.broker = {}, None

        class Placed(Mediad):
            def _launch(self, name):  # the port of the API is known only now
                with open(self.conf, encoding="utf-8") as f:
                    text = f.read().replace("@API@", str(self.api_port))
                with open(self.conf, "w", encoding="utf-8") as f:
                    f.write(text)
                super()._launch(name)
        self.d = Placed(state=state, config=config, extra=f"""
link: {{ broker_host = "localhost"; broker_port = {self.port}; media_base = "http://127.0.0.1:@API@/api/v1/link/media/"; live_host = "127.0.0.1"; {link} }};
broadcast: {{ security = "off"; two_way = true; quiet_hours = "{quiet}"; live_hosts = ["127.0.0.1"]; relay_hosts = ["127.0.0.1"]; {broadcast} }};
{extra}""")
        self.d.sign_in()
        for code, (name, kind, parent) in areas.items():
            self.api("PUT", f"/areas/{code}", dict({"name": name, "kind": kind}, **({"parent": parent} if parent else {})))

    def api(self, method, path, body=None, **more):
        return self.d.api(method, path, body, **more)

    def start_broker(self):
        folder = os.path.join(self.d.state, "link", "broker")
        conf = os.path.join(self.dir, "mosquitto.conf")
        with open(os.path.join(folder, "mosquitto.conf"), encoding="utf-8") as f:
            text = f.read().replace(f"listener {self.port}\n", f"listener {self.port} 127.0.0.1\n").replace("use_username_as_clientid true\n", "")
        with open(conf, "w", encoding="utf-8") as f:  # as root Mosquitto would become another user, who may not read these files
            f.write(text + ("user root\n" if os.getuid() == 0 else ""))
        self.broker = Process(["mosquitto", "-c", conf], "mosquitto")
        wait_until("mediad's connection", lambda: self.api("GET", "/link")["connected"], 30)

    def add_link(self, device, area, line=None):
        self.api("PUT", f"/devices/{device}", {"name": device, "area": area, "kind": "link"})
        if not self.broker:
            self.start_broker()
        self.speakers[device] = LinkSpeaker(self, device, line.here if line else None)
        return self.speakers[device]

    def add_sip(self, device, area):
        self.api("PUT", f"/devices/{device}", {"name": device, "area": area})
        self.speakers[device] = SipSpeaker(self, device)
        return self.speakers[device]

    def online(self, *devices, seconds=40):
        for name in devices:
            wait_until(name + " online", lambda name=name: self.api("GET", f"/devices/{name}/health")["online"], seconds, 0.2)

    def content(self, samples_or_hz, seconds=None, title=None):
        """A tone, or one after the other [(hz, seconds) …], as stored content."""
        parts = [(samples_or_hz, seconds)] if seconds else samples_or_hz
        path = os.path.join(self.dir, "tone.wav")
        with wave.open(path, "wb") as f:
            f.setnchannels(1)
            f.setsampwidth(2)
            f.setframerate(RATE)
            for hz, length in parts:
                f.writeframes(array.array("h", (int(9000 * math.sin(2 * math.pi * hz * i / RATE)) for i in range(int(RATE * length)))).tobytes())
        with open(path, "rb") as f:
            return self.api("POST", f"/content?title={urllib.parse.quote(title or 'tone')}&name=tone.wav", f.read(), content_type="audio/wav")["id"]

    def schedule(self, name, content, areas, start, **more):
        body = dict({"name": name, "content": content, "areas": areas, "start_local": local(start), "grace_s": 30}, **more)
        return self.api("POST", "/schedules", body)

    def stored(self, n, *devices, seconds=20):
        for name in devices:
            wait_until(f"{name} having {n} files", lambda name=name: (self.api("GET", f"/devices/{name}/health").get("media_stored") or 0) >= n,
                       seconds, 0.2)

    def runs(self, title):
        return [r for r in self.api("GET", "/play-log?limit=200")["announcements"] if r["title"] == title]

    def plays(self, announcement):
        return {p["device"]: p for p in self.api("GET", f"/play-log/{announcement}")["plays"]}

    def restart_mediad(self):
        self.d._launch("mediad")

    def kill_broker(self):
        self.broker.kill()

    def restart_broker(self):
        self.broker = Process(self.broker.child.args, "mosquitto")


class Person:
    def __init__(self, v, name, role, area=None):
        self.v, self.name, self.password, self.secret = v, name, name + "-mot-hai-ba-bon", None
        v.api("POST", "/users", dict({"name": name, "password": self.password, "role": role}, **({"area": area} if area else {})))
        self.token = v.d.api("POST", "/session", {"user": name, "password": self.password}, token=False)["token"]

    def request(self, method, path, body=None, **more):
        d = self.v.d
        own, d.token, secret, d.otp_secret = d.token, self.token, d.otp_secret, None
        try:
            return d.request(method, "/api/v1" + path, body, **more)
        finally:
            d.token, d.otp_secret = own, secret

    def api(self, method, path, body=None, **more):
        status, reply = self.request(method, path, body, **more)
        assert 200 <= status < 300, (method, path, status, reply)
        return reply

    def enrol(self):
        self.secret = self.api("POST", "/session/second-factor/enrol", {"password": self.password})["secret"]
        self.api("POST", "/session/second-factor/confirm", {"code": one_time_code(self.secret)})

    def ctl(self, *words, expect=0):
        """As people do it: on the command line."""
        done = subprocess.run([MEDIACTL, "--url", self.v.d.url(""), *words], capture_output=True, text=True,
                              env=dict(os.environ, MEDIACTL_TOKEN=self.token), timeout=60)
        assert done.returncode == expect, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout


def bursts(times, gap=0.35):
    """[(first, last)] of the stretches in a list of window times."""
    out = []
    for t in times:
        if out and t - out[-1][1] <= gap:
            out[-1][1] = t
        else:
            out.append([t, t])
    return [(a, b + WINDOW_S) for a, b in out]


def run_chain(cases):
    """Like run_tap, for cases that tell one story: where one fails, those after it say so and fail as well, at once."""
    broken = []

    def link(name, function):
        def case():
            if broken:
                sys.tracebacklimit = 0
                raise AssertionError(f"not reached: \"{broken[0]}\" failed")
            try:
                function()
            except BaseException:
                broken.append(name)
                raise
        return name, case
    run_tap([link(*case) for case in cases])
