#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of mediad, the broker or a loudspeaker, and a full disk, at seeded instants of a bulletin. Nothing that was acknowledged is
lost, nothing sounds but at its place on the clock (so nothing twice), and sound goes on within 5 s.

MEDIAD_CHAOS_SEEDS="17 18 19" plays those seeds, MEDIAD_CHAOS_SEEDS=+40 so many from 1 on."""
import atexit
import os
import shutil
import subprocess
import sys

if not os.environ.get("MEDIAD_CHAOS_INSIDE"):  # the small disk is a mount of this process alone
    os.environ["MEDIAD_CHAOS_INSIDE"] = "1"
    if not shutil.which("unshare"):
        print("Bail out! unshare is not installed: run deploy/check, which installs every peer")
        sys.exit(1)
    # where / is no mount point of its own (a chroot) propagation cannot be changed: what is mounted goes with its folder at the end
    changes = subprocess.run(["unshare", "-rm" if os.geteuid() else "-m", "true"], capture_output=True).returncode == 0
    os.execvp("unshare", ["unshare", "-rm" if os.geteuid() else "-m", *([] if changes else ["--propagation", "unchanged"]), sys.executable, *sys.argv])

from village import *  # noqa: E402

STEPS = [(600 + 100 * k, 1.0) for k in range(12)]  # each second of the bulletin is known by its pitch
LINK, SIP = ("loa-1", "loa-2"), "loa-3"
BACK_S = 5.0
W = {}


def village():
    if "v" not in W:
        state = tempfile.mkdtemp(prefix="mediad-")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m,mode=0700", "tmpfs", state], check=True)
        atexit.register(subprocess.run, ["umount", "-l", state], stderr=subprocess.DEVNULL)
        v = W["v"] = Village(state=state, broadcast="lead_s = 4;")
        for name in LINK:
            v.add_link(name, "18073")
        v.add_sip(SIP, "18073")
        v.online(*LINK)
        wait_until("recordings of sirens and words", lambda: len(v.api("GET", "/content")["content"]) >= 9, 60, 0.3)
        W["content"] = v.content(STEPS, title="chaos")
    return W["v"]


class Writer(threading.Thread):
    """Writes without a pause, and keeps what was acknowledged."""

    def __init__(self, v, seed):
        super().__init__(daemon=True)
        self.v, self.seed, self.over, self.there, self.gone, self.refused, self.faults = v, seed, False, {}, set(), 0, []
        self.start()

    def run(self):
        n = 0
        while not self.over:
            n += 1
            ident = f"ghi-{self.seed}-{n}"
            try:
                if n % 3 == 2:
                    start = local(time.time() + 86400)
                    self.say("POST", "/schedules", {"name": ident, "content": W["content"], "areas": ["18100"], "start_local": start, "draft": True},
                             lambda: self.there.__setitem__(("schedule", ident), ident))
                elif n % 3 == 1 or n < 6:
                    self.say("PUT", f"/devices/{ident}", {"name": f"Loa {ident}", "area": "18100"},
                             lambda: self.there.__setitem__(("device", ident), f"Loa {ident}"))
                else:
                    former = next((i for kind, i in self.there if kind == "device"), None)
                    if former:  # from the moment it is asked for it may be gone, from the answer on it must be
                        del self.there["device", former]
                        self.say("DELETE", f"/devices/{former}", None, lambda: self.gone.add(former))
            except OSError:
                self.refused += 1
            select.select([], [], [], 0.05)

    def say(self, method, path, body, noted):
        status, reply = self.v.d.request(method, "/api/v1" + path, body)
        if 200 <= status < 300:
            noted()
        elif status >= 500 or status == 429:
            self.refused += 1
        else:
            self.faults.append((method, path, status, reply))

    def check(self):
        """Everything acknowledged is there, nothing that was removed is."""
        v = self.v
        assert not self.faults, self.faults[:3]
        devices = {d["id"]: d["name"] for d in v.api("GET", "/devices")["devices"]}
        schedules = {s["name"] for s in v.api("GET", "/schedules")["schedules"]}
        lost = [i for (kind, i), name in self.there.items() if (kind == "device" and devices.get(i) != name) or (kind == "schedule" and i not in schedules)]
        assert not lost, ("acknowledged and lost", len(lost), len(self.there), lost[:10])
        risen = [i for i in self.gone if i in devices]
        assert not risen, ("removed and there again", risen[:10])
        for i in list(devices):
            if i.startswith("ghi-"):
                v.api("DELETE", f"/devices/{i}")
        for s in v.api("GET", "/schedules")["schedules"]:
            if s["name"].startswith("ghi-"):
                v.api("DELETE", f"/schedules/{s['id']}")


def fill_disk(v):
    """To the last byte; the file's name."""
    path = os.path.join(v.d.state, "filler")
    with open(path, "wb", buffering=0) as f:
        for size in (1 << 20, 4096):
            try:
                while True:
                    f.write(b"x" * size)
            except OSError:
                pass
    return path


def act(v, what, random_, log):
    """One blow, and the recovery somebody (systemd, the power, an operator) brings."""
    pause = random_.uniform(0.1, 1.5)
    log.append((what, time.time(), time.time() + pause))
    if what == "mediad":
        v.d.kill(signal.SIGKILL)
        time.sleep(pause)
        v.restart_mediad()
    elif what == "broker":
        v.kill_broker()
        time.sleep(pause)
        v.restart_broker()
    elif what == "disk":
        filler = fill_disk(v)
        time.sleep(pause + 1)
        os.unlink(filler)
    else:
        v.speakers[what].power_cut()
        time.sleep(pause)
        v.speakers[what].start()
    log[-1] = (what, log[-1][1], time.time())


