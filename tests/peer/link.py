#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The device link against what nobody here wrote: Mosquitto as the broker, its own clients as loudspeakers, openssl and curl to enrol.

Every loudspeaker here has a certificate of its own, got with a one-time code as a real one would.
"""
import base64
import glob
from harness import *

os.environ["PATH"] += ":/usr/sbin"  # where Debian puts the broker
need("mosquitto")
need("mosquitto_pub")
need("mosquitto_sub")
need("openssl")
need("curl")

STATE = {}


def run(*argv, data=None, expect=0, seconds=20):
    done = subprocess.run(argv, input=data, capture_output=True, timeout=seconds * PATIENCE)
    assert expect is None or done.returncode == expect, (argv, done.returncode, done.stderr.decode(errors="replace"))
    return done


class Broker(Process):
    """Mosquitto with the files mediad wrote, on loopback alone. one_each: a certificate has one connection, as mediad wrote it; else one
    Mosquitto client may listen while another speaks in the same name."""

    def __init__(self, folder, port, listen=None, one_each=False):
        conf = os.path.join(folder, "test.conf")
        with open(os.path.join(folder, "mosquitto.conf")) as f:
            text = f.read().replace(f"listener {port}\n", f"listener {listen or port} 127.0.0.1\n").replace("log_type error\n", "log_type all\n")
        assert "use_username_as_clientid true\n" in text, text
        if not one_each:
            text = text.replace("use_username_as_clientid true\n", "")
        if listen:
            conf += ".2"
            text = text.replace("persistence true\n", "persistence false\n").replace("/mosquitto.pid\n", "/second.pid\n")
        with open(conf, "w") as f:
            # as root Mosquitto would become another user, who may not read these files
            f.write(text + ("user root\n" if os.getuid() == 0 else ""))
        super().__init__(["mosquitto", "-c", conf], "mosquitto")
        self.wait_line(r"mosquitto version .* running")


def daemon():
    if "daemon" not in STATE:
        port = free_ports(1)[0]
        d = Mediad(extra=f'link: {{ broker_host = "localhost"; broker_port = {port}; status_timeout_s = 10; command_timeout_s = 4; }};\n')
        d.sign_in()
        d.api("PUT", "/areas/42", {"name": "Hà Tĩnh", "kind": "tinh"})
        d.api("PUT", "/areas/18073", {"name": "Phường Thành Sen", "kind": "phuong", "parent": "42"})
        for name in ("loa-1", "loa-2", "loa-3"):
            d.api("PUT", f"/devices/{name}", {"name": name, "area": "18073", "kind": "link"})
        STATE.update(daemon=d, port=port, folder=os.path.join(d.state, "link", "broker"))
    return STATE["daemon"]


def broker():
    d = daemon()
    if "broker" not in STATE:
        STATE["broker"] = Broker(STATE["folder"], STATE["port"])
        wait_until("mediad's connection", lambda: d.api("GET", "/link")["connected"], 20)
    return STATE["broker"]


def enrol(name, code, expect=201, folder=None):
    """With openssl and curl, as the manual says."""
    d = daemon()
    folder = folder or tempfile.mkdtemp(prefix=f"{name}-", dir=d.state)
    key, csr, body = (os.path.join(folder, f) for f in ("device.key", "device.csr", "enrol.json"))
    run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", csr,
        "-subj", "/CN=whatever-it-says")
    with open(csr) as f, open(body, "w") as out:
        json.dump({"device": name, "code": code, "csr": f.read(), "unknown": {"field": 1}}, out)
    done = run("curl", "-sk", "-o", os.path.join(folder, "answer.json"), "-w", "%{http_code}", "-H", "Content-Type: application/json",
               "--data-binary", "@" + body, d.url("/api/v1/link/enrol"))
    assert done.stdout == str(expect).encode(), (done.stdout, open(os.path.join(folder, "answer.json")).read())
    with open(os.path.join(folder, "answer.json")) as f:
        answer = json.load(f)
    if expect == 201:
        for file, field in (("device.pem", "certificate"), ("ca.pem", "ca")):
            with open(os.path.join(folder, file), "w") as f:
                f.write(answer[field])
    answer["folder"] = folder
    return answer


def device(name):
    if name not in STATE:
        code = daemon().api("POST", f"/devices/{name}/enrol-code", {})["code"]
        STATE[name] = enrol(name, code)
    return STATE[name]


def tls(name):
    folder = device(name)["folder"]
    return ["-h", "localhost", "-p", str(STATE["port"]), "--cafile", f"{folder}/ca.pem", "--cert", f"{folder}/device.pem", "--key",
            f"{folder}/device.key", "-V", "mqttv311"]


def publish(name, topic, message, *more):
    text = message if isinstance(message, str) else json.dumps(message)
    return run("mosquitto_pub", *tls(name), "-q", "1", "-t", topic, "-m", text, *more, expect=None)


class Subscriber(Process):
    def __init__(self, name, *topics, more=()):
        argv = ["stdbuf", "-oL", "mosquitto_sub", *tls(name), "-d", "-v", "-q", "1", *more]
        for topic in topics:
            argv += ["-t", topic]
        super().__init__(argv, f"sub-{name}")
        self.wait_line(r"received SUBACK")


def up(name, what):
    return f"mediad/1/up/{name}/{what}"


def down(name, what):
    return f"mediad/1/down/{name}/{what}"


def payload_of(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def check_signature(token, jwks):
    """With openssl alone: the key of the set fits the token."""
    head, body, signature = token.split(".")
    raw = base64.urlsafe_b64decode(jwks["keys"][0]["x"] + "=")
    folder = tempfile.mkdtemp(dir=daemon().state)
    with open(f"{folder}/key.der", "wb") as f:
        f.write(bytes.fromhex("302a300506032b6570032100") + raw)
    with open(f"{folder}/text", "wb") as f:
        f.write(f"{head}.{body}".encode())
    with open(f"{folder}/signature", "wb") as f:
        f.write(base64.urlsafe_b64decode(signature + "=="))
    run("openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", f"{folder}/key.der", "-rawin", "-in", f"{folder}/text",
        "-sigfile", f"{folder}/signature")


def health(name):
    return daemon().api("GET", f"/devices/{name}/health")


def degraded_without_broker():
    """No broker: mediad runs, says so, and commands are not lost."""
    d = daemon()
    done = run("curl", "-s", "-w", "%{http_code}", d.url("/readyz"))
    assert b"degraded: no connection to the broker" in done.stdout and done.stdout.endswith(b"200"), done.stdout
    done = run("curl", "-s", d.url("/metrics"))
    assert b"mediad_link_connected 0" in done.stdout, done.stdout[-500:]
    broker()
    done = run("curl", "-s", d.url("/readyz"))
    assert b"degraded" not in done.stdout, done.stdout


def enrolment():
    """A code counts once, for its device, and nothing else gets a certificate; the certificate names the device whatever the request says."""
    broker()
    d = daemon()
    code = d.api("POST", "/devices/loa-1/enrol-code", {})["code"]
    enrol("loa-2", code, expect=403)
    enrol("loa-1", "AAAA-BBBB-CCCC-DDDD", expect=403)
    enrol("mediad-service", code, expect=403)
    answer = STATE["loa-1"] = enrol("loa-1", code)
    enrol("loa-1", code, expect=403)
    folder = answer["folder"]
    subject = run("openssl", "x509", "-in", f"{folder}/device.pem", "-noout", "-subject", "-ext", "extendedKeyUsage").stdout.decode()
    assert re.search(r"CN ?= ?loa-1\n", subject) and "TLS Web Client Authentication" in subject, subject
    run("openssl", "verify", "-CAfile", f"{folder}/ca.pem", f"{folder}/device.pem")
    assert answer["keys"]["keys"][0]["crv"] == "Ed25519" and len(answer["token"]) >= 40 and answer["broker"]["port"] == STATE["port"], answer
    assert answer["media_base"].startswith("https://") and answer["media_base"].endswith("/"), answer
    database = subprocess.run(["grep", "-c", answer["token"], "-r", d.state, "--include=mediad.sqlite*"], capture_output=True).stdout
    assert not re.search(rb":[1-9]", database), "the token is stored in clear"
    for name in ("loa-2", "loa-3"):
        device(name)


def no_stranger():
    """Nobody without a certificate, none of another authority, none in the clear."""
    broker()
    folder = tempfile.mkdtemp(dir=daemon().state)
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout",
        f"{folder}/k", "-out", f"{folder}/c", "-subj", "/CN=loa-1")
    port, ca = str(STATE["port"]), device("loa-1")["folder"] + "/ca.pem"
    base = ["mosquitto_pub", "-h", "localhost", "-p", port, "-q", "1", "-t", up("loa-1", "state"), "-m", "{}"]
    assert run(*base, expect=None).returncode != 0, "in the clear"
    assert run(*base, "--cafile", ca, expect=None).returncode != 0, "without a certificate"
    assert run(*base, "--cafile", ca, "-u", "mediad-service", "-P", "x", expect=None).returncode != 0, "with a name"
    assert run(*base, "--cafile", ca, "--cert", f"{folder}/c", "--key", f"{folder}/k", expect=None).returncode != 0, "of another authority"


def own_topics_only():
    """A loudspeaker reads what is for it and writes what is from it; everything else is refused by the broker."""
    broker()
    d = daemon()
    spy = Subscriber("loa-2", "mediad/1/#", "$SYS/#", down("loa-1", "#"), down("loa-2", "#"))
    mine = Subscriber("loa-1", down("loa-1", "#"))
    publish("loa-2", up("loa-2", "state"), {"online": True, "software": "honest"})
    wait_until("loa-2 online", lambda: health("loa-2")["online"])
    publish("loa-2", up("loa-1", "state"), {"online": True, "software": "forged"})
    publish("loa-2", down("loa-1", "command"), "forged-command")
    publish("loa-2", down("loa-2", "command"), "forged-command")
    sent = d.api("POST", "/link/commands", {"verb": "volume", "volume": 33, "devices": ["loa-1"]})
    mine.wait_line(down("loa-1", "command") + " e")
    publish("loa-1", up("loa-1", "state"), {"online": True, "software": "mine"})
    wait_until("loa-1 online", lambda: health("loa-1")["online"])
    assert health("loa-1")["software"] == "mine"
    d.api("POST", "/link/commands", {"verb": "restart", "devices": ["loa-2"]})
    spy.wait_line(down("loa-2", "command") + " e")
    heard = [line for line in spy.lines if line.startswith(("mediad/", "$SYS"))]
    assert all(line.startswith("mediad/1/down/loa-2/") for line in heard), heard
    assert not any("forged" in line for line in heard + mine.lines), heard
    token = next(line for line in mine.lines if line.startswith(down("loa-1", "command"))).split(" ", 1)[1]
    command = payload_of(token)
    assert command["id"] == sent["id"] and command["verb"] == "volume" and command["volume"] == 33, command
    check_signature(token, device("loa-1")["keys"])
    spy.kill()
    mine.kill()


def acknowledged():
    """Sent, acknowledged, done and refused are apart; silence is told as such; a far later field does no harm."""
    broker()
    d = daemon()
    sent = d.api("POST", "/link/commands", {"verb": "line-test", "devices": ["loa-1", "loa-2", "loa-3"]})["id"]

    def states():
        return {t["device"]: (t["state"], t["reason"]) for t in d.api("GET", f"/link/commands/{sent}")["targets"]}
    publish("loa-1", up("loa-1", "ack"), {"command": sent, "state": "received", "at_ms": 1, "from": ["later"]})
    wait_until("received", lambda: states().get("loa-1") == ("received", ""))
    publish("loa-1", up("loa-1", "ack"), {"command": sent, "state": "done"})
    publish("loa-2", up("loa-2", "ack"), {"command": sent, "state": "refused", "reason": "no line test here"})
    wait_until("done", lambda: states().get("loa-1") == ("done", "") and states().get("loa-2") == ("refused", "no line test here"))
    assert states()["loa-3"][0] == "sent", states()
    wait_until("time-out", lambda: states()["loa-3"] == ("timed-out", "no answer"), 12)
    publish("loa-3", up("loa-3", "ack"), {"command": sent, "state": "done"})
    wait_until("late answer", lambda: states()["loa-3"][0] == "done")
    publish("loa-1", up("loa-1", "ack"), {"command": sent, "state": "refused"})
    publish("loa-1", up("loa-1", "ack"), "no JSON at all")
    publish("loa-1", up("loa-1", "telemetry"), {"readings": [{"name": "temperature_c", "value": 41.5, "source": "measured"},
                                                             {"name": "signal_dbm", "value": -10}, {"name": "power", "value": "mains"},
                                                             {"name": "carrier", "value": "VinaPhone"}], "schema": 99})
    wait_until("telemetry", lambda: len(health("loa-1")["readings"]) == 4)
    marks = {r["name"]: (r["value"], r["plausible"], r["source"]) for r in health("loa-1")["readings"]}
    assert marks["temperature_c"] == (41.5, "ok", "measured") and marks["signal_dbm"][1] == "impossible", marks
    assert states()["loa-1"][0] == "done", "an answer after the last one counts"


def last_will():
    """Gone without a word: the broker says so for it, and why-silent knows."""
    broker()
    d = daemon()
    publish("loa-3", up("loa-3", "state"), {"online": True}, "-r")
    wait_until("online", lambda: health("loa-3")["online"])
    sub = Subscriber("loa-3", down("loa-3", "#"), more=("--will-topic", up("loa-3", "state"), "--will-payload", '{"online":false}',
                                                     "--will-retain", "--will-qos", "1"))
    sub.kill()
    wait_until("offline", lambda: not health("loa-3")["online"])
    causes = [c["cause"] for c in d.api("GET", "/devices/loa-3/why-silent")["causes"]]
    assert "offline" in causes and "not-enrolled" not in causes, causes


def clock():
    """The question comes back with two times of the server, soon."""
    broker()
    sub = Subscriber("loa-1", down("loa-1", "clock"))
    asked = int(time.time() * 1e6)
    publish("loa-1", up("loa-1", "clock"), {"t0_us": asked})
    line = sub.wait_line(down("loa-1", "clock") + r" \{.*")
    answer = json.loads(next(x for x in sub.lines if x.startswith(down("loa-1", "clock"))).split(" ", 1)[1])
    assert answer["t0_us"] == asked and asked - 1000 <= answer["t1_us"] <= answer["t2_us"] <= time.time() * 1e6 + 1000, (line, answer)
    assert answer["t2_us"] - answer["t1_us"] < 50000, answer
    sub.kill()


def broker_killed():
    """kill -9 and back: mediad comes back by itself, and sends what nobody acknowledged, not what was."""
    b = broker()
    d = daemon()
    d.api("POST", "/link/commands", {"verb": "fetch", "devices": ["loa-1"], "expires_s": 60})
    done = d.api("POST", "/link/commands", {"verb": "restart", "devices": ["loa-1"], "expires_s": 60})["id"]
    publish("loa-1", up("loa-1", "ack"), {"command": done, "state": "done"})
    wait_until("done", lambda: [t["state"] for t in d.api("GET", f"/link/commands/{done}")["targets"]] == ["done"])
    b.kill(signal.SIGKILL)
    STATE.pop("broker")
    wait_until("loss", lambda: not d.api("GET", "/link")["connected"], 40)
    away = d.api("POST", "/link/commands", {"verb": "volume", "volume": 5, "devices": ["loa-1"], "expires_s": 60})
    assert away["connected"] is False, away
    STATE["broker"] = Broker(STATE["folder"], STATE["port"])
    sub = Subscriber("loa-1", down("loa-1", "command"))
    wait_until("mediad again", lambda: d.api("GET", "/link")["connected"], 40)

    def verbs():
        return [payload_of(line.split(" ", 1)[1])["verb"] for line in list(sub.lines) if line.startswith(down("loa-1", "command"))]
    wait_until("both", lambda: {"volume", "fetch"} <= set(verbs()), 20)
    assert "restart" not in verbs(), verbs()
    sub.kill()


def enrolled_again():
    """A new certificate withdraws the former one: the list the broker reads names it."""
    broker()
    d = daemon()
    old = device("loa-2")
    serial = run("openssl", "x509", "-in", old["folder"] + "/device.pem", "-noout", "-serial").stdout.decode().strip().split("=")[1]
    token = old["token"]
    new = enrol("loa-2", d.api("POST", "/devices/loa-2/enrol-code", {})["code"])
    crl = run("openssl", "crl", "-in", os.path.join(STATE["folder"], "crl.pem"), "-noout", "-text", "-CAfile",
              new["folder"] + "/ca.pem").stdout.decode()
    assert serial in crl and new["token"] != token, crl
    STATE["loa-2"] = old  # the broker was told by mediad: nobody has restarted it
    wait_until("the old certificate is refused", lambda: publish("loa-2", up("loa-2", "state"), {"online": True}).returncode != 0, 5)
    STATE["loa-2"] = new
    assert publish("loa-2", up("loa-2", "state"), {"online": True}).returncode == 0
    assert d.api("GET", "/link")["connected"] and STATE["broker"].child.poll() is None
    d.api("DELETE", "/devices/loa-3/credential")
    causes = [c["cause"] for c in d.api("GET", "/devices/loa-3/why-silent")["causes"]]
    assert causes[0] == "not-enrolled", causes


def cut_off():
    """Withdrawn while it is connected: its session is ended at the broker, what waited in it is gone, and it does not come back."""
    b = broker()
    d = daemon()
    d.api("PUT", "/devices/loa-4", {"name": "loa-4", "area": "18073", "kind": "link"})
    sub = Subscriber("loa-4", down("loa-4", "#"), more=("-c", "-i", "loa-4"))
    publish("loa-4", up("loa-4", "state"), {"online": True}, "-r")
    wait_until("online", lambda: health("loa-4")["online"])
    other = Subscriber("loa-1", down("loa-1", "#"), more=("-i", "loa-1"))
    since, lines = len(b.lines), len(sub.lines)
    d.api("DELETE", "/devices/loa-4/credential")
    assert not health("loa-4")["online"]
    b.wait_line(r"Received DISCONNECT from loa-4", 10, since)         # who took the place has left it
    b.wait_line(r"certificate verify failed", 10, since)              # the device tried to come back
    assert not any("CONNACK (0)" in x for x in list(sub.lines)[lines:]), list(sub.lines)[lines:]
    assert publish("loa-4", up("loa-4", "state"), {"online": True}).returncode != 0
    assert not any("sending CONNECT" in x for x in other.lines[other.lines.index(next(x for x in other.lines if "SUBACK" in x)):]), other.lines
    assert not glob.glob(os.path.join(d.state, "link", "eject-*")), "a borrowed key is left"
    sub.kill()
    other.kill()


def own_session():
    """With its own good certificate and the name of another nobody takes the other's place at the broker; the one made for looking looks only."""
    broker()
    second = free_ports(1)[0]
    b = Broker(STATE["folder"], STATE["port"], second, one_each=True)
    port, STATE["port"] = STATE["port"], second
    link = os.path.join(daemon().state, "link")
    look = ["-h", "localhost", "-p", str(second), "--cafile", f"{link}/ca.pem", "--cert", f"{link}/look.pem", "--key", f"{link}/look.key"]
    try:
        victim = Subscriber("loa-1", down("loa-1", "command"), more=("-c", "-i", "loa-1"))
        assert publish("loa-2", up("loa-2", "state"), {"online": True}, "-c", "-i", "loa-1").returncode == 0
        assert publish("loa-2", up("loa-2", "state"), {"online": True}, "-c", "-i", "mediad-service").returncode == 0
        time.sleep(1.5)
        assert sum("sending CONNECT" in x for x in victim.lines) == 1, list(victim.lines)
        assert publish("loa-2", up("loa-2", "state"), {"online": True}, "-r").returncode == 0
        seen = run("mosquitto_sub", *look, "-t", up("loa-2", "state"), "-C", "1", "-W", "5").stdout
        assert json.loads(seen) == {"online": True}, seen
        run("mosquitto_pub", *look, "-q", "1", "-t", up("loa-2", "state"), "-r", "-m", "forged", expect=None)
        run("mosquitto_pub", *look, "-q", "1", "-t", down("loa-1", "command"), "-m", "forged", expect=None)
        assert not any("forged" in x for x in victim.lines), list(victim.lines)
        victim.kill()
    finally:
        STATE["port"] = port
        b.kill(signal.SIGTERM)


