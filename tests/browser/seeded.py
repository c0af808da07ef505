# SPDX-License-Identifier: GPL-3.0-or-later
"""A province to look at: 69 communes, 5,000 loudspeakers of varied health, one mass outage, bulletins, schedules, meetings, a play log.

What there are thousands of is written into the store while mediad is down (a row made by the API is the pattern of each kind); everything else is
made by the API. Loudspeakers speak by MQTT, to a broker without TLS on loopback.
"""
import csv
import datetime
import http.cookies
import os
import random
import sqlite3
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peer"))
from harness import *  # noqa: E402,F403
from harness import _cleanups

os.environ["PATH"] += ":/usr/sbin"  # where Debian puts the broker
DEVICES = 5000
ZONE = datetime.timezone(datetime.timedelta(hours=7))
PASSWORD = "mot-hai-ba-bon-nam"
CARRIERS = ("Viettel", "VinaPhone", "MobiFone")
OUT = ("18496", "18502", "18523")  # communes whose loudspeakers go at once
# cause on the page -> how many have it: the rest are fine
FAULTS = {"no-power": 41, "no-signal": 38, "offline": 27, "volume": 22, "amplifier": 17, "line-open": 24, "no-schedule": 19, "no-media": 23, "clock": 9,
          "disabled": 31, "last-failed": 35, "pre-empted": 12}


def communes():
    with open(os.path.join(ROOT, "console", "src", "data", "communes.csv"), encoding="utf-8") as f:
        return list(csv.DictReader(f))


class Mqtt:
    """The little of MQTT 3.1.1 (QoS 0) that a loudspeaker needs to be heard."""

    def __init__(self, port, name):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        text = self._text("MQTT") + bytes([4, 2]) + struct.pack("!H", 0) + self._text(name)
        self.socket.sendall(self._packet(0x10, text))
        assert self.socket.recv(4) == b"\x20\x02\x00\x00"

    @staticmethod
    def _text(text):
        return struct.pack("!H", len(text.encode())) + text.encode()

    @staticmethod
    def _packet(kind, body):
        n, head = len(body), bytes([kind])
        while True:
            head += bytes([n % 128 | (128 if n > 127 else 0)])
            n //= 128
            if not n:
                return head + body

    def say(self, device, what, message, retain=False):
        self.socket.sendall(self._packet(0x30 | retain, self._text(f"mediad/1/up/{device}/{what}") + json.dumps(message).encode()))


