#!/usr/bin/env bats

# The steps of docs/migration.md, for a Drupal 7 site whose hooks download and import with shell scripts.

setup_file() {
  load ddev.bash
  set_names migration
  export STAGING=$NAME-staging
  start_project "$STAGING"
  make_shop
  watch "$STAGING"
  start_s3
  delete_project museum-shop
  SITE=$(mktemp -d "$HOME/tmp/museum-shop.XXXXXX")
  export SITE
}

teardown_file() {
  load ddev.bash
  delete_project museum-shop
  delete_project "$STAGING"
  docker rm --force --volumes "$S3" >/dev/null
  rm -rf "$SITE"
}

setup() {
  load ddev.bash
  load_libraries
  cd "$SITE" || return
}

teardown() {
  nothing_else_changed
}

# block SECTION N: prints the Nth code block below a heading of the document.
block() {
  awk -v section="## $1" -v wanted="$2" '
    /^## / { here = ($0 == section) }
    /^```/ && here { if (inside) inside = 0; else { inside = 1; count++ }; next }
    inside && count == wanted' "$DIR/docs/migration.md"
}

publish() {
  docker exec "ddev-$STAGING-db" bash -c 'mysqldump -uroot -proot db | gzip' >"$BATS_TEST_TMPDIR/dump.sql.gz"
  s3 PUT "/dumps/shop/$1" --data-binary @"$BATS_TEST_TMPDIR/dump.sql.gz"
}

@test "the site as it was, with the scripts" {
  mkdir -p .ddev/web-build scripts
  block Before 1 | grep -v php_version >.ddev/config.yaml
  # The document's scripts need this, and the tests' web container lacks it.
  printf 'RUN printf "#!/bin/sh\\necho drush \\$*\\n" >/usr/local/bin/drush && chmod +x /usr/local/bin/drush\n' >.ddev/web-build/Dockerfile
  printf '#!/bin/bash\ntouch downloaded\n' >scripts/download-build-data.sh
  printf '#!/bin/bash\ntouch imported\n' >scripts/import-build-data.sh
  chmod +x scripts/*
  touch index.php
  publish 2026-11-21.sql.gz
  run ddev start -y
  assert_success
  assert_output --partial "drush cc all"
  assert_file_exists downloaded
  assert_file_exists imported
  watch museum-shop
}

@test "after the change the first start pulls" {
  run ddev add-on get "$DIR"
  assert_success
  use_bucket DUMP_S3_BUCKET=s3://dumps/shop
  # `ddev config` has rewritten config.yaml; this changes the hooks as a user would by hand.
  sed -i.bak '/^hooks:/,/^[a-z_]*:/ { /^hooks:/d; /^[a-z_]*:/!d; }' .ddev/config.yaml
  block After 2 >>.ddev/config.yaml
  rm -r scripts downloaded imported
  ddev stop
  run ddev start -y
  assert_success
  assert_output --partial "replaced db with shop/2026-11-21.sql.gz"
  assert_output --partial "drush cc all"
  assert_equal "$(checksums museum-shop)" "$(checksums "$STAGING")"
}

@test "the next start has nothing to do, and costs less than a second" {
  run ddev start -y
  assert_success
  assert_output --partial "nothing to do, db holds shop/2026-11-21.sql.gz"
  refute_output --partial "drush cc all"
  local began=${EPOCHREALTIME/./} ended
  ddev pull-latest-dump --if-newer
  ended=${EPOCHREALTIME/./}
  echo "# nothing to do in $(((ended - began) / 1000)) ms" >&3
}

@test "a newer dump is pulled at the next start, hooks and all" {
  in_database "$STAGING" "DELETE FROM orders WHERE id = 7"
  sleep 1.1 # the time that S3 gives is one of whole seconds
  publish 2026-11-22.sql.gz
  run ddev restart -y
  assert_success
  assert_output --partial "replaced db with shop/2026-11-22.sql.gz"
  assert_output --partial "drush cc all"
  assert_equal "$(checksums museum-shop)" "$(checksums "$STAGING")"
}

@test "off-line the project starts with the database that it has" {
  docker stop --time 1 "$S3" >/dev/null
  run ddev start -y
  assert_success
  assert_output --partial "cannot reach the bucket, db stays as it is"
  refute_output --partial "Task failed"
  docker start "$S3" >/dev/null
  assert_equal "$(checksums museum-shop)" "$(checksums "$STAGING")"
}

@test "pull-latest-dump on the stopped project pulls once" {
  ddev stop
  in_database museum-shop "SELECT 1" 2>/dev/null && return 1
  run ddev pull-latest-dump </dev/null
  assert_success
  assert_equal "$(grep -c 'replaced db' <<<"$output")" 1
}
