#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A meeting with real baresip sites: booked, checked before, held through a crash of the daemon, accounted for."""
import csv
import datetime
import io

from harness import *

DAEMON = None
SITES = {}
MEETING = {}


def daemon():
    global DAEMON
    if not DAEMON:
        DAEMON = Mediad()
        DAEMON.sign_in()
    return DAEMON


def moving_video():
    """Half a minute of a picture that moves, as a camera's does."""
    need("ffmpeg")
    path = os.path.join(daemon().state, "camera.mp4")
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=size=640x360:rate=15", "-t", "60", "-pix_fmt", "yuv420p",
                    "-c:v", "libx264", "-preset", "ultrafast", "-g", "15", path], check=True)
    return path


def site(name, **more):
    d = daemon()
    secret = d.add_account(name, display=f"Xã {name}", role="site", area="42.1")
    agent = Baresip(f"<sip:{name}@{d.host}:{d.sip_port};transport=udp>;auth_pass={secret};regint=300;answermode=auto;audio_codecs=opus/48000/2;video_codecs=h264",
                    modules=("avformat.so",), name=name, **more)
    assert agent.registration() == 200
    SITES[name] = agent
    return agent


def at(minutes):
    """Local time of the province, so many minutes from now."""
    zone = datetime.timezone(datetime.timedelta(hours=7))
    return (datetime.datetime.now(zone) + datetime.timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M")


def ctl(*words):
    """What mediactl prints."""
    env = dict(os.environ, MEDIACTL_URL=daemon().url(""), MEDIACTL_TOKEN=daemon().token, HOME=daemon().state)
    done = subprocess.run([os.path.join(BUILD, "mediactl", "mediactl"), *words], capture_output=True, text=True, env=env)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def book():
    """All sites of an area in one step; a second meeting with one of them at that time is refused by name, and allowed with a reason."""
    d = daemon()
    camera = moving_video()
    silence = os.path.join(d.state, "silence.wav")
    write_tone_wav(silence, 440, 30, amplitude=0)
    site("tot", tone=440, video_source=f"avformat,{camera}")
    site("cam", audio_file=silence, video_source=f"avformat,{camera}")
    d.add_account("tat", display="Xã tat", role="site", area="42.1")
    d.api("PUT", "/site-lists/ba-xa", {"title": "Ba xã", "invite": {"accounts": ["tot", "cam", "tat"]}})
    m = d.api("POST", "/meetings", {"title": "Giao ban tuần", "start": at(20), "minutes": 60, "invite": {"lists": ["ba-xa"], "roles": ["site"]},
                                    "agenda": [{"who": "Ông Trần Văn Đức", "subject": "Báo cáo quý", "minutes": 10}], "chair": "tot", "record": True})
    assert [s["account"] for s in m["sites"]] == ["tot", "cam", "tat"] and m["state"] == "scheduled", m
    MEETING.update(m)
    status, reply = d.request("POST", "/api/v1/meetings", {"title": "Chống bão", "start": at(30), "minutes": 30, "invite": {"accounts": ["cam"]}})
    assert status == 409 and reply["error"]["code"] == "clash" and "Xã cam: Giao ban tuần" in reply["error"]["message"], (status, reply)
    assert reply["clashes"][0]["meeting"] == m["id"] and reply["clashes"][0]["what"] == "site", reply
    other = d.api("POST", "/meetings", {"title": "Chống bão", "start": at(30), "minutes": 30, "invite": {"accounts": ["cam"]}, "trial": False,
                                        "force_because": "bão số 9"})
    d.api("POST", f"/meetings/{other['id']}/cancel", {"because": "bão tan"})


def trial():
    """Twenty minutes before, the sites are called by themselves: the one with the dead microphone is found among the others."""
    d = daemon()
    path = f"/meetings/{MEETING['id']}/trial"
    result = wait_until("the trial's end", lambda: (lambda t: t if t["begun_us"] and not t["running"] else None)(d.api("GET", path)), 40, 0.3)
    sites = {s["account"]: s for s in result["sites"]}
    assert sites["tot"]["grade"] == "pass", sites["tot"]
    assert sites["cam"]["cause"] == "silent-microphone" and sites["cam"]["grade"] == "fail", sites["cam"]
    assert "Micro không có tín hiệu" in sites["cam"]["text"] and sites["cam"]["advice"], sites["cam"]
    assert len(sites["cam"]["causes"]) == 1, sites["cam"]
    assert sites["tat"]["cause"] == "not-registered", sites["tat"]
    evidence = sites["tot"]["evidence"]
    assert evidence["level_max_dbov"] > -40 and evidence["video_moved"] > 20 and evidence["audio_packets"] > 200, evidence
    assert (result["passed"], result["failed"]) == (1, 2), result
    rate, heard = read_wav(SITES["tot"].wavs("dec")[-1])
    assert tone_share(heard, rate, 440, window_s=0.1) > 0.05, "the site heard no beep"
    assert all(s["attempts"] == 1 for s in sites.values()), sites
    assert d.api("GET", "/rooms")["rooms"] == [], "a trial is no room of the list"


def held():
    """It begins by order, calls its sites, and goes on after a crash of the daemon."""
    d = daemon()
    marks = {name: agent.event_mark() for name, agent in SITES.items()}
    m = d.api("POST", f"/meetings/{MEETING['id']}/start")
    assert m["state"] == "live" and m["started_us"], m
    for name, agent in SITES.items():
        agent.wait_event("CALL_ESTABLISHED", since=marks[name])
    room = MEETING["room"]
    members = wait_until("both in the room", lambda: (lambda all: all if len(all) == 2 else None)(d.api("GET", f"/rooms/{room}/members")["members"]))
    assert {x["account"]: x["role"] for x in members} == {"tot": "chair", "cam": "site"}, members
    d.api("POST", f"/meetings/{MEETING['id']}/chat", {"text": "Chào các xã"})
    wait_until("attendance of both", lambda: d.api("GET", f"/meetings/{MEETING['id']}/attendance")["present"] == 2)
    wait_until("a counted microphone", lambda: d.api("GET", f"/meetings/{MEETING['id']}/attendance")["attendees"][0]["mic_s"] >= 7, 20, 0.3)
    d.kill(signal.SIGKILL)  # what was seen up to the last seconds is in the store
    for agent in SITES.values():
        agent.command("hangup")
    marks = {name: agent.event_mark() for name, agent in SITES.items()}
    d._launch("mediad")
    for name, agent in SITES.items():
        agent.wait_event("CALL_ESTABLISHED", since=marks[name], seconds=30)
    assert d.api("GET", f"/meetings/{MEETING['id']}")["state"] == "live"


def accounted():
    """The sheet knows both stays of a site, and who never came."""
    d = daemon()
    path = f"/meetings/{MEETING['id']}"
    wait_until("both again", lambda: len([v for v in d.api("GET", path + "/attendance")["visits"] if v["left_us"] == 0]) == 2)
    links = d.api("POST", path + "/links", {"all": True, "invitees": [{"name": "Ông Khách"}]})["links"]
    assert len(links) == 4 and len({x["code"] for x in links}) == 4 and all(len(x["code"]) == 26 for x in links), links
    assert "code" not in d.api("GET", path + "/links")["links"][0]
    marks = {name: agent.event_mark() for name, agent in SITES.items()}
    assert d.api("POST", path + "/end")["state"] == "ended"
    for name, agent in SITES.items():
        agent.wait_event("CALL_CLOSED", since=marks[name], seconds=20)
    status, text = d.request("GET", "/api/v1" + path + "/attendance.csv", raw=True)
    assert status == 200 and text.startswith(b"\xef\xbb\xbf"), text[:80]
    rows = {row["Tài khoản"]: row for row in csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline=""))}
    assert list(rows) == ["tot", "cam", "tat"], rows
    assert rows["tot"]["Vai trò"] == "Chủ tọa" and rows["tot"]["Số lần vào"] == "2" and rows["tot"]["Kết nối lại"] == "1", rows["tot"]
    assert rows["tat"]["Có mặt"] == "Vắng mặt" and rows["cam"]["Có mặt"] == "Có mặt", rows
    attendees = {a["account"]: a for a in d.api("GET", path + "/attendance")["attendees"]}
    tot, cam = attendees["tot"], attendees["cam"]
    assert 4 <= tot["talk_s"] <= tot["mic_s"] <= tot["present_s"] <= 20 and tot["camera_s"] >= 3, tot
    assert cam["talk_s"] == 0 and cam["mic_s"] >= 4 and not cam["here"], cam
    status, page = d.request("GET", "/api/v1" + path + "/attendance.html", raw=True)
    assert status == 200 and "Danh sách dự họp: Giao ban tuần" in page.decode() and "Báo cáo quý" in page.decode()
    recordings = wait_until("the recordings", lambda: (lambda all: all if all and all[0]["state"] not in ("running", "finishing") else None)(
        [r for r in d.api("GET", "/recordings")["recordings"] if r["room"] == MEETING["room"]]), 20, 0.3)
    assert len(recordings) == 2, recordings  # before and after the crash; the second had hardly begun
    assert recordings[1]["state"] == "finished" and recordings[1]["duration_us"] > 3000000, recordings
    run = ctl("meeting", "trial", MEETING["id"])
    assert "Micro không có tín hiệu" in run and "Xã cam" in run, run
    run = ctl("meeting", "show", MEETING["id"])
    assert "Giao ban tuần" in run and "Báo cáo quý" in run and "Xã tat" in run, run
    assert MEETING["id"] in ctl("meetings", "--from", at(-600)[:10])
    sheet = os.path.join(d.state, "sheet.csv")
    ctl("meeting", "attendance", MEETING["id"], sheet, "--csv")
    with open(sheet, "rb") as f:
        assert f.read() == text
    messages = d.api("GET", path + "/chat")["messages"]
    assert [x["text"] for x in messages] == ["Chào các xã"], messages


def stops_cleanly():
    daemon().stop()


run_tap([
    ("a list is booked in one step, clashes are told by name", book),
    ("the trial finds the dead microphone", trial),
    ("the meeting calls its sites and survives a crash", held),
    ("attendance from evidence, links, the end", accounted),
    ("SIGTERM ends the daemon cleanly", stops_cleanly),
])
