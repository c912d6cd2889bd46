#!/usr/bin/env bash
#ddev-generated
# The dump service: which image it has, and how it is started. docker-compose.dump.yaml puts it into a profile, so
# that no start of the project needs it: the first command that finds it missing starts it.
# Read by run.sh and by the installation. Bash 3.2, which macOS has, must understand this.

container=ddev-$DDEV_SITENAME-dump
compose_file=$DDEV_APPROOT/.ddev/docker-compose.dump.yaml
# What DDEV has made of all compose files at the last start of the project, and takes for what it starts later.
rendered=$DDEV_APPROOT/.ddev/.ddev-docker-compose-full.yaml
# Who starts the service just now. DDEV keeps files with such names out of git.
starting=$DDEV_APPROOT/.ddev/.ddev-docker-dump-starting.yaml

default_image() {
  sed -n 's/^ *image: .*:-\(.*\)}$/\1/p' "$compose_file"
}

# configured_image: what DUMP_DOCKER_IMAGE is, by the same places as every setting; the last one wins.
configured_image() (
  if [ -n "${DUMP_DOCKER_IMAGE:-}" ]; then
    echo "$DUMP_DOCKER_IMAGE"
    return
  fi
  cd "$DDEV_APPROOT/.ddev" || return
  { sed -n 's/^[^#]*DUMP_DOCKER_IMAGE=["'\'']\{0,1\}\([A-Za-z0-9][A-Za-z0-9._/:@-]*\).*/\1/p' \
    config.yaml config.*.y*ml .env .env.dump .env.dump.image 2>/dev/null || true; } | tail -n 1
)

# rendered_service SCRIPT: runs a script of sed on the lines of the dump service in what DDEV has rendered.
rendered_service() {
  sed -n -e '/^  dump:$/,/^  [^ ]/{' -e "$1" -e '}' "$rendered" 2>/dev/null
}

# write_rendered TEXT
write_rendered() {
  if [ "$1" != "$(<"$rendered")" ]; then
    printf '%s\n' "$1" >"$rendered"
  fi
}

# change_rendered NAME OLD NEW: gives the service another value.
change_rendered() {
  write_rendered "$(sed "/^  dump:\$/,/^  [^ ]/s|^    $1: \"\{0,1\}$2\"\{0,1\}\$|    $1: \"$3\"|" "$rendered")"
}

# drop_profiles: has DDEV start the service with all others. Those of a profile that is asked for it waits for, by its labels.
drop_profiles() {
  write_rendered "$(awk '/^ ? ?[^ ]/ { dump = $0 == "  dump:"; profiles = 0 } /^    [^ ]/ { profiles = $1 == "profiles:" }
    !(dump && profiles)' "$rendered")"
}

# service_image: what the service runs in. Compose does not see web_environment, where settings are; so that counts
# where nothing that compose does see names an image.
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

# fetch_image IMAGE: makes sure that an image is on this machine. It prints why it is not.
fetch_image() {
  local said
  if docker image inspect "$1" >/dev/null 2>&1; then
    return
  fi
  if ! said=$(docker pull --quiet "$1" 2>&1); then
    echo "${said##*$'\n'}"
    return 1
  fi
}

image_hint="build it with \`make image\` in a checkout of dump-refresh, name another image in DUMP_DOCKER_IMAGE, or a dump-helper of this machine in DUMP_HELPER"

# web_container: the container that the site runs in, and the folder of its project.
web_container() {
  docker container inspect --format '{{.Id}} {{index .Config.Labels "com.ddev.approot"}}' "ddev-$DDEV_SITENAME-web" 2>/dev/null || true
}

# service_runs: whether the service runs, and is that of this folder. A folder that was moved leaves one behind. It may have
# been started by another path, through a symbolic link.
service_runs() {
  local found
  found=$(docker container inspect --format '{{.State.Running}} {{.Config.WorkingDir}}' "$container" 2>/dev/null) || return
  [ "${found%% *}" = true ] && [ "${found#* }" -ef "$DDEV_APPROOT" ]
}

