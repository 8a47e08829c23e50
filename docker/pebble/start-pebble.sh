#!/bin/sh
# Makes a root and a certificate for the CA's own API, leaves the root where the console reads it, and starts Pebble.
set -eu
mkdir -p /ca-private
cd /ca-private
if [ ! -s server.pem ]; then
	openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=Demo CA: its API' -keyout root.key -out root.pem
	openssl req -newkey rsa:2048 -nodes -subj /CN=pebble -keyout server.key -out server.csr
	printf 'subjectAltName=DNS:pebble,IP:172.31.53.3\nextendedKeyUsage=serverAuth\n' >server.ext
	openssl x509 -req -in server.csr -CA root.pem -CAkey root.key -CAcreateserial -days 30 -extfile server.ext -out server.pem
	cp root.pem /ca/root.pem
	chmod 0644 /ca/root.pem
fi
export PEBBLE_VA_NOSLEEP=1
exec /opt/pebble/pebble -strict -config /etc/rampart-pebble/pebble.json -dnsserver 172.31.53.2:53
