#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every page of the console on a seeded province: pictures in the build folder, no overflow, no error, no key left untranslated, no serious finding of axe,
and the way to what matters by keyboard alone."""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from console import build_pages  # noqa: E402
from seeded import BUILD, PATIENCE, ROOT, Process, Province, cookie, need, run_tap  # noqa: E402

STATE = {}


def seeded():
    need("node")
    need("chromium")
    build_pages()
    p = STATE["p"] = Province()
    p.outage()
    p.broadcasting()
    p.meeting()
    assert len(p.api("GET", "/device-states")["states"]) == p.n


def looked():
    p = STATE["p"]
    d, pictures = p.d, os.path.join(BUILD, "screenshots")
    os.makedirs(pictures, exist_ok=True)
    room, silent = p.running["room"], p.of["no-power"][0]
    pages = {"on-air": "/", "loudspeakers": "/loudspeakers", "loudspeaker": f"/loudspeakers/{silent}", "bulletins": "/bulletins", "bulletin": f"/bulletins/{p.bulletin}", "words": "/bulletins/words",
             "schedule": "/schedule", "inbox": "/bulletins?tab=inbox", "reports": "/reports", "play": "/play-log/a-0000", "meetings": "/meetings", "meeting": f"/meetings/{p.booked['id']}",
             "desk": f"/desk/{room}", "streams": "/streams", "people": "/people", "settings": "/settings", "me": "/me"}
    spec = {"base": d.url(""), "root": ROOT, "patience": PATIENCE, "pictures": pictures, "cookie": cookie(d), "pages": pages, "door": p.links[1]["link"],
            "user": "tester", "password": d.secret, "code": d._recovery.pop()}
    path = os.path.join(p.dir, "spec.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(spec, f)
    run = Process(["node", os.path.join(HERE, "pages-shots.mjs"), path], "pages-shots")
    last = run.wait_line(r"^(not )?ok - all: (.*)|<end of output>", 150)
    assert last[0].startswith("ok - all"), "\n".join(run.lines)
    print("# " + "\n# ".join(run.lines))


def ends_cleanly():
    STATE["p"].d.stop()


run_tap([("a province is seeded", seeded), ("every page is looked at", looked), ("the daemon ends cleanly", ends_cleanly)])
