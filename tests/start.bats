#!/usr/bin/env bats

# A project starts whatever happens to the add-on: without its image, without its folders, from a clone where nobody has
# installed it, in a folder with a strange name.

setup_file() {
  load ddev.bash
  set_names start
  export MISSING=nowhere.invalid/dump-refresh:v9 OTHER_IMAGE=$NAME/dump-refresh:own
  # A project with capitals and dots in its name. Its add-on was committed in another checkout, its folder has a blank in
  # its name, and it is reached through a symbolic link.
  new_project "$NAME"
  DUMP_DOCKER_IMAGE=$MISSING ddev add-on get "$DIR" >add-on.log 2>&1
  sed -i.bak 's/^name: .*/name: Dump.Test-Start/' .ddev/config.yaml && rm .ddev/config.yaml.bak
  git init --quiet .
  git add --all
  git -c user.name=tester -c user.email=tester@example.com commit --quiet --message="Begin"
  git worktree add --quiet -b another "$PWD/a worktree"
  CHECKOUT=$PWD
  ln -s "$PWD/a worktree" "$PWD/link"
  ddev stop --unlist "$NAME" >/dev/null 2>&1 || true
  export CHECKOUT SITE=$PWD/link NAME=Dump.Test-Start
  docker tag "$(sed -n 's/^ *image: .*:-\(.*\)}$/\1/p' "$DIR/docker-compose.dump.yaml")" "$OTHER_IMAGE"
}

teardown_file() {
  load ddev.bash
  ddev delete --omit-snapshot --yes "$NAME" >/dev/null 2>&1 || true
  docker rm --force --volumes "ddev-$NAME-dump" >/dev/null 2>&1 # one that a test has made, if it failed
  docker rmi "$OTHER_IMAGE" >/dev/null
  case $CHECKOUT in "$HOME/tmp/"*) rm -rf "$CHECKOUT" ;; esac
}

setup() {
  load ddev.bash
  load_libraries
  cd "$SITE" || return
}

# service FORMAT: prints what the engine knows about the service's container.
service() {
  docker container inspect --format "$1" "ddev-$NAME-dump"
}

@test "an installation without the image says what is missing, and is complete" {
  run cat "$CHECKOUT/add-on.log"
  assert_output --partial "The image $MISSING of the dump service is not on this machine and cannot be fetched: "
  assert_output --partial "name another image in DUMP_DOCKER_IMAGE"
  assert_output --partial "Installed dump-refresh"
  assert_file_exists .ddev/dump-refresh/service.sh
}

@test "without the image the project starts, and its commands say what to do" {
  printf 'fail_on_hook_fail: true\nhooks:\n  post-start:\n    - exec-host: ddev pull-latest-dump --if-newer\n' >.ddev/config.hooks.yaml
  export DUMP_DOCKER_IMAGE=$MISSING
  run ddev start -y
  assert_success
  assert_line --partial "warning: the image $MISSING of the dump service is not on this machine and cannot be fetched ("
  refute_output --partial "Task failed"
  run ddev list-dumps
  assert_failure
  assert_line --regexp "^error: the image $MISSING of the dump service is not on this machine and cannot be fetched \(.*nowhere.invalid.*\)$"
  assert_line --regexp "^hint: build it with \`make image\` in a checkout of dump-refresh, name another image in DUMP_DOCKER_IMAGE, or "
  run ddev describe
  assert_success
  assert_output --partial "newest dump: run ddev list-dumps"
  rm .ddev/config.hooks.yaml
}

@test "the first command starts the service, quickly, and says so" {
  run service .
  assert_failure
  # The project has not been started since, so the rendered file still names the missing image.
  sed -i.bak "s|$MISSING|$(sed -n 's/^ *image: .*:-\(.*\)}$/\1/p' .ddev/docker-compose.dump.yaml)|" .ddev/.ddev-docker-compose-full.yaml
  local began=${EPOCHREALTIME/./} ended
  run on_terminal ddev list-dumps
  ended=${EPOCHREALTIME/./}
  echo "# the first command took $(((ended - began) / 1000)) ms" >&3
  assert_line --partial "starting the dump service of $NAME"
  assert_line --partial "error: DUMP_S3_BUCKET: not set for project $NAME"
  run on_terminal ddev list-dumps
  refute_line --partial "starting the dump service"
  assert_line --partial "error: DUMP_S3_BUCKET: not set for project $NAME"
  assert_equal "$(service '{{.Config.User}}')" "$(id -u):$(id -g)"
}