def renewed():
    """A new certificate over the connection the present one has opened; the former counts until the device says that it uses the new one."""
    broker()
    old, folder = device("loa-1"), tempfile.mkdtemp(dir=daemon().state)
    sub = Subscriber("loa-1", down("loa-1", "certificate"))

    def ask(message):
        n = len(sub.lines)
        publish("loa-1", up("loa-1", "renew"), message)
        sub.wait_line(down("loa-1", "certificate") + r" \{.*", 10, n)
        return json.loads([x for x in sub.lines if x.startswith(down("loa-1", "certificate"))][-1].split(" ", 1)[1])
    assert "not a PKCS#10" in ask({"csr": "nonsense"})["reason"]
    run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{folder}/device.key", "-out", f"{folder}/csr", "-subj", "/CN=loa-2")
    with open(f"{folder}/csr") as f:
        csr = f.read()
    answer = ask({"csr": csr})
    for name, text in (("device.pem", answer["certificate"]), ("ca.pem", old["ca"])):
        with open(f"{folder}/{name}", "w") as f:
            f.write(text)
    subject = run("openssl", "x509", "-in", f"{folder}/device.pem", "-noout", "-subject").stdout.decode()
    assert re.search(r"CN ?= ?loa-1\n", subject), subject
    assert "ten minutes" in ask({"csr": csr})["reason"]
    sub.kill()
    publish("loa-1", up("loa-1", "renew"), {"in_use": "4A11CE"})                       # none of its own: nothing happens
    assert publish("loa-1", up("loa-1", "state"), {"online": True}).returncode == 0     # the former one counts yet
    STATE["loa-1"] = dict(old, folder=folder)
    assert publish("loa-1", up("loa-1", "renew"), {"in_use": answer["serial"]}).returncode == 0
    STATE["loa-1"] = old
    wait_until("the former one is refused", lambda: publish("loa-1", up("loa-1", "state"), {"online": True}).returncode != 0, 10)
    STATE["loa-1"] = dict(old, folder=folder)
    assert publish("loa-1", up("loa-1", "state"), {"online": True}).returncode == 0
    many = run("curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Authorization: Bearer " + old["token"], daemon().url("/api/v1/link/media/none/programme.mp3"))
    assert many.stdout == b"404", "the token is no longer known"


