#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A screen is shown from a page in Chromium: seen as a second stream in another browser, and large in the one picture of a SIP endpoint."""
from story import *

STATE = {}


def starts():
    d = STATE["daemon"] = console_daemon()
    meeting, links = open_meeting(d, "Trình chiếu", [{"name": "Chủ tọa", "role": "chair"}, {"name": "Xã", "role": "site"}])
    STATE["story"] = Story("share.mjs", d.url(""), SHOTS, *links)
    STATE["phone"] = endpoint(d, "xem", meeting["room"])
    STATE["story"].step("both are in")


def shown():
    STATE["story"].step("a second browser sees the screen")
    STATE["story"].sees(STATE["phone"], "the endpoint sees the screen", quartered)


def one_at_a_time():
    STATE["story"].step("a second one is told who shows")


def restored():
    STATE["story"].step("the meeting is back")
    STATE["story"].sees(STATE["phone"], "the endpoint sees no screen", lambda p: (lambda s: s["yellow"][0] < 0.02 and s["cyan"][0] > 0.03)(shares(p)))


def renewed():
    STATE["story"].step("the path was renewed")


def reloaded():
    STATE["story"].step("a reload ends what was shown")


def taken_away():
    STATE["story"].step("the chair takes it away")
    STATE["story"].done()


run_tap([("the console's pages are built", pages),
         ("two pages and a SIP endpoint meet", starts),
         ("a screen is a second stream to a browser, and in the picture of an endpoint without content", shown),
         ("one shows at a time, the other is told who", one_at_a_time),
         ("the end of it brings the meeting back", restored),
         ("an ICE restart: the same member, the sound goes on, within five seconds", renewed),
         ("a reload ends what was shown", reloaded),
         ("the chair takes it away", taken_away),
         ("the daemon ends cleanly", lambda: STATE["daemon"].stop())])
