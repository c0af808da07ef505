# SPDX-License-Identifier: GPL-3.0-or-later
"""A small server for speakerd's tests: signs with openssl, speaks MQTT through a real Mosquitto, serves media over HTTP."""
import base64
import hashlib
import http.server
import json
import os
import socket
import struct
import subprocess
import tempfile
import threading
import time

from harness import BUILD, Process, free_ports, need, wait_until


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Signer:
    """An Ed25519 key in a file; tokens as RFC 7515 wants them."""

    def __init__(self, folder, name="key"):
        self.path = os.path.join(folder, name + ".pem")
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.path], check=True, capture_output=True)
        der = subprocess.run(["openssl", "pkey", "-in", self.path, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
        self.x = b64(der[-32:])
        self.kid = b64(hashlib.sha256(json.dumps({"crv": "Ed25519", "kty": "OKP", "x": self.x}, separators=(",", ":")).encode()).digest())
        self.jwk = {"kty": "OKP", "crv": "Ed25519", "x": self.x, "kid": self.kid}

    def sign(self, typ, payload):
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        signed = b64(json.dumps({"alg": "EdDSA", "typ": typ, "kid": self.kid}).encode()) + "." + b64(body)
        with tempfile.NamedTemporaryFile() as f:
            f.write(signed.encode())
            f.flush()
            signature = subprocess.run(["openssl", "pkeyutl", "-sign", "-inkey", self.path, "-rawin", "-in", f.name], check=True,
                                       capture_output=True).stdout
        return signed + "." + b64(signature)


class Mqtt(threading.Thread):
    """Just enough of MQTT 3.1.1 to be the server's side: answers clock questions, keeps what devices say."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.said, self.new, self.port, self.ended = [], threading.Condition(), port, False
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send_lock = threading.Lock()
        name = b"mediad-test"
        self._send(0x10, struct.pack(">H", 4) + b"MQTT" + bytes([4, 2]) + struct.pack(">HH", 0, len(name)) + name)
        topic = b"mediad/1/up/#"
        self._send(0x82, struct.pack(">HH", 1, len(topic)) + topic + b"\0")
        self.start()

    def _send(self, head, body):
        size, out = len(body), bytearray([head])
        while True:
            out.append(size % 128 | (128 if size > 127 else 0))
            size //= 128
            if not size:
                break
        with self.send_lock:
            self.sock.sendall(bytes(out) + body)

    def publish(self, topic, text, retain=False):
        name = topic.encode()
        self._send(0x30 | retain, struct.pack(">H", len(name)) + name + text.encode())

    def _exactly(self, n):
        data = b""
        while len(data) < n:
            more = self.sock.recv(n - len(data))
            if not more:
                raise OSError("closed")
            data += more
        return data

    def run(self):
        try:
            while True:
                head, size, shift = self._exactly(1)[0], 0, 0
                while True:
                    byte = self._exactly(1)[0]
                    size |= (byte & 127) << shift
                    shift += 7
                    if byte < 128:
                        break
                body = self._exactly(size)
                if head >> 4 == 3:
                    n = struct.unpack_from(">H", body)[0]
                    self._take(body[2:2 + n].decode(), body[2 + n:])
        except OSError:
            self.ended = True

    def _take(self, topic, body):
        arrived = time.time_ns() // 1000
        device, what = topic.split("/")[-2:]
        value = json.loads(body)
        if what == "clock":
            self.publish(f"mediad/1/down/{device}/clock", json.dumps({"t0_us": value["t0_us"], "t1_us": arrived, "t2_us": time.time_ns() // 1000}))
            return
        with self.new:
            self.said.append((device, what, value))
            self.new.notify_all()

    def find(self, device, what, test):
        with self.new:
            return next((v for d, w, v in self.said if d == device and w == what and test(v)), None)

    def wait(self, device, what, test, seconds=15):
        return wait_until(f"{device} saying {what}", lambda: self.find(device, what, test), seconds, 0.02)

    def report(self, device, occurrence, state, seconds=20):
        def one(message):
            return next((r for r in message["reports"] if r["occurrence"] == occurrence and r["state"] == state), None)
        message = self.wait(device, "report", one, seconds)
        return one(message)


class Media:
    """HTTP with ranges; may be cut off in the middle, refused, and stopped."""

    def __init__(self, port):
        self.files, self.asked, self.cut_after, media = {}, [], None, self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                sha = self.path.strip("/").split("/")[1]
                data, first = media.files.get(sha), 0
                media.asked.append((sha, self.headers.get("Range")))
                if data is None:
                    self.send_error(404)
                    return
                if self.headers.get("Range"):
                    first = int(self.headers["Range"].split("=")[1].split("-")[0])
                    self.send_response(206)
                    self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
                else:
                    self.send_response(200)
                self.send_header("Content-Length", str(len(data) - first))
                self.end_headers()
                if media.cut_after is not None:
                    self.wfile.write(data[first:first + media.cut_after])
                    media.cut_after = None
                    self.close_connection = True
                    return
                self.wfile.write(data[first:])

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def add(self, data):
        sha = hashlib.sha256(data).hexdigest()
        self.files[sha] = data
        return sha

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Bench:
    """Broker, media server, keys."""

    def __init__(self):
        need("mosquitto")
        need("openssl")
        self.dir = tempfile.mkdtemp(prefix="speakerd-")
        self.port, self.http_port = free_ports(2)
        self.signer = Signer(self.dir)
        self.version = 0
        self.conf = os.path.join(self.dir, "mosquitto.conf")
        with open(self.conf, "w", encoding="ascii") as f:
            f.write(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n")
        self.open()

    def open(self):
        self.broker = Process(["mosquitto", "-c", self.conf], "mosquitto")

        def up():
            try:
                return Mqtt(self.port)
            except OSError:
                return None
        self.mqtt = wait_until("the broker", up, 10)
        self.media = Media(self.http_port)

    def close(self):
        self.media.stop()
        self.broker.kill()

    def media_base(self):
        return f"http://127.0.0.1:{self.http_port}/media/"

    def command(self, device, verb, signer=None, ident=None, expires=60, **more):
        now = int(time.time() * 1000)
        ident = ident or "c-" + os.urandom(4).hex()
        body = dict({"id": ident, "verb": verb, "issued_ms": now, "expires_ms": now + expires * 1000}, **more)
        self.mqtt.publish(f"mediad/1/down/{device}/command", (signer or self.signer).sign("mediad-command", body))
        return ident

    def manifest(self, device, items, **more):
        now = int(time.time() * 1000)
        self.version += 1
        body = {"device": device, "version": self.version, "issued_ms": now, "valid_until_ms": now + 30 * 86400000, "zone": "Asia/Ho_Chi_Minh",
                "areas": ["thon-1", "xa-7"], "media_base": self.media_base(), "volume": 100, "items": sorted(items, key=lambda i: i["start_ms"])}
        body.update(more)
        self.mqtt.publish(f"mediad/1/down/{device}/manifest", self.signer.sign("mediad-manifest", body), retain=True)
        return self.version

    def item(self, occurrence, data, start, duration, **more):
        """start: wall seconds, 0 at once."""
        sha = self.media.add(data) if data else ""
        item = {"kind": "content", "occurrence": occurrence, "title": occurrence, "start_ms": int(start * 1000), "duration_ms": int(duration * 1000),
                "priority": 3, "authority": 1, "grace_ms": 2000}
        if data:
            item["media"] = {"sha256": sha, "path": f"{sha}/programme.mp3", "media_type": "audio/mpeg", "bytes": len(data)}
        item.update(more)
        return item


class Speaker:
    def __init__(self, bench, device, extra="", telemetry=5):
        self.bench, self.device = bench, device
        self.dir = os.path.join(bench.dir, device)
        os.makedirs(os.path.join(self.dir, "identity"), exist_ok=True)
        with open(os.path.join(self.dir, "identity", "keys.jwks"), "w", encoding="ascii") as f:
            json.dump({"keys": [bench.signer.jwk]}, f)
        self.wav, self.conf, self.extra, self.telemetry = os.path.join(self.dir, "out.wav"), os.path.join(self.dir, "speakerd.conf"), extra, telemetry
        self.lives = 0
        self.start()

    def start(self):
        self.lives += 1
        self.wav = os.path.join(self.dir, f"out-{self.lives}.wav")
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(f'general: {{ device = "{self.device}"; state_dir = "{self.dir}"; log_level = "debug"; }};\n'
                    f'broker: {{ host = "127.0.0.1"; port = {self.bench.port}; tls = false; }};\n'
                    f'output: {{ kind = "file"; device = "{self.wav}"; latency_ms = 100; }};\n'
                    f'telemetry: {{ every_s = {self.telemetry}; }};\n{self.extra}')
        self.process = Process([os.path.join(BUILD, "broadcast", "speaker", "speakerd"), "--config", self.conf], self.device)
        # boot-time clock and wall clock of the same machine: where the file's first sample stands in wall time
        self.first_us = int(self.process.wait_line(r"output begins at (\d+) us", 15)[1]) + (time.time_ns() - time.monotonic_ns()) // 1000

    def kill(self):
        self.process.kill()

    def stop(self):
        import signal
        code = self.process.kill(signal.SIGTERM)
        assert code == 0, f"speakerd ended with {code}:\n  " + "\n  ".join(self.process.lines[-30:])

    def samples(self, start, seconds):
        """What it sounded from wall second start on, once that much is written."""
        import array
        first = round((start - self.first_us / 1e6) * 48000)
        count = int(seconds * 48000)
        assert first >= 0, f"{self.device} was not sounding yet then"
        wait_until(f"{self.device} writing sound", lambda: os.path.getsize(self.wav) >= 44 + 2 * (first + count), seconds + 20, 0.05)
        with open(self.wav, "rb") as f:
            f.seek(44 + 2 * first)
            pcm = array.array("h")
            pcm.frombytes(f.read(2 * count))
        return [s / 32768 for s in pcm]

    def memory_kb(self):
        with open(f"/proc/{self.process.child.pid}/status", encoding="ascii") as f:
            return int(next(line for line in f if line.startswith("VmRSS")).split()[1])

    def cpu_s(self):
        with open(f"/proc/{self.process.child.pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def best_lag(a, b, lag_max, rate=48000):
    """By how many samples b is later than a."""
    step, reach = 4, int(lag_max * rate)
    n = len(a) - 2 * reach
    window = a[reach:reach + n:step]
    score = {}

    def at(lag):
        if lag not in score:
            score[lag] = sum(x * y for x, y in zip(window, b[reach + lag:reach + lag + n:step]))
        return score[lag]
    # coarse, then every sample around the best
    best = max(range(-reach, reach + 1, 3), key=at)
    return max(range(max(-reach, best - 3), min(reach, best + 3) + 1), key=at)


class Station(threading.Thread):
    """An MP3 stream in real time, over HTTP without a length, as a radio station's."""

    def __init__(self, data, bytes_per_s):
        super().__init__(daemon=True)
        self.data, self.rate, self.refuse = data, bytes_per_s, False
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.sock.getsockname()[1]}/live"
        self.begun = None
        self.start()

    def run(self):
        while True:
            client, _ = self.sock.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            client.recv(4096)
            if self.refuse:
                client.sendall(b"HTTP/1.0 503 Busy\r\n\r\n")
                client.close()
                return
            client.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\nicy-name: test\r\n\r\n")
            self.begun = self.begun or time.time()
            for at in range(0, len(self.data), self.rate // 10):
                client.sendall(self.data[at:at + self.rate // 10])
                threading.Event().wait(0.1)
            client.close()
        except OSError:
            pass
