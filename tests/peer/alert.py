#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts as others send and hear them: messages posted by curl, signed by xmlsec1, checked by xmllint against the CAP 1.2 schema;
heard by baresip registered as a SIP loudspeaker.

baresip 1.0 takes a=sendonly for a reason to decode nothing, hence two_way.
"""
import datetime
import http.server
from harness import *

KEY = "khoa-cua-dai-khi-tuong-0123456789"
SIGNED_KEY = "khoa-cua-nguon-co-chu-ky-0123456789"
SCHEMA = os.path.join(ROOT, "tests/fixtures/CAP-v1.2.xsd")
ZONE = datetime.timezone(datetime.timedelta(hours=7))
DAEMON = None
SPEAKERS = {}


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def config(state):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Feed)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    Feed.elsewhere = f"http://127.0.0.1:{free_ports(1)[0]}/la.xml"
    for folder in ("trust", "inbox"):
        os.makedirs(os.path.join(state, folder), exist_ok=True)
    weather = write(os.path.join(state, "weather.key"), KEY + "\n")
    signed = write(os.path.join(state, "signed.key"), SIGNED_KEY + "\n")
    if not os.path.exists(os.path.join(state, "signer.pem")):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=Khi tuong", "-keyout",
                        os.path.join(state, "signer.pem"), "-out", os.path.join(state, "trust", "khi-tuong.pem")],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return f"""broadcast: {{ security = "off"; two_way = true; frame_ms = 40; }};
alert: {{ trust_dir = "{state}/trust"; inbox_dir = "{state}/inbox"; inbox_source = "khi-tuong";
  sources = ( {{ name = "khi-tuong"; key_file = "{weather}"; }},
              {{ name = "nguon"; feed_url = "http://127.0.0.1:{port}/atom"; poll_s = 5; }},
              {{ name = "co-chu-ky"; key_file = "{signed}"; signature = "require"; areas = ["18100"]; }} );
  sirens = ( {{ event = "*lũ*"; siren = "flood"; repeats = 2; interval_s = 5; }}, {{ siren = "chime"; repeats = 1; }} );
}};
"""


def daemon():
    global DAEMON
    if not DAEMON:
        state = tempfile.mkdtemp(prefix="mediad-")
        DAEMON = Mediad(extra=config(state), state=state)
        DAEMON.sign_in()
        for code, name, kind in (("42", "Hà Tĩnh", "tinh"), ("18073", "Phường Thành Sen", "phuong"), ("18100", "Xã Thạch Hà", "xa")):
            DAEMON.api("PUT", f"/areas/{code}", dict({"name": name, "kind": kind}, **({} if code == "42" else {"parent": "42"})))
        wait_until("recordings of sirens and words", lambda: len(DAEMON.api("GET", "/content")["content"]) >= 9, 60, 0.3)
    return DAEMON


def speaker(name, area):
    d = daemon()
    if name not in SPEAKERS:
        secret = d.add_account(name, kind="loudspeaker")
        d.api("PUT", f"/devices/{name}", {"name": f"Loa {name}", "area": area})
        for attempt in range(3):
            try:
                agent = Baresip(f"<sip:{name}@127.0.0.1:{d.sip_port}>;auth_pass={secret};regint=300;answermode=auto"
                                ";audio_codecs=PCMA/8000/1", tone=1000, video=False, name=name)
                break
            except AssertionError as error:
                if attempt == 2 or "in use" not in str(error):
                    raise
        assert agent.registration() == 200
        SPEAKERS[name] = agent
    return SPEAKERS[name]


def alert(identifier, **more):
    m = dict(status="Actual", type="Alert", event="Bão", headline="Tin bão khẩn cấp", text="Bão số chín đang vào bờ.", area="18073", extra="",
             expires=600, references="", sent=datetime.datetime.now(ZONE).replace(microsecond=0), info="", severity="Severe")
    m.update(more)
    m["expires_at"] = (m["sent"] + datetime.timedelta(seconds=m["expires"])).isoformat()
    references = f"<references>{m['references']}</references>" if m["references"] else ""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>{identifier}</identifier><sender>dai@khituong.example.vn</sender>
<sent>{m['sent'].isoformat()}</sent><status>{m['status']}</status><msgType>{m['type']}</msgType><scope>Public</scope>{references}
<info><language>vi-VN</language><category>Met</category><event>{m['event']}</event><urgency>Immediate</urgency><severity>{m['severity']}</severity>
<certainty>Observed</certainty><expires>{m['expires_at']}</expires><headline>{m['headline']}</headline><description>{m['text']}</description>
<area><areaDesc>Hà Tĩnh</areaDesc><geocode><valueName>GSO</valueName><value>{m['area']}</value></geocode></area></info>{m['extra']}</alert>
"""


