#!/usr/bin/env bash
# The CI stage of millrace verify: stage.sh WORK, where WORK has the millrace that was built. A node with caches must hold,
# with hits; one without caches must hold too but be told that it proves nothing.
set -euo pipefail
work=$1
pids=()
end() { local pid; for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; done; }
trap end EXIT

# node NAME FLAGS...: starts a millrace and sets endpoint.
node() {
  local name=$1 try
  shift
  : >"$work/verify-$name.log"
  "$work/millrace" serve --in-memory --listen 127.0.0.1:0 --admin-listen "" --log-format json "$@" 2>"$work/verify-$name.log" &
  pids+=($!)
  for try in $(seq 100); do
    endpoint=$(sed -n 's/.*"serving DynamoDB","endpoint":"\([^"]*\)".*/\1/p' "$work/verify-$name.log")
    [ -z "$endpoint" ] || return 0
    sleep 0.1
  done
  cat "$work/verify-$name.log" >&2
  return 1
}

node cached
"$work/millrace" verify --target "$endpoint" --rounds 20 --json "$work/verify.json" --html "$work/verify.html" 2>/dev/null
grep -q '"verdict": "holds"' "$work/verify.json"
grep -q '</html>' "$work/verify.html"

node plain --cache off
code=0
"$work/millrace" verify --target "$endpoint" --rounds 4 --only own-item,own-query 2>/dev/null || code=$?
[ "$code" -eq 1 ] || { echo "a node without caches: exit $code, want 1 for too few hits" >&2; exit 1; }
