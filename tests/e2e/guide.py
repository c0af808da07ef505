#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command of the operator's guide, as it stands there, against a running system; and both languages say the same commands."""
import shlex
import subprocess
from village import *

GUIDES = [os.path.join(ROOT, "docs", f"guide-operator.{language}.md") for language in ("en", "vi")]
WORDS = {}


def commands(path):
    """The lines of the indented blocks."""
    with open(path, encoding="utf-8") as f:
        return [line.strip() for line in f if line.startswith("       mediactl ")]


def same():
    english, vietnamese = (commands(path) for path in GUIDES)
    assert len(english) > 45, len(english)
    assert english == vietnamese, [pair for pair in zip(english, vietnamese) if pair[0] != pair[1]][:5] or (len(english), len(vietnamese))


def ctl(v, *words, expect=0):
    done = subprocess.run([MEDIACTL, "--url", v.d.url(""), *words], capture_output=True, text=True, timeout=60, cwd=v.dir,
                          env=dict(os.environ, MEDIACTL_TOKEN=v.d.token))
    assert done.returncode == expect, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout


def second_person(v):
    """Whoever released and approved is somebody else than the one who asked."""
    v.api("POST", "/users", {"name": "nguoi-khac", "password": "mot-hai-ba-bon-nam", "role": "provincial-approver"})
    own = v.d.token
    v.d.token = v.api("POST", "/session", {"user": "nguoi-khac", "password": "mot-hai-ba-bon-nam"}, token=False)["token"]
    secret = v.api("POST", "/session/second-factor/enrol", {"password": "mot-hai-ba-bon-nam"})["secret"]
    v.api("POST", "/session/second-factor/confirm", {"code": one_time_code(secret)})
    other, v.d.token = v.d.token, own
    return other


def tried():
    """In the guide's order; what a command makes is named in those after it."""
    v = Village()
    v.add_link("loa-1", "18073")
    v.online("loa-1")
    other = second_person(v)
    v.d.unlock()

    def newest(path, name):
        return v.api("GET", path)[name][0]["id"]
    find = {"ALERT": lambda: newest("/alerts", "alerts"), "BULLETIN": lambda: newest("/bulletins", "bulletins"), "RELEASE": lambda: newest("/quiet-releases", "releases"),
            "REVISION": lambda: str(v.api("GET", f"/bulletins/{newest('/bulletins', 'bulletins')}")["revision"]),
            "CONTENT": lambda: v.api("GET", f"/bulletins/{newest('/bulletins', 'bulletins')}")["approved_content"]}
    for line in commands(GUIDES[0]):
        words = shlex.split(line)[1:]
        if "CODE" in words:  # a recovery code unlocks as well as the telephone's
            v.d.unlock()
            continue
        words = [next((get() for key, get in find.items() if word == key), word) for word in words]
        if words[:2] == ["live", "start"] or "URL" in words:
            continue
        if words[0] == "users":
            words = ["users" if w == "users" else "can-bo-moi" if w == "HO-TEN" else w for w in words]
            done = subprocess.run([MEDIACTL, "--url", v.d.url(""), *words], input="mot-hai-ba-bon-nam\nmot-hai-ba-bon-nam\n", capture_output=True, text=True, timeout=60,
                                  env=dict(os.environ, MEDIACTL_TOKEN=v.d.token))
            assert done.returncode == 0, (words, done.stdout, done.stderr)
            continue
        own = v.d.token
        if words[:2] in (["bulletin", "approve"], ["quiet", "release"]):
            v.d.token = other
        try:
            ctl(v, *words)
        except AssertionError as error:
            raise AssertionError(f"{line}: {error}") from None
        finally:
            v.d.token = own
        if words[:2] == ["quiet", "release"]:  # the rest of the guide is tried at any hour
            v.api("PUT", "/areas/18073/quiet-hours", {"hours": "none"})
    for file in ("thang-11.csv", "thang-11.html"):
        assert os.path.getsize(os.path.join(v.dir, file)) > 100, file
    v.d.stop()


run_tap([("both languages", same), ("every command", tried)])
