#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the timetable and the emergency button to the loudspeaker and back: mediad, Mosquitto with the files mediad wrote, speakerd, curl."""
import datetime
import hashlib
import http.server
import threading
import zoneinfo
from harness import *
from speaker_bench import Speaker

need("mosquitto")
need("curl")
need("ffmpeg")

STATE = {}
SPEAKERD = os.path.join(BUILD, "broadcast", "speaker", "speakerd")


class LinkSpeaker(Speaker):
    """speakerd as it is delivered: enrolled with a code, TLS, its own certificate."""

    def __init__(self, device):
        self.device, self.lives, d = device, 0, daemon()
        self.dir = tempfile.mkdtemp(prefix=device + "-", dir=d.state)
        self.conf = os.path.join(self.dir, "speakerd.conf")
        code = d.api("POST", f"/devices/{device}/enrol-code", {})["code"]
        self._write("null")
        done = subprocess.run([SPEAKERD, "--config", self.conf, "--enrol", d.url(""), "--code", code, "--device", device], capture_output=True,
                              timeout=30 * PATIENCE)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        self.start()

    def _write(self, output):
        self.wav = os.path.join(self.dir, f"out-{self.lives}.wav")
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(f'general: {{ device = "{self.device}"; state_dir = "{self.dir}"; log_level = "debug"; }};\n'
                    f'output: {{ kind = "{output}"; device = "{self.wav}"; latency_ms = 100; }};\n'
                    'telemetry: { every_s = 5; };\n')

    def start(self):
        self.lives += 1
        self._write("file")
        self.process = Process([SPEAKERD, "--config", self.conf], self.device)
        self.first_us = int(self.process.wait_line(r"output begins at (\d+) us", 15)[1]) + (time.time_ns() - time.monotonic_ns()) // 1000


def daemon():
    return STATE["daemon"]


def setup():
    """A province, a commune, two loudspeakers of the link, a broker."""
    port = free_ports(1)[0]
    state = tempfile.mkdtemp(prefix="mediad-")

    class Placed(Mediad):
        def _launch(self, name):  # the port of the API is known only now
            with open(self.conf, encoding="utf-8") as f:
                text = f.read().replace("@API@", str(self.api_port))
            with open(self.conf, "w", encoding="utf-8") as f:
                f.write(text)
            super()._launch(name)

    d = Placed(extra=f'link: {{ broker_host = "localhost"; broker_port = {port}; media_base = "http://127.0.0.1:@API@/api/v1/link/media/"; '
                     'live_host = "127.0.0.1"; live_buffer_ms = 200; };\n'
                     'broadcast: { quiet_hours = "none"; live_hosts = ["127.0.0.1"]; };\n', state=state)
    STATE.update(daemon=d, port=port)
    d.sign_in()
    d.api("PUT", "/areas/42", {"name": "Hà Tĩnh", "kind": "province"})
    d.api("PUT", "/areas/18073", {"name": "Phường Thành Sen", "kind": "commune", "parent": "42"})
    for name in ("loa-1", "loa-2"):
        d.api("PUT", f"/devices/{name}", {"name": name, "area": "18073", "kind": "link"})
    folder = os.path.join(d.state, "link", "broker")
    conf = os.path.join(folder, "test.conf")
    with open(os.path.join(folder, "mosquitto.conf"), encoding="utf-8") as f:
        text = f.read().replace(f"listener {port}\n", f"listener {port} 127.0.0.1\n")
    with open(conf, "w", encoding="utf-8") as f:
        f.write(text + ("user root\n" if os.getuid() == 0 else ""))
    STATE["mosquitto"] = Process(["mosquitto", "-c", conf], "mosquitto")
    wait_until("mediad's connection", lambda: d.api("GET", "/link")["connected"], 20)
    STATE["loa-1"], STATE["loa-2"] = LinkSpeaker("loa-1"), LinkSpeaker("loa-2")
    for name in ("loa-1", "loa-2"):
        wait_until(name + " online", lambda name=name: d.api("GET", f"/devices/{name}/health")["online"], 20)


def content(hz, seconds):
    d = daemon()
    path = os.path.join(d.state, f"tone-{hz}.wav")
    write_tone_wav(path, hz, seconds)
    with open(path, "rb") as f:
        return d.api("POST", f"/content?title=tone-{hz}&name=tone.wav", f.read(), content_type="audio/wav")["id"]


