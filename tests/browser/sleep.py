#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A laptop sleeps in a meeting: every process of its Chromium is stopped. The others see it away; when it wakes it is back in its seat, heard and
hearing, within five seconds."""
from story import *

STATE = {}
SILENT_S = 5


def members():
    return STATE["daemon"].api("GET", f"/rooms/{STATE['room']}/members")["members"]


def starts():
    d = STATE["daemon"] = console_daemon(f"web: {{ silent_s = {SILENT_S}; }};\n")
    meeting, links = open_meeting(d, "Giao ban", [{"name": "Xã Cẩm Xuyên", "role": "site"}, {"name": "Văn phòng", "role": "site"}])
    STATE["room"] = meeting["room"]
    STATE["story"] = Story("sleep.mjs", d.url(""), *links)
    STATE["story"].step("both hear each other")
    STATE["ids"] = sorted(m["id"] for m in members())


def told(what):
    def step():
        print("#", STATE["story"].step(what), flush=True)
        now = members()
        assert sorted(m["id"] for m in now) == STATE["ids"] and not any(m["away"] for m in now), now
    return step


def ends():
    STATE["story"].done()
    STATE["daemon"].stop()


run_tap([("the console's pages are built", pages),
         ("two pages in a meeting", starts),
         ("one sleeps until the server gives its connection up, and is back", told("slept")),
         ("one sleeps for a moment and wakes without its microphone, which is opened anew", told("napped")),
         ("all ends cleanly", ends)])
