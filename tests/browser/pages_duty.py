#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A night at the console: why one loudspeaker of 5,000 is silent is found from it alone, for each cause that was put there; the pages with 5,000
loudspeakers and 70 sites stay smooth while events come (figures are printed, what was done is judged)."""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from console import build_pages  # noqa: E402
from seeded import BUILD, OUT, PATIENCE, ROOT, Process, Province, cookie, need, run_tap, wait_until  # noqa: E402

STATE = {}
CAUSES = ("no-power", "no-signal", "offline", "volume", "amplifier", "line-open", "no-schedule", "no-media", "clock", "disabled", "last-failed", "pre-empted")


def seeded():
    need("node")
    need("chromium")
    build_pages()
    p = STATE["p"] = Province()
    STATE["gone"] = p.outage()
    p.api("POST", "/rooms", {"name": "giao-ban", "title": "Giao ban tuần"})
    wait_until("the outage to be one", lambda: p.api("GET", "/outages")["outages"], 60, 0.5)


def watched():
    p = STATE["p"]
    pictures = os.path.join(BUILD, "screenshots")
    os.makedirs(pictures, exist_ok=True)
    named = {d["id"]: d["name"] for d in p.devices}
    fine = next(d for d in p.of["fine"] if not any(o in d for o in OUT))
    ones = [(cause, next(d for d in p.of[cause] if not any(o in d for o in OUT))) for cause in CAUSES] + [("outage", STATE["gone"][0])]
    spec = {"base": p.d.url(""), "root": ROOT, "patience": PATIENCE, "pictures": pictures, "cookie": cookie(p.d), "all": p.n, "room": "giao-ban",
            "silent": [{"cause": cause, "id": d, "name": named[d]} for cause, d in ones], "fine": {"id": fine, "name": named[fine]}}
    path = os.path.join(p.dir, "spec.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(spec, f)
    run = Process(["node", os.path.join(HERE, "pages-duty.mjs"), path], "pages-duty")
    last = run.wait_line(r"^(ok - all|FAILED .*|<end of output>)", 150)[0]
    assert last == "ok - all", "\n".join(run.lines)
    print("# " + "\n# ".join(run.lines))


def ends_cleanly():
    STATE["p"].d.stop()


run_tap([("a province is seeded, with an outage", seeded), ("the night operator finds every cause; 5,000 loudspeakers stay smooth", watched),
         ("the daemon ends cleanly", ends_cleanly)])
