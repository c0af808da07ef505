#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""linphone signs in with SHA-256 and calls the echo: its own tone comes back in its recording."""
from harness import *


class Linphone(Process):
    def __init__(self, d, account, password, tone, algorithm="MD5"):
        need("linphonec")
        self.dir = tempfile.mkdtemp(prefix="linphone-")
        _tidy(self.dir)
        self.wav, self.record = os.path.join(self.dir, "say.wav"), os.path.join(self.dir, "heard.wav")
        write_tone_wav(self.wav, tone, 60, rate=16000, channels=1)
        sip, rtp = free_ports(2)
        os.makedirs(os.path.join(self.dir, ".local/share/linphone"))
        with open(os.path.join(self.dir, "rc"), "w", encoding="utf-8") as f:
            f.write(f"""[sip]
sip_port={sip}
sip_tcp_port=0
sip_tls_port=0
default_proxy=0
register_only_when_network_is_up=0
use_ipv6=0
[rtp]
audio_rtp_port={rtp}
[sound]
echocancellation=0
[proxy_0]
reg_proxy=<sip:127.0.0.1:{d.sip_port}>
reg_identity=<sip:{account}@127.0.0.1:{d.sip_port}>
reg_sendregister=1
reg_expires=300
[auth_info_0]
username={account}
passwd={password}
algorithm={algorithm}
[net]
stun_server=
firewall_policy=0
""")
        env = dict(os.environ, HOME=self.dir)
        super().__init__(["stdbuf", "-oL", "linphonec", "-c", os.path.join(self.dir, "rc")], "linphone", env=env)

    def say(self, line):
        self.child.stdin.write((line + "\n").encode())
        self.child.stdin.flush()


def _tidy(path):
    import harness
    harness._cleanups.append(lambda: shutil.rmtree(path, ignore_errors=True))


def echo(algorithm):
    def case():
        d = Mediad(digests=["sha256"] if algorithm == "SHA-256" else ["md5"])
        d.sign_in()
        password = d.add_account("linphone", role="site")
        phone = Linphone(d, "linphone", password, 440, algorithm)
        wait_until("linphone's registration", lambda: d.api("GET", "/registrations")["registrations"], 20)
        phone.say("soundcard use files")
        phone.say(f"play {phone.wav}")
        phone.say(f"record {phone.record}")
        phone.say(f"call sip:echo@127.0.0.1:{d.sip_port}")

        wait_until("linphone recording", lambda: os.path.exists(phone.record) and os.path.getsize(phone.record) > 200000, 30)
        phone.say("terminate")
        phone.say("quit")  # the header of the recording is written at the end
        phone.child.wait(20 * PATIENCE)
        rate, samples = read_wav(phone.record)
        assert tone_share(samples[-rate * 2:], rate, 440) > 0.8, "own tone does not come back"
        d.stop()
    return case


run_tap([("linphone, MD5", echo("MD5")), ("linphone, SHA-256", echo("SHA-256"))])
