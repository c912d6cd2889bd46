#!/usr/bin/env bats

# The add-on in a real DDEV: installing, reinstalling, removing. The other files in this folder test its commands. With
# DDEV and Docker on this machine:
#
#   make image && tests/prepare.sh && bats tests --filter-tags '!release'
#
# `make test-ddev` runs the same, and sets up DDEV first if necessary.

setup() {
  load ddev.bash
  load_libraries
  set_names "install-$BATS_TEST_NUMBER"
  export GITHUB_REPO=jobiqo/dump-refresh
  new_project "$NAME"
}

teardown() {
  delete_project "$NAME"
}

health_checks() {
  run ddev dump-doctor --version
  assert_success
  assert_output --regexp '^dump-helper [^ ]+ \(go'

  run ddev list-dumps
  assert_failure
  assert_line "error: DUMP_S3_BUCKET: not set for project $NAME"
  assert_line "hint: run: ddev config --web-environment-add=DUMP_S3_BUCKET=my-bucket"

  run ddev describe
  assert_success
  assert_output --partial "newest dump: run ddev list-dumps"
  assert_output --partial "ddev pull-latest-dump"
  assert_output --partial "ddev refresh-dump"
}

@test "install from directory" {
  run ddev add-on get "$DIR"
  assert_success
  assert_output --partial "One setting is still missing, the bucket for this project's dumps:"
  assert_output --partial "ddev config --web-environment-add=DUMP_S3_BUCKET=my-bucket"
  run ddev restart -y
  assert_success
  health_checks
}

@test "in a running project the commands work at once" {
  ddev start -y >/dev/null 2>&1
  ddev add-on get "$DIR"
  run ddev dump-doctor --version
  assert_success
}

# bats test_tags=release
@test "install from release" {
  run ddev add-on get "$GITHUB_REPO"
  assert_success
  run ddev restart -y
  assert_success
  health_checks
}

@test "ddev get, the older name, works too" {
  run ddev get "$DIR"
  assert_success
  assert_file_exists .ddev/docker-compose.dump.yaml
}

@test "installing twice changes nothing, and a file that the user has edited stays" {
  ddev config --web-environment-add=DUMP_S3_BUCKET=dumps >/dev/null
  run ddev add-on get "$DIR"
  assert_success
  refute_output --partial "still needed"
  find .ddev -type f ! -path '*/addon-metadata/*' -exec sha256sum {} + | sort >"$BATS_TEST_TMPDIR/before"
  run ddev add-on get "$DIR"
  assert_success
  find .ddev -type f ! -path '*/addon-metadata/*' -exec sha256sum {} + | sort >"$BATS_TEST_TMPDIR/after"
  run diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
  assert_success

  sed -i.bak '/#ddev-generated/d; $a # mine' .ddev/docker-compose.dump.yaml && rm .ddev/docker-compose.dump.yaml.bak
  run ddev add-on get "$DIR"
  assert_success
  assert_output --partial "NOT overwriting"
  run tail -n 1 .ddev/docker-compose.dump.yaml
  assert_output "# mine"
}

@test "removing leaves nothing but the user's settings" {
  git init --quiet .
  find .ddev | grep -v addon-metadata | sort >"$BATS_TEST_TMPDIR/before"
  ddev add-on get "$DIR"
  ddev config --web-environment-add=DUMP_S3_BUCKET=dumps >/dev/null
  ddev restart -y
  ddev dump-doctor --version
  mkdir -p .ddev/dump-refresh
  echo "structure_only: [log]" >.ddev/dump-refresh/rules.yaml
  run docker container inspect "ddev-$NAME-dump"
  assert_success

  run ddev add-on remove dump-refresh
  assert_success
  refute_output --partial "Unwilling"
  find .ddev | grep -v addon-metadata | sort >"$BATS_TEST_TMPDIR/after"
  run diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
  assert_line "> .ddev/dump-refresh"
  assert_line "> .ddev/dump-refresh/rules.yaml"
  refute_line --regexp '^[<>] (\.ddev/)(commands|providers|docker-compose|config|\.env)'
  run grep DUMP_S3_BUCKET .ddev/config.yaml
  assert_success
  run docker container inspect "ddev-$NAME-dump"
  assert_failure
  run ddev restart -y
  assert_success
}

@test "a project without a database of its own starts, and leaves no volume" {
  ddev config --omit-containers=db >/dev/null
  ddev add-on get "$DIR"
  run ddev start -y
  assert_success
  run ddev dump-doctor --version
  assert_success
  run ddev delete --omit-snapshot --yes "$NAME"
  assert_success
  run docker volume ls --quiet --filter "name=$NAME"
  assert_output ""
}

@test "without the docker program the installation says what is missing" {
  local programs
  programs=$(mktemp -d)
  ln -s "$(command -v ddev)" "$(command -v bash)" "$programs"
  PATH=$programs run ddev add-on get "$DIR"
  assert_failure
  assert_output --partial "dump-refresh needs the docker command, or a dump-helper on this machine that DUMP_HELPER names."
  assert_file_not_exists .ddev/docker-compose.dump.yaml
}
