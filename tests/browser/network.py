#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The console's page in Chromium behind networks of its own: through a real TURN server only, with names for addresses, over IPv6, and
with its address taken away. Server and page stand in two network namespaces that this program makes."""
import base64
import hashlib
import hmac
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peer"))
from console import build_pages  # noqa: E402
from harness import BUILD, DEFAULT_CONFIG, PATIENCE, Baresip, Mediad, Process, need, run_tap, wait_for_scene, wait_until  # noqa: E402

if "MEDIAD_TEST_NAMESPACE" not in os.environ:  # nothing of this is seen outside
    os.environ["MEDIAD_TEST_NAMESPACE"] = "1"
    os.execvp("unshare", ["unshare", "-n" if os.geteuid() == 0 else "-rn", sys.executable, *sys.argv])

MEDIA, MEDIA6, WEB, WEB6, TURN = "10.77.0.1", "fd77::1", "10.77.0.2", "fd77::2", "10.77.0.3"  # one machine's, of its own for each service
TURN_PORT, HZ = 3478, 900
SECRET = os.urandom(16).hex()
FOREVER = "2100000000:mediad"  # the user name of credentials that end in 2036
STATE = {}


class Server(Mediad):
    """By HTTPS: a page that is not on this machine may have a camera only then."""

    def url(self, path):
        return f"https://127.0.0.1:{self.api_port}{path}"


def run(*argv, page=False):
    """page: in the page's namespace."""
    within = ["nsenter", "-t", str(STATE["holder"].child.pid), "-n"] if page else []
    subprocess.run([*within, *argv], check=True, stdout=subprocess.DEVNULL)


def ip(text, page=False):
    run("ip", *text.split(), page=page)


def networks():
    """Two cables between page and server; the second is not plugged in yet."""
    STATE["holder"] = holder = Process(["unshare", "-n", "sleep", "600"], "holder")
    mine = os.stat("/proc/self/ns/net").st_ino
    wait_until("the page's namespace", lambda: os.stat(f"/proc/{holder.child.pid}/ns/net").st_ino != mine)
    ip("link set lo up")
    ip("link set lo up", page=True)
    for address in (MEDIA, WEB, TURN):
        ip(f"addr add {address}/32 dev lo")
    for address in (MEDIA6, WEB6):
        ip(f"addr add {address}/128 dev lo")
    for n in (1, 2):
        ip(f"link add s{n} type veth peer name p{n} netns {holder.child.pid}")
        ip(f"addr add 10.77.{n}.1/24 dev s{n}")
        ip(f"addr add fd77:{n}::1/64 dev s{n} nodad")
        ip(f"link set s{n} up")
    plug(1)


def plug(n):
    ip(f"link set p{n} up", page=True)
    ip(f"addr add 10.77.{n}.2/24 dev p{n}", page=True)
    ip(f"addr add fd77:{n}::2/64 dev p{n} nodad", page=True)
    ip(f"route add default via 10.77.{n}.1", page=True)
    ip(f"-6 route add default via fd77:{n}::1", page=True)


def turn_server(secret=SECRET):
    folder = STATE["folder"]
    STATE["turn"] = Process(["turnserver", "-n", "-L", TURN, "-p", str(TURN_PORT), "-E", TURN, "--min-port", "50000", "--max-port", "50999",
                             "--use-auth-secret", "--static-auth-secret", secret, "-r", "mediad.test", "--no-tls", "--no-dtls", "--no-cli",
                             "--no-rfc5780", "-v", "-l", "stdout", "--simple-log", "--pidfile", os.path.join(folder, "turn.pid"),
                             "-b", os.path.join(folder, "turn.db")], "turnserver", cwd=folder)
    wait_until("the TURN server", lambda: can_connect(TURN, TURN_PORT), 15)


def can_connect(host, port):
    try:
        socket.create_connection((host, port), 1).close()
        return True
    except OSError:
        return False


def password_of(secret, user):
    return base64.b64encode(hmac.new(secret.encode(), user.encode(), hashlib.sha1).digest()).decode()


