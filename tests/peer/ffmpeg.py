#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""FFmpeg receives and decodes what we send: the test room's picture and sound as plain RTP to FFmpeg's own ports."""
from harness import *


class Caller:
    """The few lines of SIP that a trusted source needs to call and hang up; the media ports belong to somebody else."""

    def __init__(self, d, to, sdp):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(10 * PATIENCE)
        self.remote = ("127.0.0.1", d.trusted_port)
        self.port, self.tag, self.call_id = self.socket.getsockname()[1], os.urandom(4).hex(), os.urandom(8).hex()
        self.uri, self.to_tag, self.cseq = f"sip:{to}@127.0.0.1:{d.trusted_port}", "", 0
        self.reply = self._invite(sdp)

    def _send(self, method, body="", cseq=None):
        to = f"<{self.uri}>" + (f";tag={self.to_tag}" if self.to_tag else "")
        text = (f"{method} {self.uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{os.urandom(6).hex()};rport\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:ffmpeg@127.0.0.1>;tag={self.tag}\r\nTo: {to}\r\nCall-ID: {self.call_id}\r\n"
                f"CSeq: {cseq or self.cseq} {method}\r\nContact: <sip:ffmpeg@127.0.0.1:{self.port}>\r\n")
        if body:
            text += "Content-Type: application/sdp\r\n"
        text += f"Content-Length: {len(body.encode())}\r\n\r\n{body}"
        self.socket.sendto(text.encode(), self.remote)

    def _final(self):
        while True:
            text = self.socket.recv(65535).decode("utf-8", "replace")
            match = re.match(r"SIP/2\.0 (\d+)", text)
            if match and int(match[1]) >= 200:
                return int(match[1]), text

    def _invite(self, sdp):
        self.cseq += 1
        self._send("INVITE", sdp)
        status, text = self._final()
        assert status == 200, text
        self.to_tag = re.search(r"(?im)^(?:To|t):.*;tag=([^;\s]+)", text)[1]
        self._send("ACK", cseq=self.cseq)
        return text.split("\r\n\r\n", 1)[1]

    def hang_up(self):
        self.cseq += 1
        self._send("BYE")
        assert self._final()[0] == 200


def decode(video_rtpmap, fmtp, codec):
    def case():
        need("ffmpeg")
        need("ffprobe")
        d = Mediad()
        folder = tempfile.mkdtemp(prefix="ffmpeg-")
        import harness
        harness._cleanups.append(lambda: shutil.rmtree(folder, ignore_errors=True))
        audio, video = (p // 2 * 2 for p in (31000 + os.getpid() % 1000 * 4, 36000 + os.getpid() % 1000 * 4))
        offer = ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                 f"m=audio {audio} RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\na=recvonly\r\n"
                 f"m=video {video} RTP/AVP 97\r\nb=AS:1500\r\na=rtpmap:97 {video_rtpmap}\r\n{fmtp}a=recvonly\r\n")
        with open(os.path.join(folder, "in.sdp"), "w", encoding="ascii") as f:
            f.write(offer.replace("\r\n", "\n").replace("a=recvonly\n", ""))
        out = os.path.join(folder, "out.mkv")
        receiver = Process(["ffmpeg", "-hide_banner", "-loglevel", "warning", "-protocol_whitelist", "file,udp,rtp", "-i",
                            os.path.join(folder, "in.sdp"), "-t", "6", "-map", "0", "-c", "copy", "-y", out], "ffmpeg")
        wait_until("ffmpeg listening", lambda: f":{video:04X}" in open("/proc/net/udp", encoding="ascii").read().upper(), 15)
        caller = Caller(d, "test", offer)
        receiver.child.wait(60 * PATIENCE)
        caller.hang_up()
        assert receiver.child.returncode == 0, receiver.lines[-20:]
        probe = json.loads(subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", out], check=True,
                                          capture_output=True).stdout)
        streams = {s["codec_type"]: s for s in probe["streams"]}
        assert streams["video"]["codec_name"] == codec and int(streams["video"]["nb_read_frames"]) > 40, streams["video"]
        assert streams["video"]["width"] >= 640, streams["video"]
        if codec == "h264":
            assert "Baseline" in streams["video"]["profile"], streams["video"]["profile"]
        assert int(streams["audio"]["nb_read_frames"]) > 150, streams["audio"]
        strict = subprocess.run(["ffmpeg", "-hide_banner", "-v", "error", "-err_detect", "explode", "-i", out, "-map", "0:v",
                                 "-f", "rawvideo", "-y", os.devnull], capture_output=True, check=False)
        assert strict.returncode == 0 and not strict.stderr, strict.stderr.decode()
        moving = subprocess.run(["ffmpeg", "-hide_banner", "-i", out, "-map", "0:v", "-vf", "freezedetect=n=0.0001:d=2", "-f", "null",
                                 "-"], capture_output=True, check=True)
        assert b"freeze_start" not in moving.stderr, "the picture stands still"
        volume = subprocess.run(["ffmpeg", "-hide_banner", "-i", out, "-map", "0:a", "-af", "volumedetect", "-f", "null", "-"],
                                capture_output=True, check=True).stderr.decode()
        loudest = float(re.search(r"max_volume: (-?[\d.]+) dB", volume)[1])
        assert -40 < loudest <= 0, volume
        d.stop()
    return case


run_tap([
    ("FFmpeg decodes our H.264, packetization-mode 1", decode(
        "H264/90000", "a=fmtp:97 profile-level-id=42e01f;packetization-mode=1\r\n", "h264")),
    ("FFmpeg decodes our H.264, packetization-mode 0", decode(
        "H264/90000", "a=fmtp:97 profile-level-id=42e01f;packetization-mode=0\r\n", "h264")),
    ("FFmpeg decodes our VP8", decode("VP8/90000", "", "vp8")),
])
