#!/usr/bin/env bats

# Tables as files in a MariaDB project: staging is another database on the project's own server, the dump is on an S3 server
# beside it, and a throw-away server in a container of DDEV's database image bakes it.

setup_file() {
  load ddev.bash
  set_names files
  export SITE
  start_project "$NAME"
  SITE=$(pwd)
  start_s3
  ddev add-on get "$DIR" >/dev/null
  use_bucket "DUMP_SOURCE=mysql://root@db:3306/staging"
  ddev dotenv set .ddev/.env.dump --dump-source-password=root >/dev/null
  ddev restart -y >/dev/null 2>&1
  in_database "$NAME" "CREATE DATABASE staging"
  docker exec --interactive "ddev-$NAME-db" mysql -uroot -proot staging <"$DIR/tests/data/shop.sql"
  in_database "$NAME" "CREATE TABLE staging.page (id int PRIMARY KEY AUTO_INCREMENT, body text, KEY (body(20)));
    INSERT INTO staging.page (body) SELECT CONCAT('Seite ', seq, REPEAT(' Grüße', 40)) FROM staging.seq_1_to_5000"
  ddev refresh-dump
  bake "$NAME"
  watch "$NAME"
}

teardown_file() {
  load ddev.bash
  delete_project "$NAME"
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

# sums DATABASE: a line with the server's checksum for each of its tables, without the database's name.
sums() {
  local tables
  tables=$(in_database "$NAME" "SELECT GROUP_CONCAT(CONCAT('$1.\`', table_name, '\`') ORDER BY table_name) FROM information_schema.tables
    WHERE table_schema = '$1' AND table_type = 'BASE TABLE'")
  in_database "$NAME" "CHECKSUM TABLE $tables" | sed "s/^$1\.//"
}

@test "tables are pulled as files, from the bucket and from the cache" {
  run ddev dump-doctor
  assert_success
  assert_line --regexp '^ok +tables as files +the local server takes files for mariadb-11\.8; the newest dump has them$'

  run ddev pull-latest-dump
  assert_success
  assert_line --regexp '^(fetching and )?loading into db$'
  assert_line --regexp '^5 tables \(3 as files\), 57,000 rows, .* of files and SQL \(.* fetched, 0 B cached\)'
  assert_equal "$(sums db)" "$(sums staging)"

  run ddev pull-latest-dump
  assert_success
  assert_line --regexp '^5 tables \(3 as files\), .* \(0 B fetched, .* cached\)'
  assert_equal "$(sums db)" "$(sums staging)"
  assert_equal "$(in_database "$NAME" 'CHECK TABLE page' | cut -f 4)" OK
  assert_equal "$(in_database "$NAME" 'SELECT COUNT(*) FROM dear')" "$(in_database "$NAME" 'SELECT COUNT(*) FROM staging.dear')"
  # Only the server's own files are left, and the server owns them.
  run docker exec "ddev-$NAME-db" find /var/lib/mysql/db '!' -user "$(id -u)" -o -name '*.cfg'
  assert_success
  assert_output ""
  in_database "$NAME" "INSERT INTO page (body) VALUES ('one more')"
}

@test "undo brings the earlier database back, with its tables that were pulled as files" {
  ddev pull-latest-dump
  in_database "$NAME" "CREATE TABLE mine (id int)"
  ddev pull-latest-dump
  run ddev pull-latest-dump --undo
  assert_success
  run in_database "$NAME" "SHOW TABLES LIKE 'mine'"
  assert_output mine
  in_database "$NAME" "DROP TABLE mine"
  assert_equal "$(sums db)" "$(sums staging)"
  ddev pull-latest-dump --undo
  assert_equal "$(sums db)" "$(sums staging)"
}

@test "tables survive a restart of the server, and a part of them is pulled" {
  ddev pull-latest-dump
  in_database "$NAME" "DELETE FROM page; DELETE FROM orders"
  run ddev pull-latest-dump --tables=page
  assert_success
  assert_line --regexp '^1 table \(1 as files\), 5,000 rows, '
  run in_database "$NAME" "SELECT COUNT(*) FROM orders"
  assert_output 0
  ddev pull-latest-dump
  ddev restart -y >/dev/null 2>&1
  assert_equal "$(sums db)" "$(sums staging)"
}

@test "--sql loads SQL, without a word about files" {
  run ddev pull-latest-dump --sql
  assert_success
  assert_line --regexp '^5 tables, 57,000 rows, .* of SQL '
  refute_output --partial "as files"
  assert_equal "$(sums db)" "$(sums staging)"
}

@test "without the server's folder tables are loaded as SQL, and one line says why" {
  cp .ddev/docker-compose.dump.yaml "$BATS_TEST_TMPDIR"
  sed -i.bak '/- type: volume/,/nocopy/d' .ddev/docker-compose.dump.yaml && rm .ddev/docker-compose.dump.yaml.bak
  ddev restart -y >/dev/null 2>&1
  run ddev pull-latest-dump
  cp "$BATS_TEST_TMPDIR/docker-compose.dump.yaml" .ddev
  ddev restart -y >/dev/null 2>&1
  assert_success
  assert_line --regexp '^loading tables as SQL, not as files: '
  assert_line --regexp '^5 tables, 57,000 rows, .* of SQL '
  assert_equal "$(sums db)" "$(sums staging)"
}
