#!/usr/bin/env bash
# The EVM zone, its host and four validators as processes: a deposit on the base layer becomes an ERC-20 balance, is sent on, and is withdrawn again.
# The zone is killed with -9 on the way. Needs built programs: BIN (plinth-zone, plinth-validator), ZONE_BIN (plinth-evm), node and npm.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${BIN:-target/release}
zone_bin=${ZONE_BIN:-${CARGO_TARGET_DIR:-evm/target}/release}
dir=$(mktemp -d)
pids=()
clean_up() {
    local pid
    for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    [ "${KEEP:-}" = 1 ] && echo "kept: $dir" || rm -rf "$dir"
}
trap clean_up EXIT
fail() {
    echo "FAILED: $1"
    tail -n 5 "$dir"/*.out
    exit 1
}
clients=${CLIENTS:-$dir/clients}
mkdir -p "$clients"
[ -d "$clients/node_modules/viem" ] || (cd "$clients" && npm init -y >/dev/null && npm install --no-audit --no-fund viem@2.57.20 >/dev/null)
cp evm/tests/settled.mjs "$clients/settled.mjs"

key() { "$bin/plinth-zone" key "$dir/$1.key" | grep -oE '[0-9a-f]{64}' | head -1; }
owner=$(key owner) producer=$(key producer)
key reader >/dev/null
validators=() listed=''
for n in 0 1 2 3; do
    validators+=("\"$(key "$n")\"")
    listed+=$(printf '\n[[validators]]\nkey = %s\naddress = "127.0.0.1:%d"\n ' "${validators[$n]}" $((17201 + n)))
done
keys=$(IFS=,; echo "${validators[*]}")
cat >"$dir/genesis.toml" <<END
chain = 7
time_ns = 1
validators = [$keys]
[[zones]]
id = 3
name = "evm"
producer = "$producer"
epoch = 1
mode = { attested = { delay_blocks = 1 } }
caps = [{ asset = 0, per_hour = "1000000" }]
[[assets]]
name = "USD"
decimals = 2
issuer = "$owner"
issued = [{ owner = "$owner", amount = "1000000" }]
END
for n in 0 1 2 3; do
    printf 'key_file = "%d.key"\ngenesis = "genesis.toml"\ndirectory = "validator-%d"\nlisten = "127.0.0.1:%d"\nidle_interval_ms = 200\n%s' "$n" "$n" $((17201 + n)) "$listed" >"$dir/$n.toml"
    if [ -n "${VALIDATOR:-}" ]; then
        PLINTH_TEST_VALIDATOR="$dir/$n.toml" "$VALIDATOR" --exact as_validator --ignored >"$dir/$n.out" 2>&1 &
    else
        "$bin/plinth-validator" --config "$dir/$n.toml" >"$dir/$n.out" 2>&1 &
    fi
    pids+=($!)
done
printf 'zone = 3\nkey_file = "producer.key"\nreader_key_file = "reader.key"\ngenesis = "genesis.toml"\ndirectory = "zone-3"\n%s' "$listed" >"$dir/zone.toml"
"$bin/plinth-zone" --config "$dir/zone.toml" >"$dir/host.out" 2>&1 &
pids+=($!)

echo '{ "chain": 7, "zone": 3, "assets": [{ "id": 0, "name": "US Dollar", "symbol": "USD", "decimals": 2 }] }' >"$dir/bridge.json"
"$zone_bin/plinth-evm" zone-genesis --bridge "$dir/bridge.json" >"$dir/evm-genesis.json"
start_zone() {
    "$zone_bin/plinth-evm" serve --genesis "$dir/evm-genesis.json" --data-dir "$dir/evm" --settle "$dir/zone-3/zone.sock" --listen 127.0.0.1:0 >"$dir/evm.out" 2>&1 &
    zone=$!
    pids+=("$zone")
    for _ in $(seq 300); do
        url=$(sed -n 's/^JSON-RPC on //p' "$dir/evm.out")
        [ -z "$url" ] || return 0
        kill -0 "$zone" 2>/dev/null || break
        sleep 0.1
    done
    fail 'the zone does not start'
}
start_zone
# The account of the zone's first development key.
account=000000000000000000000000$(CLIENTS= node --input-type=module -e "
import { createRequire } from 'node:module'
const require = createRequire('$clients/')
const { privateKeyToAccount } = require('viem/accounts'), { keccak256, toHex } = require('viem')
console.log(privateKeyToAccount(keccak256(toHex(0, { size: 8 }))).address.slice(2).toLowerCase())")
deposit() { "$bin/plinth-zone" --config "$dir/zone.toml" deposit --key "$dir/owner.key" --asset 0 --amount "$1" --account "$account" || fail 'the deposit'; }
status() { "$bin/plinth-zone" --config "$dir/zone.toml" status --json; }
deposit 500
node "$clients/settled.mjs" "$url" credited 500 || fail 'the credit'
node "$clients/settled.mjs" "$url" withdraw "$owner" || fail 'the withdrawal'
status
kill -9 "$zone"
start_zone
deposit 7
node "$clients/settled.mjs" "$url" credited 387 || fail 'the credit after kill -9'
for _ in $(seq 300); do
    status | grep -qE '"paid_out": ?"?100' && break
    sleep 0.2
done
status | grep -E '"paid_out": ?"?100' || fail 'the base layer was paid'
echo 'settled: deposit, transfer, withdrawal, kill -9: every credit once'
