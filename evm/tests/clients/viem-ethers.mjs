// viem and ethers against the zone; run by scripts/evm-clients.sh.
//   node viem-ethers.mjs URL send FILE              sends, checks what it sees, and writes hashes, state root and block
//   node viem-ethers.mjs URL check FILE [HASHES]   checks that all of it is there, and the transactions whose hashes are the lines of HASHES
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createPublicClient, createWalletClient, defineChain, getContractAddress, http, keccak256, pad, parseEther, toHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { ethers } from 'ethers'

const [url, what, file, others] = process.argv.slice(2)
// The numbered wallets of the development chain: the hash of a 64-bit number.
const account = number => privateKeyToAccount(keccak256(toHex(number, { size: 8 })))
const probe = createPublicClient({ transport: http(url) })
const chain = defineChain({
  id: await probe.getChainId(), name: 'plinth', nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 }, rpcUrls: { default: { http: [url] } },
})
const reader = createPublicClient({ chain, transport: http(url, { batch: true }), pollingInterval: 50 })
const alice = account(0), bob = account(1)

// Runtime: with calldata, slot 0 = word 0, LOG1 of it under topic 7, return it; without, revert with Error("nope").
const runtime = '0x3615601657' + '5f3580' + '5f55' + '5f52' + '600760205fa1' + '60205ff3' + '5b'
  + '7f' + '08c379a0'.padEnd(64, '0') + '5f52' + '6020600452' + '6004602452' + '7f' + '6e6f7065'.padEnd(64, '0') + '604452' + '60645ffd'
const size = (runtime.length - 2) / 2
const init = '0x60' + size.toString(16).padStart(2, '0') + '8060095f395ff3' + runtime.slice(2)