def start():
    for program in ("node", "chromium", "turnserver", "nsenter"):
        need(program)
    folder = STATE["folder"] = tempfile.mkdtemp(prefix="network-")
    ssl._create_default_https_context = ssl._create_unverified_context  # mediad's own certificate
    build_pages()
    networks()
    turn_server()
    for name, text in (("secret", SECRET), ("password", password_of(SECRET, FOREVER))):
        with open(os.path.join(folder, name), "w", encoding="ascii", opener=lambda path, flags: os.open(path, flags, 0o600)) as f:
            f.write(text + "\n")
    config = (DEFAULT_CONFIG.replace('address4 = "127.0.0.1"; address6 = "::1";', f'address4 = "{MEDIA}"; address6 = "{MEDIA6}";')
              .replace('"127.0.0.1:{api}"]; allow_http = true;',
                       f'"127.0.0.1:{{api}}", "{WEB}:{{api}}", "[{WEB6}]:{{api}}"]; console_dir = "{BUILD}/console";')
              .replace('address = "127.0.0.1"; port = {sip}', f'address = "{MEDIA}"; port = {{sip}}').replace('"localhost"', f'"localhost", "{MEDIA}"')
              + f'web: {{{{ turn = ["turn:{TURN}:{TURN_PORT}?transport=udp"]; turn_secret_file = "{folder}/secret"; }}}};\n'
              + f'ice: {{{{ relay_host = "{TURN}"; relay_username = "{FOREVER}"; '
                f'relay_password_file = "{folder}/password"; }}}};\n')
    d = STATE["daemon"] = Server(config=config)
    d.sign_in()
    d.api("POST", "/rooms", {"name": "hop", "title": "Họp", "pin": "1234"})
    secret = d.add_account("xa", role="operator")
    agent = STATE["agent"] = Baresip(f"<sip:xa@{MEDIA}:{d.sip_port};transport=udp>;auth_pass={secret};regint=300;answermode=auto"
                                     ";audio_codecs=opus/48000/2;video_codecs=h264", tone=HZ, host=MEDIA, name="xa")
    assert agent.registration() == 200
    assert agent.dial(f"sip:hop@{MEDIA}:{d.sip_port};transport=udp")["type"] == "CALL_ESTABLISHED"
    STATE["page"] = Process(["nsenter", "-t", str(STATE["holder"].child.pid), "-n", "node", os.path.join(HERE, "network.mjs"),
                             f"https://{WEB}:{d.api_port}", f"https://[{WEB6}]:{d.api_port}", str(HZ), str(PATIENCE)], "page")
    STATE["page"].wait_line("^ready", 30)


def ask(what, seconds=40, **more):
    page = STATE["page"]
    since = page.mark()
    page.child.stdin.write((json.dumps(dict(more, do=what)) + "\n").encode())
    page.child.stdin.flush()
    answer = json.loads(page.wait_line(r'^(\{"done".*|\{"failed".*)', seconds, since)[1])
    assert "failed" not in answer, answer["failed"]
    print(f"# {what} {more}: {json.dumps(answer)}"[:600], flush=True)
    return answer


def remote_of(member):
    members = STATE["daemon"].api("GET", "/rooms/hop/members")["members"]
    return [m for m in members if m["id"] == member][0]


def relayed():
    """Nothing but the TURN server: the credentials of the welcome are good, and sound comes."""
    got = ask("join", relay=True)
    assert got["pair"]["local"] == "relay" and got["pair"]["protocol"] == "udp", got
    assert got["heard"], got
    assert STATE["turn"].wait_line(r"ALLOCATE processed, success", 5)
    assert 50000 <= got["pair"]["localPort"] <= 50999, got
    kinds = {tuple(c) for c in got["told"]}  # what mediad told of itself
    assert ("host", MEDIA) in kinds and ("host", MEDIA6) in kinds, kinds
    assert ("relay", TURN) in kinds, kinds
    time.sleep(1.1)  # a user name names the second in which it ends
    fresh = ask("expired")
    assert fresh["pair"]["local"] == "relay" and int(fresh["username"].split(":")[0]) > int(fresh["before"].split(":")[0]), fresh
    ask("leave")


