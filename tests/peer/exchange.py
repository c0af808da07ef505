#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A central system of Python's own HTTP server: what goes up, what comes down, and a journal that outlives kill -9."""
import datetime
import hashlib
import json
import signal
import subprocess
import threading
import time
import zoneinfo
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from harness import *

TABLES = os.path.join(ROOT, "deploy/samples/data/exchange-codes.csv")


class Central:
    """Keeps what it was sent by message id; down: what it answers then."""

    def __init__(self, port=0):
        self.tokens, self.messages, self.bulletins, self.down, self.logins, self.twice, self.files = set(), [], [], None, 0, 0, {}
        self.lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def answer(self, status, body):
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def allowed(self):
                return self.headers.get("Authorization", "").removeprefix("Bearer ") in outer.tokens

            def do_GET(self):
                if self.path in outer.files:
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(outer.files[self.path])))
                    self.end_headers()
                    self.wfile.write(outer.files[self.path])
                    return
                with outer.lock:
                    if outer.down:
                        self.answer(outer.down, {})
                    elif not self.allowed():
                        self.answer(401, {"TrangThaiGui": 1})
                    else:
                        self.answer(200, {"TrangThaiGui": 0, "NoiDung": outer.bulletins})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer.lock:
                    if outer.down:
                        self.answer(outer.down, {})
                    elif self.path == "/api/login":
                        ok = body == {"Username": "hatinh", "Password": "bí mật"}
                        outer.logins += ok
                        token = f"t{len(outer.tokens)}-{outer.logins}"
                        outer.tokens |= {token} if ok else set()
                        self.answer(200, {"TrangThaiGui": 0 if ok else 1, "MoTa": "", "NoiDung": {"Token": token} if ok else None})
                    elif not self.allowed():
                        self.answer(401, {"TrangThaiGui": 1, "MoTa": "token"})
                    else:
                        known = {m[0]: m for m in outer.messages}
                        id = self.headers["X-Message-ID"]
                        if id not in known:
                            outer.messages.append((id, self.path, body))
                        elif known[id][1:] != (self.path, body):
                            outer.twice += 1
                        self.answer(200, {"TrangThaiGui": 0, "MoTa": ""})

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def of(self, path):
        with self.lock:
            return [m[2] for m in self.messages if m[1] == path]


os.environ["PATH"] += ":/usr/sbin"  # where Debian puts the broker
for tool in ("mosquitto", "mosquitto_pub", "mosquitto_sub", "openssl"):
    need(tool)
CENTRAL = Central()
DAEMON = None
STATE = {}


def daemon():
    global DAEMON
    if not DAEMON:
        secret = tempfile.NamedTemporaryFile("w", delete=False, suffix=".credentials")
        secret.write("hatinh\nbí mật\n")
        secret.close()
        os.chmod(secret.name, 0o600)
        STATE["port"] = free_ports(1)[0]
        DAEMON = Mediad(extra=f'link: {{ broker_host = "localhost"; broker_port = {STATE["port"]}; }};\nexchange: {{ tables_file = "{TABLES}"; central_url = "http://127.0.0.1:{CENTRAL.port}"; '
                              f'central_credentials_file = "{secret.name}"; poll_s = 1; status_s = 2; retry_max_s = 5; vendors = true; media_base = "http://127.0.0.1:1/api/v1/exchange/media/"; }};\n')
        DAEMON.sign_in()
        DAEMON.api("PUT", "/areas/42", {"name": "Hà Tĩnh", "kind": "tinh", "ident": "H27"})
        DAEMON.api("PUT", "/areas/18073", {"name": "Phường Thành Sen", "kind": "phuong", "parent": "42", "ident": "H27.1"})
        DAEMON.api("PUT", "/devices/loa-1", {"name": "Loa 1", "area": "18073", "kind": "sip", "vendor": "A", "volume": 80})
    return DAEMON


