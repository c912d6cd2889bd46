#!/usr/bin/env bats

# A MariaDB project. Staging is another project's database, and the dumps are on an S3 server beside them.

setup_file() {
  load ddev.bash
  set_names shop
  export STAGING=$NAME-staging SHOP=$NAME-site OTHER=$NAME-blog
  start_project "$STAGING"
  make_shop
  in_database "$STAGING" "CREATE USER reader IDENTIFIED BY 'staging-secret'; GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES ON db.* TO reader;
    GRANT SELECT ON mysql.proc TO reader"
  start_s3
  start_project "$SHOP"
  ddev add-on get "$DIR" >/dev/null
  use_bucket "DUMP_SOURCE=mysql://reader@ddev-$STAGING-db:3306/db"
  ddev dotenv set .ddev/.env.dump --dump-source-password=staging-secret >/dev/null
  SITE=$(pwd)
  export SITE
  ddev restart -y >/dev/null 2>&1
  ddev refresh-dump
  watch "$SHOP" "$STAGING"
  ddev pull-latest-dump
}

teardown_file() {
  load ddev.bash
  delete_project "$SHOP"
  delete_project "$OTHER"
  delete_project "$STAGING"
  docker rm --force --volumes "$S3" >/dev/null
}

setup() {
  load ddev.bash
  load_libraries
  cd "$SITE" || return
  rm -f .ddev/config.hooks.yaml
}

teardown() {
  nothing_else_changed
}

# log_hooks: adds hooks that log when they ran and what the database contained then.
log_hooks() {
  rm -f "$SITE/hooks.log"
  cat >.ddev/config.hooks.yaml <<'END'
hooks:
  pre-import-db:
    - exec-host: echo "pre $(ddev mysql -N -e "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'db'")" >>hooks.log
  post-import-db:
    - exec-host: echo "post $(ddev mysql -N -e "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'db'")" >>hooks.log
    - exec: touch "/var/www/html/hook ran in $(hostname)"
END
}

@test "refresh, list, pull: both databases are equal" {
  run ddev refresh-dump
  assert_success
  assert_line --regexp "^nothing to do, staging has not changed since $SHOP/$SHOP-"
  run ddev refresh-dump --force
  assert_success
  assert_line --regexp "^published $SHOP/$SHOP-[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}\.sql\.zst$"
  assert_line --regexp '^[0-9]+ tables, [0-9,]+ rows, .* of SQL in '
  local key
  key=$(grep -o "$SHOP/.*" <<<"$output" | head -n 1)

  run ddev list-dumps
  assert_success
  assert_line --regexp "^[0-9.]+s +[0-9.]+ [kM]B +mariadb 11\.8\.[0-9]+ +[^ ]+ +$key$"

  run ddev pull-latest-dump
  assert_success
  assert_line "replaced db with $key"
  assert_equal "$(checksums "$SHOP")" "$(checksums "$STAGING")"
  assert_equal "$(in_database "$SHOP" 'SELECT COUNT(*) FROM dear')" "$(in_database "$STAGING" 'SELECT COUNT(*) FROM dear')"
  assert_equal "$(in_database "$SHOP" 'SHOW CREATE TRIGGER order_audit' | cut -f 3)" "$(in_database "$STAGING" 'SHOW CREATE TRIGGER order_audit' | cut -f 3)"

  run ddev describe
  assert_success
  assert_output --partial "newest dump: ${key##*/}"
}

@test "undo brings the earlier database back, and again" {
  ddev mysql -e "CREATE TABLE mine (id int)"
  ddev pull-latest-dump
  run in_database "$SHOP" "SHOW TABLES LIKE 'mine'"
  assert_output ""
  run ddev pull-latest-dump --undo
  assert_success
  assert_output "brought back the earlier database db; undo again to take that back"
  run in_database "$SHOP" "SHOW TABLES LIKE 'mine'"
  assert_output mine
  ddev pull-latest-dump --undo
  run in_database "$SHOP" "SHOW TABLES LIKE 'mine'"
  assert_output ""
}

@test "on a terminal there is a progress bar, elsewhere there are plain lines" {
  run on_terminal ddev pull-latest-dump
  assert_success
  assert_output --partial $'\r'
  assert_output --regexp 'loading into db .*%'
  run ddev pull-latest-dump
  assert_success
  refute_output --partial $'\r'
  assert_line "loading into db"
}

@test "from a subfolder, with standard input closed, piped and empty" {
  cd web/themes
  run ddev pull-latest-dump </dev/null
  assert_success
  run ddev pull-latest-dump <&-
  assert_success
  run bash -c 'yes | ddev pull-latest-dump'
  assert_success
  run ddev list-dumps --json
  assert_success
  run jq -r '.dumps | length > 0' <<<"$output"
  assert_output true
}

