#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of mediad in a meeting that its chair has arranged: real baresip sites call again, or are rung again, and find themselves as before."""
from harness import *

HZ = {"chair": 400, "muted": 600, "english": 800, "guest": 1100}
W = {"agents": {}, "secrets": {}}


def agent(name):
    d = W["daemon"]
    secret = W["secrets"].setdefault(name, None) or d.add_account(name, display=f"Xã {name}", role="site")
    W["secrets"][name] = secret
    a = Baresip(f"<sip:{name}@{d.host}:{d.sip_port};transport=udp>;auth_pass={secret};regint=300;answermode=auto;audio_codecs=opus/48000/2",
                tone=HZ.get(name, 1500), video=False, name=name)
    assert a.registration() == 200
    W["agents"][name] = a
    return a


def ctl(*words):
    d = W["daemon"]
    env = dict(os.environ, MEDIACTL_URL=d.url(""), MEDIACTL_TOKEN=d.token, HOME=d.state)
    done = subprocess.run([os.path.join(BUILD, "mediactl", "mediactl"), *words], capture_output=True, text=True, env=env)
    assert done.returncode == 0, (words, done.stdout, done.stderr)


def members():
    return {m["account"]: m for m in W["daemon"].api("GET", "/rooms/hop/members")["members"]}


def all_in():
    return wait_until("all in the room", lambda: (lambda all: all if len(all) == len(HZ) else None)(members()), 30, 0.2)


def hears(who):
    """Whose tones are in the last two seconds that it heard."""
    rate, heard = W["agents"][who].heard(2)
    return {name for name, hz in HZ.items() if tone_share(heard, rate, hz, window_s=0.1) > 0.7}


def expect_sound():
    expected = {"chair": {"guest"}, "guest": {"english"}, "english": {"chair", "guest"}, "muted": {"chair", "guest"}}
    heard = {}

    def as_expected():
        heard.update({who: hears(who) for who in expected})
        return heard == expected
    try:
        wait_until("who hears whom", as_expected, 15, 0.5)
    except AssertionError:
        raise AssertionError(f"heard {heard}, not {expected}") from None


def arranged():
    d = W["daemon"] = Mediad()
    d.sign_in()
    d.api("POST", "/rooms", {"name": "hop", "title": "Họp tỉnh", "pin": "2468"})
    for name in HZ:
        agent(name)
    d.api("POST", "/rooms/hop/dials", {"targets": list(HZ), "role": "site", "redial": True})
    ids = {name: m["id"] for name, m in all_in().items()}
    d.api("PATCH", f"/rooms/hop/members/{ids['chair']}", {"role": "chair"})
    d.api("PATCH", f"/rooms/hop/members/{ids['muted']}", {"muted": True})
    d.api("PUT", "/rooms/hop/channels", {"channels": [{"name": "Lào", "interpreters": [ids["muted"]]}]})
    ctl("channels", "set", "hop", "English", "english", "--floor", "off")
    ctl("channels", "listen", "hop", "guest", "English")
    assert [c["name"] for c in d.api("GET", "/rooms/hop/channels")["channels"]] == ["Lào", "English"]
    ctl("channels", "set", "hop", "English", "english")  # what is not said stays
    ctl("channels", "remove", "hop", "Lào")
    assert d.api("GET", "/rooms/hop/channels")["channels"] == [{"name": "English", "interpreters": [ids["english"]], "listeners": [ids["guest"]], "away": [], "floor_db": None}]
    d.api("PUT", "/rooms/hop/layout", {"layout": "1+5", "seats": [ids["guest"]]})
    d.api("PUT", f"/rooms/hop/members/{ids['english']}/hand", {"raised": True})
    d.api("PUT", "/rooms/hop/lock", {"locked": True})
    expect_sound()
    wait_for_scene(d, "hop", lambda s: s.get("locked") and s["picture"]["layout"] == "1+5" and [c["name"] for c in s["channels"]] == ["English"]
         and len(s["floor"]["queue"]) == 1 and sum(p.get("muted", False) for p in s["parties"]) == 1 and sum(p["inside"] for p in s["parties"] if "inside" in p) == len(HZ))


def as_before():
    d = W["daemon"]
    d.kill(signal.SIGKILL)
    for a in W["agents"].values():
        a.command("hangup")
    marks = {name: a.event_mark() for name, a in W["agents"].items()}
    d._launch("mediad")
    W["agents"]["chair"].command("dial", f"sip:hop@{d.host}:{d.sip_port}")  # by itself, past PIN and lock; the others are rung
    for name, a in W["agents"].items():
        a.wait_event("CALL_ESTABLISHED", since=marks[name], seconds=30)
    now = all_in()
    assert now["chair"]["role"] == "chair" and now["guest"]["role"] == "site", now
    assert now["muted"]["muted"] and not now["guest"]["muted"], now
    assert now["guest"]["channel"] == "English" and now["english"]["interprets"] == "English", now
    room = d.api("GET", "/rooms/hop")
    assert room["locked"] and room["layout"] == "1+5" and room["seats"][0] == now["guest"]["id"], room
    floor = d.api("GET", "/rooms/hop/floor")
    assert [q["member"] for q in floor["queue"]] == [now["english"]["id"]], floor
    expect_sound()


def strangers():
    """The lock holds for whoever was not inside."""
    d = W["daemon"]
    event = agent("late").dial(f"sip:hop@{d.host}:{d.sip_port}")
    assert event["type"] == "CALL_CLOSED" and "403" in event["param"], event


def over():
    """After its end nothing of it is left: the next meeting there begins anew, after a stop of the daemon, too."""
    d = W["daemon"]
    d.api("POST", "/rooms/hop/end")
    wait_until("everybody is out", lambda: not members(), 20, 0.2)
    wait_until("its scene is forgotten", lambda: scene(d, "hop") is None)
    d.stop()
    d._launch("mediad")
    room = d.api("GET", "/rooms/hop")
    assert not room["locked"] and d.api("GET", "/rooms/hop/channels")["channels"] == [], room
    d.stop()


run_tap([("a meeting is arranged", arranged), ("after kill -9 it is as before", as_before), ("others stay outside", strangers), ("its end leaves nothing", over)])