def status_and_devices_go_up():
    d = daemon()
    rows = wait_until("a status of loa-1", lambda: [s for b in CENTRAL.of("/api/thietbi/trangthai/danhsach") for s in b["DanhSachTrangThai"]], 20)
    row = rows[-1]
    assert row["NguonID"] == "H27" and row["DichID"] == "H27.1" and row["CumLoaID"] == "loa-1", row
    assert row["AmLuong"] == "80" and row["TrangThaiHoatDong"] == "2", row          # texts, as installed devices send them
    assert abs(row["ThoiDiemBatDau"] - time.time()) < 60, row                      # epoch seconds
    listed = wait_until("the list of devices", lambda: CENTRAL.of("/api/thietbi/danhsach"), 20)
    assert listed[-1]["DanhSachThietBi"][0]["TenThietBi"] == "Loa 1", listed
    assert d.api("GET", "/exchange")["logged_in"] is True


def play_log_goes_up():
    d = daemon()
    path = os.path.join(d.state, "tone.wav")
    write_tone_wav(path, 440, 2)
    with open(path, "rb") as f:
        content = d.api("POST", "/content?title=Tiếng&name=tone.wav".replace("ế", "%E1%BA%BF"), f.read(), content_type="audio/wav")["id"]
    d.api("POST", "/announcements", {"content": content, "areas": ["18073"], "title": "Bản tin thử"})
    rows = wait_until("the play log", lambda: [p for b in CENTRAL.of("/api/nhatky/danhsach") for p in b["DanhSachNhatKy"]], 60)
    assert rows[0]["CumLoaID"] == "loa-1" and rows[0]["TieuDe"] == "Bản tin thử" and rows[0]["MucDoUuTien"] == "3", rows
    assert rows[0]["ThoiLuong"] == "00:00:00" and rows[0]["KetQua"] == "missed", rows  # nobody answers there: not said to be heard


def priority_bulletin_comes_to_the_commune():
    d = daemon()
    bulletin = {"NguonId": "TW", "BanTinId": 777, "LoaiBanTin": 1, "MucDoUuTien": "2", "TieuDe": "Tiêm phòng", "LoaiLinhVuc": 4,
                "NoiDung": "Mời bà con đi tiêm phòng.", "DanhSachDiaBanNhan": [{"DichID": "H27.1"}], "LaLung": [1, {"a": None}]}
    with CENTRAL.lock:
        CENTRAL.bulletins = [bulletin]
    items = wait_until("the inbox", lambda: [i for i in d.api("GET", "/inbox")["inbox"]
                                             if i["title"] == "Tiêm phòng"], 60)
    assert items[0]["priority"] == "priority" and items[0]["area"] == "18073" and items[0]["origin"] == "central", items
    receipts = wait_until("the receipt", lambda: CENTRAL.of("/api/bantin/xacnhan"), 30)
    assert receipts[0]["BanTinID"] == "777" and receipts[0]["TrangThaiGui"] == 0, receipts
    time.sleep(3)
    down = [m for m in d.api("GET", "/exchange/journal?peer=central")["messages"] if m["direction"] == "down"]
    assert len(down) == 1, down  # asked for every second, kept once
    with CENTRAL.lock:
        CENTRAL.bulletins = []


def png(width, height):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(b"".join(b"\0" + b"\x20\x90\x40" * width for _ in range(height)))) + chunk(b"IEND", b""))


