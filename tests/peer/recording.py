#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Meetings leave as files and streams: read by ffprobe and FFmpeg, killed in the middle, sent to FFmpeg over RTMP and SRT."""
import harness
import hashlib
from harness import *

ROOM = "giao-ban"
WORLD = {}


def world():
    """One daemon, two baresip with pictures and tones of their own in one room."""
    if not WORLD:
        need("ffmpeg"), need("ffprobe")
        extra = 'recording: { stream_hosts = [ "127.0.0.1" ]; min_free_mib = 16; height = 360; bitrate_kbps = 500; };\n'
        d = WORLD["d"] = Mediad(extra=extra)
        d.sign_in()
        d.api("POST", "/rooms", {"name": ROOM, "title": "Giao ban tỉnh", "language": "en"})
        WORLD["events"] = []
        join()
    return WORLD["d"]


def join():
    d = WORLD["d"]
    WORLD["agents"] = []
    for name, tone in (("site-a", 440), ("site-b", 620)):
        secrets = WORLD.setdefault("secrets", {})
        if name not in secrets:
            secrets[name] = d.add_account(name)
        agent = Baresip(f"<sip:{name}@127.0.0.1:{d.sip_port}>;auth_pass={secrets[name]};regint=300;answermode=auto"
                        ";audio_codecs=opus/48000/2;video_codecs=h264", tone=tone, video=True, name=name)
        assert agent.registration() == 200
        assert agent.dial(f"sip:{ROOM}@127.0.0.1:{d.sip_port}")["type"] == "CALL_ESTABLISHED"
        WORLD["agents"].append(agent)
    wait_until("two members", lambda: len(d.api("GET", f"/rooms/{ROOM}/members")["members"]) == 2)


def run(*argv, raw=False):
    done = subprocess.run(argv, capture_output=True, timeout=60 * PATIENCE, check=False)
    assert done.returncode == 0, f"{argv}: {done.stderr.decode('utf-8', 'replace')[-2000:]}"
    return done.stdout if raw else json.loads(done.stdout)


def probe(path):
    return run("ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", "-show_chapters", path)


def sound(path, *options):
    pcm = array.array("h")
    pcm.frombytes(run("ffmpeg", "-v", "error", *options, "-i", path, "-f", "s16le", "-ac", "1", "-ar", "16000", "-", raw=True))
    return [s / 32768 for s in pcm]


def check_content(path, begin, end, *options):
    """Both tones throughout, and the green of the fake cameras in the picture."""
    samples = sound(path, *options)
    part = samples[int(begin * 16000):int(end * 16000)]
    assert len(part) > 16000, f"{len(samples) / 16000} s of sound"
    for hz in (440, 620):
        share = tone_share(part, 16000, hz, threshold=0.02)
        assert share > 0.9, f"{hz} Hz in only {share:.0%} of the sound"
    picture = run("ffmpeg", "-v", "error", *options, "-ss", str(begin), "-i", path, "-frames:v", "1", "-vf", "scale=320:180", "-f", "rawvideo", "-pix_fmt", "rgb24",
                  "-", raw=True)
    assert len(picture) == 320 * 180 * 3
    greens = sum(picture[i + 1] > 150 and picture[i] < 110 for i in range(0, len(picture), 3))
    assert greens > 320 * 180 * 0.15, f"{greens} green pixels"
    return samples


def wait_finished(d, rid):
    return wait_until("the finished recording", lambda: next((r for r in d.api("GET", "/recordings")["recordings"] if r["id"] == rid and
                                                              r["state"] in ("finished", "failed", "empty")), None), 20)


