#!/usr/bin/env bash
# Runs benchmarks of this tree and of another commit in turns and compares them: compare.sh REF BENCH COUNT
#
# Hosts drift by a factor of two within minutes: all of one side and then all of the other would compare two hosts. So the test
# binaries of both are made first, and every one runs once for this tree and once for REF, the one first that was last before, COUNT
# times. Leaves .work/bench.txt and .work/bench-ref.txt.
set -euo pipefail

ref=${1:?usage: compare.sh REF BENCH COUNT} bench=${2:?which benchmarks?} count=${3:?how many times?}
go=${GO:-go}
cd "$(dirname "$0")/../.."
here=$PWD
commit=$(git rev-parse --verify "$ref^{commit}")

mkdir -p .work
dir=$(mktemp -d "$here/.work/compare.XXXXXX")
there=$dir/ref
cleanup() {
  git worktree remove --force "$there" 2>/dev/null || true
  rm -rf "$dir"
  git worktree prune
}
trap cleanup EXIT
trap 'exit 130' INT TERM
git worktree add --quiet --detach "$there" "$commit"
"$go" -C tools build -o "$dir/benchstat" golang.org/x/perf/cmd/benchstat

# run TREE PACKAGE BINARY FLAG...: its benchmarks, where its tests run, and what they print if they fail.
run() {
  local log=$dir/log
  (cd "$1/$2" && "$3" -test.run '^$' -test.bench "$bench" -test.benchmem "${@:4}") >"$log" 2>&1 || { cat "$log" >&2; return 1; }
  cat "$log"
}

# mayMatch PACKAGE: whether a benchmark's name matches, up to the slash after which those within it are named. What has brackets or
# backslashes is left to the binaries.
mayMatch() {
  case $bench in *[\(\[\\]*) return 0 ;; esac
  sed -n 's/^func \(Benchmark[A-Za-z0-9_]*\)(.*/\1/p' "$1"/*_test.go | grep -E -- "$(sed 's:/[^|]*::g' <<<"$bench")" >/dev/null
}

# Where benchmarks match is known from running each once; the other side is made for those only.
packages=()
for package in $(git grep -l --untracked '^func Benchmark' -- '*_test.go' | xargs -n1 dirname | sort -u); do
  mayMatch "$package" || continue
  # Modules of their own are none of ./...
  case $("$go" list "./$package" 2>/dev/null) in '') continue ;; esac
  name=${package//\//-}
  "$go" test -c -o "$dir/here-$name" "./$package"
  run "$here" "$package" "$dir/here-$name" -test.benchtime 1x >"$dir/once"
  grep -q '^Benchmark' "$dir/once" || continue
  if [ ! -d "$there/$package" ]; then
    echo "$package is not in $ref" >&2
    continue
  fi
  "$go" -C "$there" test -c -o "$dir/there-$name" "./$package"
  [ -e "$dir/there-$name" ] || { echo "$package has no tests in $ref" >&2; continue; }
  packages+=("$package")
done
[ "${#packages[@]}" -gt 0 ] || { echo "no benchmark matches $bench in both" >&2; exit 1; }

: >.work/bench.txt
: >.work/bench-ref.txt
for ((i = 1; i <= count; i++)); do
  for package in "${packages[@]}"; do
    name=${package//\//-}
    sides=(here there)
    ((i % 2)) || sides=(there here)
    for side in "${sides[@]}"; do
      case $side in
        here) run "$here" "$package" "$dir/here-$name" >>.work/bench.txt ;;
        there) run "$there" "$package" "$dir/there-$name" >>.work/bench-ref.txt ;;
      esac
    done
  done
  echo "$i of $count" >&2
done
"$dir/benchstat" "$ref=.work/bench-ref.txt" here=.work/bench.txt