def pictures_and_videos_are_fetched():
    """What a bulletin shows is an attachment here, found by its hash; what is no such file is refused, saying why."""
    d = daemon()
    video = os.path.join(d.state, "v.mp4")
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=d=1:s=64x48:r=10", "-pix_fmt", "yuv420p", video], check=True)
    with open(video, "rb") as f:
        CENTRAL.files.update({"/anh/b%C3%A3o.png": png(64, 48), "/v.mp4": f.read(), "/no.png": b"not a picture at all" * 9})
    base = {"BanTinID": "", "LoaiBanTin": "2", "MucDoUuTien": "3", "TieuDe": "", "DanhSachDiaBanNhan": [{"DichID": "H27.1"}]}
    rows = (("901", "2", "/anh/b%C3%A3o.png"), ("902", 4, "/v.mp4"), ("903", 2, "/no.png"), ("904", 4, "/anh/b%C3%A3o.png"), ("905", 2, "/missing.png"), ("906", 2, None))
    with CENTRAL.lock:
        CENTRAL.bulletins = [dict(base, BanTinID=id, LoaiBanTin=kind, TieuDe="Hình " + id, **({"NoiDung": f"http://127.0.0.1:{CENTRAL.port}{path}"} if path else {}))
                             for id, kind, path in rows]

    def receipts():
        found = {r["BanTinID"]: r for r in CENTRAL.of("/api/bantin/xacnhan") if r["BanTinID"].startswith("90")}
        return found if len(found) == len(rows) else None
    told = wait_until("all receipts", receipts, 60)
    with CENTRAL.lock:
        CENTRAL.bulletins = []
    assert [told[row[0]]["TrangThaiGui"] for row in rows] == [0, 0, 1, 1, 1, 1], told
    assert "kind image" in told["904"]["MoTa"] and "NoiDung" in told["906"]["MoTa"] and told["903"]["MoTa"], told
    have = {b["title"]: b for b in d.api("GET", "/bulletins")["bulletins"] if b["title"].startswith("Hình")}
    assert sorted(have) == ["Hình 901", "Hình 902"], have
    for title, kind, path in (("Hình 901", "image", "/anh/b%C3%A3o.png"), ("Hình 902", "video", "/v.mp4")):
        id, = d.api("GET", f"/bulletins/{have[title]['id']}")["attachments"]
        assert id == hashlib.sha256(CENTRAL.files[path]).hexdigest() and d.api("GET", f"/attachments/{id}")["kind"] == kind, have[title]
    assert d.api("GET", f"/attachments/{hashlib.sha256(CENTRAL.files[rows[0][2]]).hexdigest()}")["name"] == "bão.png"
    assert sorted(i["title"] for i in d.api("GET", "/inbox")["inbox"] if i["title"].startswith("Hình")) == ["Hình 901", "Hình 902"]


def curl_pushes_a_bulletin():
    d = daemon()
    key = d.api("POST", "/keys", {"name": "tw", "purpose": "central"})["key"]
    body = {"BanTinID": "778", "LoaiBanTin": "1", "MucDoUuTien": 3, "TieuDe": "Thông thường", "NoiDung": "Xin chào."}

    def push(key):
        reply = subprocess.run(["curl", "-sk", "-w", "\n%{http_code}", "-H", f"X-Api-Key: {key}", "-H", "X-Message-ID: tw-1", "-H",
                                "Content-Type: application/json", "-d", json.dumps(body), d.url("/api/v1/exchange/central/bulletin")],
                               capture_output=True, text=True, check=True).stdout
        text, code = reply.rsplit("\n", 1)
        return int(code), json.loads(text)
    code, reply = push(key)
    assert code == 202 and reply["TrangThaiGui"] == 0, (code, reply)
    code, reply = push(key)
    assert code == 200 and reply["MoTa"] == "known already", (code, reply)
    code, reply = push("wrong")
    assert code == 401, (code, reply)


def log_in_again_after_401():
    d = daemon()
    before = CENTRAL.logins
    with CENTRAL.lock:
        CENTRAL.tokens.clear()
        n = len(CENTRAL.messages)
    wait_until("messages after a new log-in", lambda: len(CENTRAL.messages) > n, 30)
    assert CENTRAL.logins > before


