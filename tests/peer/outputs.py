#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an area hears, as MP3 and as HLS, read by FFmpeg: silence, a bulletin's tone at its time, an emergency over it."""
import harness
from harness import *

KEY = "khóa-nghe-0123456789"
DAEMON = None
RATE = 16000
TONES = (440, 1000)
_tone = {}


def daemon():
    global DAEMON
    if not DAEMON:
        DAEMON = Mediad(extra=f'broadcast: {{ listen_key = "{KEY}"; listen_per_source = 3; frame_ms = 40; }};\n')
        DAEMON.sign_in()
        DAEMON.api("PUT", "/areas/42", {"name": "Hà Tĩnh", "kind": "tinh"})
        DAEMON.api("PUT", "/areas/18073", {"name": "Phường Thành Sen", "kind": "phuong", "parent": "42"})
        DAEMON.api("PUT", "/areas/18100", {"name": "Xã Thạch Hà", "kind": "xa", "parent": "42"})
    return DAEMON


def content(hz, seconds):
    d = daemon()
    if hz not in _tone:
        path = os.path.join(d.state, f"tone-{hz}.wav")
        write_tone_wav(path, hz, seconds)
        with open(path, "rb") as f:
            _tone[hz] = d.api("POST", f"/content?title=tone-{hz}&name=tone.wav", f.read(), content_type="audio/wav")["id"]
    return _tone[hz]


def listen_url(path):
    return daemon().url(f"/listen/{path}?key={urllib.parse.quote(KEY)}")


