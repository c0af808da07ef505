#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two officials join a booked meeting by their links, with the console's own pages in Chromium, on a running mediad."""
import datetime

from console import CONFIG, PICTURES, build_pages, play, step
from harness import PATIENCE, Mediad, run_tap, wait_until

STATE = {}


def meet():
    d = STATE["daemon"] = Mediad(config=CONFIG)
    d.sign_in()
    start = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=2)
    meeting = d.api("POST", "/meetings", {"title": "Giao ban", "start": start.strftime("%Y-%m-%dT%H:%M:%SZ"), "minutes": 30, "open_min": 30, "trial": False})
    wait_until("the meeting to open", lambda: d.api("GET", "/meetings/" + meeting["id"])["state"] in ("open", "live"), 20)
    made = d.api("POST", f"/meetings/{meeting['id']}/links", {"invitees": [{"name": "UBND xã Cẩm Xuyên", "role": "chair"}, {"name": "An", "role": "site"}]})
    first, second = (link["link"] for link in made["links"])
    run = play("officials.mjs", d.url(""), PICTURES, first, second, meeting["room"], d.token, str(PATIENCE))
    for name in ("both are connected", "a sees", "b sees", "b hears a", "a hand is in the queue", "the floor was given and ended", "the chat came",
                 "b is back in its seat", "the microphone is still closed", "a vote that was not taken is not shown as taken", "b has voted", "b has left", "leaving the page leaves the meeting"):
        step(run, name)


def ends_cleanly():
    STATE["daemon"].stop()


run_tap([("the console's pages are built", build_pages),
         ("two officials meet by their links", meet),
         ("the daemon ends cleanly", ends_cleanly)])