@test "a stopped project is started first, and standard output is only the result" {
  ddev stop
  cd web
  run bash -c 'ddev list-dumps --json 2>/dev/null | jq -r .bucket'
  assert_success
  assert_output "s3://dumps/$SHOP/"
  ddev stop
  run ddev pull-latest-dump </dev/null
  assert_success
  assert_line --regexp '^replaced db with '
  refute_output --partial .env.dump-newest # DDEV tells of files that it does not know
  assert_equal "$(checksums "$SHOP")" "$(checksums "$STAGING")"
}

@test "hooks run once, the one after the import after the swap, and only after a success" {
  in_database "$SHOP" "DROP TABLE IF EXISTS orders"
  log_hooks
  run ddev pull-latest-dump
  assert_success
  assert_equal "$(grep -c pre hooks.log)" 1
  assert_equal "$(grep -c post hooks.log)" 1
  assert_equal "$(sed -n 's/^pre //p' hooks.log)" 4
  assert_equal "$(sed -n 's/^post //p' hooks.log)" 5
  assert_file_exists "hook ran in $SHOP-web"

  log_hooks
  AWS_SECRET_ACCESS_KEY=wrong run ddev pull-latest-dump
  assert_failure
  assert_file_not_exists hooks.log

  log_hooks
  run ddev pull-latest-dump --skip-hooks
  assert_success
  assert_file_not_exists hooks.log

  log_hooks
  run ddev pull-latest-dump --if-newer
  assert_success
  assert_output --partial "nothing to do"
  assert_file_not_exists hooks.log
}

@test "ddev pull dump-refresh does the same, hooks once" {
  in_database "$SHOP" "DROP TABLE IF EXISTS orders"
  log_hooks
  run ddev pull dump-refresh --skip-confirmation
  assert_success
  assert_equal "$(checksums "$SHOP")" "$(checksums "$STAGING")"
  assert_equal "$(grep -c pre hooks.log)" 1
  assert_equal "$(grep -c post hooks.log)" 1
}

@test "wrong credentials give one error and one hint" {
  AWS_SECRET_ACCESS_KEY=wrong run ddev pull-latest-dump
  assert_failure
  assert_line --partial "error: "
  assert_line "hint: check AWS_SECRET_ACCESS_KEY; it belongs to AWS_ACCESS_KEY_ID"
  refute_output --partial wrong
  refute_output --partial docker
}

@test "a dump that cannot be loaded leaves the local database as it was" {
  local before
  before=$(checksums "$SHOP")
  printf 'CREATE TABLE a (id int);\nINSERT INTO a VALUES (1);\nINSERT INTO nowhere VALUES (1);\n-- Dump completed on 2026-11-22\n' >"$BATS_TEST_TMPDIR/bad.sql"
  s3 PUT "/dumps/$SHOP/bad.sql" --data-binary @"$BATS_TEST_TMPDIR/bad.sql"
  log_hooks
  run ddev pull-latest-dump --key=bad.sql
  assert_failure
  assert_output --partial "error: load bad.sql: the dump has rows of table nowhere, which it does not create"
  assert_line --partial "hint: the local database is as it was"
  assert_equal "$(checksums "$SHOP")" "$before"
  run cat hooks.log
  refute_output --partial post
  s3 DELETE "/dumps/$SHOP/bad.sql"
}

@test "a dump made by mysqldump and gzip is pulled too" {
  docker exec "ddev-$STAGING-db" bash -c 'mysqldump -uroot -proot db | gzip' >"$BATS_TEST_TMPDIR/plain.sql.gz"
  s3 PUT "/dumps/$SHOP/plain.sql.gz" --data-binary @"$BATS_TEST_TMPDIR/plain.sql.gz"
  run ddev pull-latest-dump --key=plain.sql.gz
  assert_success
  assert_line "replaced db with $SHOP/plain.sql.gz"
  assert_equal "$(checksums "$SHOP")" "$(checksums "$STAGING")"
  s3 DELETE "/dumps/$SHOP/plain.sql.gz"
}

@test "a dump of PostgreSQL is refused before it is fetched" {
  printf -- '--\n-- PostgreSQL database dump\n--\nSET statement_timeout = 0;\nCOPY public.a (id) FROM stdin;\n1\n\\.\n-- PostgreSQL database dump complete\n' >"$BATS_TEST_TMPDIR/pg.sql"
  s3 PUT "/dumps/$SHOP/pg.sql" --data-binary @"$BATS_TEST_TMPDIR/pg.sql"
  run ddev pull-latest-dump --key=pg.sql
  assert_failure
  assert_line "error: pg.sql is a PostgreSQL dump, the local database is MySQL"
  refute_line --partial fetching
  s3 DELETE "/dumps/$SHOP/pg.sql"
}

