#!/usr/bin/env bash
# The CI stage of millrace loadtest: stage.sh WORK, where WORK has the millrace that was built. Two nodes, one without caches,
# under a few seconds of load; the JSON must add up, the page must draw itself in a browser at two widths.
set -euo pipefail
work=$1
stage=loadtest
. "$(dirname "${BASH_SOURCE[0]}")/../.ci/node.sh"
profile=$(mktemp -d)
trap 'end_nodes; rm -rf "$profile"' EXIT

rm -f "$work"/loadtest.trace
node plain --cache off
plain=$endpoint
node cached --record "$work/loadtest.trace"
cached=$endpoint
"$work/millrace" loadtest --target plain="$plain" --target cached="$cached" --workload single-table --scale 0.1 --rate 400 --duration 4s --warmup 1s \
  --json "$work/loadtest.json" --html "$work/loadtest.html" --hgrm "$work/loadtest.hgrm" 2>/dev/null
python3 - "$work/loadtest.json" <<'CHECK'
import json, sys
report = json.load(open(sys.argv[1]))
assert report["format"] == 1 and report["settings"]["seed"] > 0 and "cut" not in report, report["settings"]
plain, cached = report["targets"]
for t in (plain, cached):
    n = t["counts"]
    assert n["due"] > 500 and n["due"] == sum(n[k] for k in ("answered", "refused", "timed_out", "broken", "dropped")), n
    assert n["answered"] > 0.99 * n["due"], (n, t["errors"])
    c = t["corrected"]
    assert 0 < c["p50_us"] <= c["p99_us"] <= c["max_us"] and c["count"] == n["answered"] + n["timed_out"] + n["dropped"], c
assert plain["counts"]["due"] == cached["counts"]["due"], "the targets must get the same requests"
assert plain["hit_share"] == 0 and cached["hit_share"] > 0.3, (plain["hit_share"], cached["hit_share"])
CHECK

# What the cached node was asked, played to the other at ten times the speed. Its end is written when the node ends.
kill "${pids[1]}"
wait "${pids[1]}"
"$work/millrace" loadtest --target plain="$plain" --replay "$work/loadtest.trace" --speed 10x --prefix again- --json "$work/replay.json" 2>/dev/null >/dev/null
python3 -c 'import json, sys; t = json.load(open(sys.argv[1]))["targets"][0]["counts"]; assert t["answered"] > 0.95 * t["due"] > 500, t' "$work/replay.json"

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ]; then
  [ "${CI:-}" != true ] || { echo "no Chromium to open the page with" >&2; exit 1; }
  echo "the page: NOT RUN, there is no Chromium"
  exit 0
fi
for size in 1200,900 500,900; do
  "$browser" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$profile" --virtual-time-budget=3000 \
    --window-size="$size" --dump-dom "file://$(realpath "$work/loadtest.html")" >"$work/loadtest.dom" 2>/dev/null
  drawn=$(sed -n 's/.*data-drawn="\([0-9]*\)".*/\1/p' "$work/loadtest.dom" | sed -n 1p)
  if [ "${drawn:-0}" -lt 8 ] || ! grep -q 'data-overflow="false"' "$work/loadtest.dom"; then
    echo "at $size the page draws ${drawn:-no} lines, or is wider than the window" >&2
    exit 1
  fi
  echo "the page draws $drawn lines at $size"
done