class Province:
    def __init__(self, extra="", devices=DEVICES):
        self.dir = tempfile.mkdtemp(prefix="province-")
        _cleanups.append(lambda: shutil.rmtree(self.dir, ignore_errors=True))
        self.n, self.mqtt_port = devices, free_ports(1)[0]
        self.random = random.Random(42)
        self.communes = communes()
        self.broker = self._broker()
        config = DEFAULT_CONFIG.replace("allow_http = true;", f'allow_http = true; console_dir = "{BUILD}/console"; websockets_max = 200;')
        self.d = Mediad(config=config, extra=f'link: {{ broker_host = "127.0.0.1"; broker_port = {self.mqtt_port}; broker_plain = true; '
                        f'status_timeout_s = 86400; }};\n{extra}')
        self.d.sign_in()
        self.api = self.d.api
        self._areas()
        self._patterns()
        self.d.stop()
        self._fill()
        self.d._launch("mediad")
        self.mqtt = Mqtt(self.mqtt_port, "many-loudspeakers")
        wait_until("the broker", lambda: self.api("GET", "/link")["connected"], 20)

    def _broker(self):
        conf = os.path.join(self.dir, "mosquitto.conf")
        with open(conf, "w", encoding="ascii") as f:
            f.write(f"listener {self.mqtt_port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type information\nmax_queued_messages 0\n"
                    + ("user root\n" if os.getuid() == 0 else ""))
        process = Process(["mosquitto", "-c", conf], "mosquitto")
        process.wait_line(r"mosquitto version .* running")
        return process

    def _areas(self):
        self.api("PUT", "/areas/42", {"name": "Hà Tĩnh", "kind": "tinh"})
        for c in self.communes:
            self.api("PUT", f"/areas/{c['code']}", {"name": c["full_name"], "kind": c["kind"], "parent": "42"})

    def _patterns(self):
        """One row of each kind, as the API makes them."""
        for kind in ("link", "sip", "board"):
            self.api("PUT", f"/devices/mau-{kind}", {"name": kind, "area": "18073", "kind": kind, "volume": 70})

    # ------------------------------------------------------------ what there are thousands of

    def _kinds(self):
        """Cause of each loudspeaker by its number; none: it is fine."""
        faulty = {}
        numbers = self.random.sample(range(200, self.n), min(sum(FAULTS.values()), self.n - 200)) if self.n > 500 else list(range(1, self.n))
        for cause, count in FAULTS.items():
            for _ in range(count if self.n > 500 else 1):
                faulty[numbers.pop()] = cause
        return faulty

    def _fill(self):
        db = sqlite3.connect(os.path.join(self.d.state, "mediad.sqlite"))
        db.row_factory = sqlite3.Row
        patterns = {k: dict(db.execute("SELECT * FROM bc_devices WHERE id = ?", (f"mau-{k}",)).fetchone()) for k in ("link", "sip", "board")}
        db.execute("DELETE FROM bc_devices")
        now = int(time.time() * 1e6)
        self.faults, self.of, counts = self._kinds(), {}, {}
        devices, states, readings = [], [], []
        for i in range(self.n):
            commune = self.communes[i % len(self.communes)]
            fault = self.faults.get(i)
            kind = "link" if fault or i % 100 > 2 else "sip" if i % 100 == 0 else "board" if i % 100 == 1 else "link"
            here = counts[commune["code"]] = counts.get(commune["code"], 0) + 1
            name, what = f"loa-{commune['code']}-{here:03}", "Bảng tin" if kind == "board" else "Loa"
            row = dict(patterns[kind], id=name, name=f"{what} thôn {here} – {commune['name']}", area=commune["code"], enabled=0 if fault == "disabled" else 1,
                       model="LT-40", serial=f"HT{250000 + i}", address=f"Nhà văn hoá thôn {here}", vendor="", volume=70,
                       latitude=float(commune["centre_lat"]) + self.random.uniform(-.02, .02), longitude=float(commune["centre_lon"]) + self.random.uniform(-.02, .02),
                       outcome={"last-failed": "missed: no answer", "pre-empted": "missed: pre-empted by an emergency"}.get(fault, "played"),
                       outcome_us=now - self.random.randrange(3600, 40000) * 10**6)
            devices.append(row)
            self.of.setdefault(fault or ("fine" if kind == "link" else kind), []).append(name)
            if kind != "link":
                continue
            gone = fault in ("no-power", "no-signal", "offline")
            state = {"online": not gone, "software": "speakerd 1.0", "manifest_version": 0 if fault == "no-schedule" else 9 * 10**15, "media_wanted": 4,
                     "media_stored": 1 if fault == "no-media" else 4, "clock_offset_us": -7_300_000 if fault == "clock" else 1200, "boot_ms": (now - 86400 * 10**6) // 1000}
            states.append((name, json.dumps(state), 0 if gone else 1, now - 10**6 * (7200 if gone else 20), now - 10**6 * (7200 if gone else 90000)))
            says = {"carrier": CARRIERS[i % 3] if commune["code"] not in OUT else "VinaPhone", "power": "battery" if fault == "no-power" else "mains",
                    "signal_dbm": -118 if fault == "no-signal" else -60 - i % 35, "volume": 0 if fault == "volume" else 70,
                    "amplifier": "fault" if fault == "amplifier" else "ok", "left_line": "open" if fault == "line-open" else "ok", "right_line": "ok",
                    "temperature_c": 30 + i % 9}
            at = now - 10**6 * (7200 if gone else 30)
            readings += [(name, k, str(v), int(isinstance(v, int)), "measured", at, at, at, 3) for k, v in says.items()]
        columns = list(devices[0])
        db.executemany(f"INSERT INTO bc_devices ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", [tuple(d[c] for c in columns) for d in devices])
        db.executemany("INSERT INTO bc_link_states (device, state, online, seen_us, changed_us) VALUES (?, ?, ?, ?, ?)", states)
        db.executemany("INSERT INTO bc_link_readings (device, name, value, number, source, at_us, received_us, since_us, samples) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", readings)
        self._play_log(db, devices, now)
        db.commit()
        db.close()
        self.devices = devices

    def _play_log(self, db, devices, now):
        titles = ("Bản tin sáng", "Phòng chống cháy rừng", "Lịch tiêm phòng", "Thông báo cắt điện", "Bản tin chiều")
        runs, plays = [], []
        for n in range(24):
            start, title = now - 10**6 * (5400 + n * 5400), titles[n % len(titles)]
            area = "42" if n % 5 == 0 else self.communes[n * 7 % 69]["code"]
            those = [d for i, d in enumerate(devices) if (area == "42" and i % 4 == 0) or d["area"] == area]
            missed = 0
            for d in those:
                miss = d["id"] in self.silent()
                missed += miss
                plays.append((f"a-{n:04}", d["id"], d["area"], "missed" if miss else "played", "not connected" if miss else "", start, 0 if miss else start,
                              0 if miss else start + 180 * 10**6))
            runs.append((f"a-{n:04}", "schedule", title, 3, area, start, start + 180 * 10**6, "done", len(those), len(those) - missed, 0, missed, "phát thanh viên", start, 0))
        db.executemany("INSERT INTO bc_announcements (id, kind, title, priority, areas, start_us, end_us, state, devices, played, partial, missed, created_by, issued_us, drill)"
                       " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", runs)
        db.executemany("INSERT INTO bc_plays (announcement, device, area, outcome, reason, rang_us, from_us, to_us, rings) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)", plays)

    def silent(self):
        if not hasattr(self, "_silent"):
            self._silent = {d for cause in ("no-power", "no-signal", "offline", "disabled", "last-failed") for d in self.of.get(cause, [])}
        return self._silent

    # ------------------------------------------------------------ what is made as people make it

    def person(self, name, role, area=None):
        """A signed-in account with a second factor; what it asks for is asked with api()."""
        self.api("POST", "/users", {"name": name, "password": PASSWORD, "role": role, **({"area": area} if area else {})})
        return Person(self.d, name)

    def outage(self):
        """All loudspeakers of three communes go, with their carrier."""
        gone = [d["id"] for d in self.devices if d["area"] in OUT and d["kind"] == "link" and d["id"] in set(self.of["fine"])]
        for name in gone:
            self.mqtt.say(name, "state", {"online": False})
        return gone

    def sounding(self):
        path = os.path.join(self.dir, "tone.wav")
        write_tone_wav(path, 440, 40, channels=1)
        with open(path, "rb") as f:
            self.content = self.api("POST", "/content?title=B%E1%BA%A3n%20tin%20s%C3%A1ng&name=tone.wav", f.read(), content_type="audio/wav")["id"]
        return self.content

    def broadcasting(self):
        """Bulletins in every state, an inbox with a conflict, schedules of a week, quiet hours, what people reported."""
        content, editor, leader = self.sounding(), self.person("phat-thanh-vien", "provincial-editor"), self.person("truong-phong", "provincial-approver")
        texts = (("Lịch tiêm phòng dại cho chó mèo", "Sáng thứ bảy, từ 7 giờ đến 10 giờ, tại trạm y tế xã."), ("Thông báo cắt điện", "Điện lực cắt điện từ 8 giờ đến 11 giờ."),
                 ("Phòng chống cháy rừng", "Nắng nóng kéo dài, cấm đốt thực bì."), ("Họp dân thôn 3", "Tối thứ sáu, 19 giờ 30, tại nhà văn hoá."),
                 ("Bão số 9 đổi hướng", "Bão số 9 đang vào gần bờ, bà con gia cố nhà cửa."))
        for n, (title, text) in enumerate(texts):
            made = editor.api("POST", "/bulletins", {"title": title, "text": text, "area": "42", "areas": [c["code"] for c in self.communes[n * 3:n * 3 + 3]] if n else ["42"],
                                                     "priority": "priority" if n == 4 else "normal"})["id"]
            if n:
                editor.api("POST", f"/bulletins/{made}/submit", {})
            if n == 2:
                leader.api("POST", f"/bulletins/{made}/return", {"reason": "Ghi rõ số điện thoại kiểm lâm."})
            if n == 4:
                leader.api("POST", f"/bulletins/{made}/approve", {"revision": leader.api("GET", f"/bulletins/{made}")["revision"]})
            self.bulletin = made if n == 1 else getattr(self, "bulletin", "")
        today = datetime.datetime.now(ZONE).replace(second=0, microsecond=0)
        for name, hour, minute, areas, rule in (("Bản tin sáng", 5, 0, ["42"], "FREQ=DAILY"), ("Bản tin chiều", 17, 30, ["42"], "FREQ=DAILY"),
                                                ("Nông vụ", 6, 15, ["18673", "18676"], "FREQ=WEEKLY;BYDAY=MO,WE,FR"), ("Tiếng nói thiếu nhi", 16, 0, ["18073"], "FREQ=WEEKLY;BYDAY=SA,SU")):
            self.api("POST", "/schedules", {"name": name, "content": content, "areas": areas, "rule": rule,
                                            "start_local": (today + datetime.timedelta(days=1)).replace(hour=hour, minute=minute).strftime("%Y-%m-%dT%H:%M:%S")})
        self.api("PUT", "/areas/42/quiet-hours", {"hours": "21:30-05:00"})
        self.leader, self.editor = leader, editor

    def meeting(self, sites=69):
        """A booked one in two hours with all communes, whose sites have accounts; and one that is under way."""
        self.passwords = {name: self.d.add_account(name, display=c["full_name"], role="site", area=c["code"]) for c in self.communes[:sites] for name in [f"xa-{c['code']}"]}
        names = [f"xa-{c['code']}" for c in self.communes[:sites]]

        def at(minutes):
            return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.booked = self.api("POST", "/meetings", {
            "title": "Giao ban phòng chống thiên tai", "start": at(180), "minutes": 90, "trial": False, "invite": {"accounts": names}, "chair": names[0],
            "agenda": [{"who": "Ông Trần Văn Đức", "subject": "Tình hình bão số 9", "minutes": 15}, {"who": "Bà Lê Thị Hoa", "subject": "Phương án di dân", "minutes": 20}]})
        self.running = self.api("POST", "/meetings", {"title": "Giao ban tuần", "start": at(2), "minutes": 60, "open_min": 30, "trial": False,
                                                      "invite": {"accounts": names}, "dial": False, "force_because": "họp thường kỳ"})
        wait_until("the meeting to open", lambda: self.api("GET", "/meetings/" + self.running["id"])["state"] in ("open", "live"), 20)
        self.links = self.api("POST", f"/meetings/{self.running['id']}/links", {"invitees": [{"name": "UBND xã Cẩm Xuyên", "role": "chair"}, {"name": "Xã Kỳ Anh", "role": "site"}]})["links"]


def cookie(d):
    """A session of the console, as its sign-in makes it."""
    body = {"user": "tester", "password": d.secret, "one_time_code": d._recovery.pop(), "cookie": True}
    request = urllib.request.Request(d.url("/api/v1/session"), json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as reply:
        made = http.cookies.SimpleCookie(reply.headers["Set-Cookie"])
    (name, morsel), = made.items()
    return {"name": name, "value": morsel.value}


class Person:
    """An account with its own session and second factor."""

    def __init__(self, d, name):
        self.d, self.name = d, name
        self.token, self._recovery, self.otp_secret = None, [], None
        with self:
            d.token = d.api("POST", "/session", {"user": name, "password": PASSWORD}, token=False)["token"]
            secret = d.api("POST", "/session/second-factor/enrol", {"password": PASSWORD})["secret"]
            d._recovery = d.api("POST", "/session/second-factor/confirm", {"code": one_time_code(secret)})["recovery_codes"]
            d.otp_secret = secret

    def __enter__(self):
        d = self.d
        self.before = (d.token, d.otp_secret, d._recovery)
        d.token, d.otp_secret, d._recovery = self.token, self.otp_secret, self._recovery
        return self

    def __exit__(self, *_):
        d = self.d
        self.token, self.otp_secret, self._recovery = d.token, d.otp_secret, d._recovery
        d.token, d.otp_secret, d._recovery = self.before

    def api(self, *args, **more):
        with self:
            return self.d.api(*args, **more)

    def code(self):
        """A code for one sign-in."""
        return self._recovery.pop()
