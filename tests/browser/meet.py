#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A page in Chromium with a fake camera and a SIP endpoint (baresip) meet in one room of a running mediad."""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peer"))
from harness import DEFAULT_CONFIG, PATIENCE, Baresip, Mediad, Process, need, rms, run_tap, wait_until  # noqa: E402

STATE = {}


def meet():
    d = STATE["daemon"] = daemon()
    secret = d.add_account("xa", role="operator")
    agent = STATE["agent"] = Baresip(f"<sip:xa@127.0.0.1:{d.sip_port};transport=udp>;auth_pass={secret};regint=300;answermode=auto"
                                     ";audio_codecs=opus/48000/2;video_codecs=h264", tone=440, name="xa")
    assert agent.registration() == 200
    assert agent.dial(f"sip:hop@127.0.0.1:{d.sip_port};transport=udp")["type"] == "CALL_ESTABLISHED"
    page = STATE["page"] = Process(["node", os.path.join(HERE, "meet.mjs"), d.url("/")], "page")
    met = json.loads(page.wait_line(r'(\{"step":"met".*)', 60)[1])
    assert met["picture"]["width"] >= 320, met
    STATE["member"] = met["member"]
    members = d.api("GET", "/rooms/hop/members")["members"]
    mine = [m for m in members if m["id"] == met["member"]][0]
    assert mine["browser"] and mine["media"]["security"].startswith("dtls"), mine
    assert mine["stats"]["audio_packets_received"] > 0 and mine["stats"]["video_frames_received"] > 0, mine["stats"]

    def beeps():  # the fake microphone does, once a second; the page's echo canceller may hold some back at first
        rate, samples = agent.heard(3)
        return max(rms(samples[i:i + rate // 10]) for i in range(0, len(samples), rate // 10)) > 0.01
    wait_until("a beep of the page at the endpoint", beeps, 20, 0.5)


def own_view():
    d, page, member = STATE["daemon"], STATE["page"], STATE["member"]
    chosen = json.loads(page.wait_line(r'(\{"step":"chosen".*)', 30)[1])
    answer = chosen["answer"]
    assert answer["type"] == "event" and answer["data"]["by"] == "self" and answer["data"]["seats"] == [member] and answer["data"]["shown"], answer
    assert max(chosen["dark"]) < 30 and min(chosen["light"]) > 40, chosen  # a grid of two has nobody below; alone it fills the picture
    path = f"/rooms/hop/members/{member}"
    mine = d.api("GET", path)["view"]
    assert mine == {"layout": "single", "seats": [member], "by": "self", "shown": True}, mine
    others = [m["view"] for m in d.api("GET", "/rooms/hop/members")["members"] if m["id"] != member]
    assert others == [None], others
    d.api("PUT", path + "/view", {"layout": "1+5"})
    ordered = json.loads(page.wait_line(r'(\{"step":"by-chair".*)', 30)[1])
    assert ordered["data"]["by"] == "chair" and ordered["data"]["layout"] == "1+5", ordered
    assert ordered["refused"]["type"] == "error" and ordered["refused"]["code"] == "not-done" and ordered["refused"]["of"] == "view", ordered
    assert d.api("GET", path)["view"]["by"] == "chair"
    d.api("DELETE", path + "/view")
    back = json.loads(page.wait_line(r'(\{"step":"back".*)', 30)[1])
    assert back["data"]["layout"] is None and back["data"]["by"] is None, back
    assert "m999" in back["unknown"]["message"], back
    assert d.api("GET", path)["view"] is None


def restart():
    new = json.loads(STATE["page"].wait_line(r'(\{"step":"restarted".*)', 30)[1])
    assert new["before"] != new["after"], new


def reload():
    back = json.loads(STATE["page"].wait_line(r'(\{"step":"reloaded".*)', 30)[1])
    assert back["member"] == STATE["member"], back
    assert back["ms"] < 5000 * PATIENCE, back


def daemon():
    need("node")
    need("chromium")
    config = DEFAULT_CONFIG.replace("allow_http = true;", f'allow_http = true; console_dir = "{HERE}/pages";')
    d = Mediad(config=config)
    d.sign_in()
    d.api("POST", "/rooms", {"name": "hop", "title": "Họp", "pin": "1234"})
    return d


def ends_cleanly():
    STATE["daemon"].stop()


run_tap([("a page and a SIP endpoint hear and see each other", meet),
         ("a page chooses what it is sent; the chair's choice counts for more", own_view),
         ("an ICE restart: sound goes on", restart),
         ("a reload comes back into the same seat within five seconds", reload),
         ("the daemon ends cleanly", ends_cleanly)])
