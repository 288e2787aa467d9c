// A deposited token is seen, sent to another account, and withdrawn to the base layer; run by scripts/evm-settled.sh.
//   node settled.mjs URL credited AMOUNT     waits until the first development account has so much
//   node settled.mjs URL withdraw OWNER      sends 120 to the second account, which withdraws 100 to that base-layer owner; waits until it is final
import assert from 'node:assert/strict'
import { createPublicClient, createWalletClient, defineChain, http, keccak256, parseAbi, toHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'

const [url, what, value] = process.argv.slice(2)
const account = number => privateKeyToAccount(keccak256(toHex(number, { size: 8 })))
const probe = createPublicClient({ transport: http(url) })
const chain = defineChain({
  id: await probe.getChainId(), name: 'plinth', nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 }, rpcUrls: { default: { http: [url] } },
})
const reader = createPublicClient({ chain, transport: http(url), pollingInterval: 50 })
const [alice, bob] = [account(0), account(1)]
const token = '0x506c696e74680000000000000000000000000000', bridge = '0x506c696e74680000000000000000000042524447'
const erc20 = parseAbi(['function symbol() view returns (string)', 'function balanceOf(address) view returns (uint256)', 'function transfer(address, uint256) returns (bool)'])
const out = parseAbi(['function withdraw(uint16, uint256, uint16, bytes32, uint64) returns (uint64)'])
const balance = of => reader.readContract({ address: token, abi: erc20, functionName: 'balanceOf', args: [of.address] })
const until = async (what, holds) => {
  for (let tries = 0; tries < 600; tries++) {
    if (await holds()) return
    await new Promise(done => setTimeout(done, 100))
  }
  throw new Error(`not in a minute: ${what}`)
}

if (what === 'credited') {
  await until('the credit', async () => await balance(alice) === BigInt(value))
  const symbol = await reader.readContract({ address: token, abi: erc20, functionName: 'symbol' })
  console.log(`zone: ${value} ${symbol} credited to ${alice.address} in block ${await reader.getBlockNumber({ cacheTime: 0 })}`)
} else {
  const wallet = from => createWalletClient({ account: from, chain, transport: http(url) })
  const sent = await wallet(alice).writeContract({ address: token, abi: erc20, functionName: 'transfer', args: [bob.address, 120n] })
  assert.equal((await reader.waitForTransactionReceipt({ hash: sent })).status, 'success')
  const gone = await wallet(bob).writeContract({ address: bridge, abi: out, functionName: 'withdraw', args: [0, 100n, 0, `0x${value}`, (1n << 64n) - 1n] })
  const receipt = await reader.waitForTransactionReceipt({ hash: gone })
  assert.equal(receipt.status, 'success')
  assert.equal(await balance(bob), 20n)
  console.log(`zone: 120 sent, 100 of them withdrawn in block ${receipt.blockNumber}`)
  for (const blockTag of ['safe', 'finalized']) {
    await until(blockTag, async () => (await reader.getBlock({ blockTag })).number >= receipt.blockNumber)
    console.log(`zone: block ${receipt.blockNumber} is ${blockTag}`)
  }
}
process.exit(0)
