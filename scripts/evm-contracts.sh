#!/usr/bin/env bash
# The EVM zone's system contracts: compiles evm/contracts/*.sol with the compiler pinned here and compares with the committed artefacts;
# with --write, writes them instead. SOLC=DIR reuses an npm directory.
set -euo pipefail
cd "$(dirname "$0")/.."
solc=0.8.37
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
npm=${SOLC:-$scratch/npm}
mkdir -p "$npm"
[ -d "$npm/node_modules/solc" ] || (cd "$npm" && npm init -y >/dev/null && npm install --no-audit --no-fund "solc@$solc" >/dev/null)
out=$scratch/artifacts
[ "${1:-}" != --write ] || out=evm/contracts/artifacts
mkdir -p "$out"
NODE_PATH="$npm/node_modules" node evm/contracts/compile.cjs evm/contracts "$out"
diff -r "$out" evm/contracts/artifacts || { echo 'the artefacts are not those of the sources: scripts/evm-contracts.sh --write'; exit 1; }
echo "contracts: artefacts are those of the sources (solc $solc)"