if (what === 'send') {
  const wallet = createWalletClient({ account: alice, chain, transport: http(url) })
  assert.equal(await reader.getBalance({ address: alice.address }), parseEther('1000000'))

  const transfer = await wallet.sendTransaction({ to: bob.address, value: parseEther('1') })
  const paid = await reader.waitForTransactionReceipt({ hash: transfer })
  assert.equal(paid.status, 'success')
  assert.equal(paid.gasUsed, 21000n)
  assert.equal(await reader.getBalance({ address: bob.address }), parseEther('1000001'))

  const deploy = await wallet.deployContract({ abi: [], bytecode: init })
  const deployed = await reader.waitForTransactionReceipt({ hash: deploy })
  const contract = deployed.contractAddress.toLowerCase()
  assert.equal(contract, getContractAddress({ from: alice.address, nonce: 1n }).toLowerCase())
  assert.equal(await reader.getCode({ address: contract }), runtime)

  const word = pad('0x2a')
  const { data } = await reader.call({ to: contract, data: word })
  assert.equal(data, word)
  const store = await wallet.sendTransaction({ to: contract, data: word })
  const stored = await reader.waitForTransactionReceipt({ hash: store })
  assert.equal(stored.logs.length, 1)
  assert.deepEqual(stored.logs[0].topics, [pad('0x7')])
  assert.equal(await reader.getStorageAt({ address: contract, slot: '0x0' }), word)
  const logs = await reader.getLogs({ address: contract, fromBlock: 0n })
  assert.equal(logs.length, 1)
  assert.equal(logs[0].transactionHash, store)
  await assert.rejects(reader.call({ to: contract }), error => error.message.includes('nope'))
  await assert.rejects(wallet.sendTransaction({ to: bob.address, nonce: 0, value: 1n }), error => /nonce/i.test(error.message))
  await assert.rejects(createWalletClient({ account: account(999), chain, transport: http(url) })
    .sendTransaction({ to: bob.address, value: 1n, gas: 21000n }), error => /insufficient funds/i.test(error.details ?? error.message))
  const proof = await reader.getProof({ address: contract, storageKeys: ['0x0'] })
  assert.equal(proof.storageProof[0].value, 42n)
  const fees = await reader.getFeeHistory({ blockCount: 4, rewardPercentiles: [50] })
  assert.equal(fees.baseFeePerGas.length, fees.gasUsedRatio.length + 1)

  const tried = await reader.call({ to: contract, data: word, stateOverride: [{ address: contract, code: '0x602a5f5260205ff3' }] })
  assert.equal(tried.data, word)
  const { accessList } = await reader.createAccessList({ account: alice.address, to: contract, data: word })
  assert.deepEqual(accessList.map(({ address, storageKeys }) => [address, storageKeys]), [[contract, [pad('0x0')]]])
  const nobody = pad('0xaa', { size: 20 })
  const blocks = await reader.simulateBlocks({
    blocks: [
      { calls: [{ account: alice, to: contract, data: word }], stateOverrides: [{ address: nobody, balance: 9n }] },
      { calls: [{ account: nobody, to: bob.address, value: 9n }, { account: alice, to: contract }] },
    ],
    traceTransfers: true,
  })
  assert.equal(blocks[1].parentHash, blocks[0].hash)
  assert.equal(blocks[0].calls[0].data, word)
  assert.deepEqual(blocks[1].calls.map(({ status }) => status), ['success', 'failure'])
  assert.deepEqual(blocks[1].calls[0].logs.map(log => [log.address, BigInt(log.data)]), [['0x' + 'ee'.repeat(20), 9n]])
  assert.match(blocks[1].calls[1].error.message, /nope/)
  const { assetChanges, results } = await reader.simulateCalls({ account: alice.address, calls: [{ to: bob.address, value: 5n }], traceAssetChanges: true })
  assert.equal(results[0].status, 'success')
  assert.equal(assetChanges[0].value.diff, -5n)
  assert.equal(await reader.getBalance({ address: nobody }), 0n, 'nothing stays')
  const trace = (hash, options) => reader.request({ method: 'debug_traceTransaction', params: [hash, options] })
  const steps = await trace(store)
  assert.equal(steps.returnValue, word)
  assert.equal(BigInt(steps.gas), stored.gasUsed)
  assert.equal(steps.structLogs.filter(step => step.op === 'LOG1').length, 1)
  assert.deepEqual(steps.structLogs.find(step => step.op === 'SSTORE').storage, { [pad('0x0')]: word })
  const frame = await trace(store, { tracer: 'callTracer', tracerConfig: { withLog: true } })
  assert.equal(frame.logs[0].address, contract)
  const difference = await trace(store, { tracer: 'prestateTracer', tracerConfig: { diffMode: true } })
  assert.deepEqual(difference.post[contract].storage, { [pad('0x0')]: word })
  assert.equal((await trace(deploy, { tracer: 'callTracer' })).output, runtime)
  const reverted = await reader.request({ method: 'debug_traceCall', params: [{ to: contract }, 'latest', { tracer: 'callTracer' }] })
  assert.equal(reverted.revertReason, 'nope')

  const provider = new ethers.JsonRpcProvider(url, undefined, { pollingInterval: 50, cacheTimeout: -1 })
  const signer = new ethers.Wallet(keccak256(toHex(1, { size: 8 })), provider)
  const sent = await signer.sendTransaction({ to: alice.address, value: 7n })
  const receipt = await sent.wait()
  assert.equal(receipt.status, 1)
  const [traced] = await provider.send('debug_traceBlockByHash', [receipt.blockHash, { tracer: 'callTracer' }])
  assert.equal(traced.txHash, sent.hash)
  assert.equal(traced.result.value, '0x7')
  assert.equal((await provider.getBlock('latest', true)).prefetchedTransactions.length >= 1, true)
  const factory = new ethers.ContractFactory([], init, signer)
  await (await factory.deploy()).waitForDeployment()

  const many = await Promise.all([...Array(40).keys()].map(async index => {
    const serialized = await alice.signTransaction({
      chainId: chain.id, type: 'eip1559', nonce: 3 + index, to: bob.address, value: 1n, gas: 21000n, maxFeePerGas: 3_000_000_000n, maxPriorityFeePerGas: 1n,
    })
    return reader.sendRawTransaction({ serializedTransaction: serialized })
  }))
  for (const hash of many) assert.equal((await reader.waitForTransactionReceipt({ hash })).status, 'success')
  const head = await reader.getBlock()
  const hashes = [transfer, deploy, store, sent.hash, ...many]
  writeFileSync(file, JSON.stringify({ hashes, number: head.number.toString(), hash: head.hash, stateRoot: head.stateRoot, contract }))
  console.log(`clients: ${hashes.length} transactions in ${head.number} blocks; viem and ethers agree`)
} else {
  const { hashes, number, hash, stateRoot, contract } = JSON.parse(readFileSync(file))
  for (const sent of hashes) assert.equal((await reader.getTransactionReceipt({ hash: sent })).status, 'success')
  const further = others && existsSync(others) ? readFileSync(others, 'utf8').trim().split('\n') : []
  for (const hash of further) assert.equal((await reader.getTransactionReceipt({ hash })).transactionHash, hash)
  console.log(`clients: ${hashes.length + further.length} receipts are there`)
  const block = await reader.getBlock({ blockNumber: BigInt(number) })
  assert.equal(block.hash, hash)
  assert.equal(block.stateRoot, stateRoot)
  assert.equal(await reader.getStorageAt({ address: contract, slot: '0x0' }), pad('0x2a'))
}
process.exit(0)
