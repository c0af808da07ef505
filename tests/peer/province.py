#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A province of simulated loudspeakers on the device link: mediad, Mosquitto with the files mediad wrote, mediasim with hundreds of clients of
libmosquitto. Bad lines, wrong clocks, false telemetry, power cuts, an emergency in the middle of a programme; and what is made wrong on
purpose must show in the verdict. For a bench by hand: PROVINCE_DEVICES=5000 PROVINCE_STATE=DIR (kept, and used again)."""
import base64
import datetime
import zoneinfo
from harness import *

need("mosquitto")
need("mosquitto_pub")

MEDIASIM = os.environ.get("MEDIASIM", os.path.join(BUILD, "mediasim", "mediasim"))
DEVICES = int(os.environ.get("PROVINCE_DEVICES", "200" if PATIENCE == 1 else "60"))  # a sanitizer has its own speed
LATENCY_MS = int(1000 * PATIENCE)
STATE = {}


def daemon():
    return STATE["daemon"]


def patient(method, path, body=None):
    """Thousands of calls: the API asks for a slower pace at times."""
    while True:
        status, reply = daemon().request(method, "/api/v1" + path, body)
        if status != 429:
            assert status < 300, (method, path, status, reply)
            return reply
        time.sleep(0.5)


def place(state):
    """mediad and the broker in that folder, on free ports."""
    port = free_ports(1)[0]

    class Placed(Mediad):
        def _launch(self, name):  # the port of the API is known only now
            with open(self.conf, encoding="utf-8") as f:
                text = f.read().replace("@API@", str(self.api_port))
            with open(self.conf, "w", encoding="utf-8") as f:
                f.write(text)
            super()._launch(name)

    d = Placed(extra=f'link: {{ broker_host = "localhost"; broker_port = {port}; media_base = "http://127.0.0.1:@API@/api/v1/link/media/"; }};\n'
                     'broadcast: { quiet_hours = "none"; };\n', state=state)
    STATE.update(daemon=d, port=port)
    folder = os.path.join(d.state, "link", "broker")
    conf = os.path.join(folder, "test.conf")
    with open(os.path.join(folder, "mosquitto.conf"), encoding="utf-8") as f:
        text = f.read().replace(f"listener {port}\n", f"listener {port} 127.0.0.1\n").replace("use_username_as_clientid true\n", "")
    with open(conf, "w", encoding="utf-8") as f:
        f.write(text + ("user root\n" if os.getuid() == 0 else ""))
    STATE["mosquitto"] = Process(["mosquitto", "-c", conf], "mosquitto")


def setup():
    state = os.environ.get("PROVINCE_STATE") or tempfile.mkdtemp(prefix="mediad-")
    os.makedirs(state, exist_ok=True)
    secret = os.path.join(state, "tester.json")
    place(state)
    d = daemon()
    if os.path.exists(secret):
        with open(secret, encoding="utf-8") as f:
            kept = json.load(f)
        d.otp_secret, d._recovery = kept["otp"], kept["recovery"]
        d.token = d.api("POST", "/session", {"user": "tester", "password": kept["password"], "one_time_code": d._recovery.pop()}, token=False)["token"]
        d._recovery = d.api("POST", "/session/second-factor/recovery-codes")["recovery_codes"]
        d.secret = kept["password"]
    else:
        d.sign_in()
        d.api("PUT", "/areas/42", {"name": "Hà Tĩnh", "kind": "province"})
    with open(secret, "w", encoding="utf-8") as f:
        json.dump({"otp": d.otp_secret, "recovery": d._recovery, "password": d.secret}, f)
    wait_until("mediad's connection", lambda: d.api("GET", "/link")["connected"], 20)
    known = {device["id"] for device in d.api("GET", "/devices")["devices"]}
    for i in range(1, DEVICES + 1):
        if f"loa-{i:05}" not in known:
            patient("PUT", f"/devices/loa-{i:05}", {"name": f"Loa {i}", "area": "42", "kind": "link"})
    codes = patient("POST", "/link/enrol-codes", {"areas": ["42"]})["codes"] if os.path.isdir(state) else []
    STATE["codes"] = os.path.join(d.state, "codes.csv")
    with open(STATE["codes"], "w", encoding="ascii") as f:
        f.write("device,code\n" + "".join(f"{c['device']},{c['code']}\n" for c in codes))
    STATE["credentials"] = os.path.join(d.state, "loudspeakers")
    STATE["token"] = os.path.join(d.state, "token")
    with open(STATE["token"], "w", encoding="ascii") as f:
        f.write(d.token + "\n")
    tone = os.path.join(d.state, "tone.wav")
    for title, seconds in (("chương trình", 24), ("khẩn cấp", 3)):
        write_tone_wav(tone, 500, seconds)
        with open(tone, "rb") as f:
            STATE[title] = d.api("POST", f"/content?title={title.replace(' ', '-').encode().hex()}&name=tone.wav", f.read(), content_type="audio/wav")["id"]


def start(*arguments, seconds, devices=DEVICES, port=None):
    sim = Process([MEDIASIM, "loudspeakers", "--link", f"localhost:{port or STATE['port']}", "--devices", str(devices), "--credentials",
                   STATE["credentials"], "--codes", STATE["codes"], "--api", daemon().url(""), "--seconds", str(seconds), "--setup",
                   str(int(120 * PATIENCE)), "--json", "--verbose", "--max-latency", str(LATENCY_MS), "--max-start-error", "2000", *arguments], "mediasim")
    sim.wait_line("listening", 300)
    return sim


def finish(sim, seconds=120):
    sim.wait_line("<end of output>", seconds)
    code = sim.child.wait(10)
    text = "\n".join(line for line in sim.lines[:-1] if not re.match(r" *\d+\.\d s  ", line))
    assert "{" in text, f"mediasim ended with {code}: {text}"
    return code, json.loads(text[text.index("{"):])


def local(at):
    return datetime.datetime.fromtimestamp(at, zoneinfo.ZoneInfo("Asia/Ho_Chi_Minh")).strftime("%Y-%m-%dT%H:%M:%S")


def emergency():
    d = daemon()
    return d.api("POST", "/emergencies", {"areas": ["42"], "siren": "chime", "content": STATE["khẩn cấp"], "title": "Bão", "repeats": 1})["id"]


def cpu(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        rss = re.search(r"VmHWM:\s+(\d+)", f.read())
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(rss[1]) // 1024


def show_cost(sim, before, after, what):
    for name, pid in (("mediad", daemon().child.pid), ("mosquitto", STATE["mosquitto"].child.pid), ("mediasim", sim.child.pid)):
        print(f"# {what}: {name} {after[name][0] - before[name][0]:.1f} s of CPU, {after[name][1]} MiB at most", flush=True)


def costs(sim):
    return {name: cpu(pid) for name, pid in (("mediad", daemon().child.pid), ("mosquitto", STATE["mosquitto"].child.pid), ("mediasim", sim.child.pid))}


def day():
    """A programme at its time, an emergency over it, the programme goes on at its place."""
    d = daemon()
    before_lines = len(d.lines)
    sim = start("--skew", "3600", "--false-telemetry", "9" if DEVICES >= 200 else "40", "--downloads", "20", "--burst", "4", "--emergencies", "1", "--telemetry", "10",
                "--api-token", STATE["token"], seconds=46 if DEVICES <= 1000 else 100)
    at = int(time.time()) + (10 if DEVICES <= 1000 else 40)
    quiet = costs(sim)
    d.api("POST", "/schedules", {"name": "Bản tin", "content": STATE["chương trình"], "areas": ["42"], "start_local": local(at), "grace_s": 5})
    wait_until("the middle of the programme", lambda: time.time() > at + 8, 90, 0.2)
    planned = costs(sim)
    run = emergency()
    wait_until("the end of the emergency", lambda: time.time() > at + 20, 60, 0.2)
    ordered = costs(sim)
    show_cost(sim, quiet, planned, "timetable")
    show_cost(sim, planned, ordered, "emergency")
    report = d.api("GET", f"/alerts/{run}/report")
    code, v = finish(sim)
    print("# " + json.dumps(v["emergency"]) + "\n# " + json.dumps(v["programme"]) + "\n# " + json.dumps(v["link"]) + "\n# " + json.dumps(v["files"]))
    print("# the server has it: " + json.dumps({k: report.get(k) for k in ("targets", "reached", "sounded", "p50_us", "p95_us", "worst_us") if k in report}))
    assert code == 0 and v["passed"], v
    # a clock is as good as the answers are quick; a sanitizer's are slow
    assert v["link"]["online"] == DEVICES and v["link"]["corrected_to"] < (400 if PATIENCE == 1 else 5000), v["link"]
    assert v["signed"]["manifests"] >= DEVICES and v["signed"]["obeyed"] >= DEVICES and v["signed"]["forged"] == 0, v["signed"]
    assert v["emergency"]["sounded"] == DEVICES and v["emergency"]["p99"] < LATENCY_MS, v["emergency"]
    p = v["programme"]
    assert p["planned"] == 1 and p["cut"] == DEVICES and p["twice"] == p["expired"] == p["misplaced"] == 0, p
    assert v["reports"]["unconfirmed"] == 0 and v["reports"]["made"] >= 4 * DEVICES, v["reports"]
    assert v["telemetry"]["impossible"] == v["telemetry"]["impossible_asked"] > 0, v["telemetry"]
    assert v["telemetry"]["swapped"] == v["telemetry"]["swapped_asked"] > 0 and v["telemetry"]["honest_marked"] == 0, v["telemetry"]
    assert v["files"]["fetched"] > DEVICES // 10 and v["files"]["failed"] == 0, v["files"]
    assert not [line for line in d.lines[before_lines:] if "is not taken" in line], "mediad refused a message"


def storm_night():
    """Lines lost, power cut, segments lost, everybody back at once: slower, but nothing twice, nothing forgotten."""
    d = daemon()
    sim = start("--skew", "600", "--loss", "2", "--outage", "20", "--outage-length", "8", "--power-cuts", "20", "--reconnect-storm", "3", "--emergencies",
                "1", "--downloads", "0", "--burst", "2", "--min-answered", "95", "--max-latency", "30000", "--max-start-error", "5000", seconds=45)
    at = int(time.time()) + 15
    d.api("POST", "/schedules", {"name": "Đêm bão", "content": STATE["chương trình"], "areas": ["42"], "start_local": local(at), "grace_s": 10})
    wait_until("the middle of the programme", lambda: time.time() > at + 6, 60, 0.2)
    emergency()
    code, v = finish(sim)
    print("# " + json.dumps(v["emergency"]) + "\n# " + json.dumps(v["programme"]) + "\n# " + json.dumps(v["link"]))
    assert code == 0 and v["passed"], v
    assert v["link"]["losses"] >= DEVICES and v["link"]["back_after_storm"] > 0, v["link"]
    assert v["programme"]["twice"] == v["programme"]["misplaced"] == v["signed"]["obeyed_twice"] == 0, v


def forged():
    """Somebody has the broker's own key, but not the one that signs: nobody obeys, and the verdict tells."""
    link = os.path.join(daemon().state, "link")
    sim = start(seconds=6, devices=5)
    head, body = '{"alg":"EdDSA","kid":"x","typ":"mediad-command"}', json.dumps({"id": "c-1", "verb": "stop-all", "issued_ms": int(time.time() * 1000),
                                                                                "expires_ms": int(time.time() * 1000) + 60000})
    encoded = [base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (head.encode(), body.encode(), bytes(64))]
    subprocess.run(["mosquitto_pub", "-h", "localhost", "-p", str(STATE["port"]), "--cafile", os.path.join(link, "ca.pem"), "--cert",
                    os.path.join(link, "service.pem"), "--key", os.path.join(link, "service.key"), "-q", "1", "-i", "forger", "-t",
                    "mediad/1/down/loa-00001/command", "-m", ".".join(encoded)], check=True, timeout=20)
    code, v = finish(sim)
    assert code == 1 and not v["passed"] and v["signed"]["forged"] == 1 and v["signed"]["obeyed"] == 0, v
    assert any("wrong signature" in failure for failure in v["failures"]), v["failures"]
    assert any("nothing sounded" in failure for failure in v["failures"]), v["failures"]


