#!/usr/bin/env bats

# Two projects run side by side. Every database server of DDEV answers to `db`, with the same password. Whatever happens to
# one project's own server, the other's is neither read nor written to.

setup_file() {
  load ddev.bash
  set_names neighbour
  export NEIGHBOUR=$NAME-other SITE_NAME=$NAME-site
  start_project "$NEIGHBOUR"
  ddev mysql -uroot -proot db -e "CREATE TABLE page (id int PRIMARY KEY, body text); INSERT INTO page VALUES (1, 'Grüße')"
  start_s3
  new_project "$SITE_NAME"
  SITE=$(pwd)
  export SITE
  ddev add-on get "$DIR" >/dev/null
  use_bucket "DUMP_SOURCE=mysql://root@ddev-$NEIGHBOUR-db:3306/db"
  ddev dotenv set .ddev/.env.dump --dump-source-password=root >/dev/null
  ddev start -y >/dev/null 2>&1
  ddev refresh-dump
  watch "$NEIGHBOUR" "$SITE_NAME"
  ddev pull-latest-dump
  # From here on, the neighbour has data that nobody else has.
  in_database "$NEIGHBOUR" "CREATE TABLE mine (id int PRIMARY KEY); INSERT INTO mine VALUES (7)"
}

teardown_file() {
  load ddev.bash
  delete_project "$SITE_NAME"
  delete_project "$NEIGHBOUR"
  docker rm --force --volumes "$S3" >/dev/null
}

setup() {
  load ddev.bash
  load_libraries
  cd "$SITE" || return
  neighbour >"$BATS_TEST_TMPDIR/neighbour"
}

# After each test the neighbour is unchanged.
teardown() {
  diff "$BATS_TEST_TMPDIR/neighbour" <(neighbour)
  nothing_else_changed
}

# neighbour: prints the neighbour's data that a pull would replace.
neighbour() {
  in_database "$NEIGHBOUR" "SHOW DATABASES; SELECT table_schema, table_name, create_time FROM information_schema.tables WHERE table_schema LIKE 'db%' ORDER BY 1, 2"
  docker exec "ddev-$NEIGHBOUR-db" mysqldump -uroot -proot --skip-dump-date --routines --events db
}

# refuses_everything ERROR HINT: every command that reads or replaces the local database fails with this error and hint.
refuses_everything() {
  local flag
  for flag in --quiet --undo --if-newer --dry-run --tables=page --target=mysql://root:root@db:3306/db; do
    run ddev pull-latest-dump "$flag"
    assert_failure
    assert_line "error: $1"
    assert_line "hint: $2"
    refute_output --regexp "replaced db|nothing to do|would replace|brought back"
  done
  run ddev dump-doctor
  assert_failure
  assert_line "failed   local database       $1"
  assert_output --partial "hint: $2"
}

