"""web3.py against the zone, with OpenZeppelin's contracts; run by scripts/evm-clients.sh.

    shares.py URL ARTIFACTS HASHES    deploys, issues, pays, permits, deposits; appends the hashes of its transactions to HASHES
"""

import json
import pathlib
import sys

from eth_account import Account
from eth_account.messages import encode_typed_data
from web3 import Web3
from web3.exceptions import ContractCustomError, ContractLogicError
from web3.middleware import SignAndSendRawMiddlewareBuilder

url, artifacts, hashes = sys.argv[1:]
w3 = Web3(Web3.HTTPProvider(url))
assert w3.is_connected()
assert w3.client_version.startswith("plinth-evm/")
# The numbered wallets of the development chain: the hash of a 64-bit number.
issuer, holder = (Account.from_key(Web3.keccak(number.to_bytes(8, "big"))) for number in (4, 5))
w3.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build([issuer, holder]), layer=0)
sent = []


def mined(transaction_hash):
    receipt = w3.eth.wait_for_transaction_receipt(transaction_hash, poll_latency=0.05)
    sent.append(transaction_hash.to_0x_hex())
    return receipt


def contract(name, *arguments):
    artifact = json.loads(pathlib.Path(artifacts, f"{name}.json").read_text())
    factory = w3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
    receipt = mined(factory.constructor(*arguments).transact({"from": issuer.address}))
    assert receipt.status == 1
    return w3.eth.contract(address=receipt.contractAddress, abi=artifact["abi"])


def refused(call, error, text):
    try:
        call()
    except error as refusal:
        assert text in str(refusal), refusal
    else:
        raise AssertionError(f"not refused with {text}")


paid = mined(w3.eth.send_transaction({"from": issuer.address, "to": holder.address, "value": w3.to_wei(1, "ether")}))
assert (paid.status, paid.gasUsed) == (1, 21_000)

share = contract("Share", "Python share", "PYS", 10)
vault = contract("Vault", share.address)
assert (share.functions.name().call(), share.functions.decimals().call()) == ("Python share", 18)
mined(share.functions.issue(issuer.address, 1_000).transact({"from": issuer.address}))
receipt = mined(share.functions.transfer(holder.address, 300).transact({"from": issuer.address}))
[transfer] = share.events.Transfer().process_receipt(receipt)
assert (transfer.args["from"], transfer.args.to, transfer.args.value) == (issuer.address, holder.address, 300)
assert [log.args.value for log in share.events.Transfer.get_logs(from_block=0)] == [1_000, 300]
assert share.events.Transfer.get_logs(from_block=0, argument_filters={"to": holder.address})[0].transactionHash == receipt.transactionHash

refused(lambda: share.functions.transfer(holder.address, 7).call({"from": issuer.address}), ContractLogicError, "odd lot")
refused(lambda: share.functions.transfer(holder.address, 7).transact({"from": issuer.address}), ContractLogicError, "odd lot")
# ERC20InsufficientBalance(address,uint256,uint256)
refused(lambda: share.functions.transfer(issuer.address, 310).call({"from": holder.address}), ContractCustomError, "0xe450d38c")
failed = mined(share.functions.transfer(holder.address, 7).transact({"from": issuer.address, "gas": 100_000}))
assert (failed.status, failed.logs) == (0, [])

# A permit (EIP-2612), then a deposit that spends it.
permit = {"owner": holder.address, "spender": vault.address, "value": 200, "nonce": 0, "deadline": 2**40}
fields = ("owner", "address"), ("spender", "address"), ("value", "uint256"), ("nonce", "uint256"), ("deadline", "uint256")
signature = holder.sign_message(
    encode_typed_data(
        {"name": "Python share", "version": "1", "chainId": w3.eth.chain_id, "verifyingContract": share.address},
        {"Permit": [{"name": name, "type": kind} for name, kind in fields]},
        permit,
    )
)
r, s = (part.to_bytes(32, "big") for part in (signature.r, signature.s))
mined(share.functions.permit(holder.address, vault.address, 200, 2**40, signature.v, r, s).transact({"from": issuer.address}))
assert share.functions.allowance(holder.address, vault.address).call() == 200
mined(vault.functions.deposit(200, holder.address).transact({"from": holder.address}))
assert vault.functions.convertToAssets(vault.functions.balanceOf(holder.address).call()).call() == 200
block = w3.eth.block_number
mined(vault.functions.redeem(50, holder.address, holder.address).transact({"from": holder.address}))
assert share.functions.balanceOf(holder.address).call() == 150
assert share.functions.balanceOf(holder.address).call(block_identifier=block) == 100

mined(share.functions.pause().transact({"from": issuer.address}))
refused(lambda: share.functions.transfer(holder.address, 10).call({"from": issuer.address}), ContractCustomError, "0xd93c0665")
assert w3.eth.fee_history(2, "latest", [50]).oldestBlock > 0
assert w3.eth.get_block("latest", True).transactions[0].hash.to_0x_hex() == sent[-1]
trace = w3.provider.make_request("debug_traceTransaction", [sent[-1], {"tracer": "callTracer"}])
assert trace["result"]["to"] == share.address.lower()

with open(hashes, "a") as file:
    file.writelines(f"{one}\n" for one in sent)
print(f"web3.py: {len(sent)} transactions; OpenZeppelin's token and vault used")
