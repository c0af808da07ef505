#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""speakerd with a real Mosquitto, a plain HTTP server and FFmpeg's files and streams: what it sounds, when, and what it says about it."""
import os
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import PATIENCE, free_ports, goertzel, need, rms, run_tap, tone_share, wait_until
from speaker_bench import Bench, Signer, Speaker, Station, best_lag

LAG_MAX = 0.010


def mp3(folder, name, source):
    path = os.path.join(folder, name + ".mp3")
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", source, "-ac", "1", "-ar", "44100", "-b:a", "64k", path], check=True)
    with open(path, "rb") as f:
        return f.read()


def tone(folder, hz, seconds):
    return mp3(folder, f"tone-{hz}-{seconds}", f"sine=frequency={hz}:duration={seconds}")


def noise(folder, seconds):
    return mp3(folder, f"noise-{seconds}", f"anoisesrc=d={seconds}:c=pink:a=0.5:seed=7")


def onset(samples, level=0.02):
    return next((i for i, s in enumerate(samples) if abs(s) > level), None)


def synced(bench, speaker):
    speaker.process.wait_line("kept against the server", 15)
    bench.mqtt.wait(speaker.device, "state", lambda s: s["online"])
    wait_until("its first sample", lambda: time.time() * 1e6 > speaker.first_us)


def test_neighbours():
    """Two loudspeakers fetch, begin and stay together; one joins in the middle and agrees as well. Memory, CPU."""
    bench = Bench()
    data = noise(bench.dir, 8)
    pair = [Speaker(bench, "loa-1"), Speaker(bench, "loa-2")]
    for s in pair:
        synced(bench, s)
    start = time.time() + 5
    bench.media.cut_after = 20000  # the first fetch breaks off: the second goes on from there
    for s in pair:
        bench.manifest(s.device, [bench.item("noise", data, start, 8)])
    for s in pair:
        bench.mqtt.wait(s.device, "state", lambda v: v.get("media_stored") == 1 and v["media_wanted"] == 1)
    assert any(r for _, r in bench.media.asked), bench.media.asked
    cpu = [s.cpu_s() for s in pair]
    began = time.monotonic()
    third = Speaker(bench, "loa-3")
    bench.manifest("loa-3", [dict(bench.item("noise", data, start, 8), grace_ms=8000)])
    heard = [s.samples(start - 0.2, 1.0) for s in pair]
    onsets = [onset(h) / 48000 - 0.2 for h in heard]
    for o in onsets:
        assert abs(o) < 0.05, f"it begins {o * 1000:.1f} ms off"
    for at in (1.0, 4.0, 6.5):
        rows = [s.samples(start + at, 0.3) for s in pair]
        lag = best_lag(rows[0], rows[1], 0.02) / 48000
        print(f"# {at:.1f} s in: {lag * 1000:+.2f} ms apart", flush=True)
        assert abs(lag) <= LAG_MAX, f"{lag * 1000:.1f} ms apart"
    cpu = [(s.cpu_s() - c) / (time.monotonic() - began) for s, c in zip(pair, cpu)]
    memory = max(s.memory_kb() for s in pair)
    print(f"# while playing MP3: {memory / 1024:.1f} MB resident, {100 * max(cpu):.1f} % of a core", flush=True)
    assert memory < 64 * 1024 * (1 if PATIENCE == 1 else 10), memory  # a sanitizer's shadow is not the program's
    joined = best_lag(pair[0].samples(start + 6.8, 0.3), third.samples(start + 6.8, 0.3), 0.02) / 48000
    print(f"# joined in the middle: {joined * 1000:+.2f} ms", flush=True)
    assert abs(joined) <= LAG_MAX, joined
    for s in pair:
        report = bench.mqtt.report(s.device, "noise", "ended")
        assert abs(report["from_ms"] / 1000 - start) < 0.1 and abs(report["to_ms"] / 1000 - start - 8) < 0.05, report
        assert report["level_source"] == "loopback" and -40 < report["level_dbfs"] < -3 and report["match"] > 0.9, report
        s.stop()
    bench.close()


