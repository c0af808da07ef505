#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A storm night: the line of one commune is gone, power fails here and there, mediad, broker and loudspeakers are killed, and alerts
come by CAP, signed. What was heard is read from every loudspeaker's recording."""
from village import *

need("xmlsec1")
KEY = "khoa-cua-dai-khi-tuong-dem-bao-0123456789"
NIGHT = {}
NEAR, FAR, SIP = ("loa-sen-1", "loa-sen-2"), ("loa-ha-1", "loa-ha-2"), "loa-sip"
CHIME, FLOOD, CLEAR = (784, 659), (500, 750), (440,)
TEMPLATE = """<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo>
<CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>
<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/><Reference URI=""><Transforms>
<Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/></Transforms>
<DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><DigestValue/></Reference></SignedInfo><SignatureValue/></Signature>"""


def village():
    if "village" in NIGHT:
        return NIGHT["village"]
    state = tempfile.mkdtemp(prefix="mediad-")
    key = os.path.join(state, "weather.key")
    os.makedirs(os.path.join(state, "trust"))
    with open(key, "w", encoding="ascii") as f:
        f.write(KEY + "\n")
    NIGHT["signer"] = os.path.join(state, "signer.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=Khi tuong", "-keyout", NIGHT["signer"],
                    "-out", os.path.join(state, "trust", "khi-tuong.pem")], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    v = NIGHT["village"] = Village(state=state, extra=f"""
alert: {{ trust_dir = "{state}/trust"; sources = ( {{ name = "khi-tuong"; key_file = "{key}"; signature = "require"; }} );
  sirens = ( {{ event = "*lũ*"; siren = "flood"; repeats = 3; interval_s = 5; }}, {{ siren = "chime"; repeats = 1; }} ); }};""")
    NIGHT["line"] = Line(v.port)
    for name in NEAR:
        v.add_link(name, "18073")
    for name in FAR:
        v.add_link(name, "18100", NIGHT["line"])
    v.add_sip(SIP, "18073")
    v.online(*NEAR, *FAR)
    wait_until("recordings of sirens and words", lambda: len(v.api("GET", "/content")["content"]) >= 9, 60, 0.3)
    return v


def cap(identifier, event, expires_s, kind="Alert", references=None):
    """Signed by xmlsec1, posted by curl; (what mediad answered, the moment it was sent)."""
    v, sent = village(), datetime.datetime.now(ZONE).replace(microsecond=0)
    expires = (datetime.datetime.now(ZONE) + datetime.timedelta(seconds=expires_s)).replace(microsecond=0)
    path = os.path.join(v.dir, "message.xml")
    text = f"""<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>{identifier}</identifier><sender>dai@khituong.example.vn</sender>
<sent>{sent.isoformat()}</sent><status>Actual</status><msgType>{kind}</msgType><scope>Public</scope>
{f'<references>{references}</references>' if references else ''}
<info><language>vi-VN</language><category>Met</category><event>{event}</event><urgency>Immediate</urgency><severity>Severe</severity>
<certainty>Observed</certainty><expires>{expires.isoformat()}</expires><headline>{event} khẩn cấp</headline>
<description>Bà con ở yên trong nhà.</description>
<area><areaDesc>Hà Tĩnh</areaDesc><geocode><valueName>GSO</valueName><value>42</value></geocode></area></info>{TEMPLATE}</alert>
"""
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    signed = subprocess.run(["xmlsec1", "--sign", "--privkey-pem", NIGHT["signer"], path], check=True, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL).stdout
    posted = time.time()
    out = subprocess.run(["curl", "-s", "-w", "\n%{http_code}", "-H", f"X-Alert-Key: {KEY}", "-H", "Content-Type: application/cap+xml", "--data-binary",
                          "@-", v.d.url("/api/v1/alerts/cap")], input=signed, check=True, stdout=subprocess.PIPE).stdout.decode()
    body, status = out.rsplit("\n", 1)
    assert status == "202", (status, body)
    return json.loads(body), sent, posted


def alert_state(ident):
    return village().api("GET", f"/alerts/{ident}")["state"]


def siren(name, tones, start, end):
    """First moment at which one of the tones sounds."""
    s = village().speakers[name]
    found = [t for hz in tones for t in s.tone(hz, start, end)]
    return min(found) if found else None


