#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A screen is shown from a page in Chromium: seen as a second stream in another browser, and large in the one picture of a SIP endpoint. Then the
chair, who came by a link alone, runs the meeting from the call; and who books at a time that is taken is told who is where."""
import datetime
import secrets

from story import *

STATE = {}


def starts():
    d = STATE["daemon"] = console_daemon()
    meeting, links = open_meeting(d, "Trình chiếu", [{"name": "Chủ tọa", "role": "chair"}, {"name": "Xã", "role": "site"}])
    password = secrets.token_urlsafe(15)
    d.api("POST", "/users", {"name": "vanthu", "role": "operator", "password": password})
    STATE["story"] = Story("share.mjs", d.url(""), SHOTS, *links, "vanthu", password)
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


def run_from_the_call():
    STATE["story"].step("the chair runs the floor")
    STATE["story"].step("a picture is hidden")


def clashing():
    d = STATE["daemon"]
    tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=24 + 7)  # as the page books: eight o'clock in Vietnam
    d.api("POST", "/meetings", {"title": "Tập huấn phòng cháy", "start": tomorrow.strftime("%Y-%m-%dT08:30"), "minutes": 60, "trial": False, "invite": {"accounts": ["xem"]}})
    STATE["story"].asked("another meeting is booked")
    STATE["story"].answer()
    STATE["story"].step("who is where")
    STATE["story"].done()


run_tap([("the console's pages are built", pages),
         ("two pages and a SIP endpoint meet", starts),
         ("a screen is a second stream to a browser, and in the picture of an endpoint without content", shown),
         ("one shows at a time, the other is told who", one_at_a_time),
         ("the end of it brings the meeting back", restored),
         ("an ICE restart: the same member, the sound goes on, within five seconds", renewed),
         ("a reload ends what was shown", reloaded),
         ("the chair takes it away", taken_away),
         ("a chair without an account: the floor, a vote, a microphone, a picture that stays hidden", run_from_the_call),
         ("a booking that clashes is shown who is where, and made with a reason", clashing),
         ("the daemon ends cleanly", lambda: STATE["daemon"].stop())])