def new_key():
    """The signing key is changed: the new set comes signed by the key that was believed, then commands by the new one."""
    broker()
    d = daemon()
    old = device("loa-1")["keys"]
    d.kill(signal.SIGTERM)
    folder = os.path.join(d.state, "link")
    os.rename(f"{folder}/signing.pem", f"{folder}/signing-former.pem")
    d._launch("mediad")
    d.sign_in_again()
    wait_until("mediad's connection", lambda: d.api("GET", "/link")["connected"], 20)
    sub = Subscriber("loa-1", down("loa-1", "keys"), down("loa-1", "command"))
    sub.wait_line(down("loa-1", "keys") + " e")
    token = next(line for line in sub.lines if line.startswith(down("loa-1", "keys"))).split(" ", 1)[1]
    check_signature(token, old)
    new = payload_of(token)
    assert len(new["keys"]) == 2 and new["keys"][1]["x"] == old["keys"][0]["x"] and new["keys"][0]["x"] != old["keys"][0]["x"], new
    d.api("POST", "/link/commands", {"verb": "fetch", "devices": ["loa-1"]})
    sub.wait_line(down("loa-1", "command") + " e")
    check_signature([x for x in sub.lines if x.startswith(down("loa-1", "command"))][-1].split(" ", 1)[1], new)
    sub.kill()
    d.kill(signal.SIGTERM)
    os.remove(f"{folder}/signing-former.pem")  # nobody is to believe it any more
    d._launch("mediad")
    d.sign_in_again()
    wait_until("mediad's connection", lambda: d.api("GET", "/link")["connected"], 20)

    def last():
        sub = Subscriber("loa-1", down("loa-1", "keys"))
        sub.wait_line(down("loa-1", "keys") + " e")
        sub.kill()
        return next(line for line in sub.lines if line.startswith(down("loa-1", "keys"))).split(" ", 1)[1]
    wait_until("the set without the former key", lambda: len(payload_of(last())["keys"]) == 1, 10)
    token = last()
    check_signature(token, new)
    alone = payload_of(token)
    assert alone["keys"] == new["keys"][:1] and alone["version"] > new["version"] > 1, (alone, new)
    STATE["loa-1"]["keys"] = alone


