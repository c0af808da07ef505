#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hand, queue, floor, layout, clock and votes with the console's pages in Chromium and a SIP endpoint that presses keys."""
import secrets

from story import *

STATE = {}


def starts():
    d = STATE["daemon"] = console_daemon()
    password = secrets.token_urlsafe(15)
    d.api("POST", "/users", {"name": "chutri", "role": "viewer", "password": password})  # runs the meeting by its role in it alone
    d.add_account("chutri", display="Chủ tọa", role="site")
    secret = d.add_account("nghe", display="Xã nghe", role="site")
    meeting, links = open_meeting(d, "Giao ban tuần", [{"name": "Xã A", "role": "site"}, {"name": "Xã B", "role": "site"}], invite={"accounts": ["nghe", "chutri"]}, chair="chutri", dial=False)
    STATE["phone"] = endpoint(d, "nghe", meeting["room"], secret)
    STATE["story"] = Story("floor.mjs", d.url(""), SHOTS, "chutri", password, meeting["room"], d.token, *links)
    STATE["story"].step("all are in")


def waits():
    STATE["story"].asked("the endpoint raises its hand by keys")
    STATE["phone"].command("sndcode", "*9")
    STATE["story"].answer()
    STATE["story"].step("hands are in the queue, and reordered")


def step(what):
    return lambda: STATE["story"].step(what)


def votes():
    STATE["story"].asked("the endpoint votes by keys")
    STATE["phone"].command("sndcode", "*81")
    STATE["story"].answer()
    STATE["story"].step("a named vote")
    STATE["story"].step("a secret vote")
    STATE["story"].done()


run_tap([("the console's pages are built", pages),
         ("pages, a desk and a SIP endpoint meet", starts),
         ("hands by button and by key, held in order, reordered on the desk", waits),
         ("one press gives the floor: big picture, others silent, the next one told, a countdown", step("one press")),
         ("the chair ends it, all is as before", step("the chair ends it")),
         ("the clock warns with a tone and ends it", step("the clock warns")),
         ("fixed seats, and a layout of one's own", step("seats and views")),
         ("an interpreter's channel is made on the desk, and chosen by a listener", step("an interpreter")),
         ("a named vote shows who, a secret one does not", votes),
         ("the daemon ends cleanly", lambda: STATE["daemon"].stop())])
