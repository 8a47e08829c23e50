#!/bin/sh
# Puts the TSIG key where named reads it, and the zone where named may keep its journal.
set -eu
umask 077
mkdir -p /run/rampart-bind
printf 'key "rampart-demo." { algorithm hmac-sha256; secret "%s"; };\n' "$(cat /run/secrets/tsig_key)" \
	>/run/rampart-bind/key.conf
cp /etc/rampart-bind/example.test.zone /var/cache/bind/
chown -R bind:bind /run/rampart-bind /var/cache/bind
exec named -g -u bind -c /etc/rampart-bind/named.conf
