#!/usr/bin/env bash
# Runs every fuzz target of the module for a while, one after the other: fuzz.sh DURATION
set -euo pipefail

duration=${1:?usage: fuzz.sh DURATION, such as 10s}
cd "$(dirname "$0")/../.."

listing=$(go test -list '^Fuzz' ./...)
names=()
count=0
while read -r first package _; do
  case $first in
    Fuzz*) names+=("$first") ;;
    ok)
      for name in ${names[@]+"${names[@]}"}; do
        echo "fuzz $package $name for $duration"
        go test -run '^$' -fuzz "^$name\$" -fuzztime "$duration" "$package"
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
