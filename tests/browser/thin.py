#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real page behind a line that becomes thin: it alone gets a smaller picture of who speaks, and the large one again; it loses packets: its sound
comes with copies. All its datagrams pass through a relay of the browser's half."""
import json

from story import *

STATE = {}


def stats(name):
    members = STATE["daemon"].api("GET", f"/rooms/{STATE['room']}/members")["members"]
    return [m["stats"] for m in members if m["id"] == STATE[name]][0]


def told(when):
    """What is counted of the lines: by it a failure is understood."""
    for m in STATE["daemon"].api("GET", f"/rooms/{STATE['room']}/members")["members"]:
        print("#", when, m["name"], {k: m["stats"][k] for k in m["stats"] if k.startswith(("send_", "video_layer", "streams_", "audio_red"))}, flush=True)


def starts():
    d = STATE["daemon"] = console_daemon()
    meeting, links = open_meeting(d, "Đường truyền yếu", [{"name": n, "role": "site"} for n in ("A", "V", "W")])
    STATE["room"] = meeting["room"]
    STATE["story"] = Story("thin.mjs", d.url(""), *links)
    try:
        STATE.update(json.loads(STATE["story"].step("both see the large picture", 90).split(": ", 1)[1]))
    finally:
        told("large")


def thin():
    print("#", STATE["story"].step("the thin line has a smaller picture, the other the large one"), flush=True)


def mended():
    print("#", STATE["story"].step("a line that is mended has the large one again"), flush=True)


def kept():
    STATE["story"].step("the choice is kept over a reload")


def copies():
    story = STATE["story"]
    story.asked("copies are used")
    try:
        wait_until("copies in the place of lost packets", lambda: stats("v")["audio_red_packets"] > 10, 25)
    finally:
        told("lossy")
    story.answer()
    print("#", story.step("lost packets: sound with copies"), flush=True)


def three():
    """A camera of 1280x720 is sent in three sizes at once: each of them comes here. Last, for Chromium finds out by and by what a line carries."""
    def layers():
        return [stats("a")[f"video_layer{i}_bytes_received"] for i in (1, 2, 3)]
    STATE["story"].asked("three sizes of a camera")
    try:
        wait_until("all three sizes of the camera", lambda: min(layers()) > 10000, 40)
    finally:
        print("# bytes of each size:", layers(), flush=True)
    STATE["story"].answer()
    STATE["story"].done()


run_tap([("the console's pages are built", pages),
         ("two pages see who speaks, large", starts),
         ("behind a thin line his picture is smaller, for that page alone", thin),
         ("and large again when the line is mended", mended),
         ("the choice is kept over a reload", kept),
         ("where packets are lost the page sends its sound with copies, and is heard", copies),
         ("a camera of 1280x720 comes in three sizes", three),
         ("the daemon ends cleanly", lambda: STATE["daemon"].stop())])
