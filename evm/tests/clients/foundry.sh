#!/usr/bin/env bash
# cast and forge against the zone, with OpenZeppelin's contracts; run by scripts/evm-clients.sh.
#   foundry.sh URL CLIENTS HASHES    CLIENTS: the npm directory; appends the hashes of its transactions to HASHES
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export ETH_RPC_URL=$1 NO_COLOR=1 FOUNDRY_DISABLE_NIGHTLY_WARNING=1 NODE_PATH=$2/node_modules
hashes=$3
modules=$NODE_PATH/@foundry-rs
cast() { "$modules"/cast-linux-*/bin/cast "$@"; }
forge() { "$modules"/forge-linux-*/bin/forge "$@"; }
field() { node -pe "JSON.parse(require('fs').readFileSync(0))['$1']"; }
equal() { [ "$1" = "$2" ] || { echo "foundry.sh, line ${BASH_LINENO[0]}: '$1' is not '$2'"; exit 1; }; }
# refused TEXT COMMAND...: fails, and says TEXT.
refused() {
    local text=$1 said
    shift
    if said=$("$@" 2>&1); then echo "not refused: $*"; exit 1; fi
    grep -qF "$text" <<<"$said" || { echo "$*: $said"; exit 1; }
}

project=$(mktemp -d)
trap 'rm -rf "$project"' EXIT
cp -r "$here/src" "$here/script" "$here/solc.cjs" "$project"
cd "$project"
cat >foundry.toml <<END
[profile.default]
libs = []
evm_version = "osaka"
optimizer = true
solc = "./solc.cjs"
offline = true
remappings = ["@openzeppelin/=$NODE_PATH/@openzeppelin/"]
allow_paths = ["$NODE_PATH"]
END

# The numbered wallets of the development chain: the hash of a 64-bit number.
KEY=$(cast keccak 0x0000000000000006)
export KEY
alice=$(cast wallet address --private-key "$KEY") bob=$(cast wallet address --private-key "$(cast keccak 0x0000000000000007)")
before=$(cast block-number)

forge build --quiet
share=$(forge create src/Share.sol:Share --broadcast --json --private-key "$KEY" --constructor-args 'Cast share' CST 10 | tee "$project/created" | field deployedTo)
field transactionHash <"$project/created" >>"$hashes"
send() { cast send --json --private-key "$KEY" "$share" "$@" | tee "$project/receipt" | field transactionHash >>"$hashes"; }
send 'issue(address,uint256)' "$alice" 1000
send 'transfer(address,uint256)' "$bob" 300
transfer=$(field transactionHash <"$project/receipt")
equal "$(cast call "$share" 'balanceOf(address)(uint256)' "$bob")" 300
equal "$(cast receipt "$transfer" status)" 'true'
equal "$(cast logs --json --address "$share" --from-block "$before" 'Transfer(address,address,uint256)' | field length)" 2
equal "$(cast rpc debug_traceTransaction "$transfer" '{"tracer":"callTracer"}' | field to)" "$(tr '[:upper:]' '[:lower:]' <<<"$share")"
# Fetches states and executes again on its own.
cast run "$transfer" 2>&1 | tee "$project/run" | grep -F 'Transaction successfully executed.' >/dev/null || { cat "$project/run"; exit 1; }
equal "$(cast codehash "$share")" "$(cast keccak "$(cast code "$share")")"
equal "$(cast proof "$bob" | field nonce)" 0x0
equal "$(cast call "$share" 'lot()(uint256)' --override-code "$share:0x602a5f5260205ff3")" 42
cast access-list "$share" 'transfer(address,uint256)' "$bob" 10 --from "$alice" | grep -F 'keys' >/dev/null
equal "$(cast rpc txpool_content | field queued)" '{}'

refused 'execution reverted: odd lot' cast call "$share" 'transfer(address,uint256)' "$bob" 7 --from "$alice"
refused 'execution reverted: odd lot' cast send --private-key "$KEY" "$share" 'transfer(address,uint256)' "$bob" 7
# ERC20InsufficientBalance(address,uint256,uint256)
refused 0xe450d38c cast call "$share" 'transfer(address,uint256)' "$alice" 310 --from "$bob"
send 'transfer(address,uint256)' "$bob" 7 --gas-limit 100000
equal "$(field status <"$project/receipt")" 0x0

forge script script/Distribute.s.sol --rpc-url "$ETH_RPC_URL" --broadcast --slow >"$project/said" 2>&1 || { cat "$project/said"; exit 1; }
grep -qF 'ONCHAIN EXECUTION COMPLETE & SUCCESSFUL' "$project/said" || { cat "$project/said"; exit 1; }
run=$(echo broadcast/Distribute.s.sol/*/run-latest.json)
node -e "for (const { hash } of JSON.parse(require('fs').readFileSync('$run')).transactions) console.log(hash)" >>"$hashes"
vault=$(node -pe "JSON.parse(require('fs').readFileSync('$run')).returns.vault.value")
equal "$(cast call "$vault" 'totalAssets()(uint256)')" 400
echo "cast and forge: $(cast nonce "$alice") transactions; OpenZeppelin's token and vault deployed, used, traced"
