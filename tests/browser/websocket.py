# SPDX-License-Identifier: GPL-3.0-or-later
"""A WebSocket client (RFC 6455) of few lines for the join protocol: text frames both ways, messages in order, waited for by type."""
import base64
import json
import os
import socket
import struct
import threading
import time


class Refused(Exception):
    """The handshake was answered by something else than 101; status tells by what."""

    def __init__(self, status, body):
        super().__init__(f"{status} {body}")
        self.status, self.body = status, body


class WebSocket:
    def __init__(self, port, path, protocols, headers=None, patience=1.0):
        self.patience, self.messages, self.close_code, self._new = patience, [], None, threading.Condition()
        self._socket = socket.create_connection(("127.0.0.1", port), 10 * patience)
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                 "Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode(), "Sec-WebSocket-Protocol: " + ", ".join(protocols)]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self._buffer = b""
        while b"\r\n\r\n" not in self._buffer:
            chunk = self._socket.recv(65536)
            if not chunk:
                break
            self._buffer += chunk
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if status != 101:
            raise Refused(status, self._buffer.decode("utf-8", "replace"))
        self._socket.settimeout(None)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _take(self, count):
        while len(self._buffer) < count:
            chunk = self._socket.recv(65536)
            if not chunk:
                raise EOFError
            self._buffer += chunk
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def _read(self):
        try:
            while True:
                first, second = self._take(2)
                length = second & 127
                if length > 125:
                    length = struct.unpack(">H" if length == 126 else ">Q", self._take(2 if length == 126 else 8))[0]
                payload = self._take(length)
                kind = first & 15
                if kind == 9:
                    self._frame(10, payload)
                    continue
                with self._new:
                    if kind == 8:
                        self.close_code = struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else 1005
                    elif kind == 1:
                        self.messages.append(json.loads(payload))
                    self._new.notify_all()
                if kind == 8:
                    return
        except (OSError, EOFError):
            with self._new:
                self.close_code = self.close_code or 1006
                self._new.notify_all()

    def _frame(self, kind, payload):
        mask = os.urandom(4)
        size = len(payload)
        head = bytes([128 | kind]) + (bytes([128 | size]) if size < 126 else bytes([254]) + struct.pack(">H", size) if size < 65536
                                      else bytes([255]) + struct.pack(">Q", size))
        self._socket.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))

    def send(self, message):
        self._frame(1, (message if isinstance(message, str) else json.dumps(message)).encode())

    def wait(self, kind, seconds=10.0, since=0, **fields):
        """The first message of that type (and with those fields), from index since."""
        deadline, at = time.monotonic() + seconds * self.patience, since
        with self._new:
            while True:
                while at < len(self.messages):
                    message = self.messages[at]
                    at += 1
                    if message.get("type") == kind and all(message.get(k) == v for k, v in fields.items()):
                        return message
                left = deadline - time.monotonic()
                if left <= 0 or self.close_code:
                    raise AssertionError(f"no {kind} {fields} came (closed: {self.close_code}); came: {self.messages[since:]}")
                self._new.wait(left)

    def wait_closed(self, seconds=10.0):
        deadline = time.monotonic() + seconds * self.patience
        with self._new:
            while self.close_code is None:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"not closed; came: {self.messages}")
                self._new.wait(left)
            return self.close_code

    def drop(self):
        """Gone without a word, as when the line breaks."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()
