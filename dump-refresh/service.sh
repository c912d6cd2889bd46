#!/usr/bin/env bash
#ddev-generated
# The dump service: which image it uses and how it is started. docker-compose.dump.yaml puts it into a profile, so that
# the project starts without it. The first command that needs the service starts it.
# run.sh and install.yaml read this file. It must work with Bash 3.2, the version on macOS.

# shellcheck source=dump-refresh/envfiles.sh
. "$DDEV_APPROOT/.ddev/dump-refresh/envfiles.sh"

container=ddev-$DDEV_SITENAME-dump
compose_file=$DDEV_APPROOT/.ddev/docker-compose.dump.yaml
# All compose files as DDEV merged them at the last start of the project. DDEV also uses this file to start services later.
rendered=$DDEV_APPROOT/.ddev/.ddev-docker-compose-full.yaml
# A lock: a symbolic link to the process ID of the command that is starting the service. DDEV keeps files with such names
# out of git.
starting=$DDEV_APPROOT/.ddev/.ddev-docker-dump-starting.yaml

default_image() {
  sed -n 's/^ *image: .*:-\(.*\)}$/\1/p' "$compose_file"
}

# configured_image: prints DUMP_DOCKER_IMAGE from where settings may be; the last file wins.
configured_image() (
  if [ -n "${DUMP_DOCKER_IMAGE:-}" ]; then
    echo "$DUMP_DOCKER_IMAGE"
    return
  fi
  cd "$DDEV_APPROOT/.ddev" || return
  print_settings | sed -n 's/^[^#]*DUMP_DOCKER_IMAGE=["'\'']\{0,1\}\([A-Za-z0-9][A-Za-z0-9._/:@-]*\).*/\1/p' |
    tail -n 1
)

# rendered_service SCRIPT: runs a sed script on the lines of the dump service in the rendered file.
rendered_service() {
  sed -n -e '/^  dump:$/,/^  [^ ]/{' -e "$1" -e '}' "$rendered" 2>/dev/null
}

# write_rendered TEXT: replaces the rendered file if the text differs.
write_rendered() {
  if [ "$1" != "$(<"$rendered")" ]; then
    printf '%s\n' "$1" >"$rendered"
  fi
}

# change_rendered NAME OLD NEW: changes a value of the service in the rendered file.
change_rendered() {
  write_rendered "$(sed "/^  dump:\$/,/^  [^ ]/s|^    $1: \"\{0,1\}$2\"\{0,1\}\$|    $1: \"$3\"|" "$rendered")"
}

# drop_profiles: takes the service out of its profile. DDEV then starts it with all others and does not wait for it, as it
# would for the services of a requested profile: it finds those by DDEV's labels, which this service does not have.
drop_profiles() {
  write_rendered "$(awk '/^ ? ?[^ ]/ { dump = $0 == "  dump:"; profiles = 0 } /^    [^ ]/ { profiles = $1 == "profiles:" }
    !(dump && profiles)' "$rendered")"
}

# service_image: prints the service's image. Compose does not see settings in web_environment, so they count only if
# nothing that compose sees names an image.
service_image() {
  local image default configured
  image=$(rendered_service 's/^    image: "\{0,1\}\([^"]*\)"\{0,1\}$/\1/p')
  default=$(default_image)
  if [ -z "$image" ] || [ "$image" = "$default" ]; then
    configured=$(configured_image)
    image=${configured:-$default}
  fi
  echo "$image"
}

# fetch_image IMAGE: fetches an image that this machine does not have. If that fails, it prints why.
fetch_image() {
  local output
  if docker image inspect "$1" >/dev/null 2>&1; then
    return
  fi
  if ! output=$(docker pull --quiet "$1" 2>&1); then
    echo "${output##*$'\n'}"
    return 1
  fi
}

image_hint="build it with \`make image\` in a checkout of dump-refresh, name another image in DUMP_DOCKER_IMAGE, or name a dump-helper on this machine in DUMP_HELPER"

# web_container: prints the ID of the project's web container and the folder that it belongs to.
web_container() {
  docker container inspect --format '{{.Id}} {{index .Config.Labels "com.ddev.approot"}}' "ddev-$DDEV_SITENAME-web" 2>/dev/null || true
}

# service_runs: succeeds if the service runs and belongs to this folder. A folder that was moved leaves a service behind.
# The service may have been started under another path, through a symbolic link.
service_runs() {
  local found
  found=$(docker container inspect --format '{{.State.Running}} {{.Config.WorkingDir}}' "$container" 2>/dev/null) || return
  [ "${found%% *}" = true ] && [ "${found#* }" -ef "$DDEV_APPROOT" ]
}

