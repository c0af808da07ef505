#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How browsers come into a meeting: the join protocol of a running mediad over a WebSocket. No media here."""
import datetime
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peer"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import PATIENCE, Mediad, run_tap, wait_until  # noqa: E402
from websocket import Refused, WebSocket  # noqa: E402

STATE = {}


def daemon():
    if "daemon" not in STATE:
        d = Mediad('web: { resume_s = 5; stun = ["stun:192.0.2.1:3478"]; };\n')
        d.sign_in()
        d.api("POST", "/rooms", {"name": "giao-ban", "title": "Giao ban", "pin": "1234", "chair_pin": "9876"})
        d.api("POST", "/rooms", {"name": "ngo", "title": "Ngõ"})
        STATE["daemon"] = d
    return STATE["daemon"]


def connect(token=None, **headers):
    protocols = ["mediad.join.1"] + (["mediad.token." + token] if token else [])
    return WebSocket(daemon().api_port, "/api/v1/join", protocols, {k.replace("_", "-"): v for k, v in headers.items()}, PATIENCE)


def guest(name="UBND xã Cẩm Xuyên", **more):
    ws = connect()
    ws.send(dict({"type": "hello", "room": "giao-ban", "name": name, "pin": "1234"}, **more))
    return ws, ws.wait("welcome")


def doors():
    for arguments, status in (({"Origin": "https://evil.example"}, 403), ({"token": "no-such-token"}, 401)):
        try:
            connect(**arguments)
            raise AssertionError(f"let in with {arguments}")
        except Refused as refused:
            assert refused.status == status, refused
    own = f"http://127.0.0.1:{daemon().api_port}"
    connect(Origin=own).drop()
    status, _ = daemon().request("GET", "/api/v1/join")
    assert status == 426, status


def asks():
    ws = connect()
    ws.send({"type": "offer", "sdp": "v=0"})
    assert ws.wait("error")["code"] == "not-in"
    ws.send({"type": "hello", "room": "khong-co", "name": "Ai đó"})
    ws.wait("error", code="room-not-found")
    ws.send({"type": "hello", "room": "giao-ban"})
    assert ws.wait("ask")["what"] == "name"
    ws.send({"type": "hello", "room": "giao-ban", "name": "Ai đó"})
    ws.wait("ask", what="pin")
    ws.send({"type": "hello", "room": "giao-ban", "name": "Ai đó", "pin": "0000"})
    assert "PIN" in ws.wait("error", code="wrong-pin")["message"]
    ws.send({"type": "hello", "room": "ngo", "name": "Ai đó"})
    ws.wait("error", code="sign-in-needed")
    ws.send({"type": "hello", "code": "khong-phai-ma"})
    assert ws.wait("error", code="wrong-code")["message"]
    ws.send({"type": "hello", "room": "giao-ban", "name": "Ai đó", "pin": "1234"})
    welcome = ws.wait("welcome")
    assert welcome["role"] == "guest" and welcome["room"]["name"] == "giao-ban" and len(welcome["resume"]) == 43, welcome
    assert welcome["ice_servers"] == [{"urls": ["stun:192.0.2.1:3478"]}], welcome
    ws.send({"type": "hello", "room": "giao-ban"})
    ws.wait("error", code="already-in")
    ws.send({"type": "ping", "t": 42})
    assert ws.wait("pong")["t"] == 42
    ws.send({"type": "from-the-future", "x": [1]})
    ws.send("{nonsense")
    ws.wait("error", code="bad-message")
    ws.send({"type": "bye"})
    assert ws.wait("closed")["reason"] == "left"
    assert ws.wait_closed() == 1000


def roles():
    d = daemon()
    ws = connect(d.token)
    ws.send({"type": "hello", "room": "giao-ban"})
    assert ws.wait("welcome")["role"] == "operator"
    ws.drop()
    chair, welcome = guest("Chủ tọa", pin="9876")
    assert welcome["role"] == "chair", welcome
    chair.send({"type": "bye"})
    chair.wait_closed()


def bad_offer():
    ws, _ = guest()
    ws.send({"type": "offer", "sdp": "this is no description"})
    assert ws.wait("error", code="bad-description")["message"]
    assert ws.wait_closed() == 1000


def same_seat():
    ws, first = guest()
    ws.drop()
    again = connect()
    again.send({"type": "hello", "resume": first["resume"]})
    back = again.wait("welcome", 5)
    assert back["member"] == first["member"] and back["resume"] == first["resume"] and back["resumed"], back
    third = connect()  # a reload whose old connection is not known to be dead yet
    third.send({"type": "hello", "room": "giao-ban", "resume": first["resume"]})
    assert third.wait("welcome", 5)["member"] == first["member"]
    assert again.wait_closed() == 4409
    third.drop()
    wait_until("the seat to go", lambda: daemon().request("GET", "/metrics", raw=True)[1].decode().split("\nmediad_browsers ")[1].split("\n")[0] == "0",
               20)
    late = connect()
    late.send({"type": "hello", "room": "giao-ban", "name": "Ai đó", "pin": "1234", "resume": first["resume"]})
    assert late.wait("welcome")["member"] != first["member"]
    late.send({"type": "bye"})
    late.wait_closed()


