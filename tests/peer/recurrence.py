#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thousands of seeded recurrence rules, against python-dateutil, which nobody here wrote. TAP."""
import os
import random
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

RULES = int(os.environ.get("MEDIAD_TEST_RULES", "4000"))
SEED = int(os.environ.get("MEDIAD_TEST_SEED", "20261123"))
OCCURRENCES = 40
ZONES = ("Asia/Ho_Chi_Minh", "UTC", "Asia/Tokyo")  # without changes of the clock: dateutil counts in naive civil time
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
LAST = datetime(2090, 1, 1)  # dateutil walks to the year 9999 otherwise


def some(rng, values, most):
    return sorted(rng.sample(list(values), rng.randint(1, most)))


def text(values):
    return ",".join(str(v) for v in values)


def times(rng, parts):
    if rng.random() < 0.4:
        parts.append("BYHOUR=" + text(some(rng, range(24), 3)))
    if rng.random() < 0.3:
        parts.append("BYMINUTE=" + text(some(rng, range(60), 3)))


def daily(rng, parts):
    if rng.random() < 0.4:
        parts.append("BYDAY=" + text(some(rng, DAYS, 4)))
    if rng.random() < 0.2:
        parts.append("BYMONTH=" + text(some(rng, range(1, 13), 4)))
    if rng.random() < 0.15:
        parts.append("BYMONTHDAY=" + text(some(rng, range(1, 29), 4)))
    times(rng, parts)


def weekly(rng, parts):
    if rng.random() < 0.7:
        parts.append("BYDAY=" + text(some(rng, DAYS, 4)))
    if rng.random() < 0.3:
        parts.append("WKST=" + rng.choice(DAYS))
    if rng.random() < 0.2:
        parts.append("BYMONTH=" + text(some(rng, range(1, 13), 6)))
    times(rng, parts)


def monthly(rng, parts):
    kind = rng.random()
    if kind < 0.4:
        parts.append("BYMONTHDAY=" + text(some(rng, [*range(1, 32), -1, -2, -7], 3)))
    elif kind < 0.8:
        parts.append("BYDAY=" + text(f"{rng.choice((1, 2, 3, 4, -1, -2))}{d}" for d in some(rng, DAYS, 2)))
    elif kind < 0.9:
        parts.append("BYDAY=" + text(some(rng, DAYS, 5)) + ";BYSETPOS=" + str(rng.choice((1, 2, -1))))
        return  # with one time of the day only
    if rng.random() < 0.2:
        parts.append("BYMONTH=" + text(some(rng, range(1, 13), 6)))
    times(rng, parts)


def yearly(rng, parts):
    if rng.random() < 0.6:
        parts.append("BYMONTH=" + text(some(rng, range(1, 13), 3)))
        if rng.random() < 0.6:
            parts.append("BYMONTHDAY=" + text(some(rng, range(1, 29), 3)))
    times(rng, parts)


def hourly(rng, parts):
    if rng.random() < 0.5:
        parts.append("BYDAY=" + text(some(rng, DAYS, 4)))
    if rng.random() < 0.5:
        parts.append("BYHOUR=" + text(some(rng, range(24), 6)))


KINDS = (("DAILY", daily, 30), ("WEEKLY", weekly, 8), ("MONTHLY", monthly, 6), ("YEARLY", yearly, 3), ("HOURLY", hourly, 12),
         ("MINUTELY", hourly, 240))


def make_rule(rng, start):
    freq, fill, most = rng.choices(KINDS, weights=(5, 5, 4, 2, 1, 1))[0]
    parts = ["FREQ=" + freq]
    interval = rng.randint(1, most) if rng.random() < 0.5 else 1
    if freq == "MINUTELY":
        interval = max(5, interval)
    if interval > 1:
        parts.append(f"INTERVAL={interval}")
    fill(rng, parts)
    ends = rng.random()
    if ends < 0.2:
        parts.append(f"COUNT={rng.randint(1, 60)}")
    elif ends < 0.4:
        parts.append("UNTIL=" + (start + timedelta(days=rng.randint(1, 900), minutes=rng.randint(0, 1439))).strftime("%Y%m%dT%H%M%S"))
    return ";".join(parts)


def expected(start, zone, rule):
    """The first occurrences as dateutil counts them, in civil time."""
    tz, found = ZoneInfo(zone), []
    try:
        rule = rrulestr(rule, dtstart=start)
    except ValueError as error:
        if "generates an empty set" in str(error):  # its way to say that it never happens
            return []
        raise
    for at in rule:
        if at > LAST or len(found) == OCCURRENCES:
            break
        found.append(int(at.replace(tzinfo=tz).astimezone(timezone.utc).timestamp()))
    return found


def main():
    rng = random.Random(SEED)
    cases = []
    for _ in range(RULES):
        start = datetime(2024, 1, 1) + timedelta(minutes=rng.randint(0, 4 * 365 * 1440))
        cases.append((start, rng.choice(ZONES), make_rule(rng, start)))
    lines = "".join(f"{s.isoformat()}\t{z}\t{r}\n" for s, z, r in cases)
    host = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.environ["MEDIAD_BUILD_ROOT"], "tests/peer/recurrence-host")
    answers = subprocess.run([host], input=lines, stdout=subprocess.PIPE, text=True, check=True, timeout=300).stdout.splitlines()
    limit = int(LAST.replace(tzinfo=timezone.utc).timestamp())
    wrong, refused, compared = [], [], 0
    for (start, zone, rule), answer in zip(cases, answers):
        if answer.startswith("refused"):
            if "never happen" not in answer or expected(start, zone, rule):
                refused.append((start, zone, rule, answer))
            continue
        got, want = [int(t) for t in answer.split() if int(t) <= limit], expected(start, zone, rule)
        compared += len(want)
        if got != want:
            first = next((i for i, pair in enumerate(zip(got, want)) if pair[0] != pair[1]), min(len(got), len(want)))
            wrong.append((start, zone, rule, f"occurrence {first}: {got[first:first + 2]} and not {want[first:first + 2]}"))
    print("1..3")
    for name, bad in (("every rule is answered", [] if len(answers) == RULES else ["lines are missing"]), ("no rule is refused", refused),
                      ("every occurrence is where dateutil has it", wrong)):
        for case in bad[:10]:
            print("#", *(case if isinstance(case, tuple) else (case,)))
        print("not ok" if bad else "ok", "-", name)
    print(f"# seed {SEED}: {RULES} rules, {compared} occurrences compared, {len(wrong)} rules differ")
    return 1 if wrong or refused or len(answers) != RULES else 0


sys.exit(main())
