#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages that choose each speaker's own picture get them as they came: seen by their pixels, and nothing is encoded for them. A SIP endpoint of
another codec stays in the composed picture."""
import json
import time

from story import *

STATE = {}


def members():
    return {m["id"]: m for m in STATE["daemon"].api("GET", f"/rooms/{STATE['room']}/members")["members"]}


def encoded():
    return STATE["daemon"].api("GET", f"/rooms/{STATE['room']}")["video"]["frames_encoded"]


def rests(what, read):
    """Waits until what READ counts has stood still for a second, and tells it."""
    last = [read(), time.monotonic()]

    def still():
        now = read()
        if now != last[0]:
            last[:] = [now, time.monotonic()]
        return time.monotonic() - last[1] >= 1
    wait_until(what, still)
    return last[0]


def starts():
    d = STATE["daemon"] = console_daemon()
    meeting, links = open_meeting(d, "Từng người", [{"name": n, "role": "site"} for n in ("A", "B", "V")])
    STATE["room"] = meeting["room"]
    STATE["story"] = Story("forward.mjs", d.url(""), SHOTS, *links)
    line = STATE["story"].step("all are in")
    STATE["id"] = json.loads(line.split(": ", 1)[1])


def by_himself():
    story = STATE["story"]
    story.step("each by himself")
    story.asked("nothing is encoded for it")
    viewer = STATE["id"]["v"]
    rests("its composed picture to rest", lambda: members()[viewer]["stats"]["video_packets_sent"])
    before = members()[viewer]["stats"]
    time.sleep(2)  # nothing to wait for: that for so long nothing comes is what is claimed
    after = members()[viewer]["stats"]
    assert after["video_packets_sent"] == before["video_packets_sent"], (before, after)
    assert after["streams_packets_sent"] > before["streams_packets_sent"] + 20, (before, after)
    story.answer()


def next_speaker():
    STATE["story"].step("the next speaker is large")


def no_encode():
    story = STATE["story"]
    story.asked("nothing is encoded at all")
    before, sent = rests("the last encoder to rest", encoded), {k: m["stats"]["streams_packets_sent"] for k, m in members().items()}
    time.sleep(2)  # nothing to wait for: that for so long nothing comes is what is claimed
    assert encoded() == before, (before, encoded())
    for k, m in members().items():
        assert m["stats"]["streams_packets_sent"] > sent[k] + 20, (k, sent[k], m["stats"])
    story.answer()


def hidden():
    d, story, who = STATE["daemon"], STATE["story"], STATE["id"]["b"]
    story.asked("the chair hides a picture")
    d.api("PATCH", f"/rooms/{STATE['room']}/members/{who}", {"video_muted": True})
    story.answer()
    story.asked("the chair shows it again")
    d.api("PATCH", f"/rooms/{STATE['room']}/members/{who}", {"video_muted": False})
    story.answer()
    story.step("hidden and shown again")


def other_codec():
    d, story = STATE["daemon"], STATE["story"]
    story.asked("an endpoint of another codec comes")
    ours = members()[STATE["id"]["a"]]["media"]["video"]
    theirs = {"h264": "vp8", "vp8": "h264"}[ours.lower()]
    secret = d.add_account("khac", display="Xã khác", role="site")
    phone = STATE["phone"] = Baresip(f"<sip:khac@127.0.0.1:{d.sip_port};transport=udp>;auth_pass={secret};regint=300;answermode=auto;audio_codecs=opus/48000/2"
                                     f";video_codecs={theirs}", tone=300, video=True, name="khac")
    assert phone.registration() == 200
    event = phone.dial(f"sip:{STATE['room']}@127.0.0.1:{d.sip_port};transport=udp")
    assert event["type"] == "CALL_ESTABLISHED", event
    story.answer()
    story.step("the other codec is composed")
    assert [m for m in members().values() if not m["browser"]][0]["media"]["video"].lower() == theirs


def back():
    STATE["story"].step("composed again")
    STATE["story"].done()


run_tap([("the console's pages are built", pages),
         ("three pages meet", starts),
         ("one sees each by himself, and nothing is encoded for it", by_himself),
         ("the next speaker is large, from its key frame on", next_speaker),
         ("when all choose so, nothing is encoded at all", no_encode),
         ("a picture that the chair hides is not forwarded", hidden),
         ("an endpoint of another codec stays in the composed picture", other_codec),
         ("the composed picture comes back", back),
         ("the daemon ends cleanly", lambda: STATE["daemon"].stop())])
