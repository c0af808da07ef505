#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only a province at work shows, looked at as pages_shots.py does: a meeting with sites in it at the desk and in the call, its lobby, lines, votes and
recordings, refusals at the door, something and an emergency on air, areas and the audit trail."""
import datetime
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from seeded import BUILD, PATIENCE, ROOT, Process, Province, cookie, run_tap, wait_until  # noqa: E402
from story import SHOTS, Story, pages  # noqa: E402

STATE = {}


def seeded():
    os.makedirs(SHOTS, exist_ok=True)
    p = STATE["p"] = Province(devices=500)
    p.broadcasting()
    p.meeting()


def meeting(title, minutes_ahead, **more):
    """A meeting of its own and a link to it."""
    p = STATE["p"]
    start = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes_ahead)
    made = p.api("POST", "/meetings", {"title": title, "start": start.strftime("%Y-%m-%dT%H:%M:%SZ"), "minutes": 30, "open_min": 10, "trial": False, "dial": False, **more})
    return made, p.api("POST", f"/meetings/{made['id']}/links", {"invitees": [{"name": "Ông Nguyễn Văn Ba", "role": "guest"}]})["links"][0]["link"]


def at_work():
    p = STATE["p"]
    accounts, path = (os.path.join(p.dir, name) for name in ("sites.txt", "live.json"))
    with open(accounts, "w", encoding="utf-8") as f:
        f.writelines(f"{name} {secret}\n" for name, secret in list(p.passwords.items())[2:7])
    sites = Process([os.environ.get("MEDIASIM", os.path.join(BUILD, "mediasim", "mediasim")), "conference", "--server", f"127.0.0.1:{p.d.sip_port}", "--sites", "5", "--room", p.running["room"],
                     "--accounts", accounts, "--seconds", "300", "--video", "180p5", "--judge-video", "1", "--judge-audio", "1"], "sites")
    lobby, waiting = meeting("Họp kín của thường trực", 1, lobby=True)
    _, early = meeting("Họp giao ban chiều", 120)
    wait_until("the sites", lambda: len(p.api("GET", f"/rooms/{p.running['room']}/members")["members"]) == 5, 30)
    wait_until("the lobby", lambda: p.api("GET", "/meetings/" + lobby["id"])["state"] in ("open", "live"), 20)
    spec = {"base": p.d.url(""), "root": ROOT, "patience": PATIENCE, "pictures": SHOTS, "cookie": cookie(p.d), "token": p.d.token, "room": p.running["room"], "links": [x["link"] for x in p.links],
            "waiting": {"link": waiting, "room": lobby["room"]}, "early": early, "content": p.content}
    with open(path, "w", encoding="utf-8") as f:
        json.dump(spec, f)
    run = Story("pages-live.mjs", path)
    run.asked("an emergency", 200)
    p.leader.api("POST", "/emergencies", {"areas": ["18676"], "title": "Lũ quét ở Thiên Cầm", "text": "Bà con ven suối lên nhà văn hoá thôn ngay.", "siren": "flood"})
    run.answer()
    last = run.wait_line(r"^(not )?ok - all: (.*)|<end of output>", 60)
    print("# " + "\n# ".join(run.lines))
    sites.child.terminate()
    assert last[0].startswith("ok - all"), "\n".join(run.lines)


def ends_cleanly():
    STATE["p"].d.stop()


run_tap([("the console's pages are built", pages), ("a province is seeded", seeded), ("it is looked at while it works", at_work), ("the daemon ends cleanly", ends_cleanly)])
