# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the console's pages share: the pages are built, and a daemon serves them."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("peer", "e2e"):
    sys.path.insert(0, os.path.join(HERE, "..", folder))
from harness import BUILD, DEFAULT_CONFIG, Process, need  # noqa: E402

CONFIG = DEFAULT_CONFIG.replace("allow_http = true;", f'allow_http = true; console_dir = "{BUILD}/console";')
PICTURES = os.path.join(BUILD, "screenshots")


def build_pages():
    """Made only when they changed."""
    subprocess.run([os.path.join(HERE, "..", "..", "tools", "build-console"), os.path.join(BUILD, "console")], check=True, stdout=sys.stderr)


def play(script, *args):
    """Node runs a script of pages against a daemon; it prints "ok - STEP: JSON" for each step, or "FAILED …"."""
    need("node")
    need("chromium")
    os.makedirs(PICTURES, exist_ok=True)
    return Process(["node", os.path.join(HERE, script), *args], script)


def step(run, name, seconds=60):
    """Waits for a step, and gives what was printed with it."""
    line = run.wait_line(rf"^(ok - {name}(?:: (?P<what>.*))?|FAILED .*|page of .*)$", seconds)
    assert line[1].startswith("ok"), "\n".join(run.lines)
    return line["what"]
