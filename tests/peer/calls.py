#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real baresip calls the real daemon: echo, rooms, pictures; every transport, codec and media security."""
from harness import *

DAEMON = None


def daemon():
    global DAEMON
    if not DAEMON:
        DAEMON = Mediad()
        DAEMON.sign_in()
    return DAEMON


def ua(d, name, transport="udp", codecs="opus/48000/2", enc="", tone=440, video="h264", role="site", host=None, **more):
    """A registered baresip signed in as account name (made on first use)."""
    accounts = d.__dict__.setdefault("secrets", {})
    if name not in accounts:
        accounts[name] = d.add_account(name, role=role)
    port = d.tls_port if transport == "tls" else d.sip_port
    host = host or d.host
    bracketed = f"[{host}]" if ":" in host else host
    if ":" in host:
        port = d.sip6_port
    line = (f"<sip:{name}@{bracketed}:{port};transport={transport}>;auth_pass={accounts[name]};regint=300;answermode=auto"
            f";audio_codecs={codecs}" + (f";video_codecs={video}" if video else "") + (f";mediaenc={enc}" if enc else ""))
    agent = Baresip(line, host=host, tone=tone, video=bool(video), name=name, **more)
    assert agent.registration() == 200
    agent.target = lambda room: f"sip:{room}@{bracketed}:{port};transport={transport}"
    return agent


def echo_case(transport, codecs, enc, security, host=None, video="h264"):
    def case():
        d = daemon()
        tag = re.sub("[^a-z0-9]", "", f"{transport}{codecs}{enc}{host or ''}".lower())
        agent = ua(d, f"echo-{tag}", transport, codecs, enc, tone=440, video=video, host=host)
        event = agent.dial(agent.target("echo"))
        assert event["type"] == "CALL_ESTABLISHED", event
        rate, heard = agent.heard(3)
        assert tone_share(heard[-2 * rate:], rate, 440) > 0.9, "own tone does not come back"
        assert max(goertzel(heard[-rate:], rate, f) for f in (310, 620, 1000)) < 0.02, "other tones are heard"
        secured = [line for line in agent.lines if re.search(r"SRTP is Enabled|DTLS-SRTP complete", line)]
        if security:
            assert len(secured) == (2 if video else 1) and all(re.search(security, line) for line in secured), secured
        else:
            assert not secured, secured
        if video:
            width, height, _ = picture = agent.snapshot()
            green = mean_rgb(picture, 0.3, 0.3, 0.7, 0.7)
            assert green[1] > 180 and green[0] < 80 and green[2] < 80, (width, height, green)
        agent.kill()
    return case


def meet():
    """Three sites in one room: each hears both others and never itself; the composed picture shows two or three tiles."""
    d = daemon()
    d.api("POST", "/rooms", {"name": "gap-mat", "title": "Gặp mặt"})
    tones = {"site-a": 440, "site-b": 620, "site-c": 830}
    agents = {name: ua(d, name, tone=tone) for name, tone in tones.items()}
    for agent in agents.values():
        event = agent.dial(agent.target("gap-mat"))
        assert event["type"] == "CALL_ESTABLISHED", event
    members = wait_until("three members", lambda: [m for m in d.api("GET", "/rooms/gap-mat/members")["members"]]
                         if len(d.api("GET", "/rooms/gap-mat/members")["members"]) == 3 else None)
    assert {m["account"] for m in members} == set(tones), members
    for name, agent in agents.items():
        rate, heard = agent.heard(5)
        last = heard[-2 * rate:]
        for other, tone in tones.items():
            share = tone_share(last, rate, tone, threshold=0.02)
            if other == name:
                assert share < 0.1, f"{name} hears itself in {share:.0%} of the time"
            else:
                assert share > 0.9, f"{name} hears {other} only {share:.0%} of the time"
    picture = agents["site-a"].snapshot()
    assert picture[0] >= 640, picture[:2]
    for x0, y0 in ((0.1, 0.1), (0.6, 0.1), (0.1, 0.6)):  # a 2x2 grid of green fake cameras
        colour = mean_rgb(picture, x0, y0, x0 + 0.25, y0 + 0.2)
        assert colour[1] > 150 and colour[0] < 110, (x0, y0, colour)
    empty = mean_rgb(picture, 0.6, 0.6, 0.9, 0.9)
    assert empty[1] < 110, f"the empty fourth seat is drawn: {empty}"


