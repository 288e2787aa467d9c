#!/usr/bin/env bash
# One of four validators, a process of its own, is killed with -9 and started again while trades go on: settlement must not stop, and
# the validator must catch up. Uses the binaries in target/release, or those in $BIN.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${BIN:-target/release}
sample=${1:-sample-data}
dir=$(mktemp -d)
clean_up() {
    kill $(jobs -p) 2>/dev/null || true
    wait
    rm -rf "$dir"
}
trap clean_up EXIT

# until_true SECONDS WHAT COMMAND...: runs the command until it succeeds.
until_true() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        [ $SECONDS -lt $deadline ] || { echo "not in time: $what"; cat "$dir"/*.out; exit 1; }
        sleep 0.2
    done
}
field() { "$bin/plinth" status --data-dir "$dir" --json | grep -oE "\"$1\":[0-9a-z]+" | head -1 | cut -d: -f2; }
settled() { field trades_settled; }
start_validator() {
    : >"$dir/validator.out"
    "$bin/plinth-validator" --config "$dir/validator-3/validator.toml" --report 1 >"$dir/validator.out" 2>&1 &
    validator=$!
}
validator_at_least() {
    local height
    height=$(grep -oE 'height [0-9]+' "$dir/validator.out" | tail -1 | cut -d' ' -f2) && [ "$height" -ge "$1" ]
}
more_settled_than() { local now; now=$(settled) && [ "$now" -gt "$1" ]; }

"$bin/plinth" init --data-dir "$dir" --validators-here 3
start_validator
"$bin/plinth" up --data-dir "$dir" --fix-listen 127.0.0.1:0 --ready-file "$dir/ready.json" >"$dir/plinth.out" 2>&1 &
until_true 90 'the appliance is ready' test -s "$dir/ready.json"
fix=$(grep -oE '"fix":"[^"]+"' "$dir/ready.json" | cut -d'"' -f4)
"$bin/plinth" replay --bitstamp "$sample" --via fix --connect "$fix" --data-dir "$dir" --limit 30000 --json >"$dir/replay.out" 2>&1 &
replay=$!

until_true 60 'the first trades settle' more_settled_than 3
kill -9 $validator
wait $validator 2>/dev/null || true
before=$(settled)
echo "validator killed after $before settled trades"
until_true 60 'settlement goes on with three of four' more_settled_than "$before"
start_validator
wait $replay || { cat "$dir/replay.out"; exit 1; }
height=$(field settlement_height)
until_true 60 "the validator catches up to height $height" validator_at_least "$height"
echo "settled trades: $(settled); the validator caught up to settlement height $height"
[ "$(field ledger_conserved)" = true ] && echo 'ledger conserved: true'
