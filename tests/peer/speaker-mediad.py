#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""speakerd enrolled at a real mediad, over a real Mosquitto with TLS: commands, clock, health, what it plays and what is known of it."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import BUILD, Mediad, Process, free_ports, need, run_tap, subprocess, tone_share, wait_until, write_tone_wav
from speaker_bench import Speaker, Station, best_lag

need("mosquitto")
NAMES = ("loa-1", "loa-2")
STATE = {}


class Enrolled(Speaker):
    """A loudspeaker that knows nothing but what its enrolment told it."""

    def __init__(self, daemon, name, broker_port):
        self.device, self.bench, self.lives, self.telemetry = name, None, 0, 5
        self.dir = os.path.join(daemon.state, name)
        os.makedirs(self.dir)
        self.conf = os.path.join(self.dir, "speakerd.conf")
        self.extra = f'broker: {{ host = "localhost"; port = {broker_port}; }};\n'
        self.write()
        code = daemon.api("POST", f"/devices/{name}/enrol-code", {})["code"]
        for what, expect in (("AAAA-BBBB", 1), (code, 0), (code, 1)):  # a wrong one, the right one, and that one again
            done = subprocess.run([os.path.join(BUILD, "broadcast", "speaker", "speakerd"), "--config", self.conf, "--enrol", daemon.url(""), "--code", what],
                                  capture_output=True, text=True, timeout=60)
            assert done.returncode == expect, (what, done.returncode, done.stderr)
        self.start()

    def write(self):
        self.wav = os.path.join(self.dir, f"out-{self.lives}.wav")
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(f'general: {{ device = "{self.device}"; state_dir = "{self.dir}"; log_level = "debug"; }};\n'
                    f'output: {{ kind = "file"; device = "{self.wav}"; latency_ms = 100; }};\ntelemetry: {{ every_s = 5; }};\n{self.extra}')

    def start(self):
        self.lives += 1
        self.write()
        self.process = Process([os.path.join(BUILD, "broadcast", "speaker", "speakerd"), "--config", self.conf], self.device)
        self.first_us = int(self.process.wait_line(r"output begins at (\d+) us", 15)[1]) + (time.time_ns() - time.monotonic_ns()) // 1000


def set_up():
    if STATE:
        return STATE["daemon"]
    port = free_ports(1)[0]

    class Daemon(Mediad):
        def _launch(self, name):
            with open(self.conf, encoding="utf-8") as f:
                text = f.read().replace("@API@", str(self.api_port))
            with open(self.conf, "w", encoding="utf-8") as f:
                f.write(text)
            super()._launch(name)
    d = Daemon(extra=f'link: {{ broker_host = "localhost"; broker_port = {port}; media_base = "http://127.0.0.1:@API@/api/v1/link/media/"; }};\nbroadcast: {{ live_hosts = ["127.0.0.1"]; }};\n')
    d.sign_in()
    d.api("PUT", "/areas/42", {"name": "Hà Tĩnh", "kind": "tinh"})
    d.api("PUT", "/areas/18073", {"name": "Phường Thành Sen", "kind": "phuong", "parent": "42"})
    for name in NAMES:
        d.api("PUT", f"/devices/{name}", {"name": name, "area": "18073", "kind": "link"})
    folder = os.path.join(d.state, "link", "broker")
    conf = os.path.join(folder, "test.conf")
    with open(os.path.join(folder, "mosquitto.conf"), encoding="utf-8") as f:
        text = f.read().replace(f"listener {port}\n", f"listener {port} 127.0.0.1\n")
    with open(conf, "w", encoding="utf-8") as f:
        f.write(text + ("user root\n" if os.getuid() == 0 else ""))
    broker = Process(["mosquitto", "-c", conf], "mosquitto")
    wait_until("mediad's connection", lambda: d.api("GET", "/link")["connected"], 20)
    STATE.update(daemon=d, broker=broker)
    STATE["speakers"] = [Enrolled(d, name, port) for name in NAMES]
    for s in STATE["speakers"]:
        s.process.wait_line("broker: connected", 20)
        s.process.wait_line("kept against the server", 20)
    return d