def plays(announcement):
    return {p["device"]: p for p in daemon().api("GET", f"/play-log/{announcement}")["plays"]}


def local(at):
    return datetime.datetime.fromtimestamp(at, zoneinfo.ZoneInfo("Asia/Ho_Chi_Minh")).strftime("%Y-%m-%dT%H:%M:%S")


def timetable():
    """What is scheduled reaches the devices in their manifests, is fetched before its time, sounds at it and is proved."""
    d = daemon()
    tone = content(700, 4)
    start = int(time.time()) + 12
    d.api("POST", "/schedules", {"name": "Bản tin sáng", "content": tone, "areas": ["18073"], "start_local": local(start), "grace_s": 5})
    for name in ("loa-1", "loa-2"):
        wait_until(name + " has it", lambda name=name: (d.api("GET", f"/devices/{name}/health").get("state") or {}).get("media_stored") == 1
                   or start - time.time() < 2, 15, 0.2)
    for name in ("loa-1", "loa-2"):
        before, heard = STATE[name].samples(start - 0.6, 0.5), STATE[name].samples(start + 0.1, 3.0)
        assert rms(before) < 0.001, (name, rms(before))
        assert tone_share(heard, 48000, 700) > 0.9, (name, tone_share(heard, 48000, 700))

    def run():
        return next((r for r in d.api("GET", "/play-log")["announcements"] if r["title"] == "Bản tin sáng" and r["played"] == 2), None)
    done = wait_until("both reports", run, 40)
    for name, play in plays(done["id"]).items():
        said = play["reported"]
        assert play["outcome"] == "played", play
        assert abs(said["began_us"] / 1e6 - start) < 0.05 and abs(said["ended_us"] / 1e6 - start - 4) < 0.3, (start, said)
        assert said["proved_us"] and said["match"] > 0.6 and said["level_source"] == "loopback", said


def emergency():
    """From the button to the first sound in less than a second, at both at once; the play log tells how long it took."""
    d = daemon()
    tone = content(950, 3)
    pressed = time.time()
    run = d.api("POST", "/announcements", {"content": tone, "areas": ["42"], "priority": "emergency", "title": "Bão"})["id"]
    for name in ("loa-1", "loa-2"):
        heard = STATE[name].samples(pressed, 2.0)
        first = next(i for i, s in enumerate(heard) if abs(s) > 0.02) / 48000
        assert first < 1.0 * PATIENCE, f"{name} begins {first:.3f} s after the button"
        STATE[name].first_sound = first
    assert abs(STATE["loa-1"].first_sound - STATE["loa-2"].first_sound) < 0.010, (STATE["loa-1"].first_sound, STATE["loa-2"].first_sound)
    print(f"# button to sound: {STATE['loa-1'].first_sound * 1000:.0f} ms")
    wait_until("reports", lambda: all(p["outcome"] == "played" for p in plays(run).values()), 20)
    for play in plays(run).values():
        said = play["reported"]
        order = [said["wanted_us"], said["sent_us"], said["acked_us"], said["reported_us"]]
        assert all(order) and order == sorted(order), said
    latency = d.api("GET", f"/play-log/{run}/latency")
    assert latency["sounded"] == 2 and 0 < latency["p50_us"] <= latency["p95_us"] <= latency["worst_us"] < 1e6 * PATIENCE, latency
    print(f"# as the play log has it: p50 {latency['p50_us'] / 1000:.0f} ms, worst {latency['worst_us'] / 1000:.0f} ms")