def kill_loses_and_doubles_nothing():
    d = daemon()
    with CENTRAL.lock:
        CENTRAL.down = 503
    path = os.path.join(d.state, "tone2.wav")
    write_tone_wav(path, 880, 2)
    with open(path, "rb") as f:
        content = d.api("POST", "/content?title=Hai&name=tone2.wav", f.read(), content_type="audio/wav")["id"]
    d.api("POST", "/announcements", {"content": content, "areas": ["18073"], "title": "Lúc mất liên lạc"})
    wait_until("the play log in the journal", lambda: [m for m in d.api("GET", "/exchange/journal")["messages"]
                                                       if m["object"] == "plays" and m["state"] != "acknowledged"], 60)
    d.kill(signal.SIGKILL)
    d._launch("mediad")
    with CENTRAL.lock:
        CENTRAL.down = None
    wait_until("the play log after the restart", lambda: [p for b in CENTRAL.of("/api/nhatky/danhsach") for p in b["DanhSachNhatKy"]
                                                          if p["TieuDe"] == "Lúc mất liên lạc"], 60)
    time.sleep(3)
    rows = [p for b in CENTRAL.of("/api/nhatky/danhsach") for p in b["DanhSachNhatKy"] if p["TieuDe"] == "Lúc mất liên lạc"]
    assert sorted(r["CumLoaID"] for r in rows) == ["imei-1", "imei-2", "loa-1"] and CENTRAL.twice == 0, rows


def devices_of_another_maker():
    d = daemon()
    for make, name in (("A", "imei-1"), ("B", "imei-2")):
        d.api("PUT", f"/devices/{name}", {"name": name, "area": "18073", "kind": "gateway", "vendor": make, "volume": 60})
    key = d.api("POST", "/keys", {"name": "A", "purpose": "vendor"})["key"]

    def curl(path, body=None, token=None):
        command = ["curl", "-sk", "-w", "\n%{http_code}", d.url("/api/v1/exchange/vendor" + path)]
        command += ["-H", f"Authorization: Bearer {token}"] if token else []
        command += ["-H", "Content-Type: application/json", "-d", json.dumps(body)] if body is not None else []
        text, code = subprocess.run(command, capture_output=True, text=True, check=True).stdout.rsplit("\n", 1)
        return int(code), json.loads(text)
    assert curl("/login", {"Username": "B", "Password": key})[0] == 401
    token = curl("/login", {"Username": "A", "Password": key})[1]["NoiDung"]["Token"]
    status = {"NguonId": "H27", "CumLoaId": "imei-1", "AmLuong": 80, "TrangThaiHoatDong": 2, "TrangThaiKetNoi": "4G,-10dbm",
              "ThongTinThietBi": {"NhietDo": "41"}, "ThoiDiemBatDau": str(int(time.time()))}
    code, reply = curl("/messages/status", status, token)
    assert code == 200 and reply["TrangThaiGui"] == 0, reply
    code, reply = curl("/messages/status", [status, dict(status, CumLoaId="imei-2")], token)
    assert code == 404 and "imei-2" in reply["MoTa"], reply     # somebody else's
    assert curl("/orders", token="nonsense")[0] == 401

    def get(name):
        for o in curl("/orders", token=token)[1]["NoiDung"]:
            if o["object"] == name:
                return o
    volume = wait_until("the volume order", lambda: get("command"), 10)
    assert volume["body"]["DieuKhienThietBi"] == {"MaLenh": "0", "ThamSo": "60"}, volume
    assert volume["body"]["DanhSachThietBi"]["CumLoaID"] == ["imei-1"], volume
    assert curl(f"/orders/{volume['id']}/confirm", {"TrangThaiGui": 0}, token)[0] == 200
    assert curl(f"/orders/{volume['id']}/confirm", {"TrangThaiGui": 0}, token)[0] == 404
    path = os.path.join(d.state, "tone3.wav")
    write_tone_wav(path, 660, 6)
    with open(path, "rb") as f:
        content = d.api("POST", "/content?title=Ba&name=tone3.wav", f.read(), content_type="audio/wav")["id"]
    run = d.api("POST", "/announcements", {"content": content, "areas": ["18073"], "title": "Cho loa hãng khác"})["id"]
    play = wait_until("the order to play", lambda: get("play-now"), 20)
    assert play["body"]["BanTinID"] == run and play["body"]["MucDoUuTien"] == "3" and play["body"]["NoiDung"].endswith(content), play
    assert play["body"]["DanhSachThietBi"]["CumLoaID"] == ["imei-1"], play   # not the other make's
    assert curl(f"/orders/{play['id']}/confirm", {"TrangThaiGui": "0"}, token)[0] == 200
    mp3 = subprocess.run(["curl", "-s", d.url("/api/v1/exchange/media/" + content)], capture_output=True, check=True).stdout
    assert len(mp3) > 5000 and (mp3[:3] == b"ID3" or mp3[0] == 0xff), mp3[:16]
    assert curl("/messages/play", {"CumLoaID": "imei-1", "BanTinID": run, "ThoiDiemBatDau": int(time.time())}, token)[0] == 200

    def began():
        return [p for p in d.api("GET", f"/play-log/{run}")["plays"] if p["device"] == "imei-1" and p["outcome"] not in ("waiting", "missed")]
    row = wait_until("that it began", began, 20)
    assert row[0]["from_us"], row
    STATE.update(curl=curl, key=key, content=content)


