#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened elsewhere must be impossible here: loudspeakers at 03:15 (Trung Lộc, 5/12/2025), loudspeakers that speak for strangers
(Thạch Hạ 2018, Hội An 2016, Đà Nẵng and Huế 2016-2020), boards in other hands (nationwide, 11/2023); and an outage of a whole
carrier is one incident (6/2025)."""
import base64
import sqlite3
import subprocess
from village import *
from speaker_bench import Signer

need("mosquitto_pub")
need("mosquitto_sub")
S = {}
AREA, NAMES = "18073", ("loa-1", "loa-2")


def village():
    if "v" not in S:
        v = S["v"] = Village(broadcast="lead_s = 3;")
        for name in NAMES:
            v.add_link(name, AREA)
        v.online(*NAMES)
        S["admin"] = v.d.token
        for name, role in (("ky-thuat", "commune-editor"), ("lanh-dao", "commune-approver"), ("pho", "commune-approver")):
            v.api("POST", "/users", {"name": name, "password": name + "-mot-hai-ba-bon", "role": role, "area": AREA})
            S[name] = Person(v, name)
    return S["v"]


class Person:
    """Somebody signed in, with a second factor if asked for."""

    def __init__(self, v, name):
        self.v, self.password = v, name + "-mot-hai-ba-bon"
        self.token = v.d.api("POST", "/session", {"user": name, "password": self.password}, token=False)["token"]

    def request(self, method, path, body=None):
        d = self.v.d
        own, d.token, secret, d.otp_secret = d.token, self.token, d.otp_secret, None
        try:
            return d.request(method, "/api/v1" + path, body)
        finally:
            d.token, d.otp_secret = own, secret

    def api(self, method, path, body=None):
        status, reply = self.request(method, path, body)
        assert 200 <= status < 300, (method, path, status, reply)
        return reply

    def enrol(self):
        secret = self.api("POST", "/session/second-factor/enrol", {"password": self.password})["secret"]
        self.api("POST", "/session/second-factor/confirm", {"code": one_time_code(secret)})
        return self


def quiet_now(v, on=True):
    now = datetime.datetime.now(ZONE)
    hours = f"{now - datetime.timedelta(minutes=5):%H:%M}-{now + datetime.timedelta(hours=3):%H:%M}" if on else "none"
    v.api("PUT", f"/areas/{AREA}/quiet-hours", {"hours": hours})
    assert v.api("GET", f"/areas/{AREA}/quiet-hours")["quiet"] is on


def silent(v, start, end, why):
    for name in NAMES:
        loud = v.speakers[name].loud(start, end)
        assert not loud, (name, why, [round(t - start, 1) for t in bursts(loud)[0]])


def quarter_past_three():
    """A technician sets the relay to the middle of the night: refused, blocked in rehearsal, and silent even when he forces it."""
    v, tech = village(), None
    tech = S["ky-thuat"]
    tone = S["tone"] = v.content(1000, 5)
    quiet_now(v)
    at = int(time.time()) + 12
    body = {"name": "Tiếp sóng 03:15", "content": tone, "areas": [AREA], "start_local": local(at), "rule": "FREQ=DAILY", "grace_s": 60}
    status, reply = tech.request("POST", "/schedules", body)
    assert status == 403, (status, reply)  # he forms programmes; to put them on the air takes somebody else
    status, reply = v.d.request("POST", "/api/v1/schedules", body)
    assert status == 409 and "quiet" in json.dumps(reply), (status, reply)
    draft = tech.api("POST", "/schedules", dict(body, draft=True))["id"]
    problems = v.api("GET", f"/rehearsal?area={AREA}&days=2&draft={draft}")["problems"]
    assert any(p["kind"] == "quiet" and p["blocks"] for p in problems), problems
    status, reply = tech.request("POST", f"/schedules/{draft}/publish", {})
    assert status == 403, (status, reply)
    S["lanh-dao"].enrol()
    status, reply = S["lanh-dao"].request("POST", f"/schedules/{draft}/publish", {})
    assert status == 409 and "quiet" in json.dumps(reply), (status, reply)
    # one person alone with the right to publish and a reason: in the timetable, and still not heard
    v.api("POST", "/schedules", dict(body, name="Ép lịch", reason="kỹ thuật viên bảo chạy thử"))
    begun = time.time()
    time.sleep(max(0, at + 7 - time.time()))
    silent(v, begun, at + 6, "a forced programme sounded in quiet hours")
    for s in v.api("GET", "/schedules")["schedules"]:
        v.api("DELETE", f"/schedules/{s['id']}")


def forged_row():
    """A row changed in the database behind everybody's back does not sound either."""
    v = village()
    later = v.schedule("Bản tin sáng mai", S["tone"], [AREA], time.time() + 5 * 3600)["id"]
    v.d.kill(signal.SIGKILL)
    at = int(time.time()) + 14
    with sqlite3.connect(os.path.join(v.d.state, "mediad.sqlite")) as db:
        assert db.execute("UPDATE bc_schedules SET start_local = ?, grace_s = 600, draft = 0 WHERE id = ?", (local(at), later)).rowcount == 1
    begun = time.time()
    v.restart_mediad()
    time.sleep(max(0, at + 7 - time.time()))
    silent(v, begun, at + 6, "a forged row sounded in quiet hours")
    v.api("DELETE", f"/schedules/{later}")


