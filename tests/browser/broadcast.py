#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A commune's day at the console: what is clicked in Chromium is heard from a real loudspeaker, and what may not be done is not done."""
import json

from console import CONFIG, PICTURES, build_pages, play, step
from village import *  # noqa: F403

D = {}
HERE, LOUDSPEAKER = "18073", "loa-1"


def ready():
    v = D["v"] = Village(config=CONFIG, broadcast="lead_s = 3;")
    v.add_link(LOUDSPEAKER, HERE)
    people = {"admin": v.d.token}
    for who, name, role, area in (("editor", "an", "commune-editor", HERE), ("approver", "minh", "commune-approver", HERE), ("duty", "truc", "provincial-approver", None),
                                  ("auditor", "kiem", "auditor", None)):
        D[who] = Person(v, name, role, area)
        people[who] = {"name": name, "password": D[who].password}
    people["plan"] = from_above() | tomorrow()
    v.online(LOUDSPEAKER)
    D["run"] = play("broadcast.mjs", v.d.url(""), PICTURES, json.dumps(people), str(PATIENCE))


def from_above():
    """A normal bulletin of the province, and a priority one at the time of the commune's own."""
    v, at = D["v"], int(time.time()) + 4 * 3600
    D["own"] = v.schedule("Ưu tiên của xã", v.content(650, 5, title="own"), [HERE], at, priority="priority")["id"]
    for title, more in (("Tin thường của tỉnh", {}), ("Tin ưu tiên của tỉnh", {"priority": "priority", "asked_us": at * 1000000})):
        made = D["duty"].api("POST", "/bulletins", {"title": title, "text": "Tin của tỉnh.", "areas": [HERE]} | more)["id"]
        D["duty"].api("POST", f"/bulletins/{made}/submit", {})
        v.api("POST", f"/bulletins/{made}/approve", {"revision": v.api("GET", f"/bulletins/{made}")["revision"]})

    def item(title):
        return next((i["id"] for i in v.api("GET", "/inbox")["inbox"] if i["title"] == title), None)
    D["conflict"] = wait_until("the conflict", lambda: next(iter(v.api("GET", "/inbox/conflicts")["conflicts"]), None), 15, 0.2)["id"]
    return {"area": HERE, "conflict": D["conflict"], "normal": wait_until("it in the inbox", lambda: item("Tin thường của tỉnh"), 15, 0.2)}


def tomorrow():
    """Two programmes of tomorrow afternoon, to be dragged."""
    v, day = D["v"], datetime.datetime.now(ZONE).replace(minute=0, second=0, microsecond=0) + datetime.timedelta(days=1)
    content = v.content(500, 5, title="tomorrow")
    D["taken"], D["kept"] = (v.schedule(name, content, [HERE], day.replace(hour=hour).timestamp())["id"] for name, hour in (("Nhạc hiệu", 15), ("Tin nông vụ", 16)))
    return {"taken": D["taken"], "kept": D["kept"], "nextWeek": day.weekday() == 0}


def chime(start, end):
    """Wall times at which its three notes are heard."""
    speaker = D["v"].speakers[LOUDSPEAKER]
    return [speaker.tone(hz, start, end, 0.02) for hz in (784, 659, 523)]


def said(name):
    return json.loads(step(D["run"], name) or "{}")


def from_draft_to_loudspeaker():
    """Written, spoken by espeak-ng, heard in the page, handed in, approved with a code, scheduled: the loudspeaker plays it at its time."""
    for name in ("the preview is heard", "handed in", "approved"):
        step(D["run"], name)
    at = said("scheduled")["at"] / 1000
    notes = chime(at - 2, at + 5)
    assert all(notes) and all(at - 0.3 < n[0] < at + 2.5 for n in notes), (at, notes)
    speech = D["v"].speakers[LOUDSPEAKER].loud(at + 2.3, at + 5)
    assert len(speech) * WINDOW_S > 1, speech


def recorded():
    step(D["run"], "recorded and handed in")


