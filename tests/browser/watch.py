#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A meeting is recorded and goes out live; an operator watches both in the console's page, and sees the last minute of a site's line."""
import json

from console import CONFIG, PICTURES, build_pages, play, step
from harness import PATIENCE, Baresip, Mediad, run_tap, wait_until

D = {}


def meeting():
    d = D["d"] = Mediad(config=CONFIG, extra='recording: { min_free_mib = 16; height = 360; bitrate_kbps = 500; stream_hosts = [ "127.0.0.1" ]; };\n')
    d.sign_in()
    d.api("POST", "/rooms", {"name": "giao-ban", "title": "Giao ban tỉnh"})
    secret = d.add_account("xa")
    agent = D["agent"] = Baresip(f"<sip:xa@127.0.0.1:{d.sip_port}>;auth_pass={secret};regint=300;answermode=auto"
                                 ";audio_codecs=opus/48000/2;video_codecs=h264", tone=440, video=True, name="xa")
    assert agent.registration() == 200
    assert agent.dial(f"sip:giao-ban@127.0.0.1:{d.sip_port}")["type"] == "CALL_ESTABLISHED"
    begun = D["recording"] = d.api("POST", "/rooms/giao-ban/recordings", {})["id"]
    d.api("POST", "/rooms/giao-ban/streams", {})

    def long(us):
        return d.api("GET", f"/recordings/{begun}")["duration_us"] > us
    wait_until("two seconds of it", lambda: long(2000000), 20)
    d.api("POST", f"/recordings/{begun}/chapters", {"title": "Ý kiến xã Cẩm Xuyên"})
    wait_until("five seconds of it", lambda: long(5000000), 20)
    d.api("POST", f"/recordings/{begun}/stop", {})
    wait_until("the finished recording", lambda: d.api("GET", f"/recordings/{begun}")["state"] == "finished", 20)


def short():
    """Stopped at once: no fault and no file, and it says so."""
    d = D["d"]
    begun = d.api("POST", "/rooms/giao-ban/recordings", {})["id"]
    d.api("POST", f"/recordings/{begun}/stop", {})
    ended = wait_until("its end", lambda: next((r for r in [d.api("GET", f"/recordings/{begun}")] if r["state"] not in ("running", "finishing")), None), 20)
    assert ended["state"] == "empty" and "before anything" in ended["problem"], ended
    status, _ = d.request("GET", f"/api/v1/recordings/{begun}/file")
    assert status == 409, status


def watched():
    d = D["d"]
    D["run"] = play("watch.mjs", d.url(""), PICTURES, d.secret, d._recovery.pop(), str(PATIENCE))
    print("# played:", step(D["run"], "the recording plays", 90))
    print("# chapter:", step(D["run"], "a chapter is jumped to"))
    step(D["run"], "the short one says why")
    step(D["run"], "a phone saves and deletes, and says why")


def live():
    print("# live:", step(D["run"], "the live stream plays", 90))


def lines():
    wait_until("two points", lambda: len(D["d"].api("GET", "/rooms/giao-ban/members/" + member() + "/history")["points"]) >= 2, 30, 0.5)
    points = D["d"].api("GET", "/rooms/giao-ban/members/" + member() + "/history")["points"]
    assert points[-1]["in_bps"] > 30000 and points[0]["time_us"] < points[-1]["time_us"], points
    assert all(10000000 == b["time_us"] - a["time_us"] or 9000000 <= b["time_us"] - a["time_us"] <= 12000000 * PATIENCE for a, b in zip(points, points[1:])), points
    status, _ = D["d"].request("GET", "/api/v1/rooms/giao-ban/members/m999/history")
    assert status == 404, status
    print("# line:", step(D["run"], "the hour of a line is drawn", 60))


def member():
    return D["d"].api("GET", "/rooms/giao-ban/members")["members"][0]["id"]


def goes_on():
    """mediad ends and comes back in the middle of the meeting: what went out live goes out again when a site is back; what was stopped does not."""
    d = D["d"]
    stopped = d.api("POST", "/rooms/giao-ban/streams", {"url": "rtmp://127.0.0.1:9/app/over"})["id"]
    d.api("POST", "/rooms/giao-ban/streams", {"url": "rtmp://127.0.0.1:9/app/secret-key"})
    d.api("DELETE", f"/streams/{stopped}")
    d.stop()
    d._launch("mediad")
    assert d.api("GET", "/streams")["streams"] == []
    D["agent"].command("hangup")
    assert D["agent"].dial(f"sip:giao-ban@127.0.0.1:{d.sip_port}")["type"] == "CALL_ESTABLISHED"
    streams = wait_until("the streams", lambda: next((s for s in [d.api("GET", "/streams")["streams"]] if len(s) == 2), None), 20)
    assert sorted(s["kind"] for s in streams) == ["hls", "rtmp"] and all(s["created_by"] == "tester" for s in streams), streams
    assert "secret-key" not in json.dumps(streams) and d.api("GET", "/rooms/giao-ban")["streamed"], streams


def ends_cleanly():
    D["d"].stop()


run_tap([("the console's pages are built", build_pages),
         ("a meeting is recorded and streamed", meeting),
         ("a recording that ends at once is empty, not failed", short),
         ("a recording is played in the page", watched),
         ("the live stream is played in the page", live),
         ("a line's last hour is shown", lines),
         ("live streams go on after a restart", goes_on),
         ("the daemon ends cleanly", ends_cleanly)])
