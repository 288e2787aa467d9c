// Compiles the contracts beside this file into artifacts/: ABI and runtime code. Run by scripts/evm-contracts.sh, which brings the compiler.
const { readFileSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')
const solc = require('solc')

const folder = process.argv[2], out = process.argv[3]
const names = ['PlinthToken', 'PlinthBridge']
const sources = Object.fromEntries(names.map(name => [`${name}.sol`, { content: readFileSync(join(folder, `${name}.sol`), 'utf8') }]))
const input = {
  language: 'Solidity',
  sources,
  settings: {
    evmVersion: 'osaka',
    optimizer: { enabled: true, runs: 10_000 },
    metadata: { appendCBOR: false, bytecodeHash: 'none' },
    outputSelection: { '*': { '*': ['abi', 'evm.deployedBytecode.object', 'storageLayout'] } },
  },
}
const output = JSON.parse(solc.compile(JSON.stringify(input)))
for (const error of output.errors ?? []) console.error(error.formattedMessage)
if ((output.errors ?? []).length > 0) process.exit(1)
for (const name of names) {
  const { abi, evm, storageLayout } = output.contracts[`${name}.sol`][name]
  const storage = Object.fromEntries(storageLayout.storage.map(({ label, slot, offset }) => [label, { slot: Number(slot), offset }]))
  writeFileSync(join(out, `${name}.json`), JSON.stringify({ compiler: solc.version(), storage, abi, runtime: `0x${evm.deployedBytecode.object}` }, null, 1) + '\n')
}