def operator():
    """The same by mediactl: codes for many as CSV, health, volume, answers, why silent."""
    broker()
    d = daemon()
    device("loa-1")
    env = dict(os.environ, MEDIACTL_URL=d.url(""), MEDIACTL_TOKEN=d.token, HOME=d.state)

    def ctl(*words, expect=0):
        done = subprocess.run([os.path.join(BUILD, "mediactl", "mediactl"), *words], capture_output=True, text=True, env=env)
        assert done.returncode == expect, (words, done.stdout, done.stderr)
        return done.stdout
    for name in ("loa-csv-1", "loa-csv-2"):
        ctl("devices", "add", name, "--area", "18073", "--kind", "link")
    rows = [line.split(",") for line in ctl("devices", "enrol-codes", "18073", "--csv").splitlines()]
    assert rows[0] == ["device", "code"] and {r[0] for r in rows[1:]} >= {"loa-csv-1", "loa-csv-2"} and "loa-1" not in {r[0] for r in rows}, rows
    enrol("loa-csv-1", dict(rows[1:])["loa-csv-1"])
    publish("loa-1", up("loa-1", "telemetry"), {"readings": [{"name": "signal_dbm", "value": -10}]})
    wait_until("telemetry", lambda: "impossible" in ctl("devices", "show", "loa-1"))
    sent = json.loads(ctl("--json", "devices", "volume", "40", "loa-1"))["id"]
    assert "loa-1" in ctl("devices", "answers", sent) and sent in ctl("devices", "answers")
    ctl("devices", "volume", "101", "loa-1", expect=2)
    ctl("devices", "command", "restart", expect=2)
    assert "not-enrolled" in ctl("devices", "why-silent", "loa-csv-2")
    ctl("devices", "withdraw", "loa-csv-1")
    assert "not-enrolled" in ctl("devices", "why-silent", "loa-csv-1")
    ctl("outages")


