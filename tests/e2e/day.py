#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A commune officer's day, its hours pressed into minutes: a bulletin written, spoken, approved by somebody else, the morning relay
with a station that fails, what comes from above, loudspeakers looked after, a notice nobody had planned, the report in the evening."""
import base64
import http.server
import subprocess
from village import *
from village import _cleanups

D = {}
HERE, NAMES = "18073", ("loa-1", "loa-2")
SPEECH = [(900, 3)]  # what the "voice" says here: known again in a recording


class Radio(threading.Thread):
    """A national station: a tone as MP3, until it is switched off."""

    def __init__(self, hz):
        super().__init__(daemon=True)
        self.on, radio = True, self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if not radio.on:
                    self.send_error(503)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "audio/mpeg")
                self.end_headers()
                source = subprocess.Popen(["ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", f"sine=frequency={hz}:duration=120", "-b:a", "96k", "-f",
                                           "mp3", "-"], stdout=subprocess.PIPE)
                try:
                    while radio.on and (data := source.stdout.read1(4096)):
                        self.wfile.write(data)
                except OSError:
                    pass
                source.kill()
                source.wait()

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/vov1"
        self.start()

    def run(self):
        self.server.serve_forever()


def village():
    if "v" not in D:
        folder = tempfile.mkdtemp(prefix="voice-")
        harness_cleanup(folder)
        voice = os.path.join(folder, "voice.wav")
        write_tone_wav(voice, SPEECH[0][0], SPEECH[0][1], channels=1)
        with open(os.path.join(folder, "speak"), "w", encoding="ascii") as f:
            f.write(f"#!/bin/sh\ncat > {folder}/said\nexec cat {voice}\n")
        os.chmod(f.name, 0o755)
        v = D["v"] = Village(broadcast=f'lead_s = 3; tts_command = ["{f.name}"];')
        D["said"] = os.path.join(folder, "said")
        for name in NAMES:
            v.add_link(name, HERE)
        v.online(*NAMES)
        D["officer"], D["leader"] = Person(v, "can-bo", "commune-editor", HERE), Person(v, "chu-tich", "commune-approver", HERE)
        D["province"] = Person(v, "tinh", "provincial-approver")
    return D["v"]


def harness_cleanup(folder):
    _cleanups.append(lambda: shutil.rmtree(folder, ignore_errors=True))


def read(person, bulletin):
    """What somebody approves or changes is what he has read."""
    return {"revision": person.api("GET", f"/bulletins/{bulletin}")["revision"]}


def written_and_approved():
    """Draft, speech, submission; not approved by its author, nor without a one-time code; then approved."""
    v = village()
    officer, leader = D["officer"], D["leader"]
    made = officer.api("POST", "/bulletins", {"title": "Lịch tiêm phòng", "text": "Sáng thứ bảy tiêm phòng tại trạm y tế.", "priority": "normal"})
    D["bulletin"] = made["id"]
    preview = officer.api("GET", f"/bulletins/{made['id']}/preview")
    assert preview["content"], preview
    officer.api("POST", f"/bulletins/{made['id']}/submit", {})
    status, reply = officer.request("POST", f"/bulletins/{made['id']}/approve", {})
    assert status == 403, (status, reply)
    status, reply = leader.request("POST", f"/bulletins/{made['id']}/approve", {})
    assert status == 403 and "second-factor" in reply["error"]["code"], (status, reply)
    leader.enrol()
    returned = leader.api("POST", f"/bulletins/{made['id']}/return", {"reason": "ghi rõ giờ"})
    assert returned["state"] == "returned" and returned["reason"] == "ghi rõ giờ", returned
    officer.api("PUT", f"/bulletins/{made['id']}", read(officer, made["id"]) | {"title": "Lịch tiêm phòng", "text": "Bảy giờ sáng thứ bảy tiêm phòng tại trạm y tế."})
    officer.api("POST", f"/bulletins/{made['id']}/submit", {})
    assert leader.api("POST", f"/bulletins/{made['id']}/approve", read(leader, made["id"]))["state"] == "approved"
    own = leader.api("POST", "/bulletins", {"title": "Của chính mình", "text": "Xin tự duyệt."})["id"]
    leader.api("POST", f"/bulletins/{own}/submit", {})
    status, reply = leader.request("POST", f"/bulletins/{own}/approve", read(leader, own))
    assert status in (403, 409), ("own work was approved", status, reply)
    history = json.dumps(officer.api("GET", f"/bulletins/{made['id']}/history"))
    assert "can-bo" in history and "chu-tich" in history, history


def morning():
    """The morning: the station is relayed, fails, the fallback takes its place; the approved bulletin is heard at its time, spoken."""
    v = village()
    leader, radio = D["leader"], Radio(1400)
    fallback = v.content(700, 4, title="du-phong")
    start = int(time.time()) + 14
    now = datetime.datetime.now(ZONE)
    if now.hour < 23:
        v.api("PUT", "/slots/sang", {"area": HERE, "name": "Buổi sáng", "from": f"{now:%H:%M}", "to": f"{now + datetime.timedelta(minutes=30):%H:%M}"})
    v.api("POST", "/schedules", {"name": "Tiếp âm VOV1", "areas": [HERE], "start_local": local(start), "grace_s": 10, **({"slot": "sang"} if now.hour < 23 else {}),
                                 "items": [{"kind": "relay", "url": radio.url, "fallback": fallback, "duration_s": 16, "silence_max_s": 3}]})
    speech_at = start + 19
    officer_schedule = leader.api("POST", f"/bulletins/{D['bulletin']}/schedule", {"start_local": local(speech_at), "areas": [HERE], "grace_s": 10})
    assert officer_schedule["schedule"]
    wait_until("the middle of the relay", lambda: time.time() > start + 6, 40)
    radio.on = False
    radio.server.shutdown()
    radio.server.server_close()
    for name in NAMES:
        relayed = v.speakers[name].tone(1400, start, start + 17)
        spare = [t for t in v.speakers[name].tone(700, start, start + 17) if t > start + 4]  # it may bridge the station's first moments
        assert relayed and relayed[0] < start + 4, (name, [t - start for t in relayed][:3])
        assert spare and spare[0] > start + 6 and spare[0] < start + 13, (
            name, [[(round(a - start, 1), round(b - start, 1)) for a, b in bursts(x)] for x in (relayed, spare)], v.speakers[name].process.lines[-25:])
        assert spare[-1] < start + 17, name
        spoken = v.speakers[name].tone(900, speech_at - 0.5, speech_at + 9)
        assert len(spoken) * WINDOW_S > 2.3, (name, "the bulletin was not spoken", len(spoken))
        print(f"# {name}: relayed {len(relayed) * WINDOW_S:.1f} s, fallback from +{spare[0] - start:.1f} s, speech from +{spoken[0] - speech_at:.1f} s")


def from_above():
    """From the province: normal waits for the commune, priority meets the commune's own and the commune says who goes first."""
    v = village()
    province, leader = D["province"], D["leader"]
    province.enrol()

    def send(title, priority, **more):
        made = province.api("POST", "/bulletins", dict({"title": title, "text": "Tin của tỉnh.", "priority": priority, "areas": [HERE]}, **more))["id"]
        province.api("POST", f"/bulletins/{made}/submit", {})
        v.api("POST", f"/bulletins/{made}/approve", read(v, made))
        return made
    send("Tin thường của tỉnh", "normal")

    def item(title):
        return next((i for i in leader.api("GET", "/inbox")["inbox"] if i["title"] == title), None)
    normal = wait_until("it in the inbox", lambda: item("Tin thường của tỉnh"), 15, 0.3)
    assert not normal.get("schedule"), normal
    tomorrow = local(time.time() + 86400)
    accepted = leader.api("POST", f"/inbox/{normal['id']}/accept", {"start_local": tomorrow})
    assert accepted["schedule"], accepted
    at = int(time.time()) + 4 * 3600
    own = v.content(650, 5)
    v.api("POST", "/schedules", {"name": "Ưu tiên của xã", "content": own, "areas": [HERE], "start_local": local(at), "priority": "priority"})
    send("Tin ưu tiên của tỉnh", "priority", asked_us=at * 1000000)
    conflict = wait_until("the conflict", lambda: next((c for c in leader.api("GET", "/inbox/conflicts")["conflicts"]), None), 15, 0.3)
    assert conflict["title"] == "Tin ưu tiên của tỉnh" and conflict["other_title"] == "Ưu tiên của xã" and conflict["deadline_us"] > time.time() * 1e6, conflict
    decided = leader.api("POST", f"/inbox/conflicts/{conflict['id']}", {"first": "own"})
    assert decided["choice"] == "own" and decided["decided_by"] == "chu-tich" and not decided.get("by_default"), decided
    assert not leader.api("GET", "/inbox/conflicts")["conflicts"]
    audit = json.dumps(v.api("GET", "/audit?limit=200"), ensure_ascii=False)
    assert "inbox" in audit, audit[:400]