@test "another checkout of the same name leaves the service of the first alone" {
  local id
  id=$(service '{{.Id}}')
  cd "$CHECKOUT"
  cp "$SITE/.ddev/.ddev-docker-compose-full.yaml" .ddev
  run ddev list-dumps
  assert_failure
  assert_line "error: a project named $NAME is already running in $SITE"
  assert_line "hint: stop it with \`ddev stop --unlist $NAME\`, or rename one of the two and set DUMP_PROJECT=$NAME there"
  assert_equal "$(service '{{.Id}} {{.State.Running}}')" "$id true"
}

@test "by its real path the project is the same" {
  cd "$CHECKOUT/a worktree/web"
  run ddev list-dumps
  assert_line "error: DUMP_S3_BUCKET: not set for project $NAME"
}

# host_command NAME=VALUE… COMMAND: runs a host command as DDEV does, with other variables.
host_command() {
  env DDEV_APPROOT="$SITE" DDEV_SITENAME="$NAME" DDEV_EXECUTABLE="$(command -v ddev)" DDEV_UID="$(id -u)" DDEV_GID="$(id -g)" "${@:1:$#-1}" \
    bash "$SITE/.ddev/dump-refresh/run.sh" "${@: -1}"
}

@test "a stopped project is started by its folder: DDEV's list of names may have lost it" {
  local ddev=$BATS_TEST_TMPDIR/ddev
  # shellcheck disable=SC2016
  printf '#!/bin/sh\necho "$(pwd -P): ddev $*"\n' >"$ddev"
  chmod +x "$ddev"
  docker rm --force --volumes "ddev-$NAME-dump"
  cd web
  run host_command DDEV_EXECUTABLE="$ddev" DDEV_PROJECT_STATUS=stopped list-dumps
  assert_success
  assert_line --index 0 "$(realpath "$SITE"): ddev start"
  assert_line --index 1 "$(realpath "$SITE")/web: ddev list-dumps"
}

@test "a health check that fails just after a start does not stop the command" {
  docker rm --force --volumes "ddev-$NAME-dump"
  run host_command DUMP_REFRESH_STARTED=true DDEV_PROJECT_STATUS=unhealthy list-dumps
  assert_failure
  assert_line "error: DUMP_S3_BUCKET: not set for project $NAME"
}

@test "two first commands at once both work" {
  docker rm --force --volumes "ddev-$NAME-dump"
  ddev dump-doctor --version >"$BATS_TEST_TMPDIR/other" 2>&1 &
  run ddev dump-doctor --version
  assert_success
  wait $!
}

@test "a wrong image is reported, and its container is removed" {
  docker rm --force --volumes "ddev-$NAME-dump"
  DUMP_DOCKER_IMAGE=ddev/ddev-utilities run ddev list-dumps
  assert_failure
  assert_line --partial "error: the dump service of project $NAME does not start ("
  assert_line "hint: check that its image, ddev/ddev-utilities, is one of dump-refresh"
  run service .
  assert_failure
}

@test "in a worktree a password file stays out of git, too" {
  ddev dotenv set .ddev/.env.dump --dump-source-password=secret >/dev/null
  echo DUMP_SOURCE_PASSWORD=local-secret >.ddev/.env.dump.local
  run ddev dump-doctor --settings
  assert_line --regexp '^DUMP_SOURCE_PASSWORD +\*\*\* +\.ddev/\.env\.dump\.local:1$'
  run git status --short
  refute_output --partial .env.dump
  rm .ddev/.env.dump .ddev/.env.dump.local
}

@test "env files of DDEV's global folder reach the dump service" {
  local file=$HOME/.ddev/.env.dump.local
  [ ! -e "$file" ] || fail "$file exists: this test would overwrite it"
  echo DUMP_KEEP_DAYS=3650 >"$file"
  run ddev dump-doctor --settings
  rm "$file"
  assert_line --regexp '^DUMP_KEEP_DAYS +3650 +~/\.ddev/\.env\.dump\.local:1$'
}

