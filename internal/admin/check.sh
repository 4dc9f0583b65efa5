#!/usr/bin/env bash
# Checks a running millrace from outside, as CI does: what is scraped, by promtool; the alerts, by promtool; the API's
# description, by a validator of OpenAPI; and the page, in Chromium at two widths, where a machine has one.
#
#   internal/admin/check.sh MILLRACE WORK [PICTURES]
#
# WORK keeps the validator's environment; pictures of the page go to PICTURES.
set -euo pipefail
millrace=$1 work=$2 pictures=${3:-$2/page}
mkdir -p "$work" "$pictures"

data=127.0.0.1:18471 admin=127.0.0.1:18472
"$millrace" serve --in-memory --listen $data --admin-listen $admin --drain-delay 0 2>"$work/server.log" &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  if "$millrace" healthcheck --admin-listen $admin >/dev/null 2>&1; then break; fi
  kill -0 $server || { cat "$work/server.log" >&2; exit 1; }
  sleep 0.1
done

call() {
  curl -sS --fail-with-body -o /dev/null "http://$data/" -H "X-Amz-Target: DynamoDB_20120810.$1" -H 'Content-Type: application/x-amz-json-1.0' \
    -H 'X-Amz-Date: 20260101T000000Z' -H 'Authorization: AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0' -d "$2"
}
for table in orders customers; do
  call CreateTable "{\"TableName\":\"$table\",\"KeySchema\":[{\"AttributeName\":\"p\",\"KeyType\":\"HASH\"}],\"AttributeDefinitions\":[{\"AttributeName\":\"p\",\"AttributeType\":\"S\"}],\"BillingMode\":\"PAY_PER_REQUEST\"}"
  for i in 1 2 3 4 5; do
    call PutItem "{\"TableName\":\"$table\",\"Item\":{\"p\":{\"S\":\"$i\"}}}"
    for _ in 1 2 3; do call GetItem "{\"TableName\":\"$table\",\"Key\":{\"p\":{\"S\":\"$i\"}}}"; done
    call Query "{\"TableName\":\"$table\",\"KeyConditionExpression\":\"p=:p\",\"ExpressionAttributeValues\":{\":p\":{\"S\":\"$i\"}}}"
  done
  call Scan "{\"TableName\":\"$table\"}"
done

curl -sS --fail "http://$admin/metrics" >"$work/metrics.txt"
promtool check metrics <"$work/metrics.txt"
promtool check rules docker/prometheus/alerts.yml
echo "metrics: $(grep -c '^# TYPE millrace_' "$work/metrics.txt") families of ours"

python=$work/openapi/bin/python
if ! "$python" -c 'import openapi_spec_validator' 2>/dev/null; then
  python3 -m venv "$work/openapi"
  "$python" -m pip install --quiet --disable-pip-version-check openapi-spec-validator==0.7.2
fi
curl -sS --fail "http://$admin/api/v1/openapi.json" >"$work/openapi.json"
"$python" -m openapi_spec_validator --schema 3.1.0 "$work/openapi.json"

chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$chromium" ]; then
  echo "the page was not looked at: there is no Chromium"
  exit 0
fi
for width in 390 1280; do
  profile=$(mktemp -d)
  "$chromium" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$profile" --virtual-time-budget=6000 \
    --window-size=$width,1400 --dump-dom "http://$admin/" >"$work/page-$width.html" 2>"$work/chromium-$width.log"
  "$chromium" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$profile" --virtual-time-budget=6000 \
    --window-size=$width,1400 --screenshot="$pictures/page-$width.png" "http://$admin/" 2>>"$work/chromium-$width.log"
  rm -rf "$profile"
  for want in 'class="state good" role="status">ready<' '<td class="">customers</td>' '<td class="">GetItem</td>' 'commits of the engine'; do
    grep -qF "$want" "$work/page-$width.html" || { echo "the page at $width lacks $want" >&2; exit 1; }
  done
  if grep -iE 'CONSOLE.*(error|violat|refused)' "$work/chromium-$width.log"; then
    echo "the page at $width complains" >&2
    exit 1
  fi
done
echo "the page was looked at, 390 and 1280 wide: $pictures"
