#!/bin/sh
# Put the test CA Pebble from Debian into a directory: DEST/pebble, with DEST/VERSION beside it.
# The newest of sid, trixie and bookworm that runs here is taken: 2.10 (sid) knows ARI and profiles, 2.6 ARI, 2.4 neither.
# apt fetches and checks the signatures, with a private state directory: the machine's own apt sources stay as they are.
set -eu

[ $# = 1 ] || { echo "usage: $0 DEST" >&2; exit 2; }
mkdir -p "$1"
dest=$(cd "$1" && pwd)

# The dynamic loader refuses a program that was built for a newer C library. 2.4 has no -version.
runs() { [ -x "$1" ] && "$1" -h >/dev/null 2>&1; }

if runs "$dest/pebble" && [ -s "$dest/VERSION" ]; then
	echo "Pebble is already there: $(cat "$dest/VERSION")"
	exit 0
fi

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keyring" ] || { echo "$0: $keyring is missing (package debian-archive-keyring)" >&2; exit 1; }

# The mirror that this machine uses for Debian itself, security updates apart.
# apt fills the words in, not the shell.
# shellcheck disable=SC2016
mirror=$(apt-get indextargets --format '$(ORIGIN)/$(LABEL) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
	sed -n 's|^Debian/Debian ||p' | head -n 1)
mirror=${mirror:-http://deb.debian.org/debian/}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# apt's own unprivileged user has to reach the place.
chmod 0755 "$work"

private_apt() {
	apt-get -q \
		-o Dir::State="$work/state" -o Dir::Cache="$work/cache" \
		-o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
		-o Dir::State::status="$work/status" -o Acquire::Languages=none \
		-o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o Acquire::Retries=2 \
		-o Acquire::AllowInsecureRepositories=false -o APT::Get::AllowUnauthenticated=false \
		-o APT::Sandbox::User="$(id -un)" "$@"
}

# fetch SUITE: leaves the unpacked package in $work/SUITE, or fails.
fetch() {
	rm -rf "$work/state" "$work/cache"
	mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/$1"
	: >"$work/status"
	echo "deb [signed-by=$keyring] $mirror $1 main" >"$work/sources.list"
	private_apt update && (cd "$work/$1" && private_apt download pebble) || return 1
	# The newest of what a suite may hold more than once is the last in this order.
	package=$(find "$work/$1" -name 'pebble_*.deb' | sort | tail -n 1)
	[ -n "$package" ] && dpkg-deb -x "$package" "$work/$1/x"
}

for suite in sid trixie bookworm; do
	echo "Fetching Pebble from Debian $suite ($mirror)"
	if ! fetch "$suite"; then
		echo "Debian $suite did not give it." >&2
		continue
	fi
	binary=$work/$suite/x/usr/bin/pebble
	if ! runs "$binary"; then
		echo "Pebble of Debian $suite does not run here:" >&2
		ldd "$binary" >&2 || true
		continue
	fi
	version=$(dpkg-deb -f "$package" Version)
	# A half-copied program must never look like a whole one.
	cp "$binary" "$dest/.pebble.new"
	chmod 0755 "$dest/.pebble.new"
	mv "$dest/.pebble.new" "$dest/pebble"
	echo "$version (Debian $suite)" >"$dest/VERSION"
	echo "Pebble in use: $version (Debian $suite)"
	exit 0
done

echo "$0: no Pebble from Debian runs here. Is $mirror within reach?" >&2
exit 1
