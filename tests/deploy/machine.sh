#!/usr/bin/env bash
# Runs an SSH server on a simulated machine: it sees this machine's files, keeps changes to them in memory until it ends, and has
# its own processes. An account `deploy` can log in with a key, and use sudo without a password.
#   unshare --mount --pid --fork --kill-child machine.sh FOLDER PORT PUBLIC-KEY
# FOLDER must be empty and stays empty.
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")
folder=$1 port=$2 key=$3

mount --types tmpfs tmpfs "$folder"
mkdir "$folder/upper" "$folder/work" "$folder/root"
mount --types overlay --options "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" overlay "$folder/root"
mount --types proc proc "$folder/root/proc"
mount --rbind /dev "$folder/root/dev"
mkdir -p "$folder/root/run/sshd"
# There is no systemd. This folder comes before that of the real systemctl in every search path.
install "$here/systemctl.sh" "$folder/root/usr/local/sbin/systemctl"

cat >"$folder/root/etc/ssh/machine" <<END
ListenAddress 127.0.0.1
Port $port
HostKey /etc/ssh/machine_key
AuthorizedKeysFile /etc/ssh/machine_authorized
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
UsePAM no
StrictModes no
PidFile none
END
echo "$key" >"$folder/root/etc/ssh/machine_authorized"
echo 'deploy ALL=(ALL) NOPASSWD: ALL' >"$folder/root/etc/sudoers.d/deploy"
chmod 440 "$folder/root/etc/sudoers.d/deploy"
chroot "$folder/root" useradd --create-home --shell /bin/bash --password '*' deploy
chroot "$folder/root" ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/machine_key
exec chroot "$folder/root" /usr/sbin/sshd -D -e -f /etc/ssh/machine
