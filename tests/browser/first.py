#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody's first meeting, from the link to being heard, in under a minute, on a telephone and on a desktop."""
from story import *

STATE = {}


def starts():
    d = STATE["daemon"] = console_daemon()
    _, links = open_meeting(d, "Giao ban", [{"name": "Văn phòng", "role": "chair"}, {"name": "Xã A", "role": "site"}, {"name": "Xã B", "role": "site"}])
    STATE["story"] = Story("first.mjs", d.url(""), SHOTS, *links)
    STATE["story"].step("the host is in")


def tried(what):
    def step():
        print("# " + STATE["story"].step(what))
    return step


def ends():
    STATE["story"].done()
    STATE["daemon"].stop()


run_tap([("the console's pages are built", pages),
         ("a meeting with its host", starts),
         ("first time, on a telephone", tried("on a phone")),
         ("first time, on a desktop", tried("on a desktop")),
         ("all ends cleanly", ends)])
