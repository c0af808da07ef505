#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bulletin's text as espeak-ng says it: chime first, speech of a plausible length after it, and the dictionary changes what is said."""
import subprocess
from harness import *

DAEMON = None


def daemon():
    global DAEMON
    if not DAEMON:
        DAEMON = Mediad()
        DAEMON.sign_in()
        DAEMON.api("PUT", "/areas/42", {"name": "Hà Tĩnh", "kind": "tinh"})
        DAEMON.api("PUT", "/areas/18100", {"name": "Xã Thạch Hà", "kind": "xa", "parent": "42"})
    return DAEMON


def spoken(text):
    """(content, rate, samples) of a new bulletin of this text."""
    d = daemon()
    made = d.api("POST", "/bulletins", {"title": "Tin", "text": text, "area": "18100"})
    content = d.api("GET", f"/bulletins/{made['id']}/preview")["content"]
    status, body = d.request("GET", f"/api/v1/content/{content}/sound", raw=True)
    assert status == 200, status
    mp3, wav = os.path.join(d.state, "said.mp3"), os.path.join(d.state, "said.wav")
    with open(mp3, "wb") as f:
        f.write(body)
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", mp3, "-ac", "1", "-ar", "16000", wav], check=True)
    return (content, *read_wav(wav))


def level(samples):
    return math.sqrt(sum(x * x for x in samples) / max(len(samples), 1))


def chime_and_speech():
    """G5 E5 C5 (784, 659, 523 Hz) rise and die in the first two seconds, then a pause, then speech."""
    content, rate, samples = spoken("Kính mời bà con đến nhà văn hoá lúc tám giờ sáng chủ nhật để tiêm phòng cho trẻ em.")
    lead = samples[:2 * rate]
    notes = [max(goertzel(lead[i:i + rate // 10], rate, hz) for i in range(0, len(lead) - rate // 10, rate // 20)) for hz in (784, 659, 523)]
    others = [max(goertzel(lead[i:i + rate // 10], rate, hz) for i in range(0, len(lead) - rate // 10, rate // 20)) for hz in (720, 590, 460)]
    assert min(notes) > 0.03, notes
    assert min(notes) > 3 * max(others), (notes, others)
    speech = samples[int(2.3 * rate):]
    assert 4 < len(speech) / rate < 15, len(speech) / rate
    assert level(speech) > 0.03, level(speech)
    pause = samples[int(2.1 * rate):int(2.35 * rate)]
    assert level(pause) < level(speech) / 5, (level(pause), level(speech))
    assert 0.3 < level(lead[:rate]) / level(speech) < 3, "chime and speech are not alike in loudness"


def dictionary():
    """UBND is spelled out without the dictionary and said in full with it; the recordings differ as the words do."""
    d = daemon()
    before, rate, spelled = spoken("UBND xã họp")
    d.api("PUT", "/dictionary/42", {"written": "ubnd", "spoken": "uỷ ban nhân dân các cấp của chúng ta"})
    said = d.api("POST", "/dictionary/18100/say", {"text": "UBND xã họp"})["said"]
    assert said == "uỷ ban nhân dân các cấp của chúng ta xã họp", said
    after, rate, full = spoken("UBND xã họp")
    plain, rate, same = spoken("uỷ ban nhân dân các cấp của chúng ta xã họp")
    assert before != after and after == plain, (before, after, plain)
    assert len(full) - len(spelled) > rate // 2, (len(spelled), len(full))
    sounds = [subprocess.run(["espeak-ng", "-v", "vi", "-q", "-x", t], capture_output=True, text=True).stdout for t in ("UBND xã họp", said)]
    assert sounds[0] != sounds[1], sounds


def ends_cleanly():
    daemon().stop()


if __name__ == "__main__":
    run_tap([("chime and speech", chime_and_speech), ("dictionary", dictionary), ("the end", ends_cleanly)])