# wait_for_turn: of several commands one at a time may start the service, until end_turn. One that was killed keeps nobody waiting.
wait_for_turn() {
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
  trap end_turn EXIT
}

end_turn() {
  if [ -n "$before" ]; then
    write_rendered "$before"
    before=
  fi
  rm -f "$starting"
}

# start_with_project: has DDEV start the service. What DDEV says is in colours, wherever it goes.
start_with_project() {
  "$DDEV_EXECUTABLE" start --profiles=dump "$DDEV_SITENAME" </dev/null 2>&1 | sed $'s/\033\\[[0-9;]*m//g'
}

# start_service QUIET: starts the service of a project that runs. If it cannot, it prints two lines: why, and what to do.
start_service() {
  local quiet=$1 image said web started=true
  tell() { [ "$quiet" = true ] || echo "$1" >&2; }
  case $OSTYPE in msys* | cygwin* | win32*)
    printf '%s\n' "the dump service does not work on native Windows: a Linux container knows no paths like C:\Users" \
      "use DDEV in WSL2, as DDEV recommends, and keep the project there"
    return 1
  esac
  web=$(web_container)
  if [ -n "$web" ] && ! [ "${web#* }" -ef "$DDEV_APPROOT" ]; then
    printf '%s\n' "the project $DDEV_SITENAME that runs is that of ${web#* }" \
      "end it with \`ddev stop --unlist $DDEV_SITENAME\`, or give one of the two another name, and DUMP_PROJECT=$DDEV_SITENAME"
    return 1
  fi
  image=$(service_image)
  if ! docker image inspect "$image" >/dev/null 2>&1; then
    tell "fetching $image, the image of the dump service"
    if ! said=$(fetch_image "$image"); then
      printf '%s\n' "the image $image of the dump service is not on this machine and cannot be fetched ($said)" "$image_hint"
      return 1
    fi
  fi
  # Docker would make folders that are missing as root's.
  if ! said=$(umask 077 && mkdir -p "$HOME/.aws" "$HOME/.ssh" 2>&1); then
    printf '%s\n' "the dump service needs the folders .aws and .ssh ($said)" "make them; they may be empty"
    return 1
  fi
  wait_for_turn
  if service_runs; then
    return
  fi
  docker rm --force "$container" >/dev/null 2>&1 || true # of a network that is gone, or of a folder that was moved
  before=$(<"$rendered")
  drop_profiles
  change_rendered image "$(default_image)" "$image"
  # There, root in a container is the user of this machine, and nobody else in it can read that user's files. With
  # Podman DDEV does it by userns_mode.
  if [[ $(docker info --format '{{.SecurityOptions}}' 2>/dev/null) == *name=rootless* ]] && [ -z "$(rendered_service '/^    userns_mode:/p')" ]; then
    change_rendered user "$DDEV_UID:$DDEV_GID" 0:0
  fi
  if [ -t 2 ]; then # two seconds are long for those alone who wait
    tell "starting the dump service of $DDEV_SITENAME"
  fi
  said=$(start_with_project) || started=false
  end_turn
  if [ "$started" = true ] && ! service_runs; then
    started=false said=$(docker logs --tail 1 "$container" 2>&1 || true)
  fi
  if [ "$started" = false ]; then
    docker rm --force "$container" >/dev/null 2>&1 || true
    printf '%s\n' "the dump service of project $DDEV_SITENAME does not start (${said##*$'\n'})" \
      "it runs in the image $image, which has to be that of dump-refresh"
    return 1
  fi
  # If the project's settings have changed and been rendered since it was started, DDEV has made the site's container
  # anew; but what makes a site run in it belongs to a start of the whole.
  if [ "$web" != "$(web_container)" ]; then
    tell "restarting $DDEV_SITENAME, whose settings have changed"
    DUMP_REFRESH_STARTING=pull-latest-dump "$DDEV_EXECUTABLE" restart "$DDEV_SITENAME" </dev/null >&2
    start_service "$quiet"
  fi
}