def obeyed(d, command, state="done", seconds=20):
    def look():
        row = d.api("GET", f"/link/commands/{command}")
        return row if row.get(state) else None
    return wait_until(f"the command to be {state}", look, seconds, 0.1)


def test_enrolled():
    """With its own key and certificate it is let in, keeps the server's time, and is seen as well."""
    d = set_up()
    for s in STATE["speakers"]:
        mode = os.stat(os.path.join(s.dir, "identity", "key.pem")).st_mode & 0o777
        assert mode == 0o600, oct(mode)

    def online():
        return all(d.api("GET", f"/devices/{n}/health")["online"] for n in NAMES)
    wait_until("both to be online", online, 20, 0.3)


def test_commands():
    """A line test is heard, its log comes, an area's command reaches both."""
    d = set_up()
    command = d.api("POST", "/link/commands", {"verb": "line-test", "devices": ["loa-1"]})["id"]
    at = time.time()
    obeyed(d, command)
    s = STATE["speakers"][0]
    heard = 5 * tone_share(s.samples(at, 5), 48000, 1000, 0.1)
    assert 2 < heard < 3.5, f"a tone of three seconds was heard for {heard:.1f} s"
    log = d.api("POST", "/link/commands", {"verb": "send-log", "devices": ["loa-1"]})["id"]
    obeyed(d, log)
    both = d.api("POST", "/link/commands", {"verb": "volume", "areas": ["18073"], "volume": 70})["id"]
    wait_until("both to obey", lambda: d.api("GET", f"/link/commands/{both}")["done"] == 2, 15)


def plays(d, announcement):
    return {p["device"]: p for p in d.api("GET", f"/play-log/{announcement}")["plays"]}


def test_announcement():
    """A recording taken in by mediad is fetched, sounds on both at once, and the play log knows from when to when and how like it was."""
    d = set_up()
    path = os.path.join(d.state, "noise.wav")
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "anoisesrc=d=6:c=pink:a=0.5:seed=3,tremolo=f=3:d=0.8", "-ac", "1", "-ar", "48000", path], check=True)
    with open(path, "rb") as f:
        content = d.api("POST", "/content?title=noise&name=noise.wav", f.read(), content_type="audio/wav")["id"]
    run = d.api("POST", "/announcements", {"content": content, "areas": ["18073"], "priority": "priority", "title": "Thông báo"})["id"]
    for s in STATE["speakers"]:
        s.process.wait_line(run + ": began", 30)
    at = time.time() + 0.5
    lag = best_lag(*(s.samples(at, 0.3) for s in STATE["speakers"]), 0.02) / 48000
    print(f"# an announcement: {lag * 1000:+.2f} ms apart", flush=True)
    assert abs(lag) <= 0.010, lag
    for s in STATE["speakers"]:
        s.process.wait_line(run + ": ended", 30)

    def proved():
        rows = plays(d, run)
        return rows if len(rows) == 2 and all(r.get("reported", {}).get("match", 0) > 0.8 for r in rows.values()) else None
    try:
        rows = wait_until("the play log", proved, 15, 0.3)
    except AssertionError:
        raise AssertionError(f"play log: {plays(d, run)}") from None
    for row in rows.values():
        told = row["reported"]
        assert row["outcome"] == "played" and told["level_source"] == "loopback", row
        assert told["acked_us"] <= told["began_us"] < told["ended_us"] <= told["proved_us"], row
        assert told["reported_us"] >= told["began_us"], row  # nothing is told before it is so


