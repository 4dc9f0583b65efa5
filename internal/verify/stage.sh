#!/usr/bin/env bash
# The CI stage of millrace verify: stage.sh WORK, where WORK has the millrace that was built. A node with caches must hold,
# with hits; one without caches must hold too but be told that it proves nothing.
set -euo pipefail
work=$1
stage=verify
. "$(dirname "${BASH_SOURCE[0]}")/../../.ci/node.sh"

node cached
"$work/millrace" verify --target "$endpoint" --rounds 20 --json "$work/verify.json" --html "$work/verify.html" 2>/dev/null
grep -q '"verdict": "holds"' "$work/verify.json"
grep -q '</html>' "$work/verify.html"

node plain --cache off
code=0
"$work/millrace" verify --target "$endpoint" --rounds 20 --only own-item,own-query --json "$work/plain.json" 2>/dev/null || code=$?
[ "$code" -eq 1 ] || { echo "a node without caches: exit $code, want 1 for too few hits" >&2; exit 1; }
grep -q '"verdict": "too few hits"' "$work/plain.json"