def another_maker_plays_by_its_schedule():
    """Confirmed, it is not ordered item by item; what it says it played stands in the play log; removed, it is taken back."""
    d, curl = daemon(), STATE["curl"]
    token = curl("/login", {"Username": "A", "Password": STATE["key"]})[1]["NoiDung"]["Token"]

    def order(name):
        found = None
        for o in curl("/orders", token=token)[1]["NoiDung"]:
            found = o if o["object"] in name else found
            assert curl(f"/orders/{o['id']}/confirm", {"TrangThaiGui": 0}, token)[0] == 200
        return found
    start = int(time.time()) + 15
    local = datetime.datetime.fromtimestamp(start, zoneinfo.ZoneInfo("Asia/Ho_Chi_Minh"))
    schedule = d.api("POST", "/schedules", {"name": "Theo lịch", "content": STATE["content"], "areas": ["18073"],
                                            "start_local": local.strftime("%Y-%m-%dT%H:%M:%S"), "grace_s": 5})["id"]

    def mine(body):
        return [i for i in body["DanhSachBanTin"] if i["BanTinID"].startswith(schedule)]   # the commune's own bulletin may stand there, too

    def holding():
        o = order(("schedule",))
        return o if o and mine(o["body"]) else None
    body = wait_until("the schedule", holding, 14)["body"]
    item, = mine(body)
    times = item["DanhSachNgayPhat"][0]
    assert body["LichPhatID"] == "area-18073" and body["DanhSachThietBi"]["CumLoaID"] == ["imei-1"], body
    assert item["BanTinID"] == f"{schedule}@{start}" and item["ThoiLuong"] == "00:00:06" and item["NoiDung"].endswith(STATE["content"]), item
    assert times == {"TimNgayPhat": local.strftime("%d-%m-%Y"), "ThoiDiemPhat": [{"ThoiGianBatDau": start, "ThoiGianKetThuc": start + 6}]}, times
    asked = curl("/schedules", token=token)[1]["NoiDung"]
    assert asked == [body], asked
    while time.time() < start + 3:
        play = order(("play-now",))
        assert not play or play["body"]["TieuDe"] != "Theo lịch", play
        time.sleep(0.5)
    done = {"CumLoaID": "imei-1", "BanTinID": item["BanTinID"], "ThoiDiemBatDau": start, "ThoiDiemKetThuc": start + 6}
    assert curl("/messages/play", done, token)[0] == 200

    def played():
        runs = [r for r in d.api("GET", "/play-log")["announcements"] if r["title"] == "Theo lịch"]
        return runs and [p for p in d.api("GET", f"/play-log/{runs[0]['id']}")["plays"] if p["device"] == "imei-1" and p["outcome"] == "played"]
    assert wait_until("that it played", played, 40)[0]["from_us"] == start * 1000000
    d.api("DELETE", f"/schedules/{schedule}")

    def without():
        o = order(("schedule", "schedule-cancelled"))
        return o if o and not mine(dict({"DanhSachBanTin": []}, **o["body"])) else None
    later = wait_until("that it is taken back", without, 45)["body"]
    assert later["LichPhatID"] == "area-18073" and later["PhienBan"] > body["PhienBan"], later
    assert not any(mine(b) for b in curl("/schedules", token=token)[1]["NoiDung"])


