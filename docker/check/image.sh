#!/usr/bin/env bash
# Builds docker/Dockerfile and runs the image, with a Docker daemon that lives as long as this script, in namespaces of its
# own: see docker/check/image. It needs Linux, root, Go and Debian's packages; those that are missing are installed.
#
# Where there is no dockerd and none can be installed, it says so and succeeds, but in CI (CI=true) it fails. A dockerd
# that is there and does not start is a failure everywhere.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
work=$PWD/.work
mkdir -p "$work"

missing() { local program; for program in dockerd docker-compose busybox ip unshare curl prometheus; do command -v "$program" >/dev/null || return 0; done; [ ! -x /usr/bin/docker ]; }

not_run() {
  echo "image: NOT RUN: $1" >&2
  if [ "${CI:-}" = true ]; then exit 1; fi
  exit 0
}

[ "$(uname -s)" = Linux ] || not_run "it needs Linux"
[ "$(id -u)" = 0 ] || not_run "it needs root, for a Docker daemon of its own"
if missing; then
  command -v apt-get >/dev/null || not_run "there is no Docker daemon, and no apt-get to install one with"
  for try in 1 2 3; do
    if apt-get -o DPkg::Lock::Timeout=300 update && DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y \
      --no-install-recommends docker.io docker-compose busybox-static iproute2 util-linux ca-certificates curl prometheus; then break; fi
    [ "$try" -lt 3 ] || not_run "docker.io cannot be installed"
    sleep $((try * 5))
  done
fi

# The daemon's network leads nowhere, so the build takes its modules from a folder.
GOMODCACHE=$work/image-modules GOFLAGS=-modcacherw GOPROXY="file://$(go env GOMODCACHE)/cache/download,$(go env GOPROXY)" go mod download
go build -C docker/check -o "$work/imagecheck" ./image
exec unshare --net --mount -- "$work/imagecheck" -root . -work "$work/image" -modules "$work/image-modules/cache/download"
