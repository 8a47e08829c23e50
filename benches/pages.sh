#!/bin/sh
# Figures for the pages: start to first page, memory, requests a second and percentiles of Walls and Passwords with a
# signed-in session, for a small and a large installation; and what an operator would run by hand instead, in the same
# run, as a ratio. Needs a release build (make bench) and wrk.
#
#   benches/pages.sh [SECONDS_PER_RUN]
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-10}
program=target/release/rampart
work=$(mktemp -d)
demo=
finish() {
	[ -z "$demo" ] || kill "$demo" 2>/dev/null || true
	[ -z "$demo" ] || wait "$demo" 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT

# Milliseconds since some moment.
now() { echo $(($(date +%s%N) / 1000000)); }

# Resident memory of the newest process of that name in the demo's directory, in KiB.
resident() { awk '/^VmRSS/ {print $2}' "/proc/$(pgrep -n -f "$1")/status"; }

# wrk's figures for one page: requests a second, p50, p99, and whether every answer was a 200.
load() {
	wrk -t"$(($2 > 1 ? 2 : 1))" -c"$2" -d"${seconds}s" --latency -H "Cookie: $cookie" "$address$1" >"$work/wrk"
	awk -v page="$1" -v c="$2" '
		/^ +50%/ {p50 = $2} /^ +99%/ {p99 = $2} /^Requests\/sec/ {rate = $2}
		/Non-2xx/ {bad = " (" $0 ")"}
		END {printf "  %-12s %2d connections  %8.0f/s   p50 %9s   p99 %9s%s\n", page, c, rate, p50, p99, bad}' "$work/wrk"
}

# How long one page takes a single visitor, in ms, the middle of 20.
single() {
	for _ in $(seq 20); do
		curl -sk -o /dev/null -w '%{time_total}\n' -H "Cookie: $cookie" "$address$1"
	done | sort -n | awk 'NR == 10 {printf "%.1f", $1 * 1000}'
}

# How long a command takes, in ms, the middle of 5.
by_hand() {
	for _ in 1 2 3 4 5; do
		start=$(now)
		sh -c "$1" >/dev/null 2>&1 || true
		echo $(($(now) - start))
	done | sort -n | sed -n 3p
}

for program_file in target/release/rampart target/release/rampart-agent; do
	echo "$program_file: $(stat -c %s "$program_file") bytes"
done
for tenants in 12 10000; do
	echo
	echo "== $tenants tenants"
	start=$(now)
	"$program" demo --port 8766 --tenants "$tenants" >"$work/out" 2>"$work/err" &
	demo=$!
	until grep -q Password "$work/out" 2>/dev/null; do
		kill -0 "$demo" || { cat "$work/err"; exit 1; }
		sleep 0.05
	done
	address=https://localhost:8766
	password=$(awk '/Password/ {print $2}' "$work/out")
	directory=$(awk '/Everything lies in/ {print $4}' "$work/out")
	rm -f "$work/jar"
	csrf=$(curl -sk -c "$work/jar" "$address/api/session" | sed 's/.*"csrf":"\([^"]*\)".*/\1/')
	curl -sk -b "$work/jar" -c "$work/jar" -o /dev/null -H "Origin: $address" \
		--data-urlencode "csrf=$csrf" -d name=demo --data-urlencode "password=$password" "$address/sign-in"
	cookie=$(awk '$6 == "__Host-rampart" {print $6 "=" $7}' "$work/jar")
	curl -sk -o /dev/null -H "Cookie: $cookie" "$address/"
	echo "  world and first page      $(($(now) - start)) ms"
	# Figures are of a console that has looked at everything.
	until curl -sk -H "Cookie: $cookie" "$address/api/walls" | grep -qv not-yet; do sleep 0.2; done
	sleep 20
	echo "  resident, idle            console $(resident "$directory/bin/rampart serve") KiB, agent $(resident "rampart-agent serve --config $directory") KiB"
	load / 16
	load /passwords 16
	load / 1
	load /passwords 1
	echo "  resident, after the load  console $(resident "$directory/bin/rampart serve") KiB"
	walls=$(single /)
	passwords=$(single /passwords)
	socket=$directory/postgresql/socket
	port=$(find "$socket" -name '.s.PGSQL.*' ! -name '*.lock' | sed 's/.*\.//')
	sql="SELECT * FROM v_default_settings WHERE default_setting_subcategory LIKE 'password%'"
	sql="$sql; SELECT d.domain_name, s.* FROM v_domain_settings s JOIN v_domains d USING (domain_uuid) WHERE domain_setting_subcategory LIKE 'password%'"
	policy=$(by_hand "setpriv --reuid postgres --regid postgres --clear-groups psql -h '$socket' -p '$port' fusionpbx -c \"$sql\"")
	host=$(by_hand "mkdir -p /run/sshd; sshd -T; apt-get -s -o Debug::NoLocking=1 upgrade")
	echo "  one visitor: Walls $walls ms; by hand (sshd -T, apt-get -s upgrade) $host ms: $(awk "BEGIN {printf \"%.0f\", $host / $walls}") times as long"
	echo "  one visitor: Passwords $passwords ms; by hand (psql, two queries) $policy ms: $(awk "BEGIN {printf \"%.1f\", $policy / $passwords}") times as long"
	kill "$demo"
	wait "$demo" || true
	demo=
done