# on_machine COMMAND…: runs a host command with a program on this machine and the port of the neighbour's database.
on_machine() {
  local port
  [ -x "$BATS_FILE_TMPDIR/dump-helper" ] || docker cp --quiet "ddev-$SITE_NAME-dump:/dump-helper" "$BATS_FILE_TMPDIR/dump-helper"
  port=$(docker port "ddev-$NEIGHBOUR-db" 3306/tcp)
  DUMP_HELPER=$BATS_FILE_TMPDIR/dump-helper DDEV_PROJECT_STATUS=running DDEV_APPROOT=$SITE DDEV_SITENAME=$SITE_NAME DDEV_EXECUTABLE=ddev \
    DDEV_HOST_DB_PORT=${port##*:} IS_DDEV_PROJECT=true bash .ddev/dump-refresh/run.sh "$@" "--set=DUMP_S3_ENDPOINT=http://$(docker port "$S3" 9000/tcp)"
}

@test "another container that answers to the names of this project's database is left alone" {
  local network
  docker network disconnect ddev_default "ddev-$NEIGHBOUR-db"
  for network in ddev_default "ddev-${SITE_NAME}_default"; do
    docker network connect --alias db --alias "ddev-$SITE_NAME-db" "$network" "ddev-$NEIGHBOUR-db"
  done
  for _ in 1 2 3 4; do
    run ddev pull-latest-dump
    assert_success
    assert_line --regexp "^replaced db with $SITE_NAME/"
    run ddev pull-latest-dump --undo
    assert_success
  done
  run ddev pull-latest-dump --target=mysql://root:root@db:3306/db
  assert_success
  run ddev dump-doctor
  assert_success
  run ddev dump-doctor --settings
  assert_line --regexp "^DUMP_TARGET +mysql://root:\*\*\*@ddev-$SITE_NAME-db:3306/db\?tls=off +DDEV$"
  # The same as a source.
  run ddev refresh-dump --set=DUMP_S3_PREFIX=by-db --set=DUMP_SOURCE=mysql://root@db:3306/db
  assert_success
  assert_line --regexp "^1 table, 1 row, "
}

@test "a short name that only another project's container answers to" {
  local network=ddev_default setting
  docker network disconnect "$network" "ddev-$NEIGHBOUR-db"
  docker network connect --alias store "$network" "ddev-$NEIGHBOUR-db"
  for setting in DUMP_TARGET=mysql://root:root@store:3306/db DUMP_SOURCE=mysql://root@store:3306/db DUMP_S3_ENDPOINT=http://store:9000; do
    run ddev dump-doctor --set="$setting"
    assert_failure
    assert_output --partial "${setting%%=*}: store leads to container ddev-$NEIGHBOUR-db, which is another project's"
    assert_output --partial "hint: start this project's service of that name; if you mean that container, write its full name: ddev-$NEIGHBOUR-db"
  done
  run ddev pull-latest-dump --undo --target=mysql://root:root@store:3306/db
  assert_failure
  run ddev refresh-dump --set=DUMP_SOURCE=mysql://root@store:3306/db
  assert_failure
  run ddev list-dumps --set=DUMP_S3_ENDPOINT=http://store:9000
  assert_failure
  run ddev refresh-dump --set=DUMP_S3_PREFIX=of-neighbour --set="DUMP_SOURCE=mysql://root@ddev-$NEIGHBOUR-db:3306/db"
  assert_success
}

@test "a port that another project's database has taken over" {
  run on_machine pull-latest-dump
  assert_success
  assert_line --regexp "^replaced db with $SITE_NAME/"
}

@test "a database server that was killed or paused" {
  docker pause "ddev-$SITE_NAME-db" >/dev/null
  run ddev pull-latest-dump
  docker unpause "ddev-$SITE_NAME-db" >/dev/null
  assert_failure
  assert_line "error: the database of project $SITE_NAME does not run: its container ddev-$SITE_NAME-db is paused"

  docker kill "ddev-$SITE_NAME-db" >/dev/null
  refuses_everything "the database of project $SITE_NAME does not run: its container ddev-$SITE_NAME-db is exited" \
    "start it with \`ddev restart\`; \`ddev logs -s db\` shows what happened to it"
  run ddev refresh-dump --set=DUMP_SOURCE=mysql://root@db:3306/db
  assert_failure
  assert_line "error: the database of project $SITE_NAME does not run: its container ddev-$SITE_NAME-db is exited"
  run on_machine pull-latest-dump
  assert_failure 12
  assert_line "error: the database of project $SITE_NAME does not run: its container ddev-$SITE_NAME-db is exited"
  # Without the host commands, nobody has asked Docker. Only the server itself shows that it is the wrong one.
  run docker exec --workdir "$SITE" "ddev-$SITE_NAME-dump" dump-helper pull --undo --yes
  assert_failure 9
  assert_line "error: another server answers at ddev-$SITE_NAME-db:3306: host $NEIGHBOUR-db, not host $SITE_NAME-db"
  assert_line --partial "hint: nothing was read from that server or changed on it; "
  run ddev list-dumps
  assert_success
  run ddev refresh-dump
  assert_success
}

@test "a project without a database of its own" {
  ddev config --omit-containers=db >/dev/null
  ddev restart -y >/dev/null 2>&1
  refuses_everything "project $SITE_NAME has no database of its own: omit_containers in its DDEV settings names db" \
    "remove db from omit_containers and run \`ddev restart\`, or name another database with DUMP_TARGET or --target"
  run ddev pull dump-refresh --skip-confirmation
  assert_failure
  assert_output --partial "error: project $SITE_NAME has no database of its own"
  run on_machine pull-latest-dump --undo
  assert_failure 3
  run ddev refresh-dump
  assert_success
}
