#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes with a bulletin, how its words are said, and what stands against a programme: clicked in Chromium, held against what mediad keeps."""
import hashlib
import json
import zipfile
import zlib

from console import CONFIG, PICTURES, build_pages, play, step
from village import *  # noqa: F403

D = {}
HERE, THERE = "18073", "18100"
SPOKEN = "uỷ ban nhân dân"


def png(width, height):
    """A picture of stripes, large enough to have bytes to compare."""
    def chunk(kind, data):
        return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + bytes((x * 3 + y * 5 + c * 40) % 256 for x in range(width) for c in range(3)) for y in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack("!IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def files():
    folder, made = D["v"].dir, {}
    pdf = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n" + os.urandom(300_000) + b"\ntrailer<</Root 1 0 R>>\n%%EOF\n"
    for name, data in (("Áp phích tiêm phòng.png", png(320, 200)), ("Kế hoạch số 12.pdf", pdf), ("loi.csv", "written,spoken\r\nTTYT,trung tâm y tế\r\nTHPT\r\nđ/c,đồng chí,thừa\r\n".encode()),
                       ("tot.csv", "\ufeffwritten,spoken\r\nUBND,uỷ ban nhân dân\r\nTTYT,trung tâm y tế\r\nkm/h,ki lô mét một giờ\r\n".encode())):
        made[name] = os.path.join(folder, name)
        with open(made[name], "wb") as f:
            f.write(data)
    made["Hồ sơ.pdf"] = os.path.join(folder, "Hồ sơ.pdf")  # says that it is a document, and is an archive
    with zipfile.ZipFile(made["Hồ sơ.pdf"], "w") as z:
        z.writestr("virus.exe", "MZ")
    return made


def ready():
    v = D["v"] = Village(config=CONFIG)
    v.api("PUT", "/devices/loa-1", {"name": "loa-1", "area": HERE, "kind": "link"})
    people = {}
    for who, name, role, area in (("editor", "an", "commune-editor", HERE), ("approver", "minh", "commune-approver", HERE), ("stranger", "la", "commune-editor", THERE),
                                  ("duty", "truc", "provincial-editor", None)):
        D[who] = Person(v, name, role, area)
        people[who] = {"name": name, "password": D[who].password}
    D["files"] = files()
    people["files"] = D["files"]
    people["plan"] = clash() | from_above()
    D["run"] = play("papers.mjs", v.d.url(""), PICTURES, json.dumps(people), str(PATIENCE))


def clash():
    """Two at one time, in eleven days: the week that the page rehearses beforehand does not show it."""
    v, at = D["v"], (datetime.datetime.now(ZONE) + datetime.timedelta(days=11)).replace(hour=15, minute=0, second=0, microsecond=0).timestamp()
    content = v.content(500, 65, title="tone")
    D["there"] = v.schedule("Nhạc hiệu chiều", content, [HERE], at)["id"]
    draft = v.schedule("Đọc truyện", content, [HERE], at + 30, draft=True)["id"]
    return {"there": D["there"], "draft": draft}


def from_above():
    v = D["v"]
    file = v.api("POST", "/attachments?name=ap-phich.png", png(320, 100), content_type="image/png")["id"]
    made = D["duty"].api("POST", "/bulletins", {"title": "Tin của tỉnh có ảnh", "text": "Tin của tỉnh.", "areas": [HERE], "attachments": [file], "author": "Sở Y tế"})["id"]
    D["duty"].api("POST", f"/bulletins/{made}/submit", {})
    v.api("POST", f"/bulletins/{made}/approve", {"revision": v.api("GET", f"/bulletins/{made}")["revision"]})
    wait_until("it in the inbox", lambda: next((i for i in v.api("GET", "/inbox")["inbox"] if i["title"] == "Tin của tỉnh có ảnh"), None), 15, 0.2)
    return {}


def said(name):
    return json.loads(step(D["run"], name) or "{}")


def own_area_is_fixed():
    step(D["run"], "the own area is fixed")


def attached():
    """The approver gets what the editor chose, byte for byte; an archive is refused by name; what was taken out again is gone."""
    bulletin = said("attached")["bulletin"]
    kept = D["approver"].api("GET", f"/bulletins/{bulletin}")
    names = {f["name"]: f for f in kept["files"]}
    assert set(names) == {"Áp phích tiêm phòng.png", "Kế hoạch số 12.pdf", "ghi-chu.txt"}, names
    assert names["Áp phích tiêm phòng.png"]["kind"] == "image" and names["Áp phích tiêm phòng.png"]["width"] == 320, names
    got = said("fetched by another")
    for name, sha in got.items():
        path = D["files"].get(name)
        want = hashlib.sha256(open(path, "rb").read() if path else "Hẹn lúc 7 giờ.\n".encode()).hexdigest()
        assert sha == want == names[name]["id"], (name, sha, want)
    assert len(got) == 3, got
    assert said("refused to a stranger")["status"] == 404
    D["bulletin"] = bulletin


def heard():
    """The word is put down from within the bulletin; the speech engine is given what it stands for."""
    sound = said("a word is heard")
    assert sound["seconds"] > 0.4 and sound["loudest"] > 0.05, sound
    step(D["run"], "the preview is made")
    preview = D["approver"].api("GET", f"/bulletins/{D['bulletin']}/preview")
    spoken = D["approver"].api("GET", f"/content/{preview['content']}")["text"]
    assert spoken == f"{SPOKEN} phường mời bà con tiêm phòng.", spoken


def table():
    """A bad table changes nothing and its lines are told; a good one replaces what was there."""
    step(D["run"], "the bad lines are told")
    before = said("before")["words"]
    assert before == [["UBND", SPOKEN]], before
    step(D["run"], "the table is brought in")
    words = {w["written"]: w["spoken"] for w in D["editor"].api("GET", f"/dictionary?area={HERE}")["words"]}
    assert words == {"UBND": SPOKEN, "TTYT": "trung tâm y tế"}, words  # "km/h" was removed by a click
    assert said("the table is taken home")["csv"].splitlines()[1:] == ['"TTYT","trung tâm y tế"', f'"UBND","{SPOKEN}"']


def what_stands_against_it():
    """Told in Vietnamese with a link to what it meets; the API's list and mediactl say the same."""
    told = said("the clash is told")
    assert "Đọc truyện" in told["text"] and "Nhạc hiệu chiều" in told["text"] and "Dời một trong hai" in told["text"], told
    step(D["run"], "the link opens what it meets")
    status, reply = D["approver"].request("POST", f"/schedules/{next(s['id'] for s in D['v'].api('GET', '/schedules')['schedules'] if s.get('draft'))}/publish", {})
    problem = next(p for p in reply["problems"] if p["blocks"])
    assert status == 409 and problem["code"] in ("cut-off", "held-back") and D["there"] in (problem["other"], problem["schedule"]) and problem["area_name"] == "Phường Thành Sen", reply
    done = subprocess.run([MEDIACTL, "--url", D["v"].d.url(""), "schedule", "publish", next(s["id"] for s in D["v"].api("GET", "/schedules")["schedules"] if s.get("draft"))],
                          capture_output=True, text=True, env=dict(os.environ, MEDIACTL_TOKEN=D["approver"].token), timeout=60)
    assert done.returncode and problem["code"] in done.stderr and "to mend it: move one of the two" in done.stderr, done.stderr


def inbox():
    step(D["run"], "what came from above shows its files")
    step(D["run"], "pictures")


def ends_cleanly():
    D["v"].d.stop()


run_chain([("the console's pages are built", build_pages), ("a commune", ready), ("the own area is fixed", own_area_is_fixed), ("files go with a bulletin", attached),
           ("a word is heard", heard), ("a table of words", table), ("what stands against a programme", what_stands_against_it), ("the inbox", inbox),
           ("the daemon ends cleanly", ends_cleanly)])