@test "a service whose image is set in config.yaml, beside the other settings" {
  docker rm --force --volumes "ddev-$NAME-dump"
  ddev config --web-environment-add="DUMP_DOCKER_IMAGE=$OTHER_IMAGE" >/dev/null
  run ddev dump-doctor --version
  assert_success
  assert_equal "$(service '{{.Config.Image}}')" "$OTHER_IMAGE"
  git checkout --quiet .ddev/config.yaml
}

@test "with rootless Docker the service runs as root" {
  docker rm --force --volumes "ddev-$NAME-dump"
  local programs=$BATS_TEST_TMPDIR/programs
  mkdir "$programs"
  # shellcheck disable=SC2016
  printf '#!/bin/sh\n[ "$1" != info ] || { echo "[name=seccomp,profile=builtin name=rootless]"; exit; }\nexec %s "$@"\n' "$(command -v docker)" >"$programs/docker"
  chmod +x "$programs/docker"
  PATH=$programs:$PATH run ddev dump-doctor --version
  assert_success
  assert_equal "$(service '{{.Config.User}}')" 0:0
}

@test "settings that changed after the start cause a full restart" {
  docker rm --force --volumes "ddev-$NAME-dump"
  ddev config --web-environment-add=SOMETHING=else >/dev/null
  ddev utility compose-config >/dev/null
  run ddev dump-doctor --version
  assert_success
  assert_line "restarting $NAME because its settings have changed"
  run docker exec "ddev-$NAME-web" ls /tmp/healthy # what DDEV runs at a start has run
  assert_success
}

@test "a stopped service, as after a reboot, does not keep the project from starting" {
  ddev dump-doctor --version
  docker kill "ddev-$NAME-dump" "ddev-$NAME-web" "ddev-$NAME-db"
  run ddev start -y --skip-hooks
  assert_success
  run ddev dump-doctor --version
  assert_success
}

@test "a service left by an earlier folder is not used" {
  docker rm --force --volumes "ddev-$NAME-dump"
  docker run --detach --name "ddev-$NAME-dump" --workdir "$BATS_TEST_TMPDIR" --entrypoint /dump-helper "$OTHER_IMAGE" idle
  run ddev dump-doctor --version
  assert_success
  assert_equal "$(service '{{.Config.WorkingDir}}')" "$SITE"
}

@test "a stop takes the service with it; a start without hooks makes no folders; an image is set for everybody" {
  ddev dump-doctor --version
  run ddev stop
  assert_success
  run service .
  assert_failure
  ddev dotenv set .ddev/.env.dump.image --dump-docker-image="$OTHER_IMAGE" >/dev/null
  # Another home, with what DDEV and Docker need and nothing of this add-on.
  local home=$BATS_TEST_TMPDIR/home
  mkdir "$home"
  ln -s "$HOME/.ddev" "$HOME/.docker" "$home"
  HOME=$home run ddev start -y --skip-hooks
  assert_success
  assert_not_exists "$home/.aws"
  HOME=$home run ddev dump-doctor --version
  assert_success
  assert_equal "$(service '{{.Config.Image}}')" "$OTHER_IMAGE"
  assert_equal "$(stat -c '%a %U' "$home/.aws" "$home/.ssh")" $'700 '"$(id -un)"$'\n700 '"$(id -un)"
  run git status --short .ddev/.env.dump.image
  assert_output "?? .ddev/.env.dump.image" # it can be committed
  rm .ddev/.env.dump.image
}

@test "a removal lists the hooks that run removed commands" {
  printf 'hooks:\n  post-start:\n    - exec-host: ddev pull-latest-dump --if-newer\n' >>.ddev/config.yaml
  run ddev add-on remove dump-refresh
  assert_success
  assert_line --partial "These lines in .ddev run commands that no longer exist. Remove them, or each start will show a warning:"
  assert_line --regexp "^config.yaml:[0-9]+:    - exec-host: ddev pull-latest-dump --if-newer$"
}

@test "on native Windows the installation is refused, with the reason" {
  OSTYPE=msys run ddev add-on get "$DIR"
  assert_failure
  assert_output --partial "dump-refresh does not work on native Windows: a Linux container knows no paths like C:\Users."
  assert_output --partial "Use DDEV in WSL2"
  assert_file_not_exists .ddev/docker-compose.dump.yaml
}