def test_live():
    """A stream live to both, over SRTP: in step with each other."""
    d = set_up()
    data = subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "anoisesrc=d=40:c=pink:a=0.5:seed=5,tremolo=f=3:d=0.8", "-ac", "1", "-ar", "48000", "-b:a", "64k", "-f", "mp3", "-"],
                          check=True, capture_output=True).stdout
    station = Station(data, 64000 // 8)
    live = d.api("POST", "/live", {"areas": ["18073"], "url": station.url, "title": "Trực tiếp"})["id"]
    for s in STATE["speakers"]:
        s.process.wait_line(live + ": began", 20)
    time.sleep(7)  # a sender report comes every five seconds
    at = time.time() + 0.2
    lag = best_lag(*(s.samples(at, 0.3) for s in STATE["speakers"]), 0.05) / 48000
    print(f"# live: {lag * 1000:+.2f} ms apart", flush=True)
    d.api("DELETE", f"/live/{live}")
    for s in STATE["speakers"]:
        s.process.wait_line(live + ": (cut|ended)", 15)
    assert abs(lag) <= 0.010, lag


def short_lived(d, s, hours):
    """A certificate like its own, from mediad's authority, that ends in so many hours and began ten days ago. Its serial."""
    folder, link = os.path.join(d.state, "short-ca"), os.path.join(d.state, "link")
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/index", "w"), open(f"{folder}/serial", "w") as serial, open(f"{folder}/conf", "w") as conf:
        serial.write("4A11CE\n")
        conf.write(f"[ca]\ndefault_ca=c\n[c]\ndatabase={folder}/index\nserial={folder}/serial\nnew_certs_dir={folder}\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n"
                   "[e]\nextendedKeyUsage=clientAuth\n")
    own = os.path.join(s.dir, "identity")
    subprocess.run(["openssl", "req", "-new", "-key", f"{own}/key.pem", "-subj", f"/CN={s.device}", "-out", f"{folder}/csr"], check=True, capture_output=True)
    at = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + x)) for x in (-864000, hours * 3600)]
    subprocess.run(["openssl", "ca", "-batch", "-notext", "-config", f"{folder}/conf", "-extensions", "e", "-cert", f"{link}/ca.pem", "-keyfile", f"{link}/ca.key", "-in",
                    f"{folder}/csr", "-out", f"{own}/certificate.pem", "-startdate", at[0], "-enddate", at[1]], check=True, capture_output=True)


def x509(path, *what):
    return subprocess.run(["openssl", "x509", "-in", path, "-noout", *what], check=True, capture_output=True, text=True).stdout.strip()


def test_renewal():
    """A certificate that ends soon gets a successor with a new key: the former counts until the new one is in use, then no more."""
    d = set_up()
    s = STATE["speakers"][1]
    own = os.path.join(s.dir, "identity")
    certificate, crl = os.path.join(own, "certificate.pem"), os.path.join(d.state, "link", "broker", "crl.pem")
    enrolled = x509(certificate, "-serial").split("=")[1]
    s.process.kill()
    short_lived(d, s, 20)
    key = open(os.path.join(own, "key.pem"), encoding="ascii").read()
    s.start()
    s.process.wait_line("a new one is asked for", 30)
    s.process.wait_line("the new certificate is in use", 30)
    since = len(s.process.lines)
    s.process.wait_line("broker: connected", 30, since)
    serial = x509(certificate, "-serial").split("=")[1]
    assert serial not in ("4A11CE", enrolled) and open(os.path.join(own, "key.pem"), encoding="ascii").read() != key
    x509(certificate, "-checkend", str(800 * 86400))
    assert not [f for f in os.listdir(own) if f.startswith("next-")], os.listdir(own)

    def withdrawn():
        text = subprocess.run(["openssl", "crl", "-in", crl, "-noout", "-text"], check=True, capture_output=True, text=True).stdout
        return enrolled in text and serial not in text
    wait_until("the former one to be withdrawn", withdrawn, 20)
    wait_until("it to be there", lambda: d.api("GET", "/devices/loa-2/health")["online"], 20)
    health = d.api("GET", "/devices/loa-2/health")
    assert health["certificate_expires_us"] > (time.time() + 800 * 86400) * 1e6, health
    obeyed(d, d.api("POST", "/link/commands", {"verb": "send-log", "devices": ["loa-2"]})["id"])
    assert "asked for" not in " ".join(s.process.lines[since:]), "it asks again and again"
    # a power cut in the middle of putting it in its place
    s.process.kill()
    os.rename(certificate, os.path.join(own, "next-certificate.pem"))
    s.start()
    s.process.wait_line("broker: connected", 30)
    assert x509(certificate, "-serial").endswith(serial)


run_tap([("enrolled", test_enrolled), ("commands", test_commands), ("announcement", test_announcement), ("live", test_live), ("renewal", test_renewal)])
