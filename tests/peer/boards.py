#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boards in a real browser: Chromium shows texts, pictures, an emergency over all, and goes on without a network."""
import base64
import harness
from harness import *

DAEMON = None
BROWSER = None
WIDTH, HEIGHT = 480, 270
SHOTS = os.environ.get("BOARD_SHOTS")


class Browser:
    """Chromium without a screen, steered through its debugging pipe."""

    def __init__(self, profile=None):
        self.profile = profile or tempfile.mkdtemp(prefix="board-")
        if not profile:
            harness._cleanups.append(lambda: shutil.rmtree(self.profile, ignore_errors=True))
        to_read, to_write = os.pipe()
        from_read, from_write = os.pipe()

        def wire():
            os.dup2(to_read, 103)
            os.dup2(from_write, 104)
            os.dup2(103, 3)
            os.dup2(104, 4)

        self.process = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--window-size=1280,720", "--hide-scrollbars",
             "--autoplay-policy=no-user-gesture-required", "--remote-debugging-pipe", f"--user-data-dir={self.profile}", "about:blank"],
            preexec_fn=wire, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        harness._cleanups.append(self.close)
        os.close(to_read)
        os.close(from_write)
        self.out, self.inp, self.buffer, self.last = to_write, from_read, b"", 0

    def call(self, method, session=None, seconds=30, **params):
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + seconds * PATIENCE
        while True:
            while b"\0" in self.buffer:
                text, self.buffer = self.buffer.split(b"\0", 1)
                reply = json.loads(text)
                if reply.get("id") == self.last:
                    assert "result" in reply, f"{method}: {reply.get('error')}"
                    return reply["result"]
            ready, _, _ = select.select([self.inp], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"Chromium does not answer {method}"
            data = os.read(self.inp, 1 << 20)
            assert data, "Chromium is gone"
            self.buffer += data

    def open(self, url):
        target = next(t["targetId"] for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Emulation.setDeviceMetricsOverride", session, width=WIDTH, height=HEIGHT, deviceScaleFactor=1, mobile=False)
        self.call("Page.navigate", session, url=url)
        wait_until("the page", lambda: self.run(session, "document.readyState") == "complete" and "Bảng" in self.run(session, "document.title"), 30)
        return session

    def picture(self, session, name="board"):
        data = base64.b64decode(self.call("Page.captureScreenshot", session, format="png")["data"])
        path = os.path.join(SHOTS or self.profile, name + ".png")
        with open(path, "wb") as f:
            f.write(data)
        return read_png(path)

    def run(self, session, expression):
        result = self.call("Runtime.evaluate", session, expression=expression, returnByValue=True, awaitPromise=True)["result"]
        return result.get("value")

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def daemon():
    global DAEMON
    if not DAEMON:
        DAEMON = Mediad(extra='broadcast: { own_approval = true; };\n')
        DAEMON.sign_in()
        DAEMON.api("PUT", "/areas/42", {"name": "Hà Tĩnh", "kind": "tinh"})
        DAEMON.api("PUT", "/areas/18073", {"name": "Phường Thành Sen", "kind": "phuong", "parent": "42"})
        DAEMON.api("PUT", "/areas/18100", {"name": "Xã Thạch Hà", "kind": "xa", "parent": "42"})
        DAEMON.api("PUT", "/devices/bang-1", {"name": "Bảng nhà văn hóa", "area": "18073", "kind": "board"})
        DAEMON.path = DAEMON.api("POST", "/boards/bang-1/key")["path"]
    return DAEMON


def browser():
    global BROWSER
    if not BROWSER:
        BROWSER = Browser()
    return BROWSER


def board():
    """The one page that all cases look at."""
    if not hasattr(board, "session"):
        board.session = browser().open(daemon().url(daemon().path))
    return board.session


def near(rgb, wanted, by=12):
    return all(abs(a - b) <= by for a, b in zip(rgb, wanted))


def share(picture, rgb, by=40):
    """Share of pixels of about this colour, on a grid."""
    hits = [near(picture[2][y][3 * x:3 * x + 3], rgb, by) for x in range(1, WIDTH, 3) for y in range(1, HEIGHT, 3)]
    return sum(hits) / len(hits)


def wait_picture(what, test, name):
    return wait_until(what, lambda: test(browser().picture(board(), name)), 15, 0.2)


def add(**item):
    return daemon().api("POST", "/board-items", dict({"area": "18073", "seconds": 3600}, **item))["id"]


def remove(item):
    daemon().api("DELETE", f"/board-items/{item}")


def shown(verdict, item=None):
    def look():
        seen = daemon().api("GET", "/boards/bang-1")
        return seen if seen["verdict"] in verdict and (not item or seen["item"] == item) else None
    return wait_until(f"{verdict} of {item}", look, 45)


def test_doors():
    d = daemon()
    assert d.request("GET", "/board/bang-1/state", token=False)[0] == 403
    request = urllib.request.Request(d.url("/board/bang-1/state"), headers={"X-Board-Key": d.path.split("#")[1]})
    with urllib.request.urlopen(request, timeout=10) as reply:
        assert json.load(reply)["board"] == "bang-1"
    with urllib.request.urlopen(d.url("/board/bang-1"), timeout=10) as reply:
        policy = reply.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy and "unsafe" not in policy and b"<script src=" in reply.read()
    old = d.path.split("#")[1]
    d.path = d.api("POST", "/boards/bang-1/key")["path"]
    request.add_header("X-Board-Key", old)
    try:
        urllib.request.urlopen(request, timeout=10)
        raise AssertionError("a void key was taken")
    except urllib.error.HTTPError as error:
        assert error.code == 403
    for bad in ({"kind": "stream", "title": "x", "body": "https://elsewhere.example/"}, {"kind": "text", "title": "x", "colour": "red"},
                {"kind": "image", "title": "x"}, {"kind": "text", "title": "x", "area": "99"}):
        status, _ = d.request("POST", "/api/v1/board-items", dict({"area": "18073"}, **bad))
        assert status in (400, 403, 404), (bad, status)


def test_command_line():
    d = daemon()
    env = dict(os.environ, MEDIACTL_TOKEN=d.token)

    def ctl(*words):
        run = subprocess.run([os.path.join(BUILD, "mediactl", "mediactl"), "--url", d.url(""), *words], capture_output=True, text=True, env=env)
        assert run.returncode == 0, run
        return run.stdout
    png = os.path.join(d.state, "ctl.png")
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=0x00aa55:s=64x36:d=1", "-frames:v", "1", png], check=True)
    ctl("board", "add", "18100", "--kind", "image", "--title", "Ảnh xã", "--file", png)
    assert "Ảnh xã" in ctl("board", "list")
    item = next(i["id"] for i in json.loads(ctl("--json", "board", "list"))["items"] if i["title"] == "Ảnh xã")
    ctl("board", "del", item)
    assert "Ảnh xã" not in ctl("board", "list")
    d.api("PUT", "/devices/bang-2", {"name": "Bảng hai", "area": "18100", "kind": "board"})
    assert "/board/bang-2#" in ctl("board", "key", "bang-2")
    assert "bang-2" in ctl("board", "show", "bang-2")


def test_blank_and_text():
    assert share(browser().picture(board(), "blank"), (0, 0, 0)) > 0.99
    shown(("first", "as-expected"), "blank")
    add(area="18100", kind="text", title="Của xã khác", background="#aa00aa")
    item = add(kind="text", title="Thông báo lịch cắt điện", body="Thứ bảy 28/11 từ 7 giờ đến 11 giờ, khối phố 3 và 4.",
               colour="#ffff00", background="#003366")
    wait_picture("the text", lambda p: share(p, (0, 51, 102)) > 0.6 and share(p, (255, 255, 0)) > 0.02, "text")
    seen = shown(("first",), item)
    assert seen["online"], seen
    shown(("as-expected",), item)
    remove(item)
    wait_picture("a blank board again", lambda p: share(p, (0, 0, 0)) > 0.99, "blank-again")


def test_image_video_scroll():
    d = daemon()
    png, mp4 = os.path.join(d.state, "a.png"), os.path.join(d.state, "a.mp4")
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=0x00aa55:s=640x360:d=1", "-frames:v", "1", png], check=True)
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=0x3344ff:s=640x360:d=4:r=10", "-pix_fmt", "yuv420p", "-c:v", "libvpx",
                    "-f", "webm", mp4], check=True)
    assert d.request("POST", "/api/v1/board-files", b"#!/bin/sh\nexit 0 and more\n", content_type="image/png")[0] == 415
    for kind, path, colour in (("image", png, (0, 170, 85)), ("video", mp4, (51, 68, 255))):
        with open(path, "rb") as f:
            file = d.api("POST", "/board-files", f.read(), content_type="application/octet-stream")["file"]
        item = add(kind=kind, title="Hình", file=file)
        wait_picture("the " + kind, lambda p, c=colour: share(p, c) > 0.95, kind)
        shown(("first", "as-expected"), item)
        kept = os.path.join(d.state, "boards", file)
        assert os.path.exists(kept)
        remove(item)
        assert not os.path.exists(kept), "nothing shows it any more, and it is still there"
    item = add(kind="scroll", title="Chữ chạy ngang", body="nhắc dân phòng chống bão", colour="#ffffff", background="#222222")
    first = wait_picture("the scrolling text", lambda p: share(p, (255, 255, 255)) > 0.005 and p, "scroll")
    wait_picture("it to move", lambda p: p[2][HEIGHT // 2] != first[2][HEIGHT // 2], "scroll-2")
    remove(item)


def test_bulletin():
    d = daemon()
    made = d.api("POST", "/bulletins", {"title": "Họp dân khối phố 3", "text": "Tối thứ sáu.", "area": "18073"})["id"]
    titles = lambda: [i["title"] for i in d.api("GET", "/board-items")["items"]]
    assert titles().count("Họp dân khối phố 3") == 0
    d.api("POST", f"/bulletins/{made}/submit", {})
    d.api("POST", f"/bulletins/{made}/approve", {"revision": d.api("GET", f"/bulletins/{made}")["revision"]})
    wait_until("the bulletin on the boards", lambda: titles().count("Họp dân khối phố 3") == 1, 10)
    wait_picture("it", lambda p: share(p, (11, 37, 69)) > 0.6, "bulletin")
    d.api("POST", f"/bulletins/{made}/withdraw", {"reason": "dời ngày"})
    wait_until("it to be gone", lambda: titles().count("Họp dân khối phố 3") == 0, 10)
    wait_picture("a blank board", lambda p: share(p, (0, 0, 0)) > 0.99, "bulletin-gone")


def test_emergency():
    d = daemon()
    item = add(kind="text", title="Thời tiết hôm nay", background="#006600")
    wait_picture("the text", lambda p: share(p, (0, 102, 0)) > 0.6, "before")
    path = os.path.join(d.state, "tone.wav")
    write_tone_wav(path, 440, 6)
    with open(path, "rb") as f:
        content = d.api("POST", "/content?title=Xa-lu&name=tone.wav", f.read(), content_type="audio/wav")["id"]
    started = time.monotonic()
    d.api("POST", "/announcements", {"content": content, "areas": ["42"], "priority": "emergency", "title": "XẢ LŨ HỒ KẺ GỖ: di dời ngay"})
    wait_picture("the emergency", lambda p: share(p, (208, 0, 0)) + share(p, (139, 0, 0)) > 0.5, "emergency")
    took = time.monotonic() - started
    assert took < 5.5, f"the emergency was on the board after {took:.1f} s"
    wait_until("its proof", lambda: d.api("GET", "/boards/bang-1")["item"].startswith("alert:a-"), 10)
    assert d.api("GET", "/boards/bang-1")["verdict"] in ("first", "as-expected")
    wait_picture("the text after it", lambda p: share(p, (0, 102, 0)) > 0.6, "after")
    remove(item)


def test_network_down():
    """mediad is gone: the board goes on, also after it was switched off and on; then mediad is back and is heard."""
    global BROWSER
    d = daemon()
    item = add(kind="text", title="Lịch tiêm chủng", background="#550055")
    wait_picture("the text", lambda p: share(p, (85, 0, 85)) > 0.6, "online")
    wait_until("the page to be kept", lambda: browser().run(board(), "navigator.serviceWorker.controller ? 1 : caches.match('/board/bang-1').then(x => x ? 1 : 0)"), 15)
    d.stop()
    wait_until("two seconds without mediad", lambda c=time.monotonic(): time.monotonic() > c + 2, 5)
    assert share(browser().picture(board(), "offline"), (85, 0, 85)) > 0.6
    browser().call("Page.reload", board())
    wait_picture("the text after a restart without a network", lambda p: share(p, (85, 0, 85)) > 0.6, "offline-restarted")
    d._launch("mediad")
    remove(item)
    add(kind="text", title="Đã có mạng lại", background="#005555")
    wait_picture("what is new", lambda p: share(p, (0, 85, 85)) > 0.6, "back")


need("chromium")
need("ffmpeg")
run_tap([("keys and doors", test_doors),
         ("boards from the command line", test_command_line),
         ("a board is blank, then shows a text and proves it", test_blank_and_text),
         ("pictures, videos, scrolling texts", test_image_video_scroll),
         ("an approved bulletin comes to the boards and goes", test_bulletin),
         ("an emergency goes over all", test_emergency),
         ("without a network it goes on", test_network_down)])
