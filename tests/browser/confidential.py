#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A confidential meeting over HTTPS: booked in the page, named sites come in encrypted, everybody and everything else is refused with a reason, and
nothing but attendance is left of it."""
import secrets

from console import CONFIG, PICTURES, build_pages
from harness import *
from harness import ssl_context
from story import Story

STATE = {}
SPOKEN = "Phương án số bảy, hai trăm người"


class Secure(Mediad):
    """With a certificate of its own making."""

    def url(self, path):
        return f"https://127.0.0.1:{self.api_port}{path}"


def daemon():
    state = tempfile.mkdtemp(prefix="mediad-")
    pem = os.path.join(state, "tls.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-keyout",
                    pem, "-out", pem + ".crt"], check=True, stderr=subprocess.DEVNULL)
    urllib.request.install_opener(urllib.request.build_opener(urllib.request.HTTPSHandler(context=ssl_context())))
    d = STATE["d"] = Secure(state=state, config=CONFIG.replace("allow_http = true;", f'tls_certificate = "{pem}.crt"; tls_key = "{pem}";'))
    d.sign_in()
    return d


def booked():
    """No guests, no recording: the page says so while it is booked, and the server refuses both."""
    d = daemon()
    people = {}
    for name, role in (("vanthu", "operator"), ("xa-a", "viewer")):
        people[name] = secrets.token_urlsafe(15)
        d.api("POST", "/users", {"name": name, "role": role, "password": people[name]})
    d.add_account("xa-a", display="Xã Cẩm Xuyên", role="site")
    STATE["secret"] = d.add_account("xa-b", display="Xã Kỳ Anh", role="site")
    STATE["story"] = Story("confidential.mjs", d.url(""), PICTURES, json.dumps(people), SPOKEN)
    line = STATE["story"].step("booked", 60)
    STATE.update(json.loads(line.split(": ", 1)[1]))
    STATE["story"].step("no guests, no recording, no stream")
    assert d.api("GET", "/recordings")["recordings"] == [] and d.api("GET", f"/rooms/{STATE['room']}")["confidential"]


def site(transport, enc):
    d = STATE["d"]
    port = d.tls_port if transport == "tls" else d.sip_port
    phone = Baresip(f"<sip:xa-b@127.0.0.1:{port};transport={transport}>;auth_pass={STATE['secret']};regint=300;answermode=auto;audio_codecs=opus/48000/2{enc}",
                    tone=1200, video=False, name=f"xa-b-{transport}")
    assert phone.registration() == 200
    return phone, phone.dial(f"sip:{STATE['room']}@127.0.0.1:{port};transport={transport}")


def named_only():
    """The named site's device is refused in the clear, and let in over TLS with SRTP; an operator who is not named stays outside."""
    STATE["story"].step("the chair is in")
    STATE["story"].asked("a named site in the clear")
    plain, event = site("udp", "")
    assert event["type"] == "CALL_CLOSED" and "Confidential" in json.dumps(event), event
    plain.kill()
    STATE["story"].answer()
    STATE["story"].asked("a named site encrypted")
    STATE["phone"], event = site("tls", ";mediaenc=srtp-mand")
    assert event["type"] == "CALL_ESTABLISHED", event
    STATE["story"].answer()
    STATE["story"].step("they hear each other")
    STATE["story"].step("who is not named stays outside")
    members = STATE["d"].api("GET", f"/rooms/{STATE['room']}/members")["members"]
    assert sorted(m["account"] for m in members) == ["xa-a", "xa-b"] and all(m["media"]["security"] not in ("none", "") for m in members), members


def nothing_left():
    """Attendance is there; its title and what was written are nowhere in the log, who came and went is; the chat is not kept."""
    d = STATE["d"]
    STATE["story"].step("written")
    STATE["story"].done()
    sheet = wait_until("the attendance", lambda: (lambda a: a if a["present"] == 2 else None)(d.api("GET", f"/meetings/{STATE['meeting']}/attendance")))
    assert sorted(a["account"] for a in sheet["attendees"] if a["present"]) == ["xa-a", "xa-b"], sheet
    chat = d.api("GET", f"/meetings/{STATE['meeting']}/chat")
    assert chat == {"messages": [], "kept": False}, chat
    d.stop()
    said = [line for line in d.lines if SPOKEN in line or STATE["title"] in line]
    assert not said, said
    named = [line for line in d.lines if "Xã " in line or "xa-a" in line or "xa-b" in line]
    beyond = [line for line in named if "conference/" in line and not re.search(r": (joined|left): ", line)]
    assert named and not beyond, beyond
    shutil.rmtree(d.state, ignore_errors=True)


run_tap([("the console's pages are built", build_pages), ("booked in the page", booked), ("named sites only, encrypted only", named_only),
         ("nothing but attendance is left", nothing_left)])