def mute_and_kick():
    d = daemon()
    d.api("POST", "/rooms", {"name": "dieu-hanh"})
    a, b = ua(d, "site-d", tone=440, video=None), ua(d, "site-e", tone=620, video=None)
    for agent in (a, b):
        assert agent.dial(agent.target("dieu-hanh"))["type"] == "CALL_ESTABLISHED"
    rate, heard = a.heard(3)
    assert tone_share(heard[-rate:], rate, 620) > 0.9
    members = {m["account"]: m["id"] for m in d.api("GET", "/rooms/dieu-hanh/members")["members"]}
    d.api("PATCH", f"/rooms/dieu-hanh/members/{members['site-e']}", {"muted": True})

    def silent():
        r, s = read_wav(a.wavs("dec")[-1])
        return goertzel(s[-r // 2:], r, 620) < 0.005
    wait_until("the muted site falling silent", silent, 8)
    mark = b.event_mark()
    d.api("DELETE", f"/rooms/dieu-hanh/members/{members['site-e']}")
    b.wait_event("CALL_CLOSED", since=mark)
    assert len(d.api("GET", "/rooms/dieu-hanh/members")["members"]) == 1


def unknown_room():
    d = daemon()
    agent = ua(d, "site-f", video=None)
    event = agent.dial(agent.target("khong-co-phong-nay"))
    assert event["type"] == "CALL_CLOSED" and "404" in event["param"], event


def test_room():
    """sip:test@ shows a moving picture and says something audible."""
    d = daemon()
    agent = ua(d, "site-g")
    assert agent.dial(agent.target("test"))["type"] == "CALL_ESTABLISHED"
    rate, heard = agent.heard(4)
    assert rms(heard[-2 * rate:]) > 0.005, "the test room is silent"
    first, second = agent.snapshot(), None

    def moved():
        picture = agent.snapshot()
        return picture if picture[2] != first[2] else None
    second = wait_until("a moving picture", moved, 10, 0.3)
    assert second[0] >= 640


def dial_out():
    """A room rings a registered account, which answers by itself; when it drops it is rung again."""
    d = daemon()
    d.api("POST", "/rooms", {"name": "goi-di"})
    agent = ua(d, "site-h", video=None)
    mark = agent.event_mark()
    d.api("POST", "/rooms/goi-di/dials", {"targets": ["site-h"], "redial": True})
    agent.wait_event("CALL_ESTABLISHED", since=mark)
    wait_until("member joined", lambda: len(d.api("GET", "/rooms/goi-di/members")["members"]) == 1)
    mark = agent.event_mark()
    agent.command("hangup")
    agent.wait_event("CALL_CLOSED", since=mark)
    agent.wait_event("CALL_ESTABLISHED", since=mark, seconds=20)
    d.api("DELETE", "/rooms/goi-di")
    agent.wait_event("CALL_CLOSED", since=mark + 2)


def offenders():
    """Whoever sends rubbish is listed with the reason, and a stranger's rubbish bans nobody."""
    d = daemon()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rubbish:
        for _ in range(5):
            rubbish.sendto(b"RUBBISH without a version\r\n\r\n", ("127.0.0.1", d.sip_port))
    sources = wait_until("the source on the list", lambda: [s for s in d.api("GET", "/sources")["sources"]
                                                            if s["offences"].get("malformed message", 0) >= 5])
    assert sources[0]["source"] == "127.0.0.1" and not sources[0]["banned"], sources
    d.api("POST", "/sources/forgive", {"source": "127.0.0.1"})


def keeps_alive():
    """A client that wants to reuse its HTTP connection is told that it cannot, and goes on with a new one."""
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", daemon().api_port, timeout=20)
    for path in ("/healthz", "/api/v1/openapi.json", "/readyz"):
        connection.request("GET", path)
        reply = connection.getresponse()
        assert reply.status == 200 and reply.read(), path
        assert reply.getheader("Connection") == "close", reply.getheaders()


def stops_cleanly():
    daemon().stop()


run_tap([
    ("echo: UDP, Opus, plain RTP, H.264", echo_case("udp", "opus/48000/2", "", None)),
    ("echo: TCP, G.722, SDES", echo_case("tcp", "g722/8000/1", "srtp-mand", r"SRTP is Enabled .cryptosuite=AES_CM_128_HMAC_SHA1_80", video=None)),
    ("echo: TLS, Opus, SDES, VP8", echo_case("tls", "opus/48000/2", "srtp-mand", r"SRTP is Enabled .cryptosuite=AES_CM_128_HMAC_SHA1_80", video="vp8")),
    ("echo: UDP, PCMA", echo_case("udp", "pcma/8000/1", "", None, video=None)),
    ("echo: UDP, PCMU", echo_case("udp", "pcmu/8000/1", "", None, video=None)),
    ("echo: TLS, Opus, DTLS-SRTP, H.264", echo_case("tls", "opus/48000/2", "dtls_srtp", "DTLS-SRTP complete")),
    ("echo: IPv6, UDP, Opus", echo_case("udp", "opus/48000/2", "", None, host="::1")),
    ("three sites meet: sound and picture", meet),
    ("mute and kick by API", mute_and_kick),
    ("an unknown room answers 404", unknown_room),
    ("the test room moves and speaks", test_room),
    ("a room dials out and redials", dial_out),
    ("rubbish is listed with its reason", offenders),
    ("a reused HTTP connection is closed in words", keeps_alive),
    ("SIGTERM ends the daemon cleanly", stops_cleanly),
])