def two_people():
    """Two people may: one forms it, another releases it; the one who formed it cannot."""
    v = village()
    v.online(*NAMES)
    at = int(time.time()) + 14
    boss, other = S["lanh-dao"], S["pho"].enrol()
    draft = boss.api("POST", "/schedules", {"name": "Báo tang", "content": S["tone"], "areas": [AREA], "start_local": local(at), "grace_s": 30, "draft": True})["id"]
    status, reply = boss.request("POST", f"/schedules/{draft}/quiet-release", {"reason": "xin phép"})
    assert status == 409 and reply["error"]["code"] == "own-work", (status, reply)
    other.api("POST", f"/schedules/{draft}/quiet-release", {"reason": "đồng ý"})
    other.api("POST", f"/schedules/{draft}/publish", {})
    for name in NAMES:
        heard = v.speakers[name].tone(1000, at - 1, at + 6)
        assert heard and abs(heard[0] - at) < 0.3 and len(heard) > 40, (name, heard[:2], len(heard))
    audit = json.dumps(v.api("GET", "/audit?limit=200"), ensure_ascii=False)
    assert "lanh-dao" in audit and "pho" in audit and "quiet-release" in audit, audit[:600]


def stop_all():
    """And when it sounds all the same: one step, and the area is silent, and stays so."""
    v = village()
    quiet_now(v, False)
    long = v.content(800, 25)
    for priority in ("priority", "emergency"):
        run = v.api("POST", "/announcements", {"content": long, "areas": [AREA], "priority": priority, "title": "Sự cố " + priority})["id"]
        for name in NAMES:
            v.speakers[name].process.wait_line(run + ": began", 20)
    time.sleep(1)
    pressed = time.time()
    v.api("POST", f"/areas/{AREA}/stop-all")
    silent(v, pressed + 1, pressed + 6, "not silent one second after stop-all")
    for name in NAMES:
        assert v.speakers[name].tone(800, pressed - 0.8, pressed), name
        sounds = v.speakers[name].tone(800, pressed, pressed + 1.2)
        print(f"# {name}: silent {(sounds[-1] - pressed + WINDOW_S) if sounds else 0:.1f} s after stop-all")


# ---------------------------------------------------------------- strangers

def hijack(name, topic, text, retain=False):
    """As somebody who has taken over the broker: with mediad's own certificate, but without the key that signs."""
    v = village()
    folder = os.path.join(v.d.state, "link")
    subprocess.run(["mosquitto_pub", "-h", "localhost", "-p", str(v.port), "--cafile", f"{folder}/ca.pem", "--cert", f"{folder}/service.pem", "--key",
                    f"{folder}/service.key", "-i", "ke-gian", "-q", "1", "-t", f"mediad/1/down/{name}/{topic}", "-m", text] + (["-r"] if retain else []),
                   check=True, timeout=20)