def reference(sent, identifier):
    return f"dai@khituong.example.vn,{identifier},{sent.isoformat()}"


def post(d, text, key=KEY):
    """By curl; (status, JSON)."""
    need("curl")
    path = write(os.path.join(d.state, "message.xml"), text)
    out = subprocess.run(["curl", "-s", "-w", "\n%{http_code}", "-H", f"X-Alert-Key: {key}", "-H", "Content-Type: application/cap+xml",
                          "--data-binary", "@" + path, d.url("/api/v1/alerts/cap")], check=True, stdout=subprocess.PIPE).stdout.decode()
    body, status = out.rsplit("\n", 1)
    return int(status), json.loads(body)


def show(d, id):
    return d.api("GET", f"/alerts/{id}")


def ended(d, id, seconds=60):
    return wait_until("the alert's end", lambda: (lambda a: a if a["state"] not in ("waiting", "sounding") else None)(show(d, id)), seconds, 0.3)


def sounds(agent, since, hz, threshold=0.03):
    """(seconds of the tone in all new recordings, loudest moment, seconds of sound)."""
    tone = loud = length = 0.0
    for file in agent.wavs("dec"):
        if file in since:
            continue
        rate, pcm = read_wav(file)
        n = rate // 10
        for i in range(0, len(pcm) - n, n):
            window = pcm[i:i + n]
            tone += 0.1 * any(goertzel(window, rate, f) > threshold for f in hz)
            level = rms(window)
            loud, length = max(loud, level), length + 0.1 * (level > 0.002)
    return tone, loud, length


