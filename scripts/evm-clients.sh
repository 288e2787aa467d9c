#!/usr/bin/env bash
# Real clients against the EVM zone: viem and ethers (from npm, fetched into a scratch directory) deploy, send, read receipts and logs, and see
# reverts as reverts; then the zone is killed and must come back with every receipt. CLIENTS=DIR reuses an npm directory.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
target=${CARGO_TARGET_DIR:-$root/evm/target}
cargo build --release --manifest-path evm/Cargo.toml
scratch=$(mktemp -d)
zone=
trap '[ -z "$zone" ] || kill -9 "$zone" 2>/dev/null || true; rm -rf "$scratch"' EXIT
clients=${CLIENTS:-$scratch/clients}
mkdir -p "$clients"
[ -d "$clients/node_modules/viem" ] || (cd "$clients" && npm init -y >/dev/null && npm install --no-audit --no-fund viem@2.57.20 ethers@6.17.0 >/dev/null)
cp evm/tests/clients.mjs "$clients/clients.mjs"

start() {
    "$target/release/plinth-evm" serve --listen 127.0.0.1:0 --data-dir "$scratch/data" --fees-to 0x00000000000000000000000000000000000000fe >"$scratch/out" 2>&1 &
    zone=$!
    for _ in $(seq 300); do
        url=$(sed -n 's/^JSON-RPC on //p' "$scratch/out")
        [ -z "$url" ] || return 0
        kill -0 "$zone" 2>/dev/null || break
        sleep 0.1
    done
    cat "$scratch/out"
    return 1
}

start
node "$clients/clients.mjs" "$url" send "$scratch/sent.json"
kill -9 "$zone"
wait "$zone" 2>/dev/null || true
start
node "$clients/clients.mjs" "$url" check "$scratch/sent.json"
echo "clients: all is there after kill -9"
