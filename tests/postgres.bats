#!/usr/bin/env bats

# A PostgreSQL project. Staging is another database on one of DDEV's servers.

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
  watch "$SITE_NAME" "$STAGING"
}

teardown_file() {
  load ddev.bash
  delete_project "$SITE_NAME"
  delete_project "$STAGING"
  docker rm --force --volumes "$S3" >/dev/null
}

setup() {
  load ddev.bash
  load_libraries
  cd "$SITE" || return
}

teardown() {
  nothing_else_changed
}

# dump_of PROJECT: prints a project's database with pg_dump, but for the order of rows.
dump_of() {
  docker exec --env PGPASSWORD=db "ddev-$1-db" pg_dump --username=db --host=127.0.0.1 db | grep -v '^\\\(un\)\?restrict ' | LC_ALL=C sort
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
  s3 DELETE "/dumps/$SITE_NAME/maria.sql"
}

@test "another project's server is left alone when the project's own no longer answers" {
  local before flag
  docker network disconnect ddev_default "ddev-$STAGING-db"
  docker network connect --alias db --alias "ddev-$SITE_NAME-db" ddev_default "ddev-$STAGING-db"
  run ddev pull-latest-dump
  assert_success
  docker exec --env PGPASSWORD=db "ddev-$STAGING-db" psql --username=db --host=127.0.0.1 -q -c 'CREATE TABLE mine (id int)' db
  before=$(dump_of "$STAGING")
  docker kill "ddev-$SITE_NAME-db" >/dev/null
  for flag in --quiet --undo --if-newer; do
    run ddev pull-latest-dump "$flag"
    assert_failure
    assert_line "error: the database of project $SITE_NAME does not run: its container ddev-$SITE_NAME-db is exited"
  done
  # Without the host commands, nobody has asked Docker. Only the server itself shows that it is the wrong one.
  run docker exec --workdir "$SITE" "ddev-$SITE_NAME-dump" dump-helper pull --undo --yes
  assert_failure 9
  assert_line "error: another server answers at ddev-$SITE_NAME-db:5432: host $STAGING-db, not host $SITE_NAME-db"
  assert_equal "$(dump_of "$STAGING")" "$before"
}