def media_budget():
    """Loudspeakers behind one address have a budget each: one that asks without end is told to wait, its neighbours are answered."""
    d = daemon()
    many = d.url("/api/v1/link/media/none/programme.mp3") + "?[1-600]"

    def ask(name, url):
        out = run("curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}\n", "-H", "Authorization: Bearer " + device(name)["token"], url, seconds=60)
        return out.stdout.decode().split()
    codes = ask("loa-1", many)
    assert codes[:90] == ["404"] * 90 and codes.count("429") > 300, codes
    assert ask("loa-2", many.replace("600", "50")) == ["404"] * 50
    device("loa-1")["token"], right = "0" * 64, device("loa-1")["token"]
    assert set(ask("loa-1", many.replace("600", "20"))) == {"401"}
    device("loa-1")["token"] = right
    assert d.api("GET", "/link")["connected"] in (True, False)


def logs():
    """What a loudspeaker sends of its log is kept and shown."""
    broker()
    d = daemon()
    nothing = run("curl", "-sk", "-w", "%{http_code}", "-H", "Authorization: Bearer " + d.token, d.url("/api/v1/devices/loa-1/log")).stdout
    assert nothing == b"200", nothing
    publish("loa-1", up("loa-1", "log"), {"part": 0, "parts": 2, "text": "boot\nnguồn ổn\n"})
    publish("loa-1", up("loa-1", "log"), {"part": 1, "parts": 2, "text": "end\n"})

    def whole():
        return run("curl", "-sk", "-H", "Authorization: Bearer " + d.token, d.url("/api/v1/devices/loa-1/log")).stdout.decode() == "boot\nnguồn ổn\nend\n"
    wait_until("the log", whole)


run_tap([("without-broker", degraded_without_broker), ("enrolment", enrolment), ("no-stranger", no_stranger),
         ("own-topics-only", own_topics_only), ("own-session", own_session), ("cut-off", cut_off), ("acknowledged", acknowledged), ("last-will", last_will), ("clock", clock),
         ("logs", logs), ("media-budget", media_budget), ("operator", operator), ("broker-killed", broker_killed), ("enrolled-again", enrolled_again), ("renewed", renewed),
         ("new-key", new_key)])