def signed_out():
    d = daemon()
    d.api("POST", "/users", {"name": "can-bo", "password": "mật khẩu thử nghiệm", "role": "viewer"})
    token = d.api("POST", "/session", {"user": "can-bo", "password": "mật khẩu thử nghiệm"}, token=False)["token"]
    ws = connect(token)
    ws.send({"type": "hello", "room": "giao-ban", "pin": "1234"})
    welcome = ws.wait("welcome")
    assert welcome["role"] == "site", welcome
    other = connect()  # the token of a seat does not stand for the account
    other.send({"type": "hello", "resume": welcome["resume"]})
    other.wait("error")
    status, _ = d.request("DELETE", "/api/v1/session", token=False, headers={"Authorization": "Bearer " + token})
    assert status == 204, status
    assert ws.wait_closed() == 4401


def floods():
    ws, _ = guest()
    try:
        for _ in range(400):
            ws.send({"type": "ping"})
    except OSError:
        pass
    assert ws.wait_closed() == 4429
    bad = connect()
    for _ in range(20):
        bad.send("[]")
    assert bad.wait_closed() == 4400


def too_early():
    """A good link before its time is told when to come again, and is no guess: an office may try as often as it likes."""
    d = daemon()
    start = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=30)
    meeting = d.api("POST", "/meetings", {"title": "Mai", "start": start.strftime("%Y-%m-%dT%H:%M:%SZ"), "minutes": 30, "trial": False})
    link = d.api("POST", f"/meetings/{meeting['id']}/links", {"invitees": [{"name": "An"}]})["links"][0]["link"]
    code, local = link.rsplit("/", 1)[1], start + datetime.timedelta(hours=7)
    for _ in range(12):
        ws = connect()
        ws.send({"type": "hello", "code": code, "browser": "a-secret-of-this-browser"})
        message = ws.wait("error", code="too-early")["message"]
        assert message.endswith(local.strftime(" %d/%m/%Y")) or message.endswith((local - datetime.timedelta(hours=1)).strftime(" %d/%m/%Y")), message
        ws.drop()