# lock_start: lets only one command at a time start the service, until unlock_start. The lock of a killed command is
# ignored.
lock_start() {
  local try
  before=
  for try in $(seq 600); do
    if ln -s $$ "$starting" 2>/dev/null; then
      break
    elif [ "$try" = 600 ] || ! kill -0 "$(readlink "$starting")" 2>/dev/null; then
      rm -f "$starting"
    else
      sleep 0.1
    fi
  done
  trap unlock_start EXIT
}

unlock_start() {
  if [ -n "$before" ]; then
    write_rendered "$before"
    before=
  fi
  rm -f "$starting"
}

# ddev_here ARGUMENT…: runs DDEV for this project. It finds the project by its folder: DDEV's list of names may lack it, because DDEV
# programs that run at the same time overwrite each other's changes of that list.
ddev_here() (
  cd "$DDEV_APPROOT" && exec "$DDEV_EXECUTABLE" "$@" </dev/null
)

# start_with_project: lets DDEV start the service. DDEV colours its output even without a terminal, so the colours are removed.
start_with_project() {
  ddev_here start --profiles=dump 2>&1 | sed $'s/\033\\[[0-9;]*m//g'
}

# start_service QUIET: starts the service of a running project. If that fails, it prints two lines: why, and what to do.
start_service() {
  local quiet=$1 image output web started=true
  report() { [ "$quiet" = true ] || echo "$1" >&2; }
  case $OSTYPE in msys* | cygwin* | win32*)
    printf '%s\n' "the dump service does not work on native Windows: a Linux container knows no paths like C:\Users" \
      "use DDEV in WSL2, as DDEV recommends, and keep the project there"
    return 1
  esac
  web=$(web_container)
  if [ -n "$web" ] && ! [ "${web#* }" -ef "$DDEV_APPROOT" ]; then
    printf '%s\n' "a project named $DDEV_SITENAME is already running in ${web#* }" \
      "stop it with \`ddev stop --unlist $DDEV_SITENAME\`, or rename one of the two and set DUMP_PROJECT=$DDEV_SITENAME there"
    return 1
  fi
  image=$(service_image)
  if ! docker image inspect "$image" >/dev/null 2>&1; then
    report "fetching $image, the image of the dump service"
    if ! output=$(fetch_image "$image"); then
      printf '%s\n' "the image $image of the dump service is not on this machine and cannot be fetched ($output)" "$image_hint"
      return 1
    fi
  fi
  # Docker would create missing folders with root as their owner.
  if ! output=$(umask 077 && mkdir -p "$HOME/.aws" "$HOME/.ssh" 2>&1); then
    printf '%s\n' "cannot create the folders .aws and .ssh, which the dump service needs ($output)" "create them yourself; they may be empty"
    return 1
  fi
  lock_start
  if service_runs; then
    return
  fi
  docker rm --force --volumes "$container" >/dev/null 2>&1 || true # left by a network that is gone, or by a folder that was moved
  before=$(<"$rendered")
  drop_profiles
  change_rendered image "$(default_image)" "$image"
  # With rootless Docker, root in a container is this machine's user, and no other user in the container can read that
  # user's files. With Podman, DDEV solves this through userns_mode.
  if [[ $(docker info --format '{{.SecurityOptions}}' 2>/dev/null) == *name=rootless* ]] && [ -z "$(rendered_service '/^    userns_mode:/p')" ]; then
    change_rendered user "$DDEV_UID:$DDEV_GID" 0:0
  fi
  if [ -t 2 ]; then # it takes two seconds, which only matters to somebody at a terminal
    report "starting the dump service of $DDEV_SITENAME"
  fi
  output=$(start_with_project) || started=false
  unlock_start
  if [ "$started" = true ] && ! service_runs; then
    started=false output=$(docker logs --tail 1 "$container" 2>&1 || true)
  fi
  if [ "$started" = false ]; then
    docker rm --force --volumes "$container" >/dev/null 2>&1 || true
    printf '%s\n' "the dump service of project $DDEV_SITENAME does not start (${output##*$'\n'})" \
      "check that its image, $image, is one of dump-refresh"
    return 1
  fi
  # If the project's settings have changed since it was started, DDEV has just replaced the web container. Only a full
  # start runs everything that the site needs in it.
  if [ "$web" != "$(web_container)" ]; then
    report "restarting $DDEV_SITENAME because its settings have changed"
    DUMP_REFRESH_STARTING=pull-latest-dump ddev_here restart >&2
    start_service "$quiet"
  fi
}
