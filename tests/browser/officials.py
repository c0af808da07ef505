#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two officials join a booked meeting by their links, with the console's own pages in Chromium, on a running mediad."""
import datetime
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peer"))
from harness import BUILD, DEFAULT_CONFIG, PATIENCE, Mediad, Process, need, run_tap, wait_until  # noqa: E402

STATE = {}


def pages():
    """Made only when they changed."""
    subprocess.run([os.path.join(HERE, "..", "..", "tools", "build-console"), os.path.join(BUILD, "console")], check=True, stdout=sys.stderr)


def meet():
    need("node")
    need("chromium")
    d = STATE["daemon"] = Mediad(config=DEFAULT_CONFIG.replace("allow_http = true;", f'allow_http = true; console_dir = "{BUILD}/console";'))
    d.sign_in()
    start = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=2)
    meeting = d.api("POST", "/meetings", {"title": "Giao ban", "start": start.strftime("%Y-%m-%dT%H:%M:%SZ"), "minutes": 30, "open_min": 30, "trial": False})
    wait_until("the meeting to open", lambda: d.api("GET", "/meetings/" + meeting["id"])["state"] in ("open", "live"), 20)
    made = d.api("POST", f"/meetings/{meeting['id']}/links", {"invitees": [{"name": "UBND xã Cẩm Xuyên", "role": "chair"}, {"name": "An", "role": "site"}]})
    first, second = (link["link"] for link in made["links"])
    shots = os.path.join(BUILD, "screenshots")
    os.makedirs(shots, exist_ok=True)
    run = Process(["node", os.path.join(HERE, "officials.mjs"), d.url(""), shots, first, second, meeting["room"], d.token, str(PATIENCE)], "officials")
    for step in ("both are connected", "a sees", "b sees", "b hears a", "a hand is in the queue", "the floor was given and ended", "the chat came",
                 "b is back in its seat", "b has voted", "b has left"):
        assert run.wait_line(rf"^(ok - {step}|FAILED .*|page of .*)", 60)[1].startswith("ok"), "\n".join(run.lines)


def ends_cleanly():
    STATE["daemon"].stop()


run_tap([("the console's pages are built", pages),
         ("two officials meet by their links", meet),
         ("the daemon ends cleanly", ends_cleanly)])
