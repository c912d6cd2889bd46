#!/usr/bin/env bash
#ddev-generated
# Runs dump-helper for a host command: run.sh COMMAND [FLAG…]. It needs the variables that DDEV sets for host commands.
# dump-helper runs in the dump service, or on this machine if DUMP_HELPER names a program.
# This file must work with Bash 3.2, the version on macOS.
set -eu -o pipefail

# shellcheck source=dump-refresh/service.sh
. "$DDEV_APPROOT/.ddev/dump-refresh/service.sh"
command=$1
shift

# has_flag NAME…: succeeds if the caller passed one of these flags.
has_flag() {
  local given name
  for given in ${arguments[@]+"${arguments[@]}"}; do
    for name in "$@"; do
      if [ "$given" = "$name" ] || [ "$given" = "$name=true" ]; then
        return
      fi
    done
  done
  return 1
}

# give_up ERROR HINT: ends a command that cannot run. `pull-latest-dump --if-newer` only warns, so that the hook that
# calls it does not stop a start of the project.
give_up() {
  if [ "$command" = pull-latest-dump ] && has_flag --if-newer; then
    echo "warning: $1; the local database stays as it is; run \`ddev dump-doctor\` to find out what to do" >&2
    exit
  fi
  printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
  exit 1
}

is_running() {
  if [ -n "${DUMP_HELPER:-}" ]; then
    [ "$DDEV_PROJECT_STATUS" = running ]
  else
    service_runs
  fi
}

# Passes on what Docker knows about this project's database container. In the network that all projects share, their
# databases answer to the same names; with this, dump-helper can tell that it has reached the right one.
inspect_database() {
  local container=ddev-$DDEV_SITENAME-db format
  format='{"Status":{{json .State.Status}},"OOMKilled":{{json .State.OOMKilled}},"Hostname":{{json .Config.Hostname}},'
  format+='"Labels":{{json .Config.Labels}},"Networks":{{json .NetworkSettings.Networks}},"Ports":{{json .NetworkSettings.Ports}}}'
  unset DUMP_REFRESH_DATABASE
  if DUMP_REFRESH_DATABASE=$(docker container inspect --format "$format" "$container" 2>/dev/null); then
    export DUMP_REFRESH_DATABASE
  elif [[ $(docker container inspect "$container" 2>&1 || true) == *[Nn]"o such "* ]]; then
    export DUMP_REFRESH_DATABASE=none
  fi
}

# can_start_service: succeeds if the project runs and was started after the add-on was installed. On a busy machine a container's
# health check can fail just after a start that succeeded; the project runs nevertheless.
can_start_service() {
  { [ "$DDEV_PROJECT_STATUS" = running ] || [ -n "${DUMP_REFRESH_STARTED:-}" ]; } && [ -n "$(rendered_service p)" ]
}

# Passes the names of the caller's variables to docker, never their values: every user can read a command line. A path is
# valid in the container only below ~/.aws.
add_environment() {
  local name zone forwarded="" left_out=""
  DUMP_REFRESH_GLOBAL_ENV=$(print_env "$(global_folder)") # the container does not have that folder
  export DUMP_REFRESH_GLOBAL_ENV
  for name in $(compgen -e); do
    case $name in
      DUMP_HELPER | DUMP_DOCKER_IMAGE | DUMP_CACHE_DIR) continue ;;
      AWS_CA_BUNDLE | AWS_CONFIG_FILE | AWS_SHARED_CREDENTIALS_FILE | AWS_WEB_IDENTITY_TOKEN_FILE)
        case ${!name} in "$HOME"/.aws/* | "") ;; *) left_out+="$name " && continue ;; esac ;;
      AWS_* | DUMP_*) ;;
      # DDEV sets the last one while it restores a snapshot.
      NO_COLOR | TERM | DDEV_DB_CONTAINER_COMMAND) options+=(--env "$name") && continue ;;
      *) continue ;;
    esac
    options+=(--env "$name")
    forwarded+="$name "
  done
  zone=$(readlink /etc/localtime || true)
  options+=(--env "DUMP_REFRESH_FORWARDED=$forwarded" --env "DUMP_REFRESH_LEFT_OUT=$left_out" --env "TZ=${TZ:-${zone##*/zoneinfo/}}")
}

dump_helper() {
  if [ -n "${DUMP_HELPER:-}" ]; then
    (cd "$DDEV_APPROOT" && exec "$DUMP_HELPER" "$@")
    return
  fi
  local options=(--interactive)
  add_environment
  if [ -t 0 ] && [ -t 1 ] && [ -t 2 ]; then
    docker exec --tty "${options[@]}" "$container" dump-helper "$@"
    return
  fi
  # Without a terminal, docker exec passes no signals on, but it closes the command's standard input when this process
  # ends for any reason. dump-helper takes that as an interruption. So its input must not end earlier.
  local pipe
  pipe=$(mktemp -u "${TMPDIR:-/tmp}/dump-refresh.XXXXXX")
  mkfifo -m 600 "$pipe"
  exec 3<>"$pipe"
  rm -f "$pipe"
  docker exec --env DUMP_REFRESH_LIFELINE=stdin "${options[@]}" "$container" dump-helper "$@" <&3
}

# pull runs the project's pre-import-db hooks before the pull and its post-import-db hooks after it.
pull() {
  pre_import_db() { :; }
  post_import_db() { :; }
  if grep -Eqs '^[^#]*(pre|post)-import-db' "$DDEV_APPROOT"/.ddev/config*.y*ml; then
    local hooks
    hooks=$(dump_helper pull --hooks "$@")
    eval "$hooks"
  fi
  pre_import_db
  dump_helper pull --yes "$@"
  post_import_db
}

# If a pull started the project, a post-start hook must not pull as well.
if [ "${DUMP_REFRESH_STARTING:-}" = pull-latest-dump ] && [ "$command" = pull-latest-dump ]; then
  exit 0
fi
arguments=("$@")
if ! is_running && ! can_start_service; then
  if [ -n "${DUMP_REFRESH_STARTED:-}" ]; then
    give_up "project $DDEV_SITENAME is not running" "run \`ddev describe\` to see which service is missing"
  fi
  DUMP_REFRESH_STARTING=$command ddev_here start >&2
  DUMP_REFRESH_STARTED=true exec "$DDEV_EXECUTABLE" "$command" "$@"
fi
if ! is_running; then
  quiet=false
  if has_flag --quiet -q; then
    quiet=true
  fi
  if ! problem=$(start_service "$quiet"); then
    give_up "${problem%%$'\n'*}" "${problem#*$'\n'}"
  fi
fi

keep_out_of_git
inspect_database
case $command in
  pull-latest-dump) pull "$@" ;;
  refresh-dump) dump_helper refresh "$@" ;;
  list-dumps) dump_helper list "$@" ;;
  dump-doctor) dump_helper doctor "$@" ;;
  dump-scan) dump_helper scan "$@" ;;
esac