def line_down():
    """With their line gone, loudspeakers play what is scheduled on time, from disk; one goes on after a power cut in the middle of it,
    another starts again without its line and plays all the same."""
    v = village()
    first, second = v.content(1000, 6, "toi"), v.content([(1300, 6)], title="khuya")
    t1 = NIGHT["t1"] = int(time.time()) + 14
    t2 = NIGHT["t2"] = t1 + 16
    v.schedule("Bản tin tối", first, ["42"], t1)
    v.schedule("Bản tin khuya", second, ["42"], t2)
    v.stored(2, *NEAR, *FAR, seconds=12)
    NIGHT["line"].freeze()
    assert time.time() < t1 - 1, "the files came too late to try anything"
    for name in (*NEAR, *FAR):
        heard = v.speakers[name].tone(1000, t1 - 2, t1 + 8)
        assert heard and abs(heard[0] - t1) < 0.25 and len(heard) * WINDOW_S > 5.5, (name, [t - t1 for t in heard][:3], len(heard))
    # power fails at one without a line, and comes back while the line is still gone
    v.speakers[FAR[1]].power_cut()
    time.sleep(1)
    v.speakers[FAR[1]].start()
    wait_until("the middle of the second", lambda: time.time() > t2 + 1.5, 30)
    v.speakers[NEAR[1]].power_cut()
    v.speakers[NEAR[1]].start()
    for name in (*NEAR, *FAR):
        heard = v.speakers[name].tone(1300, t2 - 2, t2 + 8)
        assert heard and abs(heard[0] - t2) < 0.25, (name, [t - t2 for t in heard][:3])
        assert heard[-1] < t2 + 6.2, (name, "plays beyond its place", heard[-1] - t2)
        assert heard[-1] > t2 + 5.5, (name, "did not go on at its place", heard[-1] - t2)
        assert len(heard) * WINDOW_S > (5.5 if name != NEAR[1] else 2.5), (name, len(heard))


def short_alert():
    """A signed alert sounds at once wherever a line is; it expires before the others' line is back."""
    v = village()
    v.online(*NEAR)
    reply, _, posted = cap("ngan", "Giông lốc", 14)
    NIGHT["short"], NIGHT["short_at"] = reply["id"], posted
    for name in NEAR:
        at = siren(name, CHIME, posted, posted + 3)
        assert at and at - posted < 2 * PATIENCE, (name, at and at - posted)
        print(f"# {name}: first sound {at - posted:.2f} s after the message")
    wait_until("the chime at the SIP loudspeaker", lambda: v.speakers[SIP].tone_s(784) > 0.2, 15, 0.3)
    wait_until("its end", lambda: alert_state(reply["id"]) not in ("waiting", "sounding"), 40, 0.3)


def long_alert():
    """Another goes on in spite of kill -9 of mediad, a loudspeaker and the broker, and the cut-off get it when their line is back."""
    v = village()
    reply, sent, posted = cap("dai", "Lũ quét", 900)
    NIGHT.update(long=reply["id"], long_sent=sent)
    for name in NEAR:
        at = siren(name, FLOOD, posted, posted + 3)
        assert at and at - posted < 2 * PATIENCE, (name, at and at - posted)
    killed = time.time()
    v.d.kill(signal.SIGKILL)
    v.restart_mediad()
    v.speakers[NEAR[0]].power_cut()
    v.speakers[NEAR[0]].start()
    wait_until("the alert to be on again", lambda: alert_state(reply["id"]) == "sounding", 10)
    back = time.time()
    print(f"# mediad is back {back - killed:.1f} s after its end")
    v.kill_broker()
    time.sleep(1)
    v.restart_broker()
    for name in NEAR:  # the siren pauses for 10 s between its blasts
        at = wait_until(f"{name} sounding again", lambda name=name: siren(name, FLOOD, back, time.time()), 60, 1)
        print(f"# {name} sounds again {at - killed:.1f} s after mediad was killed")
    NIGHT["opened"] = time.time()
    NIGHT["line"].open()
    for name in FAR:
        at = wait_until(f"{name} hearing of it", lambda name=name: siren(name, FLOOD, NIGHT["opened"], time.time()), 90, 1)
        print(f"# {name} sounds {at - NIGHT['opened']:.1f} s after its line is back")
    assert alert_state(reply["id"]) == "sounding"


