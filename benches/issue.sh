#!/bin/sh
# 50 orders of a wildcard plus its base (ECDSA, 16 at once) against a private BIND and Pebble: Rampart, and a bare loop over
# instant-acme with TCP_NODELAY and short polls, three rounds in one run; then 50 orders whose records show after 5 s. Needs
# bind9 and Pebble (scripts/fetch-pebble.sh target/tools). Ratios count within one run only; the load stands at the top.
set -eu
cd "$(dirname "$0")/.."
export RAMPART_PEBBLE="${RAMPART_PEBBLE:-$PWD/target/tools/pebble}"
echo "load: $(cut -d' ' -f1-3 /proc/loadavg)"
exec cargo test --locked --test it -- --ignored --nocapture --test-threads 1 bench_issue