def nobody():
    """No broker there, a loudspeaker without a certificate, too many for the limit of open files: told, not passed."""
    run = subprocess.run([MEDIASIM, "loudspeakers", "--link", f"localhost:{free_ports(1)[0]}", "--devices", "3", "--credentials", STATE["credentials"],
                          "--seconds", "1", "--setup", "1", "--json"], capture_output=True, timeout=60, check=False)
    assert run.returncode == 1 and "0 of 3 loudspeakers could connect" in run.stdout.decode(), run
    run = subprocess.run([MEDIASIM, "loudspeakers", "--link", "localhost:1", "--devices", str(DEVICES + 1), "--credentials", STATE["credentials"]],
                         capture_output=True, timeout=60, check=False)
    assert run.returncode == 1 and re.search(rf"holds {DEVICES} such loudspeakers, {DEVICES + 1} are needed", run.stderr.decode()), run
    run = subprocess.run(["sh", "-c", f"ulimit -n 300; exec {MEDIASIM} loudspeakers --link localhost:1 --devices 200 --credentials {STATE['credentials']}"],
                         capture_output=True, timeout=60, check=False)
    assert run.returncode == 1 and "open files, 300 are allowed" in run.stderr.decode(), run


if __name__ == "__main__":
    run_tap([("set-up", setup), ("a day", day), ("a storm night", storm_night), ("a forged command", forged), ("what cannot begin", nobody)])