def own_relay():
    """No packet of the page gets to mediad's addresses: what goes, goes through mediad's own allocation."""
    ip(f"route add unreachable {MEDIA}", page=True)
    ip(f"-6 route add unreachable {MEDIA6}", page=True)
    got = ask("join", direct=True)
    assert got["pair"]["remoteAddress"] == TURN and 50000 <= got["pair"]["remotePort"] <= 50999, got
    assert got["pair"]["local"] in ("host", "prflx") and got["heard"], got
    ask("leave")
    ip(f"route del unreachable {MEDIA}", page=True)
    ip(f"-6 route del unreachable {MEDIA6}", page=True)


def names():
    """Without a camera Chromium tells names instead of its addresses: nobody resolves them, and nobody waits for it."""
    got = ask("join", camera=False)
    assert got["hosts"] and all(host.endswith(".local") for host in got["hosts"]), got
    assert got["heard"], got
    assert got["ms"] < 4000 * PATIENCE, got
    ask("leave")


def wrong_secret():
    """Another secret on the TURN server: the page joins by the direct way, and the log says what to mend, for both sides' use of it."""
    d = STATE["daemon"]
    STATE["turn"].kill()
    since = d.mark()
    turn_server("another")
    ask("join")
    d.wait_line(rf"web/m\d+: turn:{TURN}:{TURN_PORT}\?transport=udp refuses this browser \(401 .*web.turn_secret_file", 10, since)
    d.wait_line(rf"ice: the TURN server at {TURN} port {TURN_PORT} gave no address", 10, since)
    ask("leave")
    # once while it lasts, however many come; and when it is over
    since = d.mark()
    ask("join")
    ask("leave")
    STATE["turn"].kill()
    turn_server()
    ask("join")
    d.wait_line(rf"ice: the TURN server at {TURN} port {TURN_PORT} gives addresses again: \d+ calls went without", 10, since)
    assert not [x for x in d.lines[since:] if "gave no address" in x], "said anew for each call"
    ask("leave")


def six():
    got = ask("join", base=6)
    assert ":" in got["pair"]["remoteAddress"] and got["heard"], got
    assert got["host"].startswith("["), got
    ask("leave")


def moved():
    """The cable is pulled and another plugged in: the page comes back by itself, into the same seat."""
    got = ask("join")
    began = time.monotonic()
    ip("link set p1 down", page=True)
    plug(2)
    back = ask("back", addresses=["10.77.2.2", "fd77:2::2"])
    took = time.monotonic() - began
    assert back["pair"]["remoteAddress"] in (MEDIA, MEDIA6), back
    print(f"# back {took:.1f} s after the address went away; sound after {back['ms']} ms", flush=True)
    assert back["member"] == got["member"], (got, back)
    assert took < 5 * PATIENCE, took
    wait_until("one member less than two", lambda: len(STATE["daemon"].api("GET", "/rooms/hop/members")["members"]) == 2, 5)


def restarted():
    """kill -9 of mediad: the page, a guest by PIN, comes back by itself into the same room, muted as the chair had it, and hears."""
    d = STATE["daemon"]
    member = ask("join")["member"]
    d.api("PATCH", f"/rooms/hop/members/{member}", {"muted": True})
    wait_for_scene(d, "hop", lambda s: any(p.get("muted") for p in s["parties"]))
    d.kill(signal.SIGKILL)
    STATE["agent"].command("hangup")
    d._launch("mediad")
    assert STATE["agent"].dial(f"sip:hop@{MEDIA}:{d.sip_port};transport=udp")["type"] == "CALL_ESTABLISHED"
    back = ask("back", addresses=["10.77.1.2", "fd77:1::2", "10.77.2.2", "fd77:2::2"])
    print(f"# back with sound {back['ms']} ms after the site was", flush=True)
    muted = {m["id"]: m["muted"] for m in d.api("GET", "/rooms/hop/members")["members"]}
    assert muted[back["member"]] and sum(muted.values()) == 1 and len(muted) == 2, muted
    ask("leave")


def ends_cleanly():
    ask("end")
    STATE["daemon"].stop()


CASES = [("a server, a TURN server and two networks", start),
         ("through TURN alone, with credentials from the welcome", relayed),
         ("mediad's own relay", own_relay),
         ("names for addresses", names),
         ("IPv6", six),
         ("another address: back in the same seat within five seconds", moved),
         ("mediad is killed: the page comes back", restarted),
         ("a TURN server with another secret", wrong_secret),
         ("the daemon ends cleanly", ends_cleanly)]
run_tap(CASES)
