#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bulletins and live sound reach loudspeakers that nobody here wrote: baresip, registered like one, answering by itself.

baresip 1.0 takes a=sendonly for a reason to decode nothing, hence two_way.
"""
import datetime
from harness import *

DAEMON = None
SPEAKERS = {}
ZONE = datetime.timezone(datetime.timedelta(hours=7))


def daemon():
    global DAEMON
    if not DAEMON:
        DAEMON = Mediad(extra='broadcast: { lead_s = 4; security = "required"; frame_ms = 40; two_way = true; };\n')
        DAEMON.sign_in()
        DAEMON.api("PUT", "/areas/42", {"name": "Hà Tĩnh", "kind": "tinh"})
        DAEMON.api("PUT", "/areas/18073", {"name": "Phường Thành Sen", "kind": "phuong", "parent": "42"})
        DAEMON.api("PUT", "/areas/18100", {"name": "Xã Thạch Hà", "kind": "xa", "parent": "42"})
    return DAEMON


def launch(account, **more):
    """Others on this machine take ports too: once more when baresip found its own taken."""
    for attempt in range(3):
        try:
            return Baresip(account, **more)
        except AssertionError as error:
            if attempt == 2 or "in use" not in str(error):
                raise


def speaker(name, area, codecs="opus/48000/2"):
    """A registered loudspeaker of an area."""
    d = daemon()
    if name not in SPEAKERS:
        secret = d.add_account(name, kind="loudspeaker")
        d.api("PUT", f"/devices/{name}", {"name": f"Loa {name}", "area": area})
        agent = launch(f"<sip:{name}@127.0.0.1:{d.sip_port}>;auth_pass={secret};regint=300;answermode=auto;mediaenc=srtp-mand"
                        f";audio_codecs={codecs}", tone=1000, video=False, name=name)
        assert agent.registration() == 200
        SPEAKERS[name] = agent
    return SPEAKERS[name]


def tone_content(d, hz, seconds, title):
    path = os.path.join(d.state, f"tone-{hz}.wav")
    write_tone_wav(path, hz, seconds)
    with open(path, "rb") as f:
        return d.api("POST", f"/content?title={title}&name=tone.wav", f.read(), content_type="audio/wav")["id"]


def plays(d, announcement):
    return {p["device"]: p for p in d.api("GET", f"/play-log/{announcement}")["plays"]}


def finished(d, announcement, seconds=30):
    def look():
        for run in d.api("GET", "/play-log")["announcements"]:
            if run["id"] == announcement and run["end_us"]:
                return run
        return None
    return wait_until("the announcement's end in the play log", look, seconds, 0.3)


def heard_tone(agent, hz, since_files):
    """Seconds the tone is heard in the new recording that has most of it, and the length of that recording."""
    files = [f for f in agent.wavs("dec") if f not in since_files]
    assert files, f"{agent.name} recorded nothing"
    best = (0, 0)
    for file in files:
        rate, samples = read_wav(file)
        present = [goertzel(samples[i:i + rate // 5], rate, hz) > 0.05 for i in range(0, len(samples) - rate // 5, rate // 5)]
        best = max(best, (sum(present) / 5, len(samples) / rate))
    return best


def scheduled():
    """One bulletin, three codecs, to one commune: all play it whole, at its time; the other commune is left in peace."""
    d = daemon()
    here = [speaker("loa-opus", "18073"), speaker("loa-g722", "18073", "G722/16000/1"), speaker("loa-pcma", "18073", "PCMA/8000/1")]
    there = speaker("loa-xa", "18100")
    content = tone_content(d, 600, 5, "tone")
    before = {a.name: a.wavs("dec") for a in here}
    at = datetime.datetime.now(ZONE).replace(microsecond=0) + datetime.timedelta(seconds=8)
    schedule = d.api("POST", "/schedules", {"name": "Bản tin", "content": content, "areas": ["18073"],
                                            "start_local": at.strftime("%Y-%m-%dT%H:%M:%S"), "priority": "priority"})
    assert schedule["next_us"] == int(at.timestamp()) * 1000000, schedule

    def run():
        return next((r for r in d.api("GET", "/play-log")["announcements"] if r["schedule"] == schedule["id"]), None)
    announcement = wait_until("the announcement", run, 15)["id"]
    run = finished(d, announcement)
    assert run["state"] == "done" and (run["devices"], run["played"]) == (3, 3), (run, plays(d, announcement))
    log = plays(d, announcement)
    for name, codec in (("loa-opus", "opus"), ("loa-g722", "G722"), ("loa-pcma", "PCMA")):
        assert log[name]["codec"].lower() == codec.lower(), log[name]
        assert log[name]["from_us"] == schedule["next_us"], log[name]
        assert abs(log[name]["to_us"] - log[name]["from_us"] - 5e6) < 2e5, log[name]
    for agent in here:
        agent.wait_event("CALL_CLOSED")
        seconds, length = heard_tone(agent, 600, before[agent.name])
        assert 4.2 <= seconds <= 5.6, f"{agent.name} heard the tone for {seconds} s of {length:.1f} s"
    assert not there.wavs("dec"), "a loudspeaker of another area was rung"


def meeting_and_emergency():
    """A meeting goes to every loudspeaker; an emergency cuts in, and gives them back to the meeting."""
    d = daemon()
    loud = speaker("loa-opus", "18073")
    secret = d.add_account("chu-toa", role="chair")
    chair = launch(f"<sip:chu-toa@127.0.0.1:{d.sip_port}>;auth_pass={secret};regint=300;audio_codecs=opus/48000/2", tone=440,
                   video=False, name="chu-toa")
    assert chair.registration() == 200
    d.api("POST", "/rooms", {"name": "giao-ban"})
    assert chair.dial(f"sip:giao-ban@127.0.0.1:{d.sip_port}")["type"] == "CALL_ESTABLISHED"
    siren = tone_content(d, 900, 3, "siren")
    mark = loud.event_mark()
    live = d.api("POST", "/live", {"areas": ["42"], "room": "giao-ban", "title": "Họp"})["id"]
    loud.wait_event("CALL_ESTABLISHED", since=mark)
    rate, heard = loud.heard(3)
    assert tone_share(heard[-rate:], rate, 440) > 0.9, "the meeting is not heard"
    before, mark = loud.wavs("dec"), loud.event_mark()
    alarm = d.api("POST", "/announcements", {"content": siren, "areas": ["18073"], "priority": "emergency", "title": "Bão"})["id"]
    loud.wait_event("CALL_ESTABLISHED", since=mark)
    cut = finished(d, alarm)
    assert cut["played"] + cut["partial"] == cut["devices"] == 3, (cut, plays(d, alarm))
    seconds, length = heard_tone(loud, 900, before)
    assert seconds >= 2, f"the siren was heard for {seconds} s of {length:.1f} s"
    back = loud.event_mark()
    if not any(e == "playing" for e in [p["outcome"] for n, p in plays(d, live).items() if n == "loa-opus"]):
        loud.wait_event("CALL_ESTABLISHED", since=back)
    rate, heard = loud.heard(2)
    assert tone_share(heard[-rate:], rate, 440) > 0.9, "the meeting did not come back"
    d.api("DELETE", f"/live/{live}")
    run = finished(d, live)
    assert run["state"] == "stopped" and run["reason"] == "stopped by tester", run


def not_there():
    """A loudspeaker that is switched off is in the play log with the reason."""
    d = daemon()
    d.add_account("loa-tat", kind="loudspeaker")
    d.api("PUT", "/areas/18200", {"name": "Xã Kỳ Anh", "kind": "xa", "parent": "42"})
    d.api("PUT", "/devices/loa-tat", {"name": "Loa tắt", "area": "18200"})
    content = tone_content(d, 500, 2, "short")
    run = finished(d, d.api("POST", "/announcements", {"content": content, "areas": ["18200"]})["id"])
    assert (run["devices"], run["missed"]) == (1, 1), run
    assert plays(d, run["id"])["loa-tat"]["reason"] == "not registered"


def ends_cleanly():
    d = daemon()
    metrics = d.request("GET", "/metrics", token=False, raw=True)[1].decode()
    assert re.search(r"^mediad_broadcast_packets_total [1-9]", metrics, re.M), metrics[-500:]
    d.stop()


if __name__ == "__main__":
    run_tap([("a scheduled bulletin in three codecs", scheduled), ("a meeting live, and an emergency", meeting_and_emergency),
             ("switched off", not_there), ("the end", ends_cleanly)])