def files():
    """Only with a token, only what is named; ranges, and the tag is the file's own SHA-256."""
    d = daemon()
    named = next(s["content"] for s in d.api("GET", "/play-log")["announcements"] if s["title"] == "Bão")
    other = content(333, 2)  # stands in no manifest
    with open(os.path.join(STATE["loa-1"].dir, "identity", "token"), encoding="ascii") as f:
        token = f.read().strip()

    def get(path, *more):
        done = subprocess.run(["curl", "-s", "-o", "-", "-D", os.path.join(d.state, "head"), *more, d.url("/api/v1/link/media/" + path)],
                              capture_output=True, check=True, timeout=20)
        with open(os.path.join(d.state, "head"), encoding="ascii") as f:
            head = f.read()
        return int(head.split()[1]), head.lower(), done.stdout
    auth = ["-H", "Authorization: Bearer " + token]
    status, head, data = get(named + "/programme.mp3", *auth)
    assert status == 200 and hashlib.sha256(data).hexdigest() in head, head
    status, head, part = get(named + "/programme.mp3", *auth, "-r", "1000-1999")
    assert status == 206 and part == data[1000:2000], (status, len(part))
    status, _, rest = get(named + "/programme.mp3", *auth, "-H", f'If-None-Match: "{hashlib.sha256(data).hexdigest()}"')
    assert status == 304 and not rest, status
    for path, more, expected in ((named + "/programme.mp3", [], 401), (named + "/programme.mp3", ["-H", "Authorization: Bearer nonsense"], 401),
                                 (other + "/programme.mp3", auth, 404), (named + "/source", auth, 404), ("..%2f..%2fetc/programme.mp3", auth, 404)):
        status, _, _ = get(path, *more)
        assert status == expected, (path, status)


def away():
    """A loudspeaker whose line is cut plays by itself what it knows, and its report corrects the play log when it is back."""
    d = daemon()
    tone = content(480, 3)
    start = int(time.time()) + 12
    d.api("POST", "/schedules", {"name": "Lúc mất mạng", "content": tone, "areas": ["18073"], "start_local": local(start), "grace_s": 5})
    wait_until("the files", lambda: start - time.time() < 4, 15, 0.2)
    STATE["mosquitto"].kill()  # the broker is gone for both
    for name in ("loa-1", "loa-2"):
        heard = STATE[name].samples(start + 0.1, 2.5)
        assert tone_share(heard, 48000, 480) > 0.9, name

    def run():
        return next((r for r in d.api("GET", "/play-log")["announcements"] if r["title"] == "Lúc mất mạng" and r["missed"] == 2), None)
    run = wait_until("missed for now", run, 60, 0.5)
    assert {p["reason"] for p in plays(run["id"]).values()} == {"no report"}
    STATE["mosquitto"] = Process(STATE["mosquitto"].child.args, "mosquitto")
    wait_until("corrected", lambda: [(p["outcome"], p["reason"]) for p in plays(run["id"]).values()] == [("played", "reported late")] * 2, 60, 0.5)
    corrected = next(r for r in d.api("GET", "/play-log")["announcements"] if r["id"] == run["id"])
    assert corrected["played"] == 2 and corrected["missed"] == 0, corrected


class Stream(threading.Thread):
    """A station: an MP3 stream at its own pace, as long as somebody listens."""

    def __init__(self, hz):
        super().__init__(daemon=True)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "audio/mpeg")
                self.end_headers()
                source = subprocess.Popen(["ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", f"sine=frequency={hz}:duration=120", "-b:a", "96k",
                                           "-f", "mp3", "-"], stdout=subprocess.PIPE)
                try:
                    while data := source.stdout.read1(4096):
                        self.wfile.write(data)
                except OSError:
                    pass
                source.kill()
                source.wait()

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/live.mp3"
        self.start()

    def run(self):
        self.server.serve_forever()


def live():
    """A station's stream reaches both by RTP where they ask for it; stopped, they fall silent and say so."""
    d = daemon()
    for name in ("loa-1", "loa-2"):
        wait_until(name + " online", lambda name=name: d.api("GET", f"/devices/{name}/health")["online"], 40)
    stream = Stream(620)
    run = d.api("POST", "/live", {"url": stream.url, "areas": ["18073"], "title": "Trực tiếp"})["id"]
    time.sleep(5)
    at = time.time()
    for name in ("loa-1", "loa-2"):
        heard = STATE[name].samples(at, 2.0)
        assert tone_share(heard, 48000, 620) > 0.9, (name, tone_share(heard, 48000, 620))
    d.api("DELETE", f"/live/{run}")
    stopped = time.time() + 1
    for name in ("loa-1", "loa-2"):
        assert rms(STATE[name].samples(stopped, 0.5)) < 0.001, name
    wait_until("reports", lambda: all(p["from_us"] and p["to_us"] for p in plays(run).values()), 30)
    stream.server.shutdown()


run_tap([("set-up", setup), ("timetable", timetable), ("emergency", emergency), ("files", files), ("live", live), ("line-cut", away)])
