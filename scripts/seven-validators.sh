#!/usr/bin/env bash
# Seven validators and the trading zone as processes, each validator in a network namespace of its own behind a long and lossy road.
# Under load two validators are killed with -9 and started again; then two others are cut off and joined again. Settlement must go on
# throughout (7 = 3f + 1, f = 2), all must catch up, and no trade may be lost. Prints `lost: 0`.
#
#   scripts/seven-validators.sh [SAMPLE [MESSAGES]]      BIN, DELAY_MS, JITTER_MS, LOSS_PPM may be set
#
# Where namespaces are not permitted it says so, runs on loopback addresses, and cuts off by stopping the process.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${BIN:-target/release}
sample=${1:-sample-data}
messages=${2:-60000}
count=7
dir=$(mktemp -d)
validators=()
others=()

namespace() { echo "plinth-v$1"; }
remove_namespaces() {
    local n
    for ((n = 0; n < count; n++)); do ip netns delete "$(namespace "$n")" 2>/dev/null || true; done
    ip link delete plinth0 2>/dev/null || true
}
clean_up() {
    local pid
    for pid in "${validators[@]}" "${others[@]}"; do kill -CONT "$pid" 2>/dev/null && kill -9 "$pid" 2>/dev/null; done || true
    wait 2>/dev/null || true
    [ "${in_namespaces:-no}" = no ] || remove_namespaces
    [ "${KEEP:-}" = 1 ] && echo "kept: $dir" || rm -rf "$dir"
}
trap clean_up EXIT
fail() {
    echo "FAILED: $1"
    tail -n 3 "$dir"/*.out
    exit 1
}
# until_true SECONDS WHAT COMMAND...: runs the command until it succeeds.
until_true() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        [ $SECONDS -lt $deadline ] || fail "not in time: $what"
        sleep 0.3
    done
}

# ---- the network
make_namespaces() {
    local n
    ip link add plinth0 type bridge && ip address add 10.77.0.1/24 dev plinth0 && ip link set plinth0 up || return 1
    for ((n = 0; n < count; n++)); do
        ip netns add "$(namespace "$n")" || return 1
        ip link add "plinth-e$n" type veth peer name eth0 netns "$(namespace "$n")" || return 1
        ip link set "plinth-e$n" master plinth0 up || return 1
        ip -n "$(namespace "$n")" address add "10.77.0.$((10 + n))/24" dev eth0 || return 1
        ip -n "$(namespace "$n")" link set eth0 up && ip -n "$(namespace "$n")" link set lo up || return 1
    done
}
# A run that was killed left its network behind.
command -v ip >/dev/null && remove_namespaces
if command -v ip >/dev/null && make_namespaces 2>"$dir/namespaces.out"; then
    in_namespaces=yes
    hub=10.77.0.1
    own_address() { echo "10.77.0.$((10 + $1)):7000"; }
    # `exec`: the job that is killed is the validator itself, not a shell in front of it.
    inside() { local n=$1; shift; exec ip netns exec "$(namespace "$n")" "$@"; }
    cut_off() { ip -n "$(namespace "$1")" link set eth0 down; }
    join_again() { ip -n "$(namespace "$1")" link set eth0 up; }
    echo 'network: one namespace for each validator'
else
    in_namespaces=no
    hub=127.0.0.1
    own_address() { echo "127.0.0.1:$((7100 + $1))"; }
    inside() { shift; exec "$@"; }
    cut_off() { kill -STOP "${validators[$1]}"; }
    join_again() { kill -CONT "${validators[$1]}"; }
    echo "network: loopback, since namespaces are not permitted here: $(tail -1 "$dir/namespaces.out" 2>/dev/null)"
fi
# Every pair has its own road: from FROM (a validator, or the zone as number 7) to validator TO.
road_address() { echo "$hub:$((20000 + $1 * 100 + $2))"; }

# ---- configurations: each process knows the others by the roads to them
"$bin/plinth" init --data-dir "$dir/zone" --validators $count --validators-here 0 >/dev/null
rename() {
    local file=$1 from=$2 to
    for ((to = 0; to < count; to++)); do
        if [ "$from" = "$to" ]; then sed -i "s/127.0.0.1:$((9881 + to))\b/$(own_address "$to")/" "$file"
        else sed -i "s/127.0.0.1:$((9881 + to))\b/$(road_address "$from" "$to")/" "$file"; fi
    done
}
for ((from = 0; from <= count; from++)); do
    if [ "$from" = $count ]; then rename "$dir/zone/plinth.toml" "$from"; else rename "$dir/zone/validator-$from/validator.toml" "$from"; fi
    for ((to = 0; to < count; to++)); do
        [ "$from" = "$to" ] || echo "$(road_address "$from" "$to") $(own_address "$to")" >>"$dir/routes"
    done
done
"$bin/latency-tests" relay --routes "$dir/routes" --delay-ms "${DELAY_MS:-2}" --jitter-ms "${JITTER_MS:-2}" --loss-ppm "${LOSS_PPM:-2000}" \
    >"$dir/relay.out" 2>&1 &
others+=($!)

# ---- the processes
start_validator() {
    local n=$1
    inside "$n" "$bin/plinth-validator" --config "$dir/zone/validator-$n/validator.toml" --report 1 >"$dir/validator-$n.out" 2>&1 &
    validators[$n]=$!
}
kill_validator() {
    # Bash reports a killed job on standard error.
    { kill -9 "${validators[$1]}" && wait "${validators[$1]}"; } 2>/dev/null || true
    ! pgrep -f "validator-$1/validator.toml" >/dev/null || fail "validator $1 is still there"
}
field() { "$bin/plinth" status --data-dir "$dir/zone" --json | grep -oE "\"$1\":[0-9a-z]+" | head -1 | cut -d: -f2; }
more_settled_than() { local now; now=$(field trades_settled) && [ "$now" -gt "$1" ]; }
goes_on() {
    local before
    before=$(field trades_settled)
    until_true 120 "settlement goes on $1" more_settled_than "$before"
    echo "settlement goes on $1: $(field trades_settled) trades settled"
}
validator_at_least() {
    local height
    height=$(grep -oE 'height [0-9]+' "$dir/validator-$1.out" | tail -1 | cut -d' ' -f2) && [ "$height" -ge "$2" ]
}
all_catch_up() {
    local height n
    height=$(field settlement_height)
    for ((n = 0; n < count; n++)); do until_true 180 "validator $n catches up to $height" validator_at_least "$n" "$height"; done
    echo "all seven are at settlement height $height or above"
}

for ((n = 0; n < count; n++)); do start_validator "$n"; done
"$bin/plinth" run --config "$dir/zone/plinth.toml" --fix-listen 127.0.0.1:0 --ready-file "$dir/ready.json" >"$dir/plinth.out" 2>&1 &
zone=$!
others+=("$zone")
until_true 120 'the zone is ready' test -s "$dir/ready.json"
fix=$(grep -oE '"fix":"[^"]+"' "$dir/ready.json" | cut -d'"' -f4)
"$bin/plinth" replay --bitstamp "$sample" --via fix --connect "$fix" --data-dir "$dir/zone" --limit "$messages" --json >"$dir/replay.json" 2>"$dir/replay.out" &
replay=$!
others+=("$replay")

until_true 120 'the first trades settle' more_settled_than 3
kill_validator 5
kill_validator 6
goes_on 'with two of seven killed'
start_validator 5
start_validator 6
all_catch_up
cut_off 3
cut_off 4
goes_on 'with two of seven cut off'
join_again 3
join_again 4
wait "$replay" || fail 'the replay'
all_catch_up

number() { grep -oE "\"$1\":[0-9]+" "$dir/replay.json" | head -1 | cut -d: -f2; }
trades=$(number trades)
final=$(number trades_final)
echo "trades: $trades, final: $final, ledger conserved: $(field ledger_conserved)"
[ "$(field ledger_conserved)" = true ] || fail 'the ledger is not conserved'
kill -INT "$zone"
wait "$zone" || fail 'the zone did not stop cleanly'
echo "lost: $((trades - final))"
[ "$trades" -gt 0 ] && [ "$trades" = "$final" ]
