#!/usr/bin/env bash
# The trading zone in mode proven, with the real prover and verifier: recorded orders come in over FIX, every block is proven, four validators, one
# of them a process of its own, verify the proofs, and all trades settle. The prover is killed with -9 between, and a proof that a liar puts in its
# place settles nothing. A minute of two processors.
# Needs built programs: BIN (plinth, plinth-validator, and beside them plinth-prove and plinth-verify: `just prover`).
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${BIN:-target/release}
sample=${1:-sample-data}
orders=${2:-60}
dir=$(mktemp -d)
clean_up() {
    kill $(jobs -p) 2>/dev/null || true
    wait
    [ "${KEEP:-}" = 1 ] && echo "kept: $dir" || rm -rf "$dir"
}
trap clean_up EXIT

# until_true SECONDS WHAT COMMAND...: runs the command until it succeeds.
until_true() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        [ $SECONDS -lt $deadline ] || { echo "not in time: $what"; cat "$dir"/*.out "$dir/prover.log"; exit 1; }
        sleep 1
    done
}
field() { "$bin/plinth" status --data-dir "$dir" --json | grep -oE "\"$1\":[0-9a-z]+" | head -1 | cut -d: -f2; }
state() { echo "$SECONDS s: executed $(field zone_height), available $(field available_height), proven $(field proven_height), settled $(field settled_height)"; }
# fix_order FIRM SIDE: logs a demo firm on and sends one order of 0.001 BTC at 77000, by bash alone.
fix_order() {
    local firm=$1 side=$2 number=0 password message
    password=$(grep -A3 "\"sender_comp_id\": \"$firm\"" "$dir/demo-credentials.json" | sed -n 's/.*"password": "\(.*\)".*/\1/p')
    exec 3<>"/dev/tcp/${fix%:*}/${fix##*:}"
    for message in "A|98=0|108=30|553=$firm|554=$password|" "D|11=$firm-1|55=BTC/USD|54=$side|38=0.001|40=2|44=77000.00|59=1|60=$(date -u +%Y%m%d-%H:%M:%S.%3N)|"; do
        number=$((number + 1))
        message="35=${message%%|*}|49=$firm|56=PLINTH|34=$number|52=$(date -u +%Y%m%d-%H:%M:%S.%3N)|${message#*|}"
        message="8=FIX.4.4|9=${#message}|$message"
        message=${message//|/$'\x01'}
        printf '%s10=%03d\x01' "$message" "$(printf '%s' "$message" | od -An -v -tu1 | awk '{ for (i = 1; i <= NF; i++) sum += $i } END { print sum % 256 }')" >&3
        sleep 1
    done
    exec 3>&-
}
works_on() { [ -s "$dir/proving/$1.claim" ]; }
all_settled() { [ "$(field proofs_missing)" = 0 ] && [ "$(field settled_height)" = "$(field zone_height)" ] && [ "$(field trades_settled)" = "$(field trades)" ]; }

"$bin/plinth" init --prove --data-dir "$dir" --validators-here 3
"$bin/plinth-validator" --config "$dir/validator-3/validator.toml" >"$dir/validator.out" 2>&1 &
"$bin/plinth" up --prove --data-dir "$dir" --fix-listen 127.0.0.1:0 --ready-file "$dir/ready.json" >"$dir/plinth.out" 2>&1 &
until_true 120 'the appliance is ready' test -s "$dir/ready.json"
fix=$(grep -oE '"fix":"[^"]+"' "$dir/ready.json" | cut -d'"' -f4)
"$bin/plinth" replay --bitstamp "$sample" --via fix --sessions 6 --connect "$fix" --data-dir "$dir" --limit "$orders" --json >"$dir/replay.out" 2>&1 &
replay=$!

fix_order FIRM7 1
fix_order FIRM8 2
has_traded() { [ "$(field trades)" -ge 1 ]; }
until_true 30 'a trade' has_traded
until_true 120 'a prover begins' works_on 1
prover=$(cat "$dir/proving/1.claim")
kill -9 "$prover"
echo "--- prover $prover killed"
another_works() { [ "$(cat "$dir/proving/1.claim")" != "$prover" ]; }
until_true 120 'another prover goes on' another_works
cp "$dir/proving/1.wanted" "$dir/lie"
head -c 300000 /dev/urandom >>"$dir/lie"
mv "$dir/lie" "$dir/proving/1.proof"
until_true 120 'the lie is set aside' test -e "$dir/proving/1.refused"
"$bin/plinth" status --data-dir "$dir" --json | grep -oE '"proof_refused":"[^"]*"'
[ "$(field settled_height)" = 0 ] || { echo 'a lie settled a block'; exit 1; }
state
until_true 1800 'the first block is proven' test ! -e "$dir/proving/1.wanted"
state
wait $replay || { cat "$dir/replay.out"; exit 1; }
until_true 1800 'all is proven and settled' all_settled
state
cat "$dir/prover.log"
echo "trades settled by proof: $(field trades_settled) of $(field trades)"
[ "$(field ledger_conserved)" = true ] && echo 'ledger conserved: true'