def schema():
    """Our samples and the messages of these tests are CAP 1.2 as the standard's schema has it; a broken one is not."""
    need("xmllint")
    d = daemon()
    samples = os.path.join(ROOT, "tests/fixtures/cap")
    files = [os.path.join(samples, f) for f in sorted(os.listdir(samples)) if f.startswith("good-")]
    files.append(write(os.path.join(d.state, "own.xml"), alert("own")))
    assert len(files) >= 4, files
    for file in files:
        subprocess.run(["xmllint", "--noout", "--nonet", "--schema", SCHEMA, file], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    bad = write(os.path.join(d.state, "bad.xml"), alert("bad").replace("<status>Actual", "<status>Real"))
    assert subprocess.run(["xmllint", "--noout", "--nonet", "--schema", SCHEMA, bad], stderr=subprocess.DEVNULL).returncode != 0
    status, reply = post(d, alert("bad").replace("<status>Actual", "<status>Real"))
    assert status == 400 and "<status>" in reply["error"]["message"], (status, reply)


def heard():
    """A posted alert: the chime, then the words; measured; the same message again changes nothing."""
    d, agent = daemon(), speaker("loa-sen", "18073")
    other = speaker("loa-ha", "18100")
    before, mark, others = agent.wavs("dec"), agent.event_mark(), other.wavs("dec")
    text = alert("bao-9")
    status, reply = post(d, text)
    assert status == 202 and reply["state"] == "sounding" and reply["siren"] == "chime", (status, reply)
    assert post(d, text)[1]["duplicate"] is True
    agent.wait_event("CALL_ESTABLISHED", since=mark)
    done = ended(d, reply["id"])
    assert done["state"] == "done" and done["done_rounds"] == 1, done
    agent.wait_event("CALL_CLOSED", since=mark)
    tone, loud, length = sounds(agent, before, (784, 659, 523))
    assert tone >= 0.8, f"the chime was heard for {tone:.1f} s"
    assert length >= 5, f"only {length:.1f} s of sound: where are the words?"
    assert loud > 0.08, f"an actual alert at level {loud:.3f}"
    assert other.wavs("dec") == others, "another commune was woken"
    report = d.api("GET", f"/alerts/{reply['id']}/report")
    assert (report["devices"], report["reached"]) == (1, 1), report
    assert 0 < report["p50_us"] == report["worst_us"] < 4e6 * PATIENCE, report
    d.wait_line(r"1 of 1 loudspeakers sounded; first sound after p50 [0-9.]+ s", 15)
    print(f"# first sound after {report['worst_us'] / 1e6:.2f} s")


def cancelled():
    """A flood siren is stopped everywhere at once by a Cancel, and the all-clear sounds."""
    d, agent = daemon(), speaker("loa-sen", "18073")
    before, mark = agent.wavs("dec"), agent.event_mark()
    sent = datetime.datetime.now(ZONE).replace(microsecond=0)
    id = post(d, alert("lu-1", event="Lũ quét", sent=sent))[1]["id"]
    agent.wait_event("CALL_ESTABLISHED", since=mark)
    wait_until("the siren", lambda: sounds(agent, before, (500, 750))[0] > 2, 20, 0.3)
    mark = agent.event_mark()
    status, reply = post(d, alert("lu-1-het", type="Cancel", event="Lũ quét", references=reference(sent, "lu-1")))
    assert status == 202, reply
    agent.wait_event("CALL_CLOSED", since=mark, seconds=5)
    stopped = show(d, id)
    assert stopped["state"] == "cancelled" and "lu-1-het" in stopped["reason"], stopped
    clear = wait_until("the all-clear", lambda: next((a for a in d.api("GET", "/alerts")["alerts"] if a["kind"] == "all-clear"), None), 5)
    assert clear["siren"] == "all-clear" and clear["areas"] == "18073", clear
    agent.wait_event("CALL_ESTABLISHED", since=mark)
    wait_until("its tone", lambda: sounds(agent, before, (440,))[0] > 1.5, 20, 0.3)
    d.api("POST", f"/alerts/{clear['id']}/stop")
    # the other way round: the Cancel came first
    sent = datetime.datetime.now(ZONE).replace(microsecond=0)
    post(d, alert("lu-2-het", type="Cancel", references=reference(sent, "lu-2")))
    late = post(d, alert("lu-2", event="Lũ", sent=sent))[1]
    assert late["state"] == "cancelled", late


def quietly():
    """A drill and an Exercise are soft and say so; a Test is not heard until somebody asks."""
    d, agent = daemon(), speaker("loa-sen", "18073")
    for post_it in (lambda: d.api("POST", "/drills", {"areas": ["18073"], "text": "Kiểm tra còi."}),
                    lambda: post(d, alert("tap-" + os.urandom(3).hex(), status="Exercise", event="Lũ"))[1]):
        before, mark = agent.wavs("dec"), agent.event_mark()
        made = post_it()
        assert made["siren"] == "drill" and "iễn tập" in made["headline"] and "Đây là diễn tập" in made["words"], made
        agent.wait_event("CALL_ESTABLISHED", since=mark)
        done = ended(d, made["id"])
        assert done["state"] == "done", done
        agent.wait_event("CALL_CLOSED", since=mark)
        tone, loud, length = sounds(agent, before, (880,), 0.002)
        assert tone > 1 and length > 3, (tone, loud, length)
        assert loud < 0.06, f"a drill at level {loud:.3f}"
    before = agent.wavs("dec")
    status, test = post(d, alert("thu-1", status="Test"))
    assert status == 202 and test["state"] == "stored", test
    tried = d.api("POST", f"/alerts/{test['id']}/try", {"areas": ["18073"]})
    assert tried["kind"] == "drill", tried
    assert ended(d, tried["id"])["state"] == "done"
    assert sounds(agent, before, (880,), 0.002)[1] < 0.06


def signed():
    """xmlsec1 signs: taken; unsigned, changed or wrapped: refused. The source reaches its own commune only."""
    need("xmlsec1")
    d = daemon()
    template = """<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo>
<CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>
<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/><Reference URI=""><Transforms>
<Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/></Transforms>
<DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><DigestValue/></Reference></SignedInfo><SignatureValue/></Signature>"""
    unsigned = write(os.path.join(d.state, "template.xml"), alert("ky-1", area="42", extra=template))
    out = subprocess.run(["xmlsec1", "--sign", "--privkey-pem", os.path.join(d.state, "signer.pem"), unsigned], check=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
    status, reply = post(d, alert("ky-0", area="18100"), SIGNED_KEY)
    assert status == 400 and "must be signed" in reply["error"]["message"], reply
    status, reply = post(d, out.replace("Bão số chín", "Bão số mười"), SIGNED_KEY)
    assert status == 400 and "none of the 1 trusted keys" in reply["error"]["message"], reply
    status, reply = post(d, out, SIGNED_KEY)
    assert status == 202 and reply["signer"] == "khi-tuong" and reply["areas"] == "18100", reply
    d.api("POST", f"/alerts/{reply['id']}/stop", expect=(202, 409))
    assert post(d, alert("x"), "falsch" * 5)[0] == 401


def button():
    """One person, one button: the siren, the text, repeated; stopped; the all-clear; a bad request is told why."""
    d, agent = daemon(), speaker("loa-sen", "18073")
    before, mark = agent.wavs("dec"), agent.event_mark()
    made = d.api("POST", "/emergencies", {"areas": ["18073"], "siren": "chime", "text": "Đê sắp vỡ, bà con di dời ngay.", "repeats": 2, "interval_s": 2})
    agent.wait_event("CALL_ESTABLISHED", since=mark)
    wait_until("the second round", lambda: show(d, made["id"])["done_rounds"] >= 1, 40, 0.2)
    stopped = d.api("POST", f"/emergencies/{made['id']}/stop")
    assert stopped["state"] == "stopped", stopped
    wait_until("chime and words in the recordings", lambda: (lambda t, l, n: t >= 0.8 and l > 0.08 and n > 4)(
        *sounds(agent, before, (784, 659, 523))), 15, 0.5)
    status, reply = d.request("POST", "/api/v1/emergencies", {"areas": ["99999"], "text": "x"})
    assert status == 404 and "99999" in reply["error"]["message"], reply
    words = d.api("POST", "/bulletins", {"area": "42", "kind": "text", "title": "Bão số 3", "text": "Bão số 3 vào bờ tối nay."})
    asked = {"areas": ["18073"], "siren": "none", "bulletin": words["id"], "repeats": 1}
    told = d.api("POST", "/emergencies", asked)
    assert "vào bờ tối nay" in told["words"] and told["headline"] == "Bão số 3", told
    force = d.api("GET", "/feed/operations")["alerts"]
    assert [a["headline"] for a in force if a["id"] == told["id"]] == ["Bão số 3"], force
    d.api("POST", f"/emergencies/{told['id']}/stop")
    assert not any(a["id"] == told["id"] for a in d.api("GET", "/feed/operations")["alerts"])
    status, reply = d.request("POST", "/api/v1/emergencies", {**asked, "text": "x"})
    assert status == 400 and "bulletin" in reply["error"]["message"], reply
    status, reply = d.request("POST", "/api/v1/emergencies", {**asked, "bulletin": "b-none"})
    assert status == 404, reply
    status, reply = d.request("POST", "/api/v1/emergencies", {"areas": ["18073"], "siren": "none"})
    assert status == 400 and "nothing would be heard" in reply["error"]["message"], reply


def killed():
    """kill -9 while it sounds: it goes on, and one that was done is not heard again."""
    d, agent = daemon(), speaker("loa-sen", "18073")
    done = d.api("POST", "/emergencies", {"areas": ["18073"], "siren": "none", "text": "Tin ngắn.", "repeats": 1})
    assert ended(d, done["id"])["state"] == "done"
    made = d.api("POST", "/emergencies", {"areas": ["18073"], "siren": "chime", "text": "Nước đang lên rất nhanh.", "repeats": 3, "interval_s": 1})
    wait_until("its first round", lambda: show(d, made["id"])["done_rounds"] >= 1, 40, 0.1)
    d.kill(signal.SIGKILL)
    d._launch("mediad")
    d.wait_line(r"goes on after [12] of 3 rounds", 5)
    over = ended(d, made["id"], 90)
    assert over["done_rounds"] == 3 and over["state"] == "done", over
    assert len(over["announcements"].split(",")) <= 4, f"siren and words, then two rounds; what went on by itself was played again: {over}"
    assert show(d, done["id"])["announcements"] == show(d, done["id"])["announcements"].split(",")[0], "what was done was heard again"
    assert post(d, alert("bao-9"))[1]["duplicate"] is False, "another time sent is another message"


def dropped():
    """Files: moved there in one step, taken or put aside with the reason."""
    d = daemon()
    inbox = os.path.join(d.state, "inbox")

    def drop(name, text):
        os.rename(write(os.path.join(inbox, "." + name), text), os.path.join(inbox, name))
    drop("good.xml", alert("tep-1", status="Draft"))
    drop("bad.xml", alert("tep-2").replace("</info>", ""))
    wait_until("the good one", lambda: os.path.exists(os.path.join(inbox, "done", "good.xml")), 15, 0.2)
    reason = os.path.join(inbox, "failed", "bad.xml.txt")
    wait_until("the bad one", lambda: os.path.exists(reason), 15, 0.2)
    with open(reason, encoding="utf-8") as f:
        assert "line" in f.read()
    assert any(a["identifier"] == "tep-1" and a["state"] == "stored" for a in d.api("GET", "/alerts")["alerts"])


class Feed(http.server.BaseHTTPRequestHandler):
    """An Atom index and its messages; what was asked for is kept."""
    messages, asked, elsewhere, broken = {}, [], "", {}

    def log_message(self, *_):
        pass

    def do_GET(self):
        Feed.asked.append((self.path, self.headers.get("If-None-Match")))
        links = "".join(f'<entry><link type="application/cap+xml" href="{name}"/></entry>' for name in Feed.messages)
        index = f'<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="{Feed.elsewhere}"/></entry>{links}</feed>'
        tag = f'"{len(Feed.messages)}"'
        text = index if self.path == "/atom" else Feed.messages.get(self.path[1:])
        if Feed.broken.get(self.path[1:], 0):
            Feed.broken[self.path[1:]] -= 1
            text = None
        same = self.path == "/atom" and self.headers.get("If-None-Match") == tag
        self.send_response(304 if same else 200 if text else 404)
        self.send_header("ETag", tag)
        body = b"" if same or not text else text.encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def polled():
    """The index is asked with its ETag, every message fetched once, nobody else's host ever."""
    d = daemon()
    wait_until("the index to be asked again", lambda: sum(p == "/atom" for p, _ in Feed.asked) >= 2, 30)
    Feed.messages["nguon-1.xml"] = alert("nguon-1", status="Draft")
    wait_until("its message", lambda: any(a["identifier"] == "nguon-1" and a["source"] == "nguon" for a in d.api("GET", "/alerts")["alerts"]), 20, 0.3)
    asked = len(Feed.asked)
    wait_until("two polls more", lambda: sum(p == "/atom" for p, _ in Feed.asked[asked:]) >= 2, 30)
    assert sum(p == "/nguon-1.xml" for p, _ in Feed.asked) == 1, Feed.asked
    assert ("/atom", '"1"') in Feed.asked[asked:], Feed.asked[asked:]
    Feed.broken["nguon-2.xml"] = 1
    Feed.messages["nguon-2.xml"] = alert("nguon-2", status="Draft")
    wait_until("the message whose first answer was 404", lambda: any(a["identifier"] == "nguon-2" for a in d.api("GET", "/alerts")["alerts"]), 20, 0.3)
    assert not any("la.xml" in p for p, _ in Feed.asked), "a link to another host was followed"
    d.wait_line("links to another host", 5)


def others():
    """A commune's people alert their own commune only."""
    d = daemon()
    d.api("POST", "/users", {"name": "xa-ha", "password": "mot-hai-ba-bon-nam-sau", "role": "commune-approver", "area": "18100"})
    token = d.api("POST", "/session", {"user": "xa-ha", "password": "mot-hai-ba-bon-nam-sau"}, token=False)["token"]
    own, d.token = d.token, token
    try:
        status, reply = d.request("POST", "/api/v1/drills", {"areas": ["18073"]})
        assert status == 403, (status, reply)
        status, reply = d.request("POST", "/api/v1/emergencies", {"areas": ["18100"], "text": "x"})
        assert status in (401, 403) and "factor" in reply["error"]["code"], (status, reply)
    finally:
        d.token = own


def ends_cleanly():
    daemon().stop()


if __name__ == "__main__":
    run_tap([("the schema of the standard", schema), ("posted, heard, measured", heard), ("called off", cancelled), ("drills are soft", quietly),
             ("signatures", signed), ("one button", button), ("killed", killed), ("files", dropped), ("a feed", polled), ("other people's areas", others), ("the end", ends_cleanly)])
