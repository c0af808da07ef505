#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A device with slides calls the real daemon: SIP by hand, floor control (BFCP) by hand, its slides coded and sent by ffmpeg. A
baresip in the room, which has one picture only, sees them large in it; it is rung by the room with content in the offer."""
import hashlib
import re
import socket
import struct
import subprocess

from harness import *

FLOOR_REQUEST, FLOOR_RELEASE, FLOOR_REQUEST_STATUS, FLOOR_STATUS, HELLO, HELLO_ACK = 1, 2, 4, 8, 11, 12
STATUS_ACK, FLOOR_ACK = 14, 15
PENDING, GRANTED, RELEASED, REVOKED = 1, 3, 6, 7


class Device:
    """Signs in within its INVITE; sends slides as a second stream, its camera and microphone are off."""

    def __init__(self, d, name, password):
        self.d, self.name, self.password = d, name, password
        self.sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sip.bind(("127.0.0.1", 0))
        self.sip.settimeout(5 * PATIENCE)
        self.floor = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.floor.bind(("127.0.0.1", 0))
        self.floor.settimeout(5 * PATIENCE)
        self.cseq, self.tid, self.streamer = 0, 0, None

    def describe(self):
        slides = self.slides = free_ports(1)[0] & ~1
        return ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 41000 RTP/AVP 8\r\na=recvonly\r\n"
                "m=video 41002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42e01f;packetization-mode=1\r\na=inactive\r\n"
                f"m=video {slides} RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42e01f;packetization-mode=1\r\n"
                "a=content:slides\r\na=label:12\r\na=sendonly\r\n"
                f"m=application {self.floor.getsockname()[1]} UDP/BFCP *\r\na=floorctrl:c-only\r\n")

    def send(self, method, uri, more="", body="", to=None):
        self.cseq += method != "ACK"
        port = self.sip.getsockname()[1]
        text = (f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{method}{self.cseq};rport\r\nMax-Forwards: 70\r\n"
                f"From: <sip:{self.name}@127.0.0.1>;tag=a1\r\nTo: {to or '<' + uri + '>'}\r\nCall-ID: slides-{port}\r\nCSeq: {self.cseq} {method}\r\n"
                f"Contact: <sip:{self.name}@127.0.0.1:{port}>\r\n{more}"
                + ("Content-Type: application/sdp\r\n" if body else "") + f"Content-Length: {len(body)}\r\n\r\n{body}")
        self.sip.sendto(text.encode(), ("127.0.0.1", self.d.sip_port))

    def answer(self):
        while True:
            text = self.sip.recv(65536).decode()
            code = int(text.split(" ", 2)[1]) if text.startswith("SIP/2.0") else 0
            if code >= 200:
                return code, text

    def call(self, room):
        uri, sdp = f"sip:{room}@127.0.0.1:{self.d.sip_port}", self.describe()
        self.send("INVITE", uri, body=sdp)
        code, text = self.answer()
        assert code in (401, 407), text
        self.send("ACK", uri, to=re.search(r"^To: (.*?)\r$", text, re.M).group(1))
        challenge = re.search(r"^(WWW|Proxy)-Authenticate: (.*?)\r$", text, re.M)
        field = lambda name: re.search(name + r'="([^"]*)"', challenge.group(2)).group(1)
        md5 = lambda s: hashlib.md5(s.encode()).hexdigest()
        secret = md5(f"{self.name}:{field('realm')}:{self.password}")
        response = md5(f"{secret}:{field('nonce')}:00000001:c1:auth:" + md5(f"INVITE:{uri}"))
        header = "Authorization" if code == 401 else "Proxy-Authorization"
        self.send("INVITE", uri, f'{header}: Digest username="{self.name}", realm="{field("realm")}", nonce="{field("nonce")}", uri="{uri}", '
                  f'response="{response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="c1"\r\n', sdp)
        code, text = self.answer()
        assert code == 200, text
        self.to = re.search(r"^To: (.*?)\r$", text, re.M).group(1)
        self.target = re.search(r"^Contact: <([^>]*)>", text, re.M).group(1)
        self.send("ACK", self.target, to=self.to)
        self.answered = text
        lines = re.findall(r"^m=.*?\r\n(?:[^m].*?\r\n)*", text.replace("\r\n\r\n", "\r\n", 1) + "\r\n", re.M)
        content = next(l for l in lines if "a=content:slides" in l)
        floor = next(l for l in lines if l.startswith("m=application"))
        self.content_port = int(content.split()[1])
        self.floor_port, self.conference = int(floor.split()[1]), int(re.search(r"confid:(\d+)", floor).group(1))
        self.user, self.floor_id = (int(re.search(p, floor).group(1)) for p in (r"userid:(\d+)", r"floorid:(\d+)"))
        label = re.search(r"a=label:(\S+)", content).group(1)
        assert f"mstrm:{label}" in floor and "a=recvonly" in content and "a=floorctrl:s-only" in floor, (content, floor)

    def hang_up(self):
        self.send("BYE", self.target, to=self.to)
        assert self.answer()[0] == 200

    # --- floor control ---

    def say(self, primitive, *attributes, tid=None, response=False):
        if tid is None:
            self.tid += 1
            tid = self.tid
        body = b"".join(struct.pack("!BBH", kind << 1 | 1, 4, value) for kind, value in attributes)
        self.floor.sendto(struct.pack("!BBHIHH", 0x40 | response << 4, primitive, len(body) // 4, self.conference, tid, self.user) + body,
                          ("127.0.0.1", self.floor_port))

    def hear(self, primitive, status=None):
        """The next message of that kind (and request status); notifications are acknowledged."""
        while True:
            data = self.floor.recv(2048)
            first, kind, _, conference, tid, user = struct.unpack("!BBHIHH", data[:12])
            assert conference == self.conference and user == self.user
            if not first & 0x10 and kind in (FLOOR_REQUEST_STATUS, FLOOR_STATUS):
                self.say(STATUS_ACK if kind == FLOOR_REQUEST_STATUS else FLOOR_ACK, tid=tid, response=True)
            if kind == primitive and (status is None or any(bytes([5 << 1 | must, 4, status]) in data for must in (0, 1))):
                return data

    def stream(self, colour):
        self.streamer = subprocess.Popen(
            ["ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", f"color={colour}:s=1280x720:r=10", "-c:v", "libx264", "-profile:v", "baseline",
             "-preset", "ultrafast", "-tune", "zerolatency", "-g", "20", "-b:v", "400k", "-pix_fmt", "yuv420p", "-payload_type", "97", "-f", "rtp",
             f"rtp://127.0.0.1:{self.content_port}?localrtpport={self.slides}&pkt_size=1200"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def close(self):
        if self.streamer:
            self.streamer.kill()
            self.streamer.wait()
        self.sip.close()
        self.floor.close()


def is_red(phone):
    red, green, blue = mean_rgb(phone.snapshot(), 0.2, 0.2, 0.6, 0.6)
    return red > 150 and green < 80 and blue < 80


def slides():
    d = Mediad()
    d.sign_in()
    d.api("POST", "/rooms", {"name": "hop"})
    secret = d.add_account("xem", role="site")
    line = (f"<sip:xem@127.0.0.1:{d.sip_port};transport=udp>;auth_pass={secret};regint=300;answermode=auto;audio_codecs=opus/48000/2;video_codecs=h264")
    phone = Baresip(line, host="127.0.0.1", tone=440, video=True, name="xem")
    assert phone.registration() == 200
    d.api("POST", "/rooms/hop/dials", {"targets": ["xem"], "redial": True})  # offered content, refuses it, is called all the same
    phone.wait_event("CALL_ESTABLISHED")
    device = Device(d, "trinh-chieu", d.add_account("trinh-chieu", role="site"))
    try:
        device.call("hop")
        device.say(HELLO)
        device.hear(HELLO_ACK)
        device.say(FLOOR_REQUEST, (2, device.floor_id))
        device.hear(FLOOR_REQUEST_STATUS, PENDING)
        granted = device.hear(FLOOR_REQUEST_STATUS, GRANTED)
        members = d.api("GET", "/rooms/hop/members")["members"]
        own = next(m["id"] for m in members if m.get("account") == "trinh-chieu")
        assert next(m for m in members if m["id"] == own)["media"]["content"].lower() == "h264"
        assert d.api("GET", "/rooms/hop/content")["content"] == {"member": own}
        device.stream("red")
        wait_until("the slides fill most of baresip's picture", lambda: is_red(phone), 25, 0.5)
        # The operator takes it away: the device is told, the picture is the sites' again.
        d.api("POST", "/rooms/hop/content/stop")
        device.hear(FLOOR_REQUEST_STATUS, REVOKED)
        assert d.api("GET", "/rooms/hop/content")["content"] is None
        wait_until("the slides are gone", lambda: not is_red(phone), 25, 0.5)
        # Asked for again, and given back by itself.
        device.say(FLOOR_REQUEST, (2, device.floor_id))
        granted = device.hear(FLOOR_REQUEST_STATUS, GRANTED)
        request = struct.unpack("!H", granted[14:16])[0]
        device.say(FLOOR_RELEASE, (3, request))
        device.hear(FLOOR_REQUEST_STATUS, RELEASED)
        wait_until("nobody presents", lambda: d.api("GET", "/rooms/hop/content")["content"] is None)
        # Who hangs up while it presents does not present any more.
        device.say(FLOOR_REQUEST, (2, device.floor_id))
        device.hear(FLOOR_REQUEST_STATUS, GRANTED)
        device.hang_up()
        wait_until("nobody presents", lambda: d.api("GET", "/rooms/hop/content")["content"] is None)
    finally:
        device.close()
        phone.kill()
        d.stop()


need("ffmpeg")
run_tap([("slides of a device with floor control, seen by baresip", slides)])