def loudspeakers():
    """They are looked at, made softer, asked why they are silent; one is switched off."""
    v = village()
    tone = v.content(1000, 3)
    sent = v.api("POST", "/link/commands", {"verb": "volume", "volume": 30, "devices": [NAMES[0]]})["id"]
    wait_until("the volume", lambda: v.api("GET", f"/link/commands/{sent}")["done"] == 1, 20)
    at = time.time()
    D["notice"] = v.api("POST", "/announcements", {"content": tone, "areas": [HERE], "priority": "priority", "title": "Mất nước đột xuất"})["id"]
    for name in NAMES:
        v.speakers[name].process.wait_line(D["notice"] + ": ended", 20)
    level = {name: max(rms(v.speakers[name].sound(t, t + 1)) for t in (v.speakers[name].tone(1000, at, at + 6, 0.002)[5],)) for name in NAMES}
    assert level[NAMES[0]] < 0.6 * level[NAMES[1]], level
    v.speakers[NAMES[1]].process.kill()
    wait_until("it to be missed", lambda: not v.api("GET", f"/devices/{NAMES[1]}/health")["online"], 30, 0.3)
    why = D["officer"].ctl("devices", "why-silent", NAMES[1])
    assert why.strip(), why
    print("# why silent: " + why.strip().splitlines()[0][:150])
    D["missed"] = v.api("POST", "/announcements", {"content": tone, "areas": [HERE], "title": "Tìm trẻ lạc"})["id"]
    v.speakers[NAMES[0]].process.wait_line(D["missed"] + ": ended", 20)


