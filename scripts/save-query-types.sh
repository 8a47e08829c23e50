#!/bin/sh
# Save the types of the store's queries in .sqlx, so that building needs no database. Run after changing a
# migration or a query of src/store; needs sqlite3.
set -eu
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for migration in migrations/*.up.sql; do
	sqlite3 "$scratch/store.db" <"$migration"
done
rm -rf .sqlx
mkdir .sqlx
# The queries are only looked at when their files are compiled anew.
touch src/lib.rs
DATABASE_URL="sqlite:$scratch/store.db" SQLX_OFFLINE=false SQLX_OFFLINE_DIR="$PWD/.sqlx" cargo check --quiet --lib
echo "$(find .sqlx -name '*.json' | wc -l) queries saved in .sqlx"