def in_place(v, name, start, end, log):
    """Every sound is the one of its second; a loudspeaker with power is silent for no longer than it may be."""
    s = v.speakers[name]
    samples, n = s.sound(start - 4, end), int(RATE / STEP * WINDOW_S)
    heard, wrong = [], []
    for i in range(0, len(samples) - n + 1, n):
        window, t = samples[i:i + n], start - 4 + i / (RATE / STEP)
        if rms(window) < 0.01:
            continue
        k = int((t + WINDOW_S / 2 - start) // 1)
        near = [hz for j in (k - 1, k, k + 1) if 0 <= j < len(STEPS) for hz in (STEPS[j][0],)]
        edge = min(abs(t + WINDOW_S / 2 - start - j) for j in (k, k + 1)) < 0.2
        wanted = near if edge else [STEPS[k][0]] if 0 <= k < len(STEPS) else []
        if not any(goertzel(window, RATE / STEP, hz) > 0.5 * rms(window) for hz in wanted):
            wrong.append(round(t - start, 2))
        heard.append(t)
    assert not wrong, (name, "sounds that are not in their place", wrong[:20])
    length, edges = len(STEPS), [start, *heard, start + len(STEPS)]
    allowed = 0.5 + max([0.0] + [back - cut + BACK_S for what, cut, back in log if what == name])
    gap = max(b - a for a, b in zip(edges, edges[1:]))
    assert gap <= allowed, (name, f"{gap:.1f} s of silence", f"{allowed:.1f} s allowed", [(w, round(a - start, 1), round(b - start, 1)) for w, a, b in log])
    return min(len(heard) * WINDOW_S, length)


def by_sip(v, before, start, log):
    """Nothing twice; what is missing is what passed while nobody could send, and 5 s more."""
    agent = v.speakers[SIP].agent
    seconds = {}
    for file in [f for f in agent.wavs("dec") if f not in before and os.path.getsize(f) > 100]:
        rate, pcm = read_wav(file)
        n = int(rate * WINDOW_S)
        for i in range(0, len(pcm) - n + 1, n):
            for hz, _ in STEPS:
                if goertzel(pcm[i:i + n], rate, hz) > 0.05:
                    seconds[hz] = seconds.get(hz, 0) + WINDOW_S
    twice = {hz: round(s, 1) for hz, s in seconds.items() if s > 1.45}
    assert not twice, (SIP, "heard twice", twice)
    allowed = 1.5 + sum(back - cut + BACK_S for what, cut, back in log if what == "mediad")
    missing = len(STEPS) - sum(min(s, 1.0) for s in seconds.values())
    assert missing <= allowed, (SIP, f"{missing:.1f} s missing", f"{allowed:.1f} allowed", seconds, [(w, round(a - start, 1), round(b - start, 1)) for w, a, b in log])
    return missing


def bulletin(seed):
    v, random_ = village(), random.Random(seed)
    v.online(*LINK)
    wait_until("what was before to be over", lambda: not v.api("GET", "/live")["live"], 30, 0.3)
    before = v.speakers[SIP].agent.wavs("dec")
    scheduled = seed % 3 != 0
    title = f"bản tin {seed}"
    writer, log = Writer(v, seed), []
    if scheduled:
        start = int(time.time()) + 9
        v.schedule(title, W["content"], ["18073"], start)
        first = 3.0 if random_.random() < 0.5 else 7.0  # the lists must have gone out once: then anything may happen
        blows = sorted(random_.uniform(first - 9, 9) for _ in range(2))
    else:
        run = v.api("POST", "/announcements", {"content": W["content"], "areas": ["18073"], "title": title, "priority": "priority"})["id"]
        start = wait_until("it in the play log", lambda: next((r["start_us"] for r in v.runs(title) if r["id"] == run), None), 10) / 1e6
        for name in LINK:
            v.speakers[name].process.wait_line(run + ": began", 15)
        blows = sorted(random_.uniform(time.time() - start + 0.1, 9) for _ in range(2))
    kinds = random_.sample(["mediad", "mediad", "broker", "disk", LINK[1]], 2)
    for kind, at in zip(kinds, blows):
        time.sleep(max(0, start + at - time.time()))
        act(v, kind, random_, log)
    told = ", ".join(f"{w} {a - start:+.1f}..{b - start:+.1f} s" for w, a, b in log)
    time.sleep(max(0, start + len(STEPS) + 3 - time.time()))
    writer.over = True
    writer.join()
    for name in LINK:
        in_place(v, name, start, start + len(STEPS) + 2.5, log)
    missing = by_sip(v, before, start, log)
    writer.check()
    runs = v.runs(title)
    if scheduled:
        wait_until("one row of it in the play log", lambda: len(v.runs(title)) == 1, 20, 0.3)
    assert len({(r["occurrence_us"], r["schedule"]) for r in runs if r.get("schedule")}) == len([r for r in runs if r.get("schedule")]), runs
    print(f"# seed {seed}: {told}; SIP missed {max(0, missing):.1f} s; {len(writer.there)} writes acknowledged, {writer.refused} refused", flush=True)


def ends_cleanly():
    v = village()
    assert v.api("GET", "/link")["connected"]
    v.d.stop()


seeds = os.environ.get("MEDIAD_CHAOS_SEEDS", "+5")
seeds = range(1, int(seeds[1:]) + 1) if seeds.startswith("+") else [int(s) for s in seeds.split()]
run_tap([(f"seed {n}", lambda n=n: bulletin(n)) for n in seeds] + [("the end", ends_cleanly)])
