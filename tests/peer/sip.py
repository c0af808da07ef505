#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SIP agent against programs nobody here wrote: baresip signs in and calls over every transport, sipp plays what needs no
sign-in (Debian's has no OpenSSL), and raw sockets send what no phone should."""
import os
import socket
import subprocess
import tempfile

from harness import BUILD, ROOT, Baresip, Process, free_ports, need, run_tap, wait_until, PATIENCE

HOST = os.path.join(os.environ.get("G_TEST_BUILDDIR", os.path.join(BUILD, "tests")), "peer", "sip-host")
SCENARIOS = os.path.join(ROOT, "tests", "peer", "sipp")


class SipHost(Process):
    def __init__(self, *accounts):
        self.ports = free_ports(6)
        self.udp, self.tcp, self.tls, self.udp6, self.trusted, self.trusted_tcp = self.ports
        super().__init__([HOST, *map(str, self.ports), *accounts], "sip-host")
        self.wait_line("^ready$")

    def tell(self, line):
        self.child.stdin.write((line + "\n").encode())
        self.child.stdin.flush()

    def ask(self, line, pattern):
        since = self.mark()
        self.tell(line)
        return self.wait_line(pattern, since=since)

    def figure(self, name):
        return int(self.ask("list", rf"^bindings .*\b{name} (\d+)").group(1))

    def finish(self):
        """It must end in order: nothing left behind, no complaint of a sanitizer."""
        self.tell("quit")
        self.wait_line("^bye$", 20)
        self.child.wait(20 * PATIENCE)
        assert self.child.returncode == 0, f"sip-host ended with {self.child.returncode}: " + "\n".join(self.lines[-20:])


def account(host, user="xa1", password="mat-khau-1", transport="udp", v6=False, expires=60, port=None):
    at = "[::1]" if v6 else "127.0.0.1"
    port = port or {"udp": host.udp6 if v6 else host.udp, "tcp": host.tcp, "tls": host.tls}[transport]
    return (f"<sip:{user}@hatinh.test;transport={transport}>;auth_pass={password};outbound=\"sip:{at}:{port};transport={transport}\";"
            f"regint={expires};answermode=auto;audio_codecs=opus/48000/2")


def phone(host, v6=False, name="baresip", **more):
    return Baresip(account(host, v6=v6, **more), host="::1" if v6 else "127.0.0.1", video=False, tone=440, name=name)


def both_ways(host, peer, user="xa1"):
    """It calls us and hangs up, we call it and hang up."""
    since = host.mark()
    peer.dial("sip:giao-ban@hatinh.test")
    host.wait_line(rf"^call \S+ from {user} to giao-ban", 15, since)
    host.wait_line(r"^call \S+ established", 15, since)
    peer.command("hangup")
    host.wait_line(r"^call \S+ closed 200", 15, since)
    since = host.mark()
    host.tell(f"dial {user}")
    host.wait_line(r"^call \S+ sdp answer sendrecv", 15, since)
    host.wait_line(r"^call \S+ established", 15, since)
    since = host.mark()
    host.tell("offer")
    host.wait_line(r"^call \S+ sdp answer", 15, since)
    host.tell("hangup")
    host.wait_line(r"^call \S+ closed 200", 15, since)
    peer.wait_event("CALL_CLOSED")


def baresip_by(transport, v6=False):
    def case():
        host = SipHost("xa1:mat-khau-1")
        peer = phone(host, transport=transport, v6=v6)
        host.wait_line(r"^event registration.added xa1", 15)
        assert host.ask("list", r"^binding xa1 (\w+) (\S+) baresip").group(1) == transport
        both_ways(host, peer)
        peer.kill()
        host.finish()
    return case


def baresip_wrong_password():
    host = SipHost("xa1:mat-khau-1")
    peer = phone(host, password="khong-phai")
    peer.wait_line("401 Unauthorized", 15)
    host.wait_line(r"^event registration.failed xa1 wrong user or password from 127.0.0.1", 15)
    assert int(host.ask("list", r"^bindings (\d+)").group(1)) == 0
    peer.kill()
    host.finish()


def baresip_expiry():
    host = SipHost("xa1:mat-khau-1")
    peer = phone(host, expires=4)
    host.wait_line(r"^event registration.added xa1", 15)
    peer.kill()  # a power cut: nobody says good-bye
    host.wait_line(r"^event registration.removed xa1 .*expired", 15)
    host.finish()


def baresip_two_devices():
    host = SipHost("xa1:mat-khau-1")
    one = phone(host, name="one")
    host.wait_line(r"^event registration.added xa1", 15)
    since = host.mark()
    two = phone(host, name="two", transport="tcp")
    host.wait_line(r"^event registration.added xa1", 15, since)
    assert int(host.ask("list", r"^bindings (\d+)").group(1)) == 2
    since = host.mark()
    host.tell("dial xa1")  # both answer at once: one has the call, the other is let go
    host.wait_line(r"^call \S+ established", 15, since)
    host.tell("hangup")
    host.wait_line(r"^call \S+ closed 200", 15, since)
    one.wait_event("CALL_CLOSED")
    two.wait_event("CALL_CLOSED")
    host.finish()


def sipp(name, service="giao-ban", tcp=False, seconds=30, calls=1):
    need("sipp")

    def case():
        host = SipHost()
        port = free_ports(1)[0]
        with tempfile.TemporaryDirectory() as folder:
            run = subprocess.run(
                ["sipp", f"127.0.0.1:{host.trusted_tcp if tcp else host.trusted}", "-sf", os.path.join(SCENARIOS, name + ".xml"), "-s", service,
                 "-i", "127.0.0.1", "-p", str(port), "-m", str(calls), "-r", "50", "-nostdin", "-timeout", f"{int(seconds * PATIENCE)}s",
                 "-timeout_error", "-trace_err", "-mp", str(22800)] + (["-t", "t1"] if tcp else []),
                cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            errors = "".join(open(os.path.join(folder, f), errors="replace").read() for f in os.listdir(folder) if f.endswith("errors.log"))
        assert run.returncode == 0, f"sipp {run.returncode}\n{errors[-3000:]}\n{run.stdout[-1500:]}\nhost: " + "\n".join(host.lines[-15:])
        wait_until("all calls are gone", lambda: host.figure("calls") == 0, 10)
        if name == "info":
            host.wait_line(r"dtmf 5 160")
            host.wait_line(r"dtmf # ")
            host.wait_line(r"key-frame")
        if name == "hold":
            host.wait_line(r"sdp offer sendonly")
        if name == "never-refreshed":
            assert host.figure("timeouts") == 1
        host.finish()
    return case


def hostile():
    """Damaged and oversized messages cost a counter each, never the process; a good message is still answered."""
    host = SipHost()
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.connect(("127.0.0.1", host.udp))
    udp.settimeout(5 * PATIENCE)
    good = ("OPTIONS sip:hatinh.test SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:1;rport;branch=z9hG4bK{}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n"
            "Call-ID: {}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")
    bad = [b"\x80" * 200, b"INVITE", b"INVITE sip:x SIP/2.0\r\n\r\n", good.format(1, 1).replace("CSeq: 1 OPTIONS", "CSeq: 99999999999 OPTIONS").encode(),
           good.format(1, 1).replace("Content-Length: 0", "Content-Length: 400").encode(), good.format(1, 1).replace("Via:", "Vi:").encode(),
           good.format(1, 1)[:-60].encode(), ("A" * 4000).encode(), b"\r\n\r\n\r\n" + b"\0" * 20]
    for message in bad:
        udp.send(message)
    udp.send(good.replace("Call-ID", "X: " + "y" * 12000 + "\r\nCall-ID").format(2, 2).encode())
    udp.send(good.format(3, 3).encode())
    assert udp.recv(4000).startswith(b"SIP/2.0 200")
    wait_until("counted", lambda: host.figure("malformed") >= len(bad) - 1 and host.figure("oversize") == 1)
    # on a stream: keep-alive, a message in small pieces, two at once, then rubbish that ends the connection
    tcp = socket.create_connection(("127.0.0.1", host.tcp), 5)
    tcp.settimeout(5 * PATIENCE)
    tcp.sendall(b"\r\n\r\n")
    assert tcp.recv(10) == b"\r\n"
    tcp.sendall(b"\r\n" * 4000)
    text = good.replace("UDP", "TCP").format(4, 4).encode()
    for at in range(0, len(text), 7):
        tcp.sendall(text[at:at + 7])
    got = b""
    while b"SIP/2.0 200" not in got:
        got += tcp.recv(4000)
    assert got.lstrip(b"\r\n").startswith(b"SIP/2.0 200") and len(got) < 2000, "one pong for a flood of pings"
    tcp.sendall(good.replace("UDP", "TCP").format(5, 5).encode() + good.replace("UDP", "TCP").format(6, 6).encode())
    got = b""
    while got.count(b"SIP/2.0 200") < 2:
        got += tcp.recv(4000)
    tcp.sendall(b"NONSENSE\r\n\r\n")
    while tcp.recv(4000):
        pass
    with socket.create_connection(("127.0.0.1", host.tcp), 5) as big:
        big.settimeout(5 * PATIENCE)
        try:
            big.sendall(b"OPTIONS sip:x SIP/2.0\r\nX: " + b"z" * 20000)
            assert big.recv(100) == b""
        except (ConnectionResetError, BrokenPipeError):
            pass
    # a foreigner may not call, and learns nothing about who exists
    udp.send(good.format(7, 7).replace("OPTIONS", "INVITE").replace("sip:hatinh.test", "sip:giao-ban@hatinh.test").encode())
    assert udp.recv(4000).startswith(b"SIP/2.0 401")
    host.finish()


class RawPhone:
    """A socket that answers by hand."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(5 * PATIENCE)
        self.uri = "sip:phone@127.0.0.1:%d" % self.socket.getsockname()[1]

    def expect(self, method):
        """The next request of that method; others (retransmissions) are passed over."""
        while True:
            data, self.peer = self.socket.recvfrom(8000)
            text = data.decode()
            if text.startswith(method + " "):
                return text

    def header(self, text, name):
        return next(line.split(":", 1)[1].strip() for line in text.split("\r\n") if line.lower().startswith(name.lower() + ":"))

    def answer(self, request, code, tag="", extra="", body=""):
        to = self.header(request, "To") + (";tag=" + tag if tag else "")
        lines = [f"SIP/2.0 {code} Whatever", "Via: " + self.header(request, "Via"), "From: " + self.header(request, "From"), "To: " + to,
                 "Call-ID: " + self.header(request, "Call-ID"), "CSeq: " + self.header(request, "CSeq"), f"Contact: <{self.uri}>"]
        lines += [extra] if extra else []
        lines += ["Content-Type: application/sdp"] if body else []
        self.socket.sendto("\r\n".join(lines + [f"Content-Length: {len(body)}", "", body]).encode(), self.peer)


SDP = "v=0\r\no=p 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 22992 RTP/AVP 0\r\n"


def repeated_and_forked_200():
    """A 200 that comes again is acknowledged again; a second one from another branch is acknowledged and hung up."""
    host, phone_ = SipHost(), RawPhone()
    host.tell("dial " + phone_.uri)
    invite = phone_.expect("INVITE")
    phone_.answer(invite, 200, "one", body=SDP)
    assert ";tag=one" in phone_.header(phone_.expect("ACK"), "To")
    host.wait_line(r"^call \S+ established")
    phone_.answer(invite, 200, "one", body=SDP)
    assert ";tag=one" in phone_.header(phone_.expect("ACK"), "To")
    phone_.answer(invite, 200, "two", body=SDP)
    assert ";tag=two" in phone_.header(phone_.expect("ACK"), "To")
    bye = phone_.expect("BYE")
    assert ";tag=two" in phone_.header(bye, "To")
    phone_.answer(bye, 200)
    host.tell("offer")
    again = phone_.expect("INVITE")
    assert ";tag=one" in phone_.header(again, "To")
    phone_.answer(again, 491)
    phone_.expect("ACK")
    later = phone_.expect("INVITE")  # glare: once more after two to four seconds
    assert int(phone_.header(later, "CSeq").split()[0]) > int(phone_.header(again, "CSeq").split()[0])
    phone_.answer(later, 488)
    phone_.expect("ACK")
    assert host.figure("calls") == 1, "a refused offer must not end the call"
    host.tell("hangup")
    bye = phone_.expect("BYE")
    assert ";tag=one" in phone_.header(bye, "To")
    phone_.answer(bye, 200)
    host.wait_line(r"^call \S+ closed 200")
    host.finish()


def challenged():
    """A server that wants the password for every request, the BYE of a drain too; it answers that one only when it comes again."""
    phone_ = RawPhone()
    host = SipHost("trunk=" + phone_.uri)
    challenge = 'WWW-Authenticate: Digest realm="far", nonce="{}", algorithm=MD5, qop="auth"'
    host.tell("dial 0239")
    first = phone_.expect("INVITE")
    phone_.answer(first, 401, "x", challenge.format("n1"))
    phone_.expect("ACK")
    second = phone_.expect("INVITE")
    assert 'nonce="n1"' in phone_.header(second, "Authorization")
    phone_.answer(second, 200, "one", body=SDP)
    phone_.expect("ACK")
    host.wait_line(r"^call \S+ established")
    host.tell("drain")
    phone_.expect("BYE")
    bye = phone_.expect("BYE")
    assert not [line for line in host.lines if line == "drained"], "it must wait for the answer to its BYE"
    phone_.answer(bye, 401, "", challenge.format("n2"))
    again = phone_.expect("BYE")
    assert 'nonce="n2"' in phone_.header(again, "Authorization") and ";tag=one" in phone_.header(again, "To")
    assert int(phone_.header(again, "CSeq").split()[0]) == int(phone_.header(bye, "CSeq").split()[0]) + 1
    phone_.answer(again, 200)
    host.wait_line("^drained$")
    # who has seen some of our branches cannot name the next
    branches = [phone_.header(request, "Via").split("branch=z9hG4bK")[1].split(";")[0][:16] for request in (first, second, bye, again)]
    assert len({branch[:8] for branch in branches}) == 4
    host.finish()


def redirect_and_interval():
    """3xx is not followed; a 422 is obeyed."""
    host, phone_ = SipHost(), RawPhone()
    host.tell("dial " + phone_.uri)
    phone_.answer(phone_.expect("INVITE"), 302, "x")
    phone_.expect("ACK")
    host.wait_line(r"^call \S+ closed 302")
    since = host.mark()
    host.tell("dial " + phone_.uri)
    first = phone_.expect("INVITE")
    assert phone_.header(first, "Session-Expires") == "1800"
    phone_.answer(first, 422, "x", "Min-SE: 3600")
    second = phone_.expect("INVITE")
    assert phone_.header(second, "Session-Expires") == "3600" and phone_.header(second, "Min-SE") == "3600"
    phone_.answer(second, 603, "x")
    phone_.expect("ACK")
    host.wait_line(r"^call \S+ closed 603", since=since)
    host.finish()


def drain():
    host = SipHost("xa1:mat-khau-1")
    peer = phone(host)
    host.wait_line(r"^event registration.added xa1", 15)
    since = host.mark()
    host.tell("dial xa1")
    host.wait_line(r"^call \S+ established", 15, since)
    host.tell("drain")
    host.wait_line("^drained$", 10)
    peer.wait_event("CALL_CLOSED")
    host.finish()


run_tap([
    ("baresip udp", baresip_by("udp")), ("baresip tcp", baresip_by("tcp")), ("baresip tls", baresip_by("tls")),
    ("baresip ipv6", baresip_by("udp", v6=True)), ("baresip wrong password", baresip_wrong_password), ("baresip expiry", baresip_expiry),
    ("baresip two devices", baresip_two_devices), ("drain", drain),
    ("sipp late offer", sipp("late-offer")), ("sipp late offer over tcp", sipp("late-offer", tcp=True)), ("sipp late offer without an answer", sipp("late-offer-no-answer")),
    ("sipp hold", sipp("hold", calls=20)), ("sipp cancel", sipp("cancel", service="ring")), ("sipp prack", sipp("prack", service="early")),
    ("sipp refresh by us", sipp("refresh-by-us")), ("sipp refresh by re-INVITE", sipp("refresh-by-reinvite")),
    ("sipp never refreshed", sipp("never-refreshed")), ("sipp interval too small", sipp("interval-too-small")),
    ("sipp UPDATE", sipp("update")), ("sipp UPDATE before the answer", sipp("early-update", service="ring")), ("sipp info", sipp("info")), ("sipp refused", sipp("refused")), ("repeated and forked 200", repeated_and_forked_200), ("redirect and interval", redirect_and_interval), ("challenged", challenged), ("hostile", hostile),
])