def recorded():
    """Ten seconds, a chapter in the middle, shown to all; read by ffprobe, fetched in ranges, deleted with a second factor."""
    d = world()
    begun = d.api("POST", f"/rooms/{ROOM}/recordings", {})
    assert begun["state"] == "running" and begun["created_by"] == "tester", begun
    assert d.api("GET", f"/rooms/{ROOM}")["recorded"]
    status, reply = d.request("POST", f"/api/v1/rooms/{ROOM}/recordings", {})
    assert status == 409 and reply["error"]["code"] == "already-running", reply
    began = time.monotonic()
    time.sleep(5)
    chapter = time.monotonic() - began
    d.api("POST", f"/recordings/{begun['id']}/chapters", {"title": "Ý kiến xã Cẩm Xuyên"})
    corner = WORLD["agents"][0].snapshot()  # the red sign at the top left
    red = mean_rgb(corner, 0.005, 0.01, 0.03, 0.045)
    assert red[0] > 130 and red[1] < 90 and red[2] < 90, f"no REC sign: {red}"
    time.sleep(max(1, began + 10 - time.monotonic()))
    lasted = time.monotonic() - began
    assert d.api("POST", f"/recordings/{begun['id']}/stop", {})["state"] == "finishing"
    assert not d.api("GET", f"/rooms/{ROOM}")["recorded"]
    done = wait_finished(d, begun["id"])
    assert done["state"] == "finished" and "problem" not in done, done
    status, film = d.request("GET", f"/api/v1/recordings/{done['id']}/file", raw=True)
    assert status == 200 and len(film) == done["bytes"] and hashlib.sha256(film).hexdigest() == done["sha256"]
    status, part = d.request("GET", f"/api/v1/recordings/{done['id']}/file", raw=True, headers={"Range": "bytes=100-199"})
    assert status == 206 and part == film[100:200], (status, len(part))
    path = os.path.join(d.state, "film.mp4")
    with open(path, "wb") as f:
        f.write(film)
    seen = probe(path)
    kinds = {s["codec_type"]: s for s in seen["streams"] if s["codec_name"] in ("h264", "aac")}
    assert kinds["video"]["codec_name"] == "h264" and kinds["video"]["height"] == 360, kinds
    assert kinds["audio"]["codec_name"] == "aac", kinds
    assert lasted - 1.5 * PATIENCE < float(seen["format"]["duration"]) < lasted + PATIENCE, (lasted, seen["format"])
    assert abs(float(kinds["video"]["duration"]) - float(kinds["audio"]["duration"])) < 0.7, kinds
    titles = [c["tags"]["title"] for c in seen["chapters"]]
    assert titles == ["Giao ban tỉnh", "Ý kiến xã Cẩm Xuyên"], titles
    assert abs(float(seen["chapters"][1]["start_time"]) - chapter) < 1.5 * PATIENCE, (chapter, seen["chapters"])
    check_content(path, 4, 9)  # behind the spoken prompt
    d.api("DELETE", f"/recordings/{done['id']}")
    assert d.request("GET", f"/api/v1/recordings/{done['id']}")[0] == 404
    assert not [f for f in os.listdir(os.path.join(d.state, "recordings"))]


def hls():
    """The console's stream, read by FFmpeg as a player would; nobody reads it without signing in."""
    d = world()
    stream = d.api("POST", f"/rooms/{ROOM}/streams", {})
    assert stream["kind"] == "hls"
    assert d.api("GET", f"/rooms/{ROOM}")["streamed"]
    url = d.url(f"/api/v1/rooms/{ROOM}/live/index.m3u8")
    assert d.request("GET", f"/api/v1/rooms/{ROOM}/live/index.m3u8", token=False, raw=True)[0] == 401
    wait_until("three pieces", lambda: d.request("GET", f"/api/v1/rooms/{ROOM}/live/index.m3u8", raw=True)[1].count(b"#EXTINF") >= 3, 20, 0.3)
    path = os.path.join(d.state, "live.ts")
    run("ffmpeg", "-v", "error", "-y", "-headers", f"Authorization: Bearer {d.token}\r\n", "-live_start_index", "0", "-i", url, "-t", "5", "-c", "copy", path,
        raw=True)
    check_content(path, 3, 5)
    d.api("DELETE", f"/streams/{stream['id']}")
    assert d.request("GET", f"/api/v1/rooms/{ROOM}/live/index.m3u8", raw=True)[0] == 404
    assert not d.api("GET", f"/rooms/{ROOM}")["streamed"]


def sent(kind):
    """To FFmpeg as a broadcaster's server; it is not there at first, and comes back once it is."""
    def case():
        d = world()
        port = free_ports(1)[0]
        path = os.path.join(d.state, f"{kind}.ts")
        url = f"rtmp://127.0.0.1:{port}/app/secret-key" if kind == "rtmp" else f"srt://127.0.0.1:{port}?streamid=x"
        stream = d.api("POST", f"/rooms/{ROOM}/streams", {"url": url})
        assert "secret" not in json.dumps(stream), stream
        if kind == "rtmp":
            wait_until("the first attempt failing", lambda: [s for s in d.api("GET", "/streams")["streams"] if s["id"] == stream["id"]][0]["attempts"] > 0, 10)
        listen = f"rtmp://127.0.0.1:{port}/app/secret-key" if kind == "rtmp" else f"srt://127.0.0.1:{port}?mode=listener"
        options = ["-listen", "1"] if kind == "rtmp" else []
        server = Process(["ffmpeg", "-v", "error", "-y", *options, "-i", listen, "-t", "5", "-c", "copy", path], "ffmpeg-" + kind)
        wait_until("five seconds received", lambda: server.child.poll() is not None, 30)
        assert server.child.returncode == 0, server.lines
        check_content(path, 3.2, 4.8)
        d.api("DELETE", f"/streams/{stream['id']}")
    return case