def all_clear():
    """Called off by a signed Cancel: silence everywhere within two seconds, then the all-clear's tone."""
    v = village()
    reply, _, posted = cap("het", "Lũ quét", 600, kind="Cancel",
                           references=f"dai@khituong.example.vn,dai,{NIGHT['long_sent'].isoformat()}")
    assert alert_state(NIGHT["long"]) == "cancelled"
    for name in (*NEAR, *FAR):
        at = wait_until(f"the all-clear at {name}", lambda name=name: siren(name, CLEAR, posted, time.time()), 20, 0.5)
        after = [t for hz in FLOOD for t in v.speakers[name].tone(hz, posted + 2, time.time()) if not v.speakers[name].tone(440, t, t + 0.15)]
        assert not after, (name, "the siren goes on", [t - posted for t in after][:5])
        print(f"# {name}: all-clear after {at - posted:.2f} s")
    wait_until("the all-clear at the SIP loudspeaker", lambda: v.speakers[SIP].tone_s(440) > 1, 20, 0.5)
    clear = next(a for a in v.api("GET", "/alerts")["alerts"] if a["kind"] == "all-clear")
    v.api("POST", f"/alerts/{clear['id']}/stop", expect=(200, 202, 409))
    NIGHT["end"] = time.time() + 2


def nothing_twice():
    """Over the whole night: each bulletin once and in its place, the short alert never late, silence at the end."""
    v = village()
    end = NIGHT["end"]
    for name in (*NEAR, *FAR):
        s = v.speakers[name]
        begin = min(first for _, first in s.lives)
        for hz, start, length in ((1000, NIGHT["t1"], 6), (1300, NIGHT["t2"], 6)):
            times = [t for t in s.tone(hz, begin, end, 0.06) if not start - 0.3 < t < start + length + 0.3]
            # a siren's or a voice's overtones come near now and then: a bulletin that plays again sounds for a second at the least
            again = [b for b in bursts(times) if b[1] - b[0] > 0.9]
            assert not again, (name, hz, [(a - start, b - start) for a, b in again])
        if name in FAR:
            siren_too = set(s.tone(750, NIGHT["short_at"], end, 0.1))  # the flood's pitch lies near
            late = [b for b in bursts([t for t in s.tone(784, NIGHT["short_at"], end, 0.06) if t not in siren_too]) if b[1] - b[0] > 0.25]
            assert not s.loud(NIGHT["short_at"], NIGHT["opened"]), (name, "sounded while its line was gone and nothing was scheduled")
            assert not late, (name, "the expired alert came after all", late)
        assert not s.loud(end - 0.7, end), (name, "not silent at the end", [(a - end, b - end) for a, b in bursts(s.loud(end - 4, end))], v.api("GET", "/live"),
                                            [(a["kind"], a["state"], a.get("reason")) for a in v.api("GET", "/alerts")["alerts"]], v.speakers[name].process.lines[-20:])
    for hz in (1000, 1300):
        total = v.speakers[SIP].tone_s(hz, 0.06)
        assert 4.5 < total < 7.5, (SIP, hz, total)


def told():
    """The reports name who was reached and who was not, and why; what was played without a line is told afterwards."""
    v = village()
    report = v.api("GET", f"/alerts/{NIGHT['short']}/report")
    rows = {r["device"]: r for r in report["loudspeakers"]}
    assert report["devices"] == 5 and report["reached"] == 3 and report["missed"] == 2, report
    for name in FAR:
        assert rows[name]["outcome"] == "missed" and rows[name]["reason"], rows[name]
        print(f"# {name}: {rows[name]['reason']}")
    for name in (*NEAR, SIP):
        assert rows[name]["outcome"] in ("played", "partial") and rows[name]["latency_us"] >= 0, rows[name]
    report = v.api("GET", f"/alerts/{NIGHT['long']}/report")
    assert report["reached"] == 5, report

    def corrected():
        return all(v.plays(v.runs(title)[0]["id"])[name]["outcome"] in ("played", "partial") for title in ("Bản tin tối", "Bản tin khuya")
                   for name in (*NEAR, *FAR))
    try:
        wait_until("reports of what was played without a line", corrected, 40, 0.5)
    except AssertionError:
        raise AssertionError([(t, v.plays(v.runs(t)[0]["id"])) for t in ("Bản tin tối", "Bản tin khuya")]) from None
    assert len(v.runs("Bản tin tối")) == 1 and len(v.runs("Bản tin khuya")) == 1, "an occurrence is in the play log twice"
    v.d.stop()


run_chain([("scheduled without a line", line_down), ("an alert that expires", short_alert), ("an alert that goes on", long_alert), ("all clear", all_clear),
         ("nothing twice, nothing late", nothing_twice), ("reports", told)])