def the_commune_decides():
    """Whoever edits accepts what is normal, whoever approves says who goes first."""
    step(D["run"], "the commune decided")
    v = D["v"]
    items = {i["title"]: i for i in v.api("GET", "/inbox")["inbox"]}
    assert items["Tin thường của tỉnh"]["schedule"] and items["Tin thường của tỉnh"]["decided_by"] == "an", items
    decided = items["Tin ưu tiên của tỉnh"]
    assert decided["choice"] == "own" and decided["decided_by"] == "minh" and not decided.get("by_default"), decided


def refused():
    assert said("refused")["calls"] == 16


def dragged():
    """The refused one stays where it was; the other is at its new time, and published."""
    step(D["run"], "moved back with the reason")
    step(D["run"], "moved and published")
    taken, kept = (D["v"].api("GET", f"/schedules/{D[k]}") for k in ("taken", "kept"))
    assert taken["start_local"].endswith("T15:00:00") and taken["areas"] == ["42"], taken
    assert kept["start_local"].endswith("T18:00:00") and not kept["draft"] and kept["published_by"] == "minh", kept
    step(D["run"], "shown as played")


def played_now():
    """The fake microphone's beeps come out of the loudspeaker; the page says so, and so does the report."""
    at = said("on the air now")["at"] / 1000
    v = D["v"]
    run = wait_until("it in the play log", lambda: next(iter(v.runs("Mất nước chiều nay")), None), 10)
    start = run["start_us"] / 1e6
    heard = v.speakers[LOUDSPEAKER].loud(start - 0.2, start + 4)
    assert run["created_by"] == "minh" and start - at < 6 * PATIENCE and len(heard) > 1, (run, at, heard)
    cells = said("in the play log and the report")["cells"]
    report = next(r for r in v.api("GET", "/reports/plays?" + urllib.parse.urlencode({"from": local(time.time())[:10], "to": local(time.time())[:10], "by": "commune"}))["rows"] if r["key"] == HERE)
    assert report["played"] == 2 and cells[2:6] == ["2", "2", "0", "0"], (report, cells)


def emergency():
    """Silent until the right code; then at once; stopped at once; the all-clear sounds."""
    speaker = D["v"].speakers[LOUDSPEAKER]
    wrong = said("a wrong code is refused")["at"] / 1000
    sounds = said("the emergency sounds")
    stopped = said("stopped")["at"] / 1000
    step(D["run"], "the all-clear sounds")
    alerts = {a["kind"]: a for a in D["v"].api("GET", "/alerts")["alerts"]}
    at, clear = (alerts[kind]["received_us"] / 1e6 for kind in ("emergency", "all-clear"))
    assert wrong < sounds["at"] / 1000 <= at and not speaker.loud(wrong - 1, at), "it sounds before the right code"
    siren = speaker.loud(at, at + 4)
    assert siren and siren[0] - at < 3 * PATIENCE, [t - at for t in siren][:3]
    first = float(re.search(r"sau ([\d,]+) giây", sounds["first"])[1].replace(",", "."))
    assert abs(first - (siren[0] - at)) < 0.5, (first, siren[0] - at)
    assert clear > stopped + 1 and not speaker.loud(stopped + 0.7, clear), "it sounds on"
    assert speaker.loud(clear, clear + 3 * PATIENCE), "no all-clear"
    assert alerts["emergency"]["state"] == "stopped" and "truc" in alerts["emergency"]["reason"] and alerts["all-clear"]["areas"] == HERE, alerts
    print(f"# first sound {siren[0] - at:.1f} s after the order came; the page says {first} s")


def ends_cleanly():
    D["v"].d.stop()


run_chain([("the console's pages are built", build_pages), ("a commune with a loudspeaker", ready), ("from draft to loudspeaker", from_draft_to_loudspeaker),
           ("recorded with a microphone", recorded), ("the commune decides", the_commune_decides), ("what may not be done", refused), ("dragged in the calendar", dragged),
           ("played now", played_now), ("an emergency", emergency), ("the daemon ends cleanly", ends_cleanly)])
