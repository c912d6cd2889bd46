#!/usr/bin/env bash
#ddev-generated
# Runs dump-helper for a host command: run.sh COMMAND [FLAG…], with the variables that DDEV gives host
# commands. The helper runs in the dump service, or on this machine where DUMP_HELPER names a program.
# Bash 3.2, which macOS has, must understand this.
set -eu -o pipefail

# shellcheck source=dump-refresh/service.sh
. "$DDEV_APPROOT/.ddev/dump-refresh/service.sh"
command=$1
shift

# has_flag NAME…: whether the caller has given one of these flags.
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

# give_up ERROR HINT: ends a command that cannot do anything. A start of the project that would have pulled what is
# newer goes on with the database that it has.
give_up() {
  if [ "$command" = pull-latest-dump ] && has_flag --if-newer; then
    echo "warning: $1; the local database stays as it is, and \`ddev dump-doctor\` says what to do" >&2
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

# The database's container of this project, as Docker knows it: the helper makes sure that no other server answers instead. In
# the network that projects share all of them answer to the same names.
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

# can_start_service: whether the project runs, and was started since the add-on is there.
can_start_service() {
  [ "$DDEV_PROJECT_STATUS" = running ] && [ -n "$(rendered_service p)" ]
}

# Gives docker the names of the caller's variables, never their values: a command line can be read by
# everyone. Paths mean the same in the container only below ~/.aws.
add_environment() {
  local name zone forwarded=
  for name in $(compgen -e); do
    case $name in
      DUMP_HELPER | DUMP_DOCKER_IMAGE | DUMP_CACHE_DIR) continue ;;
      AWS_CA_BUNDLE | AWS_CONFIG_FILE | AWS_SHARED_CREDENTIALS_FILE | AWS_WEB_IDENTITY_TOKEN_FILE)
        case ${!name} in "$HOME"/.aws/*) ;; *) continue ;; esac ;;
      AWS_* | DUMP_*) ;;
      # The last one tells that DDEV is restoring a snapshot.
      NO_COLOR | TERM | DDEV_DB_CONTAINER_COMMAND) options+=(--env "$name") && continue ;;
      *) continue ;;
    esac
    options+=(--env "$name")
    forwarded+="$name "
  done
  zone=$(readlink /etc/localtime || true)
  options+=(--env "DUMP_REFRESH_FORWARDED=$forwarded" --env "TZ=${TZ:-${zone##*/zoneinfo/}}")
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
  # Docker tells a command in a container nothing of signals, but ends its standard input when this side
  # is gone, whatever the reason. So it gets one that does not end before.
  local pipe
  pipe=$(mktemp -u "${TMPDIR:-/tmp}/dump-refresh.XXXXXX")
  mkfifo -m 600 "$pipe"
  exec 3<>"$pipe"
  rm -f "$pipe"
  docker exec --env DUMP_REFRESH_LIFELINE=stdin "${options[@]}" "$container" dump-helper "$@" <&3
}

# DDEV's own .gitignore does not list .env files, though they may hold passwords.
keep_out_of_git() {
  local file excluded
  excluded=$(git -C "$DDEV_APPROOT" rev-parse --git-path info/exclude 2>/dev/null) || return 0
  for file in .ddev/.env.dump .ddev/.env.dump-newest .ddev/.env.dump-pulled; do
    if git -C "$DDEV_APPROOT" check-ignore --quiet "$file"; then
      continue
    elif [ -n "$(git -C "$DDEV_APPROOT" ls-files "$file")" ]; then
      echo "warning: $file is in git, with all that is in it" >&2
      echo "hint: git rm --cached $file" >&2
    else
      (cd "$DDEV_APPROOT" && mkdir -p "$(dirname "$excluded")" && echo "**/$file" >>"$excluded")
    fi
  done
}

# pull runs what the project has as pre-import-db and post-import-db hooks around the pull.
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

# A hook that pulls when the project starts has nothing to do where the start is part of a pull.
if [ "${DUMP_REFRESH_STARTING:-}" = pull-latest-dump ] && [ "$command" = pull-latest-dump ]; then
  exit 0
fi
arguments=("$@")
if ! is_running && ! can_start_service; then
  if [ -n "${DUMP_REFRESH_STARTED:-}" ]; then
    give_up "project $DDEV_SITENAME does not run" "\`ddev describe\` shows which part of it does not"
  fi
  DUMP_REFRESH_STARTING=$command "$DDEV_EXECUTABLE" start "$DDEV_SITENAME" </dev/null >&2
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
esac
