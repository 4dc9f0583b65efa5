#!/usr/bin/env bash
# Runs every fuzz target of the module for a while, one after the other: fuzz.sh DURATION
set -euo pipefail

duration=${1:?usage: fuzz.sh DURATION, such as 10s}
cd "$(dirname "$0")/../.."
said=$(mktemp)
trap 'rm -f "$said"' EXIT

# fuzz runs one target of a package.
fuzz() {
  echo "fuzz $1 $2 for $duration"
  go test -run '^$' -fuzz "^$2\$" -fuzztime "$duration" "$1" 2>&1 | tee "$said"
}

# Before Go 1.27 a run whose time is over can fail with nothing but "context deadline exceeded", though it found nothing
# (golang/go#75804). A target that says so, and has written no input, is run once more; whatever else fails, fails.
ended_by_time() {
  grep -qx ' *context deadline exceeded' "$said" && ! grep -qE 'Failing input written|panic:|fuzzing process|_test\.go:[0-9]+' "$said"
}

listing=$(go test -list '^Fuzz' ./...)
names=()
count=0
while read -r first package _; do
  case $first in
    Fuzz*) names+=("$first") ;;
    ok)
      for name in ${names[@]+"${names[@]}"}; do
        if ! fuzz "$package" "$name"; then
          ended_by_time || exit 1
          fuzz "$package" "$name"
        fi
        count=$((count + 1))
      done
      names=()
      ;;
    \?) names=() ;;
  esac
done <<<"$listing"

if [ "$count" -eq 0 ]; then
  echo "there are no fuzz targets" >&2
  exit 1
fi
echo "$count fuzz targets ran for $duration each"
