#!/bin/sh
# Figures for the audit of credentials: seconds and resident memory for N extensions, beside a plain PHP scan of the same
# table in the same run, as ratios. Needs a release build (cargo build --release), PostgreSQL 15, php-cli and php-pgsql;
# PostgreSQL runs in a scratch directory and goes away with it.
#
#   benches/credentials.sh [EXTENSIONS] [TENANTS]
set -eu
cd "$(dirname "$0")/.."
count=${1:-1000000}
tenants=${2:-1000}
program=$PWD/target/release/rampart
postgres=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
work=$(mktemp -d /tmp/rampart-bench-XXXXXX)
as_owner() { if [ "$(id -u)" = 0 ]; then setpriv --reuid postgres --regid postgres --clear-groups "$@"; else "$@"; fi; }
finish() {
	as_owner "$postgres/pg_ctl" -D "$work/pg" -m immediate stop >/dev/null 2>&1 || true
	rm -rf "$work"
}
trap finish EXIT

mkdir "$work/pg" "$work/socket" "$work/state"
if [ "$(id -u)" = 0 ]; then
	chown postgres "$work" "$work/pg" "$work/socket"
	chmod 711 "$work"
fi
as_owner "$postgres/initdb" -D "$work/pg" -A trust -E UTF8 --no-sync -U bench >/dev/null
as_owner "$postgres/pg_ctl" -D "$work/pg" -w -l "$work/pg/log" \
	-o "-c listen_addresses= -c unix_socket_directories=$work/socket -c fsync=off -c max_wal_size=4GB -c shared_buffers=256MB" start >/dev/null
psql() { command psql -q -h "$work/socket" -U bench "$@"; }
psql -d postgres -c 'CREATE DATABASE fusionpbx'
cp benches/credentials.sql "$work/"
psql -d fusionpbx -v ON_ERROR_STOP=1 -v n="$count" -v tenants="$tenants" -f "$work/credentials.sql"

# Seconds, the most resident MiB, the exit code and the seconds of processor of a command, without PostgreSQL's.
measure() {
	python3 - "$@" <<'PY'
import os, resource, subprocess, sys, time
start = time.time()
done = subprocess.run(sys.argv[3:], stdout=open(sys.argv[1], "w"), stderr=open(sys.argv[2], "w"))
seconds, used = time.time() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{seconds:.2f} {used.ru_maxrss // 1024} {done.returncode} {used.ru_utime + used.ru_stime:.2f}")
PY
}

coded=$(echo "$work/socket" | sed 's,/,%2F,g')
echo "$count extensions of $tenants tenants, $(nproc) processors"
export RAMPART_STATE_DIR="$work/state" RAMPART_FUSIONPBX_URL="postgres://bench@$coded/fusionpbx" RAMPART_LOG=error
# Once to warm the cache for both.
psql -d fusionpbx -c 'SELECT count(password) FROM v_extensions' >/dev/null
ours=$(measure "$work/ours" "$work/ours.err" "$program" credentials audit --format json)
php=$(measure "$work/php.out" "$work/php.err" php benches/credentials.php "pgsql:host=$work/socket;user=bench;dbname=fusionpbx" src/policy/common_passwords.txt "$work/php.json")
cat "$work/ours.err" "$work/php.err"
tail -1 "$work/ours"
echo "rampart: $(echo "$ours" | awk '{print $1 " s (" $4 " s of processor), " $2 " MiB resident, exit " $3}')"
echo "php:     $(echo "$php" | awk '{print $1 " s (" $4 " s of processor), " $2 " MiB resident, exit " $3}')"
echo "$ours $php" | awk '{
	printf "ratio:   %.2f times the time of the PHP scan (%.2f of processor), %.2f times its memory\n", $1 / $5, $4 / $8, $2 / $6}'
