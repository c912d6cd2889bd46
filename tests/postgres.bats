#!/usr/bin/env bats

# A PostgreSQL project; staging is another database on a server of DDEV's.

setup_file() {
  load ddev.bash
  set_names postgres
  export STAGING=$NAME-staging SITE_NAME=$NAME-site
  start_project "$STAGING" --database=postgres:17
  ddev psql -q -v ON_ERROR_STOP=1 <"$DIR/tests/data/shop-postgres.sql"
  start_s3
  start_project "$SITE_NAME" --database=postgres:17
  ddev add-on get "$DIR" >/dev/null
  use_bucket "DUMP_SOURCE=postgres://db@ddev-$STAGING-db:5432/db"
  ddev dotenv set .ddev/.env.dump --dump-source-password=db >/dev/null
  SITE=$(pwd)
  export SITE
  ddev restart -y >/dev/null 2>&1
}

teardown_file() {
  load ddev.bash
  delete_project "$SITE_NAME"
  delete_project "$STAGING"
  docker rm --force "$S3" >/dev/null
}

setup() {
  load ddev.bash
  load_libraries
  cd "$SITE" || return
}

# dump_of PROJECT: what pg_dump says of a project's database.
dump_of() {
  docker exec --env PGPASSWORD=db "ddev-$1-db" pg_dump --username=db --host=127.0.0.1 db | grep -v '^\\\(un\)\?restrict '
}

@test "refresh and pull: both databases are equal" {
  run ddev refresh-dump
  assert_success
  run ddev pull-latest-dump
  assert_success
  assert_line --regexp "^replaced db with $SITE_NAME/$SITE_NAME-"
  run diff <(dump_of "$SITE_NAME") <(dump_of "$STAGING")
  assert_success
}

@test "undo, and nothing to do" {
  ddev psql -q -c 'CREATE TABLE mine (id int)'
  ddev pull-latest-dump
  run ddev pull-latest-dump --if-newer
  assert_success
  assert_output --partial "nothing to do"
  run ddev pull-latest-dump --undo
  assert_success
  run ddev psql -A -t -c "SELECT count(*) FROM pg_tables WHERE tablename = 'mine'"
  assert_output 1
}

@test "a dump of MariaDB is refused before it is fetched" {
  printf -- '-- MariaDB dump 10.19\nCREATE TABLE a (id int) ENGINE=InnoDB;\n-- Dump completed\n' >"$BATS_TEST_TMPDIR/maria.sql"
  s3 PUT "/dumps/$SITE_NAME/maria.sql" --data-binary @"$BATS_TEST_TMPDIR/maria.sql"
  run ddev pull-latest-dump --key=maria.sql
  assert_failure
  assert_line "error: maria.sql is a MySQL dump, the local database is PostgreSQL"
  refute_line --partial fetching
}
