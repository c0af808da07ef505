#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings at the console: a faulty file is told by file, line and remedy and changes nothing; a mended one is taken over by who has a second
factor; what is secret is on no page. Clicked in Chromium, held against what mediad has in force."""
from console import CONFIG, PICTURES, build_pages, play, step
from harness import *

D = {}
PIN, NEW_PIN, BAD_PIN, KEY, NEW_KEY = "48151623", "90125678", "4815x1623", "khoa-nghe-cu-5512", "khoa-nghe-moi-7734"


def ready():
    d = D["d"] = Mediad(config=CONFIG, extra=f'rooms = ( {{ name = "giao-ban"; pin = "{PIN}"; }} );\nbroadcast: {{ listen_key = "{KEY}"; }};\n')
    os.chmod(d.conf, 0o600)
    d.sign_in()
    d.api("POST", "/users", {"name": "quan-tri", "password": "quan-tri-mot-hai-ba", "role": "admin"})
    D["run"] = play("settings.mjs", json.dumps({
        "base": d.url(""), "root": ROOT, "pictures": PICTURES, "patience": PATIENCE, "user": "quan-tri", "password": "quan-tri-mot-hai-ba", "conf": d.conf,
        "pin": PIN, "newPin": NEW_PIN, "badPin": BAD_PIN, "key": KEY, "newKey": NEW_KEY}))


def asked(what):
    """The browser's half waits until it is answered."""
    line = D["run"].wait_line(rf"^(ask - {re.escape(what)}|FAILED .*|page of .*)$", 60)
    assert line[1].startswith("ask"), "\n".join(D["run"].lines)


def answer():
    D["run"].child.stdin.write(b"done\n")
    D["run"].child.stdin.flush()


def setting(key):
    return next(s for s in D["d"].api("GET", "/settings")["settings"] if s["key"] == key)


def faulty():
    """A number out of range, a PIN that is none, and then a line that is no setting."""
    told = json.loads(step(D["run"], "the faults are told"))
    assert told["line"] == 1 + next(i for i, line in enumerate(told["file"].splitlines()) if "redial_first_s" in line), told
    asked("is anything taken over?")
    one = setting("conference.redial_first_s")
    assert (one["value"], one["changed"]) == ("1", False), one
    answer()
    step(D["run"], "a line that is no setting is told")


def taken():
    step(D["run"], "the mended file is sound")
    asked("is it taken over with a wrong code?")
    assert setting("conference.redial_first_s")["value"] == "1"
    answer()
    step(D["run"], "it is taken over")
    one, key = setting("conference.redial_first_s"), setting("broadcast.listen_key")
    assert (one["value"], one["changed"], one["waits"]) == ("7", True, False), one
    assert (key["secret"], key["set"], key["waits"]) == (True, True, True) and "value" not in key and "next" not in key, key
    tries = [r["status"] for r in D["d"].api("GET", "/audit?limit=50&who=quan-tri")["rows"] if "/settings/reload" in r["what"]]
    assert tries[0] == 200 and 403 in tries and tries.count(200) == 1, tries


def secret():
    looked = json.loads(step(D["run"], "no secret is on a page"))
    assert looked["answers"] >= 6 and looked["shown"] > 200, looked


def ends_cleanly():
    assert D["run"].child.wait(20 * PATIENCE) == 0, "\n".join(D["run"].lines)
    D["d"].stop()


run_tap([("the console's pages are built", build_pages), ("a server with secrets", ready), ("a faulty file changes nothing", faulty), ("a mended one is taken over", taken),
         ("secrets stay secret", secret), ("the daemon ends cleanly", ends_cleanly)])
