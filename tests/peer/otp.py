#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The second factor against oathtool, which nobody here wrote, and mediactl's proof of the audit trail from the file alone."""
import os
import sqlite3
import subprocess
import tempfile
import time

from harness import BUILD, Mediad, one_time_code, run_tap

DAEMON = None


def daemon():
    global DAEMON
    if not DAEMON:
        DAEMON = Mediad()
        DAEMON.sign_in()  # enrols: the confirmation is a code of oathtool's
    return DAEMON


def next_code(d):
    """A code of the next half minute, which the window lets in and nobody used."""
    return one_time_code(d.otp_secret, time.time() + 30)


def test_code_of_oathtool():
    d = daemon()
    body = {"user": "tester", "password": d.secret, "one_time_code": next_code(d)}
    status, reply = d._request("POST", "/api/v1/session", body, False, False, "application/json", None)
    assert status == 201, reply
    status, reply = d._request("POST", "/api/v1/session", body, False, False, "application/json", None)
    assert status == 403 and reply["error"]["code"] == "wrong-one-time-code", reply  # once
    for offset in (-90, 90):
        body["one_time_code"] = one_time_code(d.otp_secret, time.time() + offset)
        status, reply = d._request("POST", "/api/v1/session", body, False, False, "application/json", None)
        assert status == 403 and reply["error"]["code"] == "wrong-one-time-code", (offset, reply)


def test_recovery_code():
    d = daemon()
    d.sign_in_again()
    assert d.api("GET", "/session/second-factor")["recovery_codes_left"] == 9


def test_secret_is_not_in_the_files():
    d = daemon()
    for name in os.listdir(d.state):
        path = os.path.join(d.state, name)
        if os.path.isfile(path):
            assert os.stat(path).st_mode & 0o077 == 0 or name in ("mediad.conf", "https-cert.pem"), name
            with open(path, "rb") as f:
                data = f.read()
            assert d.otp_secret.encode() not in data, name
            for code in d._recovery:
                assert code.encode() not in data and code.replace("-", "").encode() not in data, name


def mediactl(*words):
    return subprocess.run([os.path.join(BUILD, "mediactl", "mediactl"), *words], capture_output=True, text=True)


def test_audit_from_the_file():
    d = daemon()
    d.api("PUT", "/areas/42", {"name": "Hà Tĩnh", "kind": "tinh"})
    head = d.api("GET", "/audit/verify")
    assert head["intact"], head
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "copy.sqlite")
        source = sqlite3.connect(os.path.join(d.state, "mediad.sqlite"))
        target = sqlite3.connect(copy)
        source.backup(target)
        source.close()
        good = mediactl("audit", "verify", "--database", copy, "--head", head["head"])
        assert good.returncode == 0 and f"Rows     {head['rows']}" in good.stdout, good
        target.execute("DELETE FROM md_audit WHERE number = (SELECT MAX(number) FROM md_audit)")
        target.commit()
        cut = mediactl("audit", "verify", "--database", copy, "--head", head["head"])
        assert cut.returncode == 1 and "cut off" in cut.stderr, cut
        target.execute("UPDATE md_audit SET detail = 'x' WHERE number = 2")
        target.commit()
        target.close()
        changed = mediactl("audit", "verify", "--database", copy)
        assert changed.returncode == 1 and "audit row 2 was changed" in changed.stderr, changed
        missing = mediactl("audit", "verify", "--database", os.path.join(folder, "none"))
        assert missing.returncode == 1 and "--database names" in missing.stderr, missing


def test_ready():
    d = daemon()
    assert d.request("GET", "/readyz", raw=True)[0] == 200
    d.stop()


run_tap([("a code of oathtool signs in, once", test_code_of_oathtool),
         ("a recovery code signs in", test_recovery_code),
         ("neither secret nor recovery codes are in any file", test_secret_is_not_in_the_files),
         ("mediactl proves the audit trail from a copy of the file", test_audit_from_the_file),
         ("ready while SIP listens", test_ready)])
