#!/bin/sh
# A self-signed certificate to begin with, as FusionPBX's installer leaves one; then nginx. Certificate and pid file lie where the
# agent's container sees them too.
set -eu
[ -s /run/nginx/first.crt ] || openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=fusionpbx \
	-keyout /run/nginx/first.key -out /run/nginx/first.crt
exec nginx -g 'daemon off;'
