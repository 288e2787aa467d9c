#!/usr/bin/env bash
# Real clients against the EVM zone: viem and ethers, web3.py, cast and forge, fetched into a scratch directory; with OpenZeppelin's contracts. They
# deploy, send, read receipts, logs and traces, and see reverts with their reasons; then the zone is killed and must come back with every receipt.
# A client that cannot be fetched is said to be 'not run'. CLIENTS=DIR keeps what was fetched, and uses it again.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
target=${CARGO_TARGET_DIR:-$root/evm/target}
cargo build --locked --release --manifest-path evm/Cargo.toml
scratch=$(mktemp -d)
zone=
stop() { [ -z "$zone" ] || { kill -9 "$zone"; wait "$zone"; } 2>/dev/null || true; }
trap 'stop; rm -rf "$scratch"' EXIT
clients=${CLIENTS:-$scratch/clients}
mkdir -p "$clients" "$scratch/artifacts"
here=$root/evm/tests/clients

# fetched NAME PROOF COMMAND...: runs the command unless PROOF exists; false, with the reason, if it fails.
fetched() {
    local name=$1 proof=$2
    shift 2
    if [ ! -e "$proof" ] && ! "$@" >"$scratch/fetch" 2>&1; then
        printf 'not run: %s: cannot be fetched here: %s\n' "$name" "$(grep -im1 error "$scratch/fetch" || tail -n 1 "$scratch/fetch")"
        return 1
    fi
}
npm_install() { (cd "$clients" && { [ -e package.json ] || npm init -y; } && npm install --no-audit --no-fund "$@"); }
web3_install() { python3 -m venv "$clients/python" && "$clients/python/bin/pip" install --quiet --disable-pip-version-check web3==8.0.0 && touch "$clients/python/whole"; }

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

fetched 'viem and ethers' "$clients/node_modules/ethers" npm_install viem@2.57.20 ethers@6.17.0 || exit 1
contracts=
if fetched 'OpenZeppelin, and web3.py, cast and forge, which use it' "$clients/node_modules/@openzeppelin" npm_install solc@0.8.37 @openzeppelin/contracts@5.7.0; then
    NODE_PATH=$clients/node_modules node "$here/solc.cjs" "$scratch/artifacts" "$here"/src/*.sol
    contracts=1
fi
start
cp "$here/viem-ethers.mjs" "$clients"
node "$clients/viem-ethers.mjs" "$url" send "$scratch/sent.json"
if [ -n "$contracts" ] && fetched web3.py "$clients/python/whole" web3_install; then
    "$clients/python/bin/python" "$here/shares.py" "$url" "$scratch/artifacts" "$scratch/hashes"
fi
if [ -n "$contracts" ] && fetched 'cast and forge' "$clients/node_modules/@foundry-rs/forge" npm_install @foundry-rs/cast@1.7.1 @foundry-rs/forge@1.7.1; then
    "$here/foundry.sh" "$url" "$clients" "$scratch/hashes"
fi
stop
start
node "$clients/viem-ethers.mjs" "$url" check "$scratch/sent.json" "$scratch/hashes"
echo "clients: all is there after kill -9"
