#!/bin/sh
# The Passwords page of 12 tenants beside that of 10,000, each tenant with two overrides: p50 and p99 of one visitor, in
# one run, as a ratio. Twice: with a quiet database, and with one where somebody commits twenty times a second, so that no
# answer can be remembered. Needs a release build (make bench), or another program in PROGRAM.
#
#   benches/policy.sh [REQUESTS]
set -eu
cd "$(dirname "$0")/.."
requests=${1:-400}
program=${PROGRAM:-target/release/rampart}
work=$(mktemp -d)
demo=
writer=
finish() {
	for one in $writer $demo; do kill "$one" 2>/dev/null || true; done
	[ -z "$demo" ] || wait "$demo" 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT

# p50 and p99 of the page in ms, of one visitor over one connection.
percentiles() {
	config=$work/requests
	: >"$config"
	for _ in $(seq "$requests"); do
		printf 'url = "%s"\noutput = "/dev/null"\n' "$address/passwords" >>"$config"
	done
	curl -sk -H "Cookie: $cookie" -w '%{http_code} %{time_total}\n' -K "$config" | sort -k2 -n | awk '
		$1 != 200 {bad++} {time[NR] = $2 * 1000}
		END {if (bad) {print "not all were 200" > "/dev/stderr"; exit 1}
			printf "%.1f %.1f", time[int(NR * 0.5)], time[int(NR * 0.99)]}'
}

sql() { setpriv --reuid postgres --regid postgres --clear-groups psql -q -v ON_ERROR_STOP=1 -h "$socket" -p "$port" fusionpbx "$@"; }

for tenants in 12 10000; do
	"$program" demo --port 8767 --tenants "$tenants" >"$work/out" 2>"$work/err" &
	demo=$!
	until grep -q Password "$work/out" 2>/dev/null; do
		kill -0 "$demo" || { cat "$work/err"; exit 1; }
		sleep 0.1
	done
	address=https://localhost:8767
	password=$(awk '/Password/ {print $2}' "$work/out")
	directory=$(awk '/Everything lies in/ {print $4}' "$work/out")
	socket=$directory/postgresql/socket
	port=$(find "$socket" -name '.s.PGSQL.*' ! -name '*.lock' | sed 's/.*\.//')
	sql -c "
		INSERT INTO v_domain_settings (domain_setting_uuid, domain_uuid, domain_setting_category, domain_setting_subcategory,
			domain_setting_name, domain_setting_value, domain_setting_enabled)
		SELECT gen_random_uuid(), domain_uuid, category, 'password_length', 'numeric',
			CASE WHEN row_number() OVER (ORDER BY domain_name) % 10 = 0 THEN '8' ELSE '24' END, true
		FROM v_domains CROSS JOIN unnest(ARRAY['users', 'extension']) AS category;
		CREATE TABLE bench (n int);" -c 'ANALYZE'
	rm -f "$work/jar"
	csrf=$(curl -sk -c "$work/jar" "$address/api/session" | sed 's/.*"csrf":"\([^"]*\)".*/\1/')
	curl -sk -b "$work/jar" -c "$work/jar" -o /dev/null -H "Origin: $address" \
		--data-urlencode "csrf=$csrf" -d name=demo --data-urlencode "password=$password" "$address/sign-in"
	cookie=$(awk '$6 == "__Host-rampart" {print $6 "=" $7}' "$work/jar")
	until curl -sk -H "Cookie: $cookie" "$address/api/walls" | grep -qv not-yet; do sleep 0.2; done
	sleep 10
	quiet=$(percentiles)
	(while :; do echo 'INSERT INTO bench VALUES (1);'; sleep 0.05; done | sql) 2>/dev/null &
	writer=$!
	sleep 1
	busy=$(percentiles)
	kill "$writer" 2>/dev/null || true
	writer=
	echo "$tenants tenants: quiet p50 ${quiet% *} ms, p99 ${quiet#* } ms; busy p50 ${busy% *} ms, p99 ${busy#* } ms"
	echo "$quiet $busy" >>"$work/all"
	kill "$demo"
	wait "$demo" || true
	demo=
done
awk 'NR == 1 {q = $2; b = $4} NR == 2 {printf "p99, 10,000 tenants over 12: quiet %.1f times, busy %.1f times\n", $2 / q, $4 / b}' "$work/all"
