#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator judges the real daemon: what is well passes, and what is made wrong on purpose fails. The limits are wide: this is about
content, not about how busy the testing machine is."""
import datetime
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peer"))
from harness import *  # noqa: E402, F403

MEDIASIM = os.environ.get("MEDIASIM", os.path.join(BUILD, "mediasim", "mediasim"))
ALWAYS = ["--json", "--setup", str(int(40 * PATIENCE))]
DAEMON = None


def daemon():
    global DAEMON
    if not DAEMON:
        DAEMON = Mediad('rooms = ( { name = "giao-ban"; } );')
        DAEMON.sign_in()
        DAEMON.media_at = DAEMON.media_min - 5000 if DAEMON.media_min > 40000 else DAEMON.media_min + 5000
    return DAEMON


def accounts(count, prefix, **more):
    d = daemon()
    kept = d.__dict__.setdefault("secrets", {})
    path = os.path.join(d.state, prefix + ".txt")
    with open(path, "w", encoding="utf-8") as f:
        for i in range(1, count + 1):
            name = f"{prefix}{i}"
            if name not in kept:
                kept[name] = d.add_account(name, **more)
            f.write(f"{name} {kept[name]}\n")
    return path


def start(scenario, *arguments, server=None):
    d = daemon()
    return Process([MEDIASIM, scenario, "--server", server or f"127.0.0.1:{d.sip_port}", "--media-ports",
                    f"{d.media_at}-{d.media_at + 999}", *ALWAYS, *arguments], "mediasim")


def finish(process, seconds=90):
    """(exit status, the verdict)."""
    process.wait_line("<end of output>", seconds)
    code = process.child.wait(10)
    text = "\n".join(process.lines[:-1])
    assert "{" in text, f"mediasim ended with {code}: {text}"
    return code, json.loads(text[text.index("{"):])


def conference(sites, *arguments, file=None, server=None):
    file = file or accounts(sites, "site-", role="site")
    return start("conference", "--sites", str(sites), "--room", "giao-ban", "--accounts", file, "--max-delay", "3000", *arguments, server=server)


def meet():
    code, v = finish(conference(5, "--seconds", "10", "--video", "180p15", "--receive", "360p15", "--max-video-delay", "5000",
                                "--max-gaps", "5", "--min-heard", "95", "--min-tiles", "80"))
    assert code == 0 and v["passed"], v
    assert v["calls"]["in"] == 5
    assert v["sound"]["own_echoes"] == 0 and v["sound"]["talkers_heard"] >= 95
    assert v["pictures"]["watchers"] == 4 and v["pictures"]["judged"] > 50 and v["pictures"]["tiles_wrong"] == 0
    assert v["network"]["video_lost"] == 0 and v["network"]["rejected"] == 0


def over_ipv6_and_tls():
    d = daemon()
    for server, transport in ((f"[::1]:{d.sip6_port}", "udp"), (f"127.0.0.1:{d.tls_port}", "tls")):
        code, v = finish(conference(2, "--seconds", "5", "--talkers", "1", "--video", "none", "--transport", transport, "--max-gaps", "10",
                                    server=server))
        assert code == 0 and v["sound"]["talkers_heard"] == 100, (server, v)


def bad_line():
    code, v = finish(conference(4, "--seconds", "15", "--video", "none", "--loss", "3", "--delay", "30", "--jitter", "20",
                                "--transport", "tcp", "--security", "off", "--max-gaps", "10", "--min-heard", "90"))
    assert code == 0 and v["passed"], v
    assert v["network"]["audio_lost"] > 10 and v["network"]["server_missed"] > 10
    assert v["sound"]["mouth_to_ear_least"] > 100


def stall_is_forgotten():
    """The whole daemon stands still for 0.7 s: what that adds to the delay must be gone ten seconds later."""
    d = daemon()
    sim = conference(3, "--seconds", "25", "--talkers", "1", "--video", "none", "--max-gaps", "30", "--min-heard", "50")
    wait_until("all three are in", lambda: len(d.api("GET", "/rooms/giao-ban/members")["members"]) == 3, 30)
    select.select([], [], [], 7)
    os.kill(d.child.pid, signal.SIGSTOP)
    select.select([], [], [], 0.7)
    os.kill(d.child.pid, signal.SIGCONT)
    code, v = finish(sim)
    sound = v["sound"]
    assert sound["turns_heard"] == 15 and sound["gap_time"] > 0.5, sound  # it was felt ...
    assert sound["mouth_to_ear_at_end"] < sound["mouth_to_ear_least"] + 80 * PATIENCE, sound  # ... and is forgotten


def muted_site_is_told():
    d = daemon()
    sim = conference(4, "--seconds", "10", "--video", "none", "--max-gaps", "20")
    wait_until("all four are in", lambda: len(d.api("GET", "/rooms/giao-ban/members")["members"]) == 4, 30)
    members = d.api("GET", "/rooms/giao-ban/members")["members"]
    d.api("PATCH", f"/rooms/giao-ban/members/{members[1]['id']}", {"muted": True})
    code, v = finish(sim)
    assert code == 1 and not v["passed"]
    assert v["sound"]["talkers_heard"] < 95, v
    assert any("talkers heard" in f for f in v["failures"]), v["failures"]


def wrong_password_is_told():
    file = tempfile.mkstemp()[1]
    with open(accounts(2, "site-", role="site"), encoding="utf-8") as good, open(file, "w", encoding="utf-8") as bad:
        lines = good.read().splitlines()
        bad.write(lines[0] + "\n" + lines[1] + "x\n")
    code, v = finish(conference(2, "--seconds", "6", "--talkers", "1", "--video", "none", file=file))
    os.unlink(file)
    assert code == 1 and v["calls"]["in"] == 1, v
    assert any("site-2" in f for f in v["failures"]), v["failures"]


def loudspeakers():
    d = daemon()
    count = 20
    file = accounts(count, "loa-", kind="loudspeaker")
    for i in range(1, count + 1):
        d.api("PUT", f"/devices/loa-{i}", {"name": f"Loa {i}", "area": "42"})
    wav = os.path.join(d.state, "tone.wav")
    write_tone_wav(wav, 440, 4)
    with open(wav, "rb") as f:
        content = d.api("POST", "/content?title=thu&name=tone.wav", f.read(), content_type="audio/wav")["id"]
    lead_s = int(9 + 3 * PATIENCE)
    at = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=7))) + datetime.timedelta(seconds=lead_s)
    sim = start("loudspeakers", "--count", str(count), "--accounts", file, "--seconds", str(lead_s + int(40 * PATIENCE)),
                "--planned", at.strftime("%Y-%m-%dT%H:%M:%S+07:00"), "--max-start-error", "2000")
    wait_until("all are registered", lambda: len(d.api("GET", "/registrations")["registrations"]) >= count, 15)
    d.api("POST", "/schedules", {"name": "thu", "content": content, "areas": ["42"], "start_local": at.strftime("%Y-%m-%dT%H:%M:%S")})
    code, v = finish(sim)
    assert code == 0 and v["passed"], v
    assert v["calls"]["answered"] == count and v["sound"]["played"] == count
    assert v["sound"]["differing"] == 0 and v["sound"]["rejected"] == 0 and v["sound"]["audible_packets"] > 50


def stops_cleanly():
    daemon().stop()


run_tap([
    ("five sites meet over SRTP: all heard, all seen", meet),
    ("four sites on a bad line still hear one another", bad_line),
    ("two sites over IPv6; two with TLS signalling", over_ipv6_and_tls),
    ("a stall of the daemon is forgotten within seconds", stall_is_forgotten),
    ("a muted site is told", muted_site_is_told),
    ("a wrong password is told", wrong_password_is_told),
    ("twenty loudspeakers play a scheduled recording", loudspeakers),
    ("SIGTERM ends the daemon cleanly", stops_cleanly),
])
