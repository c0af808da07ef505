# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stories with the console's pages share: the pages, a daemon that serves them, a meeting with its links, and the browser's half."""
import datetime
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peer"))
from console import build_pages as pages  # noqa: E402,F401
from harness import BUILD, DEFAULT_CONFIG, PATIENCE, Baresip, Mediad, Process, mean_rgb, need, run_tap, wait_until  # noqa: E402,F401

SHOTS = os.path.join(BUILD, "screenshots")


def console_daemon(more=""):
    """more: settings besides."""
    need("node")
    need("chromium")
    os.makedirs(SHOTS, exist_ok=True)
    d = Mediad(config=DEFAULT_CONFIG.replace("allow_http = true;", f'allow_http = true; console_dir = "{BUILD}/console";') + more.replace("{", "{{").replace("}", "}}"))
    d.sign_in()
    return d


def open_meeting(d, title, invitees, **more):
    """A booked meeting whose room is open, and a link for each invitee."""
    start = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=2)
    meeting = d.api("POST", "/meetings", {"title": title, "start": start.strftime("%Y-%m-%dT%H:%M:%SZ"), "minutes": 30, "open_min": 30, "trial": False, **more})
    wait_until("the meeting to open", lambda: d.api("GET", "/meetings/" + meeting["id"])["state"] in ("open", "live"), 20)
    made = d.api("POST", f"/meetings/{meeting['id']}/links", {"invitees": invitees})
    return meeting, [link["link"] for link in made["links"]]


def endpoint(d, account, room, secret=None, tone=1200):
    """A SIP endpoint that has dialled the room; with an account made for it, if it has none."""
    secret = secret or d.add_account(account, display=f"Xã {account}", role="site")
    phone = Baresip(f"<sip:{account}@127.0.0.1:{d.sip_port};transport=udp>;auth_pass={secret};regint=300;answermode=auto;audio_codecs=opus/48000/2"
                    ";video_codecs=h264", tone=tone, video=True, name=account)
    assert phone.registration() == 200
    assert phone.dial(f"sip:{room}@127.0.0.1:{d.sip_port};transport=udp")["type"] == "CALL_ESTABLISHED"
    return phone


COLOURS = {"red": (220, 30, 30), "green": (30, 200, 60), "blue": (40, 60, 220), "yellow": (230, 220, 40), "magenta": (210, 40, 200), "cyan": (40, 200, 210)}


def shares(picture):
    """Of each colour in a picture: (share, x, y) of its pixels and their middle, in fractions; every fourth pixel is looked at."""
    width, height, rows = picture
    found = {name: [0, 0, 0] for name in COLOURS}
    n = 0
    for y in range(0, height, 4):
        for x in range(0, width, 4):
            n += 1
            pixel = rows[y][3 * x:3 * x + 3]
            for name, rgb in COLOURS.items():
                if all(abs(a - b) < 60 for a, b in zip(pixel, rgb)):
                    found[name][0] += 1
                    found[name][1] += x
                    found[name][2] += y
    return {name: (k / n, x / k / width if k else 0, y / k / height if k else 0) for name, (k, x, y) in found.items()}


def quartered(picture, least=0.08):
    """The four quarters of a presented screen are large in it, each where it belongs."""
    s = shares(picture)
    return all(s[c][0] > least for c in ("red", "green", "blue", "yellow")) and s["red"][1] < s["green"][1] and s["blue"][1] < s["yellow"][1] \
        and s["red"][2] < s["blue"][2] and s["green"][2] < s["yellow"][2]


class Story(Process):
    """The browser's half: node runs it, and tells one line a step; where it asks, this half answers."""

    def __init__(self, program, *argv):
        env = dict(os.environ, MEDIAD_TEST_PATIENCE=str(PATIENCE))
        super().__init__(["node", os.path.join(HERE, program), *[str(a) for a in argv]], program, env=env)
        self.at, self.broken = 0, False

    def _next(self, kind, what, seconds):
        assert not self.broken, "the story ended before"
        self.broken = True
        line = self.wait_line(rf"^({kind} - {what}|FAILED |page of ).*", seconds, self.at)[0]
        self.at = self.lines.index(line, self.at) + 1
        assert line.startswith(kind), "\n".join(self.lines)
        self.broken = False
        return line

    def step(self, what, seconds=60):
        return self._next("ok", what, seconds)

    def asked(self, what, seconds=60):
        return self._next("ask", what, seconds)

    def sees(self, phone, what, wanted, seconds=25):
        """Answers once the endpoint's picture is as wanted."""
        self.asked(what)
        self.broken, last = True, []

        def look():
            last[:] = [phone.snapshot()]
            return wanted(last[0])
        try:
            wait_until(what, look, seconds, 0.3)
        except AssertionError as error:
            raise AssertionError(f"{error}: {shares(last[0]) if last else 'no picture'}") from None
        self.broken = False
        self.answer()

    def answer(self, text="done"):
        self.child.stdin.write((text + "\n").encode())
        self.child.stdin.flush()

    def done(self, seconds=20):
        self.wait_line("^<end of output>$", seconds)
        assert self.child.wait(10) == 0, "\n".join(self.lines)