def gateway_on_the_broker():
    """Mosquitto's clients as the gateway of a make that speaks MQTT: its own certificate and topics, orders pushed, what it says read or refused."""
    d = daemon()
    folder, port = os.path.join(d.state, "link", "broker"), STATE["port"]
    with open(os.path.join(folder, "mosquitto.conf")) as f:
        text = f.read().replace(f"listener {port}\n", f"listener {port} 127.0.0.1\n").replace("use_username_as_clientid true\n", "")
    with open(os.path.join(folder, "test.conf"), "w") as f:
        f.write(text + ("user root\n" if os.getuid() == 0 else ""))
    broker = Process(["mosquitto", "-c", os.path.join(folder, "test.conf")], "mosquitto")
    wait_until("mediad's connection", lambda: d.api("GET", "/link")["connected"], 20)
    d.api("PUT", "/devices/gw-c", {"name": "Cổng hãng C", "area": "18073", "kind": "gateway", "vendor": "C", "volume": 60})
    for name, make, gateway in (("loa-c1", "C", "gw-c"), ("loa-c2", "C", None), ("loa-d1", "D", "gw-c")):
        d.api("PUT", f"/devices/{name}", {"name": name, "area": "18073", "kind": "gateway", "vendor": make, "volume": 60} | ({"gateway": gateway} if gateway else {}))
    own = tempfile.mkdtemp(dir=d.state)
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{own}/key", "-out", f"{own}/csr",
                    "-subj", "/CN=x"], check=True, capture_output=True)
    code = d.api("POST", "/devices/gw-c/enrol-code", {})["code"]
    with open(f"{own}/csr") as f:
        answer = d.api("POST", "/link/enrol", {"device": "gw-c", "code": code, "csr": f.read()})
    for name, field in (("pem", "certificate"), ("ca", "ca")):
        with open(f"{own}/{name}", "w") as f:
            f.write(answer[field])
    tls = ["-h", "localhost", "-p", str(port), "--cafile", f"{own}/ca", "--cert", f"{own}/pem", "--key", f"{own}/key", "-V", "mqttv311", "-q", "1"]
    sub = Process(["stdbuf", "-oL", "mosquitto_sub", *tls, "-v", "-d", "-t", "mediad/1/vendor/gw-c/down/#", "-t", "mediad/1/vendor/gw-d/#", "-t", "mediad/1/down/#"], "sub-gw-c")
    sub.wait_line("received SUBACK")

    def say(what, message, gateway="gw-c", *more):
        body = message if isinstance(message, str) else json.dumps(message)
        subprocess.run(["mosquitto_pub", *tls, "-t", f"mediad/1/vendor/{gateway}/up/{what}", "-m", body, *more], check=True, timeout=20)

    def heard(what, fits=lambda body: True):
        head = f"mediad/1/vendor/gw-c/down/{what} "
        found = [json.loads(x[len(head):]) for x in list(sub.lines) if x.startswith(head)]
        return next((body for body in found if fits(body)), None)
    say("link", "1", "gw-c", "-r")
    status = {"nguonid": "H27", "CumLoaId": "loa-c1", "AmLuong": 80, "TrangThaiHoatDong": "2", "MaThongDiep": 7}     # numbers, texts and casings as they come
    say("status", status)
    ok = wait_until("the answer", lambda: heard("answer", lambda a: a.get("MaThongDiep") == "7"), 10)
    assert ok == {"TrangThaiGui": 0, "MoTa": "", "DoiTuong": "status", "MaThongDiep": "7"}, ok
    volume = wait_until("the volume order", lambda: heard("command"), 10)
    assert volume["DieuKhienThietBi"] == {"MaLenh": "0", "ThamSo": "60"} and volume["DanhSachThietBi"]["CumLoaID"] == ["loa-c1"], volume
    say("confirm", {"MaThongDiep": volume["MaThongDiep"], "TrangThaiGui": "0"})
    for n, (what, body, why) in enumerate((("status", {"CumLoaID": "loa-c2"}, "loa-c2"), ("status", {"CumLoaID": "loa-d1"}, "loa-d1"), ("status", "{", ""),
                                           ("firmware", {"CumLoaID": "loa-c1"}, "nothing that is taken"), ("confirm", {"MaThongDiep": "x-none", "TrangThaiGui": 0}, "no such order"))):
        before = len([x for x in sub.lines if "/down/answer {" in x])
        say(what, body)
        wait_until("a refusal", lambda: len([x for x in sub.lines if "/down/answer {" in x]) > before, 10)
        last = json.loads([x for x in sub.lines if "/down/answer {" in x][-1].split(" ", 1)[1])
        assert last["TrangThaiGui"] == 1 and last["DoiTuong"] == what and last["MoTa"] and why in last["MoTa"], (n, last)
    say("status", {"CumLoaID": "imei-1", "AmLuong": 1}, "gw-d")        # not its topic: the broker lets nothing through
    run = d.api("POST", "/announcements", {"content": STATE["content"], "areas": ["18073"], "title": "Qua MQTT"})["id"]
    begun = time.time()
    play = wait_until("the order to play", lambda: heard("play-now"), 10)
    assert play["BanTinID"] == run and play["DanhSachThietBi"]["CumLoaID"] == ["gw-c", "loa-c1"] and play["NoiDung"].endswith(STATE["content"]), play
    assert abs(play["ThoiDiemBatDau"] - begun) < 15, play
    say("confirm", {"mathongdiep": play["MaThongDiep"], "TrangThaiGui": 0})
    say("play", [{"CumLoaID": "loa-c1", "BanTinID": run, "ThoiDiemBatDau": str(int(begun)), "ThoiDiemKetThuc": int(begun) + 6}])

    def outcomes():
        return {p["device"]: p["outcome"] for p in d.api("GET", f"/play-log/{run}")["plays"]}
    wait_until("that it played", lambda: outcomes().get("loa-c1") == "played", 30)
    assert outcomes()["loa-c2"] != "played", outcomes()
    states = {m["object"]: m["state"] for m in d.api("GET", "/exchange/journal?peer=vendor.C:gw-c")["messages"]}
    assert states == {"command": "acknowledged", "play-now": "acknowledged"}, states
    d.api("DELETE", "/devices/gw-c/credential")
    n = len(sub.lines)
    d.api("POST", "/exchange/devices/loa-c1/orders", {"object": "command", "word": "volume", "parameter": "10"})
    time.sleep(1.5)
    assert not any("/down/command {" in x for x in list(sub.lines)[n:]), list(sub.lines)[n:]
    sub.kill()
    broker.kill()
    for name in ("loa-c1", "loa-c2", "loa-d1", "gw-c"):
        d.api("DELETE", f"/devices/{name}")


run_tap([("devices and their status go up", status_and_devices_go_up),
         ("the play log goes up", play_log_goes_up),
         ("a priority bulletin comes to the commune's inbox, once", priority_bulletin_comes_to_the_commune),
         ("pictures and videos of bulletins are fetched", pictures_and_videos_are_fetched),
         ("curl pushes a bulletin, twice", curl_pushes_a_bulletin),
         ("devices of another maker report and get their own orders", devices_of_another_maker),
         ("a new log-in after 401", log_in_again_after_401),
         ("kill -9 while the central system is away loses and doubles nothing", kill_loses_and_doubles_nothing),
         ("another maker's device plays by its schedule", another_maker_plays_by_its_schedule),
         ("a gateway of another maker on the broker", gateway_on_the_broker)])