def test_network_down():
    """Broker and media server gone: all sounds on time from disk, and is told afterwards."""
    bench = Bench()
    s = Speaker(bench, "loa-1")
    synced(bench, s)
    start = time.time() + 4
    bench.manifest("loa-1", [bench.item("first", tone(bench.dir, 440, 2), start, 2), bench.item("second", tone(bench.dir, 880, 2), start + 3, 2)])
    bench.mqtt.wait("loa-1", "state", lambda v: v.get("media_stored") == 2)
    bench.close()
    for at, hz in ((start, 440), (start + 3, 880)):
        samples = s.samples(at - 0.3, 2.6)
        assert abs(onset(samples) / 48000 - 0.3) < 0.06, onset(samples)
        assert goertzel(samples[24000:86400], 48000, hz) > 0.08, hz
        assert rms(samples[-10000:]) < 0.001
    bench.open()
    for name in ("first", "second"):
        report = bench.mqtt.report("loa-1", name, "ended", 30)
        assert report["sequence"] > 0
    highest = max(r["sequence"] for _, w, v in bench.mqtt.said if w == "report" for r in v["reports"])
    bench.mqtt.publish("mediad/1/down/loa-1/receipt", '{"sequence":%d}' % highest)
    wait_until("the reports to be forgotten", lambda: b"first" not in open(os.path.join(s.dir, "reports"), "rb").read(), 10)
    s.stop()
    bench.close()


def test_power_cut():
    """kill -9 in the middle: it goes on at its wall-clock place, and nothing sounds twice."""
    bench = Bench()
    s = Speaker(bench, "loa-1")
    synced(bench, s)
    # a tone whose pitch tells the place: 300 Hz and 100 Hz more each second
    steps = "+".join(f"between(t,{i},{i + 0.9999})*sin(2*PI*t*{300 + 100 * i})" for i in range(12))
    data = mp3(bench.dir, "stairs", f"aevalsrc='0.3*({steps})':d=12")
    start = time.time() + 3
    bench.manifest("loa-1", [bench.item("stairs", data, start, 12), bench.item("short", tone(bench.dir, 5000, 1), start - 1.5, 1)])
    bench.mqtt.report("loa-1", "short", "ended")
    s.samples(start + 3, 0.5)
    s.kill()
    s.start()
    back = time.time() - start
    assert back < 8, back
    second = int(back) + 2
    samples = s.samples(start + second + 0.1, 0.8)
    assert goertzel(samples, 48000, 300 + 100 * second) > 0.1, f"second {second}"
    whole = s.samples(s.first_us / 1e6, start + second - s.first_us / 1e6)
    assert tone_share(whole, 48000, 5000, 0.1) == 0, "the short item sounded again"
    bench.mqtt.report("loa-1", "stairs", "ended")
    s.stop()
    bench.close()


def test_orders():
    """Alerts at once and siren first, forged orders refused and told, the same order once, stop, restart, logs."""
    bench = Bench()
    s = Speaker(bench, "loa-1")
    synced(bench, s)
    mallory = Signer(bench.dir, "mallory")
    begun = time.time()
    forged = bench.command("loa-1", "alert", signer=mallory, siren="urgent", siren_rounds=1, item=bench.item("forged", None, 0, 0, priority=1))
    ack = bench.mqtt.wait("loa-1", "ack", lambda a: a["command"] == forged)
    assert ack["state"] == "refused" and ack["reason"] == "signature", ack
    issued = time.time()
    real = bench.command("loa-1", "alert", siren="all-clear", siren_rounds=1, item=bench.item("clear", tone(bench.dir, 660, 3), 0, 3, priority=1))
    assert bench.mqtt.wait("loa-1", "ack", lambda a: a["command"] == real)["state"] == "done"
    sound = s.samples(begun, issued - begun + 2.5)
    first = onset(sound) / 48000 + begun - issued
    print(f"# from order to first sound: {first * 1000:.0f} ms", flush=True)
    assert 0.2 < first < 1.0, first
    assert goertzel(sound[-48000:], 48000, 440) > 0.3
    bench.command("loa-1", "alert", ident=real, siren="urgent", item=bench.item("again", None, 0, 0, priority=1))
    stop = bench.command("loa-1", "stop", occurrence="clear")
    assert bench.mqtt.wait("loa-1", "ack", lambda a: a["command"] == stop)["state"] == "done"
    stopped = time.time()
    cut = bench.mqtt.report("loa-1", "clear", "cut")
    assert cut["reason"] == "stopped", cut
    assert rms(s.samples(stopped + 0.5, 0.5)) < 0.001
    test = bench.command("loa-1", "line-test")
    bench.mqtt.wait("loa-1", "ack", lambda a: a["command"] == test)
    assert goertzel(s.samples(time.time() + 0.6, 1.0), 48000, 1000) > 0.05
    log = bench.command("loa-1", "send-log")
    assert "refused: signature" in bench.mqtt.wait("loa-1", "log", lambda v: v["command"] == log)["text"]
    bench.mqtt.wait("loa-1", "telemetry", lambda t: any(r["name"] == "clock_offset_ms" and r["source"] == "measured" for r in t["readings"]))
    restart = bench.command("loa-1", "restart")
    assert s.process.child.wait(10) == 3
    assert bench.mqtt.wait("loa-1", "ack", lambda a: a["command"] == restart)["state"] == "received"
    s.start()
    bench.mqtt.wait("loa-1", "ack", lambda a: a["command"] == restart and a["state"] == "done")
    s.stop()
    bench.close()


