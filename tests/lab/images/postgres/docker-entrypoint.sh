#!/usr/bin/env bash
# Creates the database cluster at the first start, as the official image does.
set -eu -o pipefail

if [ "${1:-}" = postgres ] || [ "${1#-}" != "$1" ]; then
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --username="${POSTGRES_USER:-postgres}" --pwfile=<(echo "${POSTGRES_PASSWORD:-}") --auth-host=md5 >/dev/null
    pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start >/dev/null
    if [ "${POSTGRES_DB:-postgres}" != postgres ]; then
      createdb --host=/var/run/postgresql --username="${POSTGRES_USER:-postgres}" "$POSTGRES_DB"
    fi
    pg_ctl -D "$PGDATA" -m fast -w stop >/dev/null
  fi
  [ "${1#-}" = "$1" ] && shift
  exec postgres "$@"
fi
exec "$@"
