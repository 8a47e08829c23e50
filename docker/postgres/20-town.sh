#!/bin/sh
# The demo's town, with the words in braces replaced as src/app/demo/town.rs does it for FusionPBX 5.5.
set -eu
sed -e 's/{tenants}/12/g' -e 's/{extensions}/50/g' -e 's/{on}/true/g' -e 's/{off}/false/g' \
	-e 's/{device_address}/device_address/g' /town/town.sql |
	psql -v ON_ERROR_STOP=1 --single-transaction -U "$POSTGRES_USER" -d "$POSTGRES_DB"