def seated(ws):
    """Past the door: a browser's description is enough for that, no packet need ever come."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures", "sdp", "chromium.sdp"), encoding="utf-8", newline="") as file:
        ws.send({"type": "offer", "sdp": file.read()})
    ws.wait("admitted", 5)
    return ws.wait("state", 5)


def act(ws, name, number, **fields):
    ws.send(dict({"type": "act", "act": name, "id": number}, **fields))
    return ws.wait("done", 5, act=name, id=number)


def refused(ws, name, number, why, **fields):
    ws.send(dict({"type": "act", "act": name, "id": number}, **fields))
    error = ws.wait("error", 5, of="act", id=number)
    assert (error["code"], error["act"], error["why"]) == ("not-done", name, why) and error["message"], error


def runs_it():
    """Who came without an account as the chair runs the meeting over its socket; everybody else is refused."""
    d = daemon()
    chair, me = guest("Chủ tọa", pin="9876")
    site, other = guest("Điểm cầu")
    assert "run-floor" in me["may"] and "run-floor" not in other["may"], (me["may"], other["may"])
    state = seated(chair)
    assert state["channels"] == [] and "kick" in state["may"], state
    seated(site)
    m, s = me["member"], other["member"]
    for number, (name, fields) in enumerate((("mute", {"member": m, "muted": True}), ("mute-all", {"muted": True}), ("remove", {"member": m}),
                                             ("lock", {"locked": True}), ("floor-give", {"member": s}), ("vote-open", {"question": "?"}),
                                             ("role", {"member": s, "role": "chair"}), ("record-start", {}), ("stream-start", {}), ("end", {}))):
        refused(site, name, number, "denied", **fields)
    refused(chair, "dance", 1, "not-found")
    refused(chair, "mute", 2, "invalid", member=s)
    refused(chair, "mute", 3, "not-found", member="m999", muted=True)
    refused(chair, "record-stop", 4, "wrong-state")
    act(chair, "mute", 5, member=s, muted=True)
    assert site.wait("event", 5, event="member.muted")["data"]["muted"]
    act(chair, "hide", 6, member=s, hidden=True)
    site.send({"type": "video", "muted": False})  # its own camera key lifts nothing the chair has hidden
    act(chair, "floor-give", 7, member=s, budget_s=60)
    assert site.wait("event", 5, event="floor.given")["data"]["floor"]["holder"] == s
    vote = act(chair, "vote-open", 8, question="Thông qua?", secret=True)["vote"]
    assert site.wait("event", 5, event="vote.opened")["data"]["vote"] == vote
    act(chair, "channels", 9, channels=[{"name": "English", "interpreters": [m]}])
    mark = len(site.messages)
    site.send({"type": "channel", "name": "English"})
    channels = site.wait("event", 5, mark, event="channels.changed")["data"]["channels"]
    assert channels == [{"name": "English", "interpreters": [m], "listeners": [s], "away": [], "floor_db": -18}], channels
    members = {x["id"]: x for x in d.api("GET", "/rooms/giao-ban/members")["members"]}
    assert members[s]["video_muted"] and members[s]["muted"] is False and members[s]["channel"] == "English" and members[m]["interprets"] == "English", members
    recording = act(chair, "record-start", 10)["recording"]
    act(chair, "record-stop", 11, recording=recording)
    mark = len(site.messages)
    act(chair, "role", 12, member=s, role="secretary")
    assert "run-votes" in site.wait("state", 5, mark)["may"]
    act(site, "vote-close", 13, vote=vote)
    refused(site, "remove", 14, "denied", member=m)
    act(chair, "remove", 15, member=s)
    assert site.wait("closed", 5)
    wait_until("the audit trail to say who did it", lambda: any(
        r["who"].startswith("Chủ tọa") and r["what"].endswith(" remove") for r in d.api("GET", "/audit")["rows"]), 10)
    chair.send({"type": "bye"})
    chair.wait_closed()


def by_account():
    """An account without the right to operate runs the meeting it chairs, and no other; and only as long as it does."""
    d = daemon()
    d.api("POST", "/users", {"name": "chu-toa", "password": "mật khẩu thử nghiệm", "role": "viewer"})
    token = d.api("POST", "/session", {"user": "chu-toa", "password": "mật khẩu thử nghiệm"}, token=False)["token"]

    def ask(method, path, body=None):
        return d.request(method, "/api/v1" + path, body, token=False, headers={"Authorization": "Bearer " + token})

    status, answer = ask("PUT", "/rooms/giao-ban/lock", {"locked": True})
    assert status == 403 and "operate" in answer["error"]["hint"] and "chair" in answer["error"]["hint"], (status, answer)
    ws = connect(token)
    ws.send({"type": "hello", "room": "giao-ban", "pin": "9876"})
    assert ws.wait("welcome")["role"] == "chair"
    assert ask("PUT", "/rooms/giao-ban/lock", {"locked": True})[0] == 403  # not before it is inside
    seated(ws)
    site, welcome = guest("Điểm cầu")
    seated(site)
    assert ask("GET", "/rooms/giao-ban/may")[1]["role"] == "chair"
    for method, path, body, want in (("PUT", "/lock", {"locked": True}, 204), ("PUT", "/lock", {"locked": False}, 204), ("PUT", "/mute", {"muted": True}, 204),
                                     ("PATCH", f"/members/{welcome['member']}", {"muted": False, "role": "secretary"}, 204),
                                     ("POST", "/floor/give", {"member": welcome["member"]}, 204), ("POST", "/floor/end", None, 204),
                                     ("POST", "/votes", {"question": "Thông qua?"}, 201), ("PUT", "/banner", {"text": "Nghỉ"}, 204),
                                     ("PUT", "/channels", {"channels": []}, 200), ("PUT", "/layout", {"layout": "2x2"}, 204)):
        status, answer = ask(method, "/rooms/giao-ban" + path, body)
        assert status == want, (method, path, status, answer)
    for method, path in (("PUT", "/rooms/ngo/lock"), ("DELETE", "/rooms/giao-ban"), ("POST", "/rooms")):
        assert ask(method, path, {"locked": True} if method == "PUT" else {"name": "x"} if method == "POST" else None)[0] == 403, path
    mine = next(x["id"] for x in d.api("GET", "/rooms/giao-ban/members")["members"] if x.get("account") == "chu-toa")
    d.api("PATCH", f"/rooms/giao-ban/members/{mine}", {"role": "co-chair"})
    d.api("PATCH", f"/rooms/giao-ban/members/{welcome['member']}", {"role": "chair"})
    status, answer = ask("DELETE", f"/rooms/giao-ban/members/{welcome['member']}")
    assert (status, answer["error"]["code"]) == (403, "role-does-not-allow"), (status, answer)
    status, answer = ask("PATCH", f"/rooms/giao-ban/members/{welcome['member']}", {"role": "site"})
    assert status == 403, (status, answer)
    d.api("PATCH", f"/rooms/giao-ban/members/{mine}", {"role": "site"})
    assert ask("PUT", "/rooms/giao-ban/lock", {"locked": True})[0] == 403
    for one in (ws, site):
        one.send({"type": "bye"})
        one.wait_closed()


def ends_cleanly():
    daemon().stop()


run_tap([("refused at the door: foreign pages, unknown sessions, no WebSocket", doors),
         ("name, PIN and code are asked for; wrong ones are told of; unknown messages are passed over", asks),
         ("the account or the chair's PIN says what one is", roles),
         ("an offer that is none is refused", bad_offer),
         ("a dropped socket, a reload: the same seat; too late: another one", same_seat),
         ("signing out ends the seat; its token does not stand for the account", signed_out),
         ("floods and nonsense are cut off", floods),
         ("a link before its time", too_early),
         ("the chair without an account runs the meeting over its socket; nobody else does", runs_it),
         ("an account runs the meeting it chairs, and no other", by_account),
         ("the daemon ends cleanly", ends_cleanly)])
