#!/bin/sh
# Can `make test-arm` run on this machine? Nothing is printed where it can; else one line, and exit status 3.
#
# Usage: possible.sh [BINFMT_MISC]   BINFMT_MISC: the kernel's folder (tests give another)

binfmt_misc=${1:-/proc/sys/fs/binfmt_misc}
install="On Debian and Ubuntu: apt-get install debootstrap qemu-user-static binfmt-support"

refuse() {
    echo "make test-arm: $1" >&2
    exit 3
}

# The kernel starts the interpreter for arm64 programs, and opened it when it was registered (flag F): within the
# userland there is none.
runs_arm64() {
    grep -qs '^enabled' "$1" && grep -qs '^magic 7f454c46020101[0-9a-f]*b700$' "$1"
}

[ "$(uname -s)" = Linux ] || refuse "it needs Linux, and this is $(uname -s)."
case "$(uname -m)" in
    aarch64 | arm64) refuse "this machine is arm64 itself: \`make test\` is the real thing." ;;
esac
[ "$(id -u)" = 0 ] || refuse "only root can build and enter a userland, and this is $(id -un). Run it as root."
for program in debootstrap unshare setpriv chroot mount ssh ssh-keygen; do
    command -v "$program" >/dev/null || refuse "there is no $program. $install openssh-client util-linux"
done
[ -e "$binfmt_misc/register" ] ||
    refuse "binfmt_misc is not mounted. Right would be: mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc"
[ "$(cat "$binfmt_misc/status")" = enabled ] || refuse "binfmt_misc is off. Right would be: echo 1 > $binfmt_misc/status"
for entry in "$binfmt_misc"/*; do
    if runs_arm64 "$entry"; then
        grep -q '^flags:.*F' "$entry" && exit 0
        refuse "$(basename "$entry") in binfmt_misc lacks the flag F, so it works in no userland. $install"
    fi
done
refuse "binfmt_misc has nothing that runs arm64 programs. $install; update-binfmts --enable qemu-aarch64"