@test "every flag that is documented reaches the helper" {
  local recorder=$BATS_TEST_TMPDIR/recorder command flags
  printf '#!/usr/bin/env bash\nprintf "%%s\\n" "$@" >%q\n' "$BATS_TEST_TMPDIR/arguments" >"$recorder"
  chmod +x "$recorder"
  for command in pull-latest-dump refresh-dump list-dumps dump-doctor dump-scan; do
    sed -n 's/^## Flags: //p' ".ddev/commands/host/$command" |
      jq -r '.[] | "--" + .Name + if .Type == "string" then "=a b" else "" end' >"$BATS_TEST_TMPDIR/flags"
    mapfile -t flags <"$BATS_TEST_TMPDIR/flags"
    [ "${#flags[@]}" -gt 0 ]
    DUMP_HELPER=$recorder run ddev "$command" "${flags[@]}"
    assert_success
    run grep --fixed-strings --line-regexp --file="$BATS_TEST_TMPDIR/flags" --count "$BATS_TEST_TMPDIR/arguments"
    assert [ "$output" -ge "${#flags[@]}" ]
    run ddev help "$command"
    assert_success
    assert_output --partial "--json"
  done
  run ddev help pull-latest-dump
  assert_line --partial "Replace the local database with the newest dump of staging"
  assert_line "  ddev pull-latest-dump --max-age=12h"
  run ddev __complete pull-latest-dump --m
  assert_line --partial "--max-age"
}

@test "DUMP_HELPER runs a program of this machine, which reaches the project's database" {
  local endpoint
  docker cp "ddev-$SHOP-dump:/dump-helper" "$BATS_TEST_TMPDIR/dump-helper"
  endpoint="--set=DUMP_S3_ENDPOINT=http://$(docker port "$S3" 9000/tcp)"
  in_database "$SHOP" "DROP TABLE IF EXISTS orders"
  export DUMP_HELPER=$BATS_TEST_TMPDIR/dump-helper
  run ddev pull-latest-dump "$endpoint"
  assert_success
  assert_line --regexp '^replaced db with '
  assert_equal "$(checksums "$SHOP")" "$(checksums "$STAGING")"
  run ddev dump-doctor --settings "$endpoint"
  assert_success
  assert_line --regexp '^DUMP_TARGET +mysql://root:\*\*\*@127\.0\.0\.1:[0-9]+/db\?tls=off +DDEV$'
  ddev stop
  run ddev pull-latest-dump "$endpoint" </dev/null
  assert_success
  assert_line --regexp '^replaced db with '
}

@test "a flag that does not exist is refused" {
  run ddev pull-latest-dump --newest
  assert_failure
  assert_line "Error: unknown flag: --newest"
}

@test "two projects at once" {
  local first
  start_project "$OTHER"
  ddev add-on get "$DIR" >/dev/null
  use_bucket "DUMP_SOURCE=mysql://reader@ddev-$STAGING-db:3306/db"
  ddev dotenv set .ddev/.env.dump --dump-source-password=staging-secret >/dev/null
  ddev restart -y >/dev/null 2>&1
  (cd "$SITE" && ddev refresh-dump && ddev pull-latest-dump) >"$BATS_TEST_TMPDIR/site" 2>&1 &
  first=$!
  run ddev refresh-dump
  assert_success
  run ddev pull-latest-dump
  assert_success
  assert_line --regexp "^replaced db with $OTHER/$OTHER-"
  wait "$first"
  assert_equal "$(checksums "$OTHER")" "$(checksums "$STAGING")"
  assert_equal "$(checksums "$SHOP")" "$(checksums "$STAGING")"
}

@test "an interruption without a terminal also stops the command in the container, and leaves nothing" {
  local before pid try
  before=$(ddev list-dumps --json | jq '.dumps | length')
  set -m # a process group of its own, as a terminal or a CI runner gives it
  ddev refresh-dump --set=DUMP_SOURCE="command:dump-helper idle" >"$BATS_TEST_TMPDIR/out" 2>&1 &
  pid=$!
  set +m
  for try in $(seq 100); do
    [[ $(docker top "ddev-$SHOP-dump") == *"refresh --set"* ]] && break
    sleep 0.1
  done
  [ "$try" -lt 100 ] || { cat "$BATS_TEST_TMPDIR/out" && return 1; }
  kill -INT -- "-$pid"
  for try in $(seq 50); do
    [[ $(docker top "ddev-$SHOP-dump") == *"refresh --set"* ]] || break
    sleep 0.1
  done
  [ "$try" -lt 50 ]
  wait "$pid" || true
  assert_equal "$(ddev list-dumps --json | jq '.dumps | length')" "$before"
  # The next refresh need not wait for a lease.
  run timeout 20 ddev refresh-dump
  assert_success
}

@test "a password file that git does not ignore is kept out of git" {
  git init --quiet .
  run ddev list-dumps
  assert_success
  run git status --short .ddev/.env.dump
  assert_output ""
}