class Listener:
    """FFmpeg reads a stream; each tenth of a second it decodes is named by its tone and the time it came."""

    def __init__(self, path):
        self.heard = []  # (wall time, "440" | "1000" | "-")
        self.process = subprocess.Popen(
            ["ffmpeg", "-v", "error", "-fflags", "nobuffer", "-i", listen_url(path), "-f", "s16le", "-ac", "1", "-ar", str(RATE), "-"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        harness._cleanups.append(self.close)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        while True:
            data = self.process.stdout.read(RATE // 10 * 2)
            if len(data) < RATE // 10 * 2:
                return
            pcm = array.array("h")
            pcm.frombytes(data)
            samples = [s / 32768 for s in pcm]
            loud = [hz for hz in TONES if goertzel(samples, RATE, hz) > 0.05]
            self.heard.append((time.time(), str(loud[0]) if len(loud) == 1 else "-" if rms(samples) < 0.003 else "?"))

    def first(self, what, after=0.0, seconds=40):
        return wait_until(f"{what} in the stream", lambda: next((t for t, w in self.heard if w == what and t > after), None), seconds)

    def runs(self):
        """[(what, tenths)], without what lasts less than three tenths."""
        out = []
        for _, what in self.heard:
            if out and out[-1][0] == what:
                out[-1][1] += 1
            else:
                out.append([what, 1])
        out = [(w, n) for w, n in out if n >= 3]
        if PATIENCE == 1:
            return out
        whole = []  # a sanitizer's encoder may leave gaps of a tenth or two
        for what, n in out:
            same = whole and whole[-1][0] == what
            whole[-1:] = [(what, whole[-1][1] + n)] if same else whole[-1:] + [(what, n)]
        return whole

    def silent(self):
        wait_until("silence at the end", lambda: len(self.heard) > 5 and all(w == "-" for _, w in self.heard[-5:]), 40)

    def close(self):
        self.process.kill()
        self.process.wait()


def play(hz, priority="normal", areas=("18073",)):
    started = time.time()
    reply = daemon().api("POST", "/announcements", {"content": content(hz, 12 if hz == 440 else 4), "areas": list(areas), "priority": priority})
    return started, reply["id"]


def test_doors():
    d = daemon()
    assert d.request("GET", "/listen/18073.mp3", token=False)[0] == 403
    assert d.request("GET", "/listen/18073/index.m3u8?key=khóa".replace("ó", "%C3%B3"), token=False)[0] == 403
    assert d.request("GET", f"/listen/99999.mp3?key={urllib.parse.quote(KEY)}", token=False)[0] == 404
    assert d.request("GET", f"/listen/18073/17.aac?key={urllib.parse.quote(KEY)}", token=False)[0] == 404
    assert d.request("GET", f"/listen/18073.ogg?key={urllib.parse.quote(KEY)}", token=False)[0] == 404
    status, text = d.request("GET", "/listen/18100/index.m3u8", raw=True)  # signed in
    assert status == 200 and text.startswith(b"#EXTM3U"), text
    assert "mediad_output_encoders 1" in d.request("GET", "/metrics", raw=True)[1].decode()


def test_tone_in_time():
    content(440, 12), content(1000, 4)
    mp3, hls = Listener("18073.mp3"), Listener("18073/index.m3u8")
    mp3.first("-")
    hls.first("-")
    started, bulletin = play(440)
    at = mp3.first("440", started)
    assert at - started < 8, f"the bulletin came after {at - started:.1f} s"
    called, emergency = play(1000, "emergency", ("42",))
    at = mp3.first("1000", called)
    assert at - called < 6, f"the emergency came after {at - called:.1f} s"
    back = mp3.first("440", at)
    assert 3.3 < back - at < 6, f"the emergency of four seconds took {back - at:.1f} s"
    mp3.silent()
    assert [w for w, _ in mp3.runs()] == ["-", "440", "1000", "440", "-"], mp3.runs()
    total = sum(n for w, n in mp3.runs() if w == "440")
    assert 60 <= total <= 95, f"{total / 10} s of the bulletin were heard around the emergency"
    hls.first("440", hls.first("1000"))
    hls.silent()
    assert [w for w, _ in hls.runs()] == ["-", "440", "1000", "440", "-"], hls.runs()
    assert [n for w, n in hls.runs() if w == "1000"][0] in range(36, 44), hls.runs()
    assert not [w for _, w in mp3.heard + hls.heard if w == "?"][12:], "clicks or noise"
    mp3.close()
    hls.close()


def test_other_area():
    listener = Listener("18100.mp3")
    listener.first("-")
    started, _ = play(440, areas=("18073",))
    wait_until("the bulletin elsewhere to be over", lambda: time.time() > started + 6, 10)
    assert [w for w, _ in listener.runs()] == ["-"], listener.runs()
    _, _ = play(1000, "emergency", ("42",))
    listener.first("1000")
    listener.close()


def test_probe():
    for path, codec in (("18073.mp3", "mp3"), ("18073/index.m3u8", "aac")):
        out = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,sample_rate,channels", "-of", "json",
                              listen_url(path)], capture_output=True, timeout=40 * PATIENCE, check=True).stdout
        stream = json.loads(out)["streams"][0]
        assert stream == {"codec_name": codec, "sample_rate": "48000", "channels": 1}, stream


def test_limit_and_idle():
    d = daemon()
    wait_until("nobody else to count", lambda: 'format="hls"} 0' in d.request("GET", "/metrics", raw=True)[1].decode(), 30)
    held = [urllib.request.urlopen(listen_url("18073.mp3"), timeout=10) for _ in range(3)]
    try:
        urllib.request.urlopen(listen_url("18073.mp3"), timeout=10)
        raise AssertionError("a fourth listener from one address was let in")
    except urllib.error.HTTPError as error:
        assert error.code == 503 and error.headers["Retry-After"], error
        assert b"from this address" in error.read()
    for h in held:
        h.close()
    wait_until("the encoder to be stopped", lambda: "mediad_output_encoders 0" in d.request("GET", "/metrics", raw=True)[1].decode(), 60)
    held = urllib.request.urlopen(listen_url("18073.mp3"), timeout=10)  # ends with the daemon
    assert held.read(400)
    d.stop()
    while held.read(65536):
        pass


def test_multicast():
    """FFmpeg joins the group that the description names, on loopback."""
    d = daemon()
    d.api("PUT", "/devices/loa-lan", {"name": "Loa trong mạng nhà văn hóa", "area": "18073", "kind": "multicast"})
    d.api("PUT", "/devices/loa-lan-2", {"name": "Loa xã khác", "area": "18100", "kind": "multicast"})
    for bad in ("10.0.0.1:5004", "239.255.41.2:5005", "nowhere"):
        d.api("PUT", "/devices/loa-lan/multicast", {"group": bad}, expect=(400,))
    for codec, group in (("opus", "239.255.41.2:24500"), ("pcma", "239.255.41.2:24502")):
        d.api("PUT", "/devices/loa-lan/multicast", {"group": group, "codec": codec})
        d.api("PUT", "/devices/loa-lan-2/multicast", {"group": group}, expect=(409,))
        status, sdp = d.request("GET", "/api/v1/outputs/loa-lan.sdp", raw=True)
        assert status == 200 and b"c=IN IP4 239.255.41.2/4" in sdp, sdp
        path, wav = os.path.join(d.state, "lan.sdp"), os.path.join(d.state, f"lan-{codec}.wav")
        with open(path, "wb") as f:
            f.write(sdp)
        receiver = subprocess.Popen(["ffmpeg", "-v", "error", "-y", "-protocol_whitelist", "file,udp,rtp", "-localaddr", "127.0.0.1",
                                     "-i", path, "-t", "3", "-ac", "1", "-ar", "16000", wav])
        try:
            _, announcement = play(1000)
            assert receiver.wait(30 * PATIENCE) == 0
        finally:
            receiver.kill()
        rate, heard = read_wav(wav)
        assert tone_share(heard, rate, 1000) > 0.9, f"{codec}: {tone_share(heard, rate, 1000)}"
        run = wait_until("the outcome", lambda: [p for p in d.api("GET", f"/play-log/{announcement}")["plays"]
                                                 if p["outcome"] == "played" and p["device"] == "loa-lan"], 20)
        assert run[0]["codec"].lower() == codec, run
        assert d.api("GET", "/devices/loa-lan/multicast") == {"group": group, "codec": codec}
    d.api("PUT", "/devices/loa-lan/multicast", {"group": ""})
    assert d.request("GET", "/api/v1/outputs/loa-lan.sdp")[0] == 404


need("ffmpeg")
run_tap([("who may listen", test_doors),
         ("FFmpeg knows what it reads", test_probe),
         ("a bulletin is heard in its time, an emergency over it", test_tone_in_time),
         ("another area hears nothing of it", test_other_area),
         ("FFmpeg hears a multicast group", test_multicast),
         ("limits, and nothing is encoded for nobody", test_limit_and_idle)])
