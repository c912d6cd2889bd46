#!/usr/bin/env bats

# A project with the hook of docs/developers.md, which pulls at each start. The developer's changes to the database must survive.

setup_file() {
  load ddev.bash
  set_names hook
  export STAGING=$NAME-staging SHOP=$NAME-site
  start_project "$STAGING"
  in_database "$STAGING" "CREATE TABLE news (id int PRIMARY KEY AUTO_INCREMENT, title varchar(50)); INSERT INTO news (title) VALUES ('first');
    CREATE TABLE cache_page (cid int); CREATE USER reader IDENTIFIED BY 'staging-secret'; GRANT ALL ON db.* TO reader"
  start_s3
  start_project "$SHOP" --project-type=drupal
  ddev add-on get "$DIR" >/dev/null
  use_bucket "DUMP_SOURCE=mysql://reader@ddev-$STAGING-db:3306/db"
  ddev dotenv set .ddev/.env.dump --dump-source-password=staging-secret >/dev/null
  cat >.ddev/config.start.yaml <<'END'
hooks:
  post-start:
    - exec-host: ddev pull-latest-dump --if-newer
END
  SITE=$(pwd)
  export SITE
  ddev restart -y >/dev/null 2>&1
  publish
  watch "$SHOP" "$STAGING"
}

teardown_file() {
  load ddev.bash
  delete_project "$SHOP"
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

# publish: publishes a newer dump.
publish() {
  in_database "$STAGING" "INSERT INTO news (title) VALUES ('newer')"
  sleep 1
  ddev refresh-dump >/dev/null
}

# news: prints the number of news in the project's database.
news() {
  in_database "$SHOP" "SELECT COUNT(*) FROM news"
}

@test "a start pulls a newer dump although the site was visited" {
  run ddev restart -y
  assert_success
  assert_output --partial "replaced db with $SHOP/"
  assert_equal "$(news)" 2
  in_database "$SHOP" "INSERT INTO cache_page VALUES (1)"
  publish
  run ddev restart -y
  assert_success
  assert_output --partial "replaced db with $SHOP/"
  assert_output --partial "ddev pull-latest-dump --undo brings the earlier one back"
  assert_equal "$(news)" 3
}

@test "a snapshot that is restored stays, with this start and the next ones" {
  ddev snapshot --name=before >/dev/null
  publish
  run ddev pull-latest-dump
  assert_success
  assert_equal "$(news)" 4
  run ddev snapshot restore before
  assert_success
  assert_output --partial "nothing is pulled, because db is being restored; "
  assert_equal "$(news)" 3
  run ddev restart -y
  assert_success
  assert_output --partial " is newer, and not pulled: db was restored or replaced by other means; \`ddev pull-latest-dump\` replaces it, and --undo brings it back"
  assert_equal "$(news)" 3
  # Without hooks, the next pull notices the restore.
  run ddev pull-latest-dump
  assert_success
  assert_equal "$(news)" 4
  mv .ddev/config.start.yaml start.yaml
  run ddev snapshot restore before
  assert_success
  mv start.yaml .ddev/config.start.yaml
  run ddev restart -y
  assert_success
  assert_output --partial "db was restored or replaced by other means; "
  assert_equal "$(news)" 3
  run ddev pull-latest-dump --release
  assert_success
  run ddev restart -y
  assert_success
  assert_equal "$(news)" 4
}

@test "what undo brought back stays" {
  publish
  ddev pull-latest-dump >/dev/null
  assert_equal "$(news)" 5
  run ddev pull-latest-dump --undo
  assert_success
  run ddev restart -y
  assert_success
  assert_output --partial "db was brought back by --undo; "
  assert_equal "$(news)" 4
  ddev pull-latest-dump >/dev/null
}

@test "local work stays, however many dumps come" {
  in_database "$SHOP" "UPDATE news SET title = 'mine' WHERE id = 1"
  for _ in 1 2; do
    publish
    run ddev restart -y
    assert_success
    assert_output --partial "db was changed since it was pulled (news); "
    assert_equal "$(in_database "$SHOP" "SELECT title FROM news WHERE id = 1")" mine
  done
  run ddev dump-doctor
  assert_output --partial "was changed since it was pulled (news)"
}

@test "an import stays, and so does a held database" {
  ddev export-db --file=mine.sql.gz >/dev/null
  run ddev import-db --file=mine.sql.gz
  assert_success
  publish
  run ddev restart -y
  assert_success
  assert_output --partial "db does not come from a pull; "
  run ddev pull-latest-dump --hold
  assert_success
  run ddev pull-latest-dump
  assert_failure
  assert_line "hint: \`ddev pull-latest-dump --release\` lets it be replaced"
  run ddev restart -y
  assert_success
  assert_output --partial "db is held; "
  assert_equal "$(in_database "$SHOP" "SELECT title FROM news WHERE id = 1")" mine
}
