#!/bin/sh
# 500 sign-ins a second for 120 s beside an operator who is signed in (storm.py): page times, answers, memory. Needs a
# build and python3; PROGRAM names another program than the release build's.
#
#   benches/storm.sh [SECONDS] [SIGN_INS_A_SECOND] [SOURCES]
set -eu
cd "$(dirname "$0")/.."
program=${PROGRAM:-target/release/rampart}
work=$(mktemp -d)
demo=
finish() {
	[ -z "$demo" ] || kill "$demo" 2>/dev/null || true
	[ -z "$demo" ] || wait "$demo" 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT

"$program" demo --port 8767 >"$work/out" 2>"$work/err" &
demo=$!
until grep -q 'is removed on Ctrl-C' "$work/out" 2>/dev/null; do
	kill -0 "$demo" || { cat "$work/err"; exit 1; }
	sleep 0.1
done
password=$(awk '/Password/ {print $2}' "$work/out")
directory=$(awk '/Everything lies in/ {print $4}' "$work/out")
pid=$(pgrep -n -f "$directory/bin/rampart serve")
echo "$program, quiet: $(awk '/^VmRSS/ {printf "%.0f MiB", $2 / 1024}' "/proc/$pid/status") resident"
python3 benches/storm.py https://localhost:8767 demo "$password" "$pid" "${1:-120}" "${2:-500}" "${3:-100}"
