#!/bin/sh
# How long it takes to say who reaches what: every place that packets come from, IPv4 and IPv6, TCP and UDP, all ports.
# Goals: FusionPBX's rules 50 ms; 10,000 rules with 1,000 sets of 100 entries 1 s and 200 MiB. Needs python3.
# Beside it stands what a person would run instead: reading the rules.
set -eu
program=${RAMPART:-target/release/rampart}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 - "$work" <<'PYTHON'
import os, random, sys

random.seed(4)
work = sys.argv[1]
HOST = """[{"ifname":"lo","flags":["LOOPBACK"],"link_type":"loopback","addr_info":[{"local":"127.0.0.1","prefixlen":8},{"local":"::1","prefixlen":128}]},
{"ifname":"eth0","link_type":"ether","addr_info":[{"local":"192.0.2.1","prefixlen":24},{"local":"2001:db8::1","prefixlen":64}]},
{"ifname":"wg0","link_type":"none","addr_info":[{"local":"10.8.0.1","prefixlen":24},{"local":"fd08::1","prefixlen":64}]}]"""
ROUTES = ("default via 192.0.2.254 dev eth0\n192.0.2.0/24 dev eth0\n10.8.0.0/24 dev wg0\n# v6\n"
          "default via fe80::1 dev eth0\n2001:db8::/64 dev eth0\nfd08::/64 dev wg0\n")
HEAD = ("*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\n"
        "-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT\n")
SCANNERS = ["friendly-scanner", "sipcli/", "VaxSIPUserAgent/", "pplsip", "system ", "exec.", "multipart/mixed;boundary"]


def write(name, files):
    folder = os.path.join(work, name)
    os.mkdir(folder)
    for file, text in {"ip-addr.json": HOST, "ip-route.txt": ROUTES, **files}.items():
        with open(os.path.join(folder, file), "w") as out:
            out.write(text)


rules = HEAD
for scanner in SCANNERS:
    for protocol in ("udp", "tcp"):
        rules += f'-A INPUT -p {protocol} -m {protocol} --dport 5060:5091 -m string --string "{scanner}" --algo bm --icase -j DROP\n'
for protocol, ports in [("tcp", "22"), ("tcp", "80"), ("tcp", "443"), ("tcp", "7443"), ("tcp", "5060:5091"),
                        ("udp", "5060:5091"), ("udp", "16384:32768"), ("udp", "1194")]:
    rules += f"-A INPUT -p {protocol} -m {protocol} --dport {ports} -j ACCEPT\n"
write("fusionpbx", {"iptables-save.legacy.txt": rules + "COMMIT\n", "ip6tables-save.legacy.txt": rules + "COMMIT\n"})


def address():
    return ".".join(str(random.randint(1, 223 if at == 0 else 254)) for at in range(4))


sets = ""
for number in range(1000):
    sets += f"create s{number} hash:ip family inet hashsize 1024 maxelem 65536\n"
    sets += "".join(f"add s{number} {address()}\n" for _ in range(100))
rules = HEAD
for number in range(10_000):
    kind = random.random()
    port = random.randint(1, 60_000)
    if number < 1000:
        rules += f"-A INPUT -p tcp -m tcp --dport {port} -m set --match-set s{number} src -j ACCEPT\n"
    elif kind < 0.5:
        rules += f"-A INPUT -s {address()}/32 -j DROP\n"
    elif kind < 0.75:
        rules += f"-A INPUT -s {address()}/{random.randint(16, 28)} -p tcp -m tcp --dport {port} -j ACCEPT\n"
    elif kind < 0.98:
        rules += f"-A INPUT -s {address()}/{random.randint(16, 24)} -p udp -m udp --dport {port // 2}:{port} -j ACCEPT\n"
    else:
        rules += f"-A INPUT -p tcp -m set ! --match-set s{random.randint(0, 999)} src -m tcp --dport {port} -j DROP\n"
write("large", {"iptables-save.legacy.txt": rules + "COMMIT\n", "ipset-save.txt": sets})
PYTHON

for name in fusionpbx large; do
	python3 - "$program" "$work/$name" "$name" <<'PYTHON'
import resource, subprocess, sys, time

program, folder, name = sys.argv[1:]
took = []
for _ in range(5):
    start = time.monotonic()
    subprocess.run([program, "firewall", "matrix", "--state", folder], check=True, stdout=subprocess.DEVNULL)
    took.append(time.monotonic() - start)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(f"{name}: best {min(took) * 1000:.0f} ms, worst {max(took) * 1000:.0f} ms of 5, the program's start included; peak {peak:.0f} MiB")
PYTHON
done