def evening():
    """The report: what was played, what was missed and why; as a table and as a page; the trail of all this is whole."""
    v = village()

    def told():
        rows = v.plays(D["missed"])
        return len(rows) == 2 and rows[NAMES[0]]["outcome"] == "played" and rows[NAMES[1]]["outcome"] == "missed"
    try:
        wait_until("the play log", told, 60, 0.5)
    except AssertionError:
        raise AssertionError(v.plays(D["missed"])) from None
    today = datetime.datetime.now(ZONE).strftime("%Y-%m-%d")
    report = D["officer"].api("GET", f"/reports/plays?from={today}&to={today}&by=device")
    rows = {r["key"]: r for r in report["rows"]}
    assert rows[NAMES[0]]["played"] >= 3 and rows[NAMES[1]]["missed"] >= 1 and rows[NAMES[1]]["missed_why"], rows
    csv = os.path.join(v.dir, "report.csv")
    D["officer"].ctl("report", "--from", today, "--to", today, "--by", "device", "--csv", csv)
    with open(csv, encoding="utf-8-sig") as f:
        lines = f.read().splitlines()
    assert any(NAMES[1] in t for t in lines) and len(lines) >= 3, lines
    page = os.path.join(v.dir, "report.html")
    D["officer"].ctl("report", "--from", today, "--to", today, "--html", page)
    with open(page, encoding="utf-8") as f:
        assert "<table" in f.read()
    v.d.api("GET", "/audit?limit=10")
    done = subprocess.run([MEDIACTL, "--url", v.d.url(""), "audit", "verify"], capture_output=True, text=True,
                          env=dict(os.environ, MEDIACTL_TOKEN=v.d.token), timeout=60)
    assert done.returncode == 0, (done.stdout, done.stderr)
    v.d.stop()


run_chain([("written, spoken, approved", written_and_approved), ("the morning", morning), ("from above", from_above), ("loudspeakers", loudspeakers),
           ("the evening", evening)])
