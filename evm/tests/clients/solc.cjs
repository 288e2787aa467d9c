#!/usr/bin/env node
// The compiler from npm, in two shapes.
//   solc.cjs --version, solc.cjs --standard-json ...   as forge calls it
//   solc.cjs OUT FILE...                               writes ABI and bytecode of each file's contract of the same name to OUT
const { readFileSync, writeFileSync } = require('node:fs')
const { basename, join } = require('node:path')
const solc = require('solc')

const [first, ...files] = process.argv.slice(2)
if (first === '--version') {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`)
} else if (process.argv.includes('--standard-json')) {
  process.stdout.write(solc.compile(readFileSync(0, 'utf8')))
} else {
  const input = {
    language: 'Solidity',
    sources: Object.fromEntries(files.map(file => [basename(file), { content: readFileSync(file, 'utf8') }])),
    settings: { evmVersion: 'osaka', optimizer: { enabled: true }, outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } } },
  }
  const found = name => ({ contents: readFileSync(require.resolve(name), 'utf8') })
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: found }))
  const errors = (output.errors ?? []).filter(error => error.severity === 'error')
  for (const error of errors) console.error(error.formattedMessage)
  if (errors.length > 0) process.exit(1)
  for (const file of files) {
    const name = basename(file, '.sol')
    const { abi, evm } = output.contracts[`${name}.sol`][name]
    writeFileSync(join(first, `${name}.json`), JSON.stringify({ abi, bytecode: `0x${evm.bytecode.object}` }))
  }
}