def refused():
    d = world()
    for url, why in (("rtmp://192.0.2.1/app/key", "stream_hosts"), ("http://127.0.0.1/x", "rtmp"), ("srt://127.0.0.1:9?mode=listener", "mode")):
        status, reply = d.request("POST", f"/api/v1/rooms/{ROOM}/streams", {"url": url})
        assert status == 400 and why in reply["error"]["message"], (status, reply)
    assert d.request("POST", "/api/v1/rooms/khong-co/recordings", {})[0] == 404
    d.api("POST", "/rooms", {"name": "hop-kin", "confidential": True, "sites": ["site-a"]})
    assert "cơ yếu" in d.api("GET", "/rooms/hop-kin")["notice"]["vi"]
    for what in ("recordings", "streams"):
        status, reply = d.request("POST", f"/api/v1/rooms/hop-kin/{what}", {})
        assert status == 409 and "confidential" in reply["error"]["message"], (status, reply)
    d.api("DELETE", "/rooms/hop-kin")


def diagnosed():
    """Why can't they hear me: all well, then muted by the chair, then a listener made deaf."""
    d = world()
    ids = {m["account"]: m["id"] for m in d.api("GET", f"/rooms/{ROOM}/members")["members"]}
    ask = f"/rooms/{ROOM}/members/{ids['site-a']}/diagnosis?listener={ids['site-b']}"
    seen = d.api("GET", ask)
    assert seen["sound"]["code"] == "fine" and seen["sound"]["broken"] is None, seen
    assert seen["picture"]["code"] == "fine", seen["picture"]
    assert seen["site"]["audio_packets_received"] > 50 and seen["site"]["loudest_dbov"] > -40, seen["site"]
    d.api("PATCH", f"/rooms/{ROOM}/members/{ids['site-b']}", {"deaf": True})
    d.api("PATCH", f"/rooms/{ROOM}/members/{ids['site-a']}", {"muted": True})
    seen = d.api("GET", ask)["sound"]
    assert (seen["code"], seen["broken"], seen["certain"]) == ("muted-by-chair", "allowed", True), seen
    assert "micrô" in seen["cause"]["vi"] and "muted" in seen["cause"]["en"], seen
    d.api("PATCH", f"/rooms/{ROOM}/members/{ids['site-a']}", {"muted": False})
    seen = d.api("GET", ask)["sound"]
    assert (seen["code"], seen["broken"]) == ("listener-deaf", "listener"), seen
    d.api("PATCH", f"/rooms/{ROOM}/members/{ids['site-b']}", {"deaf": False})
    assert d.request("GET", f"/api/v1/rooms/{ROOM}/members/m999/diagnosis")[0] == 404


def killed():
    """kill -9 in the middle: after the next start everything but the last seconds is there."""
    d = world()
    begun = d.api("POST", f"/rooms/{ROOM}/recordings", {})
    time.sleep(6.5)
    d.kill(signal.SIGKILL)
    part = os.path.join(d.state, "recordings", begun["id"] + ".part.mp4")
    assert float(probe(part)["format"]["duration"]) > 3.5, "what lies there cannot be played as it is"
    for agent in WORLD["agents"]:
        agent.kill()
    d._launch("mediad")
    done = wait_finished(d, begun["id"])
    assert done["state"] == "finished" and "stopped in the middle" in done["problem"], done
    assert done["duration_us"] > 4000000, done
    check_content(os.path.join(d.state, "recordings", done["sha256"] + ".mp4"), 3, done["duration_us"] / 1e6 - 0.1)
    assert not os.path.exists(part)


def stopped():
    """SIGTERM in the middle loses nothing either, and ends in time."""
    d = world()
    join()
    begun = d.api("POST", f"/rooms/{ROOM}/recordings", {})
    time.sleep(2.5)
    d.stop()
    for agent in WORLD["agents"]:
        agent.kill()
    d._launch("mediad")
    done = wait_finished(d, begun["id"])
    assert done["state"] == "finished" and "problem" not in done and done["duration_us"] > 1500000, done
    d.stop()
    complaints()


def complaints():
    """Nothing was warned of by the libraries but what rtmp2sink of GStreamer 1.22 says of FFmpeg's short answers (RTMP 7.2.1.1)."""
    strange = [line for line in WORLD["d"].lines if "CRITICAL **" in line or "WARNING **" in line]
    assert not [line for line in strange if "gst_amf_node_get_type" not in line], strange


os.environ["G_DEBUG"] = ""  # that one complaint would end mediad: complaints() reads them instead
run_tap([("recorded, listed, fetched, deleted", recorded), ("HLS for the console", hls), ("RTMP to a broadcaster", sent("rtmp")),
         ("SRT to a broadcaster", sent("srt")), ("refused", refused), ("why they cannot hear me", diagnosed), ("no complaints of libraries", complaints), ("killed in the middle", killed), ("stopped in the middle", stopped)])
