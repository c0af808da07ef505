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
         ("the daemon ends cleanly", ends_cleanly)])
