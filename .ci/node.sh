# Sourced by stages that run a millrace of their own. Set work, where the binary is and logs go, and stage, which names them.
# Every node ends with the script; pids are their process ids.
pids=()
end_nodes() { local pid; for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; done; }
trap end_nodes EXIT

# node NAME FLAGS...: starts a millrace and sets endpoint.
node() {
  local log=$work/$stage-$1.log try
  shift
  : >"$log"
  "$work/millrace" serve --in-memory --listen 127.0.0.1:0 --admin-listen "" --log-format json "$@" 2>"$log" &
  pids+=($!)
  for try in $(seq 600); do
    endpoint=$(sed -n 's/.*"serving DynamoDB","endpoint":"\([^"]*\)".*/\1/p' "$log")
    [ -z "$endpoint" ] || return 0
    kill -0 "${pids[-1]}" 2>/dev/null || break
    sleep 0.1
  done
  cat "$log" >&2
  return 1
}