def test_keys():
    """A new key is believed when an old one vouches for it, and only then; a forged timetable changes nothing."""
    bench = Bench()
    s = Speaker(bench, "loa-1")
    synced(bench, s)
    version = bench.manifest("loa-1", [])
    bench.mqtt.wait("loa-1", "state", lambda v: v.get("manifest_version") == version)
    new, mallory = Signer(bench.dir, "new"), Signer(bench.dir, "mallory")
    bench.mqtt.publish("mediad/1/down/loa-1/keys", '{"keys":[%s]}' % str(mallory.jwk).replace("'", '"'))
    bench.mqtt.publish("mediad/1/down/loa-1/keys", mallory.sign("mediad-keys", {"keys": [mallory.jwk]}))
    s.process.wait_line("new keys are refused.*", 10)
    old, bench.signer = bench.signer, mallory
    bench.manifest("loa-1", [])
    s.process.wait_line("a timetable is refused", 10)
    bench.mqtt.publish("mediad/1/down/loa-1/keys", old.sign("mediad-keys", {"keys": [new.jwk]}))
    s.process.wait_line("1 keys are believed", 10)
    bench.signer = new
    version = bench.manifest("loa-1", [])
    bench.mqtt.wait("loa-1", "state", lambda v: v.get("manifest_version") == version)
    late = bench.command("loa-1", "stop-all", signer=old)
    assert bench.mqtt.wait("loa-1", "ack", lambda a: a["command"] == late)["reason"] == "signature"
    s.stop()
    bench.close()


def test_firmware():
    """An image reaches the installer only when its maker signed it, it is newer, and it is whole; nothing is run by a shell."""
    import hashlib
    import platform
    bench = Bench()
    taken, program = os.path.join(bench.dir, "taken; touch x"), os.path.join(bench.dir, "install")
    with open(program, "w", encoding="ascii") as f:
        f.write(f'#!/bin/sh\ncp "$1" "{taken}"\n')
    os.chmod(program, 0o755)
    s = Speaker(bench, "loa-1", extra=f'firmware: {{ command = "{program}"; }};\n')
    synced(bench, s)
    image, mallory = os.urandom(300000), Signer(bench.dir, "mallory")
    sha = bench.media.add(image)
    product = "speakerd-" + {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]

    def order(signer=None, **change):
        notice = dict({"product": product, "version": "99.0", "sha256": sha, "bytes": len(image)}, **change)
        ident = bench.command("loa-1", "firmware", firmware_url=bench.media_base() + sha + "/image", firmware_sha256=notice["sha256"],
                              firmware_version=notice["version"], firmware_notice=(signer or bench.signer).sign("mediad-firmware", notice))
        return bench.mqtt.wait("loa-1", "ack", lambda a: a["command"] == ident and a["state"] != "received")
    assert order(mallory)["reason"] == "signature"
    assert "not newer" in order(version="0.0.1")["reason"]
    assert "another product" in order(product="toaster")["reason"]
    liar = bench.media.add(b"!" * 1000)
    bench.media.files[hashlib.sha256(b"other").hexdigest()] = b"!" * 5
    wrong = order(sha256=hashlib.sha256(b"other").hexdigest(), bytes=5)
    assert wrong["state"] == "refused" and not os.path.exists(taken), (wrong, liar)
    assert order()["state"] == "done"
    with open(taken, "rb") as f:
        assert f.read() == image
    s.stop()
    bench.close()


class Forwarder(threading.Thread):
    """Passes FFmpeg's SRTP on to who asked for it, losing some of it."""

    def __init__(self, ask_port, source_port, lose):
        super().__init__(daemon=True)
        self.asks, self.lose, self.passed, self.lost, self.ended = [], lose, 0, 0, False
        self.ask = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.ask.bind(("127.0.0.1", ask_port))
        self.source = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.source.bind(("127.0.0.1", source_port))
        self.ask.settimeout(0.005)
        self.source.settimeout(0.02)
        self.start()

    def run(self):
        to = None
        while not self.ended:
            try:
                data, to = self.ask.recvfrom(2048)
                self.asks.append(data)
            except OSError:
                pass
            try:
                data = self.source.recv(2048)
            except OSError:
                continue
            if data[1] & 0x7f in range(72, 77) or not to:
                continue
            if self.lose(int.from_bytes(data[2:4], "big")):
                self.lost += 1
                continue
            self.passed += 1
            self.ask.sendto(data, to)


