#!/bin/sh
# Install from Debian what the demo ("demo") or the tests ("test") need.
# Shows the list first and asks; YES=1 skips the question. No installed service is started, and PostgreSQL
# makes no default cluster: Rampart only ever runs private instances of these programs.
set -eu

demo="postgresql postgresql-client nginx-light bind9 openssh-server ca-certificates gcc make util-linux"
test="$demo chromium chromium-driver fail2ban iproute2 ipset iptables nftables python3 shellcheck strace"

case "${1:-}" in
demo) wanted=$demo ;;
test) wanted=$test ;;
*) echo "usage: $0 demo|test" >&2; exit 2 ;;
esac

missing=
for package in $wanted; do
	# nginx in any of Debian's flavours will do.
	[ "$package" = nginx-light ] && [ -x /usr/sbin/nginx ] && continue
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$status" = installed ] || missing="$missing $package"
done
if [ -z "$missing" ]; then
	echo "Everything needed from Debian is installed."
	exit 0
fi

echo "To be installed from Debian:$missing"
if [ "${YES:-0}" != 1 ]; then
	printf 'Install these now? [y/N] '
	read -r answer || answer=
	case "$answer" in y | Y | yes) ;; *) echo "Nothing was installed." >&2; exit 1 ;; esac
fi

as_root=
[ "$(id -u)" = 0 ] || as_root=sudo

# Debian asks policy-rc.d before a package may start its service: 101 is "no". Only a file that we made is
# removed again, and it is removed whatever happens.
policy=/usr/sbin/policy-rc.d
made_policy=
restore() { [ -z "$made_policy" ] || $as_root rm -f "$policy"; }
trap restore EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
	made_policy=1
	$as_root chmod 0755 "$policy"
fi
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
	$as_root mkdir -p /etc/postgresql-common/createcluster.d
	echo 'create_main_cluster = false' | $as_root tee /etc/postgresql-common/createcluster.d/rampart.conf >/dev/null
fi

# One source of packages that cannot be reached must not stop the others.
$as_root apt-get update -q || echo "Some package lists could not be refreshed; going on with what is there." >&2
# The list is words on purpose.
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