def strangers():
    """Whoever takes the network or the broker can make no loudspeaker speak: other keys, changed words, old words, somebody else's
    words, words of another kind. Each is refused and noted; what is true goes on."""
    v = village()
    folder = os.path.join(v.d.state, "link")
    ear = Process(["stdbuf", "-oL", "mosquitto_sub", "-h", "localhost", "-p", str(v.port), "--cafile", f"{folder}/ca.pem", "--cert",
                   f"{folder}/service.pem", "--key", f"{folder}/service.key", "-i", "ke-nghe-len", "-d", "-v", "-q", "1", "-t", "mediad/1/#"], "ear")
    ear.wait_line("received SUBACK", 10)
    tone = v.content(1200, 3)
    run = v.api("POST", "/announcements", {"content": tone, "areas": [AREA], "priority": "emergency", "title": "Thật"})["id"]
    for name in NAMES:
        v.speakers[name].process.wait_line(run + ": ended", 20)

    def caught(name, topic):
        line = next(t for t in reversed(ear.lines) if t.startswith(f"mediad/1/down/{name}/{topic} e"))
        return line.split(" ", 1)[1]
    order, other_list = caught("loa-1", "command"), caught("loa-2", "manifest")
    head, body, signature = order.split(".")
    words = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    now = int(time.time() * 1000)
    words.update(id="c-gia", issued_ms=now, expires_ms=now + 60000)
    words["item"].update(occurrence="a-gia", start_ms=now, expires_ms=now + 60000, priority=1)
    changed = base64.urlsafe_b64encode(json.dumps(words).encode()).rstrip(b"=").decode()
    thief = Signer(v.dir, "thief")
    listed = {"device": "loa-1", "version": 2 ** 40, "issued_ms": now, "valid_until_ms": now + 10 ** 9, "zone": "Asia/Ho_Chi_Minh", "areas": [AREA],
              "media_base": words.get("media_base", "http://127.0.0.1:1/"), "volume": 100, "items": [dict(words["item"], start_ms=now + 1500)]}
    marks = {name: v.speakers[name].process.mark() for name in NAMES}
    begun = time.time()
    for name in NAMES:
        hijack(name, "command", thief.sign("mediad-command", words))                   # another key
        hijack(name, "manifest", thief.sign("mediad-manifest", dict(listed, device=name)), retain=True)
        hijack(name, "keys", thief.sign("mediad-keys", {"keys": [thief.jwk]}))          # "believe me from now on"
        hijack(name, "command", thief.sign("mediad-command", dict(words, id="c-gia-2")))
        hijack(name, "command", f"{head}.{changed}.{signature}")                       # our signature, other words
        hijack(name, "command", order)                                                 # said before
        hijack(name, "command", other_list)                                            # another kind of token
        unsigned = base64.urlsafe_b64encode(b'{"alg":"none","typ":"mediad-command"}').rstrip(b"=").decode()
        hijack(name, "command", f"{unsigned}.{changed}.")
        hijack(name, "command", json.dumps(words))
    hijack("loa-1", "manifest", other_list, retain=True)                               # somebody else's timetable
    wait_until("five seconds", lambda: time.time() > begun + 5, 10)
    silent(v, begun, begun + 4.5, "spoke for a stranger")
    for name in NAMES:
        lines = v.speakers[name].process.lines[marks[name]:]
        refused = [t for t in lines if re.search(r"refus|signature|not for|believ|said before|known|token", t)]
        assert len(refused) >= 6, (name, lines)
        assert not any("a-gia: began" in t for t in lines), lines
    acks = [t for t in ear.lines if "/ack " in t and '"refused"' in t]
    assert any("c-gia" in t for t in acks), (acks, "no stranger's order was reported upward")
    # without a certificate of ours there is no door at all
    for more in ([], ["--cert", thief.path, "--key", thief.path]):
        done = subprocess.run(["mosquitto_pub", "-h", "localhost", "-p", str(v.port), "--cafile", f"{folder}/ca.pem", *more, "-t", "mediad/1/down/loa-1/command",
                               "-m", order], capture_output=True, timeout=20)
        assert done.returncode != 0, more
    ear.kill()
    at = time.time()
    v.api("POST", "/announcements", {"content": tone, "areas": [AREA], "priority": "emergency", "title": "Vẫn nghe lệnh thật"})
    for name in NAMES:
        assert len(v.speakers[name].tone(1200, at, at + 5)) > 20, (name, "does not obey the true centre any more")


# ---------------------------------------------------------------- boards

def boards():
    """No board without a key, no key that anybody could guess, wrong pictures are flagged, and a board is made blank from afar."""
    v = village()
    v.api("PUT", "/devices/bang-1", {"name": "Bảng cổng chào", "area": AREA, "kind": "board"})

    def board(method, path, key=None, body=None):
        headers = {"X-Board-Key": key} if key else {}
        return v.d.request(method, "/board/bang-1" + path, body, token=False, headers=headers)
    for key in (None, "", "admin", "123456", "bang-1", "0" * 64):
        for method, path, body in (("GET", "/state", None), ("POST", "/shown", {"item": "blank", "content": "0" * 64, "picture": "0" * 64, "shown_us": 1})):
            status, _ = board(method, path, key, body)
            assert status in (401, 403, 429), (key, path, status)
    one, two = (v.api("POST", "/boards/bang-1/key")["path"].split("#")[1] for _ in range(2))
    assert one != two and len(two) >= 20, two
    assert board("GET", "/state", one)[0] == 403, "a voided key was taken"
    item = v.api("POST", "/board-items", {"area": AREA, "kind": "text", "title": "Chào mừng", "body": "Xã văn hóa", "seconds": 60})["id"]
    status, state = board("GET", "/state", two)
    assert status == 200 and "Chào mừng" in json.dumps(state, ensure_ascii=False), state
    # a stranger has put his own line on it: the page says what it shows, and that is not what it should
    status, reply = board("POST", "/shown", two, {"item": item, "content": "ab" * 32, "picture": "cd" * 32, "shown_us": int(time.time() * 1e6)})
    assert status == 200 and reply["verdict"] == "content-differs", reply
    assert v.api("GET", "/boards/bang-1")["verdict"] == "content-differs"
    foreign = {"item": "co-bac", "content": "ab" * 32, "picture": "cd" * 32}
    reply = wait_until("the next report to be taken", lambda: next((r for _, r in [board("POST", "/shown", two, dict(
        foreign, shown_us=int(time.time() * 1e6)))] if r["verdict"] != "too-often"), None), 30, 1)
    assert reply["verdict"] == "unknown-item", reply
    v.api("DELETE", f"/board-items/{item}")
    status, state = board("GET", "/state", two)
    assert status == 200 and "Chào mừng" not in json.dumps(state, ensure_ascii=False), state
    v.api("POST", "/boards/bang-1/key")  # and whoever had its key is out
    assert board("GET", "/state", two)[0] == 403


def ends():
    village().d.stop()


run_chain([("03:15", quarter_past_three), ("a forged row", forged_row), ("two people", two_people), ("stop-all", stop_all), ("strangers", strangers),
           ("boards", boards), ("the end", ends)])