def test_live():
    """Live Opus over SRTP from FFmpeg with a tenth lost: it sounds, over the timetable, without gaps, until it is stopped."""
    need("ffmpeg")
    bench = Bench()
    s = Speaker(bench, "loa-1")
    synced(bench, s)
    key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"
    ask_port, source_port = free_ports(2)
    forward = Forwarder(ask_port, source_port, lambda seq: seq % 10 == 3)
    ffmpeg = subprocess.Popen(["ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", "sine=frequency=700:sample_rate=48000", "-ac", "1", "-c:a", "libopus",
                               "-b:a", "32k", "-application", "voip", "-fec", "1", "-packet_loss", "10", "-payload_type", "96", "-f", "rtp", "-srtp_out_suite",
                               "AES_CM_128_HMAC_SHA1_80", "-srtp_out_params", key, f"srtp://127.0.0.1:{source_port}?pkt_size=1200"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        live = {"occurrence": "talk", "title": "talk", "host": "127.0.0.1", "port": ask_port, "priority": 2, "authority": 1, "codec": "opus", "payload_type": 96,
                "frame_ms": 20, "srtp": "AES_CM_128_HMAC_SHA1_80 inline:" + key, "buffer_ms": 100, "expires_ms": int(time.time() * 1000) + 60000}
        bench.command("loa-1", "live", live=live)
        bench.mqtt.report("loa-1", "talk", "began")
        samples = s.samples(time.time() + 1.0, 2.0)
        assert forward.asks and forward.asks[0][:4] == b"MLA1" and b"talk" in forward.asks[0], forward.asks[:1]
        assert forward.lost > 5, forward.lost
        share = tone_share(samples, 48000, 700, 0.05)
        print(f"# with {forward.lost} of {forward.lost + forward.passed} packets lost the tone is heard in {100 * share:.0f} % of 50 ms windows", flush=True)
        assert share > 0.95, share
        bench.command("loa-1", "stop", occurrence="talk")
        bench.mqtt.report("loa-1", "talk", "cut")
        wait_until("its goodbye", lambda: any(a[4] == 1 for a in forward.asks), 5)
    finally:
        ffmpeg.kill()
        ffmpeg.wait()
        forward.ended = True
    s.stop()
    bench.close()


def test_relay():
    """A station is passed on; when it falls silent what stands in for it sounds, and the station again once it does."""
    bench = Bench()
    s = Speaker(bench, "loa-1")
    synced(bench, s)
    data = mp3(bench.dir, "station", "aevalsrc='0.3*(lt(t,6)+gt(t,14))*sin(2*PI*500*t)':d=40")
    station = Station(data, 64000 // 8)
    start = time.time() + 2
    stand_in = tone(bench.dir, 900, 3)
    sha = bench.media.add(stand_in)
    item = bench.item("vov", None, start, 30, kind="relay", relay_url=station.url, silence_max_ms=2000,
                      fallback={"sha256": sha, "path": f"{sha}/programme.mp3", "media_type": "audio/mpeg", "bytes": len(stand_in)})
    bench.manifest("loa-1", [item])
    wait_until("the stream to be asked for", lambda: station.begun, 10)
    heard = {}

    def hears(hz):
        def now():
            at = time.time() - 0.5
            return at * 1e6 > s.first_us and goertzel(s.samples(at, 0.3), 48000, hz) > 0.05 and heard.setdefault(hz, time.time())
        return now
    wait_until("the station", hears(500), 15, 0.2)
    wait_until("what stands in for it", hears(900), 20, 0.2)
    assert 7.5 < heard[900] - station.begun < 14, heard[900] - station.begun
    bench.mqtt.wait("loa-1", "telemetry", lambda t: any(r["name"] == "relay" and "silent" in r["value"] for r in t["readings"]))
    del heard[500]
    wait_until("the station again", hears(500), 20, 0.2)
    print(f"# silent at 6 s: stood in for at {heard[900] - station.begun:.1f} s; sounding at 14 s: back at {heard[500] - station.begun:.1f} s", flush=True)
    bench.command("loa-1", "stop", occurrence="vov")
    bench.mqtt.report("loa-1", "vov", "cut")
    # one that cannot be had at all
    station.refuse = True
    bench.manifest("loa-1", [dict(item, occurrence="vov2", start_ms=int(time.time() * 1000) + 1500)])
    wait_until("what stands in for a station that refuses", hears(900), 15, 0.2)
    s.stop()
    bench.close()


run_tap([("neighbours", test_neighbours), ("network down", test_network_down), ("power cut", test_power_cut), ("orders", test_orders), ("keys", test_keys), ("firmware", test_firmware),
         ("live", test_live), ("relay", test_relay)])
