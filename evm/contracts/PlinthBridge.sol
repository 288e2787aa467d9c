// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PlinthToken} from "./PlinthToken.sol";

/// The EVM zone's inbox and outbox. Value comes in by a system call at a block's start, and goes out by `withdraw`, whose log is the message:
/// a log is undone with whatever undoes the call that wrote it.
contract PlinthBridge {
    /// Makes system calls; nobody has its key (EIP-4788 names it).
    address internal constant SYSTEM = 0xffffFFFfFFffffffffffffffFfFFFfffFFFfFFfE;
    /// A token's address is this and its asset's number.
    uint160 internal constant TOKENS = uint160(bytes20(hex"506c696e74680000000000000000000000000000"));
    /// Most messages that a zone block may send.
    uint16 internal constant SENT_PER_BLOCK_MAX = 256;
    /// Largest amount that the base layer knows.
    uint256 internal constant AMOUNT_MAX = 1 << 120;

    struct Credit {
        uint16 asset;
        address to;
        uint128 amount;
    }

    // Slot 0, written by genesis (evm/src/bridge/contracts.rs): where this zone settles.
    uint64 public chain;
    uint16 public zone;
    /// Slot 1: messages sent, by destination zone.
    mapping(uint16 => uint64) public sent;
    /// Slot 2: the last inbox message consumed, and how many messages the present block has sent.
    uint64 public consumed;
    uint64 internal sendingBlock;
    uint16 internal sentInBlock;

    /// A message to another zone; zone 0 is the base layer, where `to` is an owner's public key.
    event Sent(
        uint16 indexed toZone,
        address indexed sender,
        uint16 indexed asset,
        uint64 channelSeq,
        uint128 amount,
        bytes32 to,
        uint64 expiresAt
    );

    error OnlySystem();
    error OutOfOrder(uint64 consumed, uint64 through);
    error BlockFull();
    error Amount();
    error OwnZone();
    error UnknownAsset(uint16 asset);

    /// The inbox up to message `through` is consumed; what was not refused of it is credited.
    function deliver(uint64 through, Credit[] calldata credits) external {
        if (msg.sender != SYSTEM) revert OnlySystem();
        if (through <= consumed) revert OutOfOrder(consumed, through);
        consumed = through;
        for (uint256 i = 0; i < credits.length; ++i) {
            token(credits[i].asset).mint(credits[i].to, credits[i].amount);
        }
    }

    /// Burns `amount` of the caller's tokens and sends them to `to` in `toZone`. Whatever settlement would deliver after `expiresAt`
    /// (nanoseconds since 1970) comes back to the caller instead.
    function withdraw(uint16 asset, uint256 amount, uint16 toZone, bytes32 to, uint64 expiresAt) external returns (uint64 channelSeq) {
        if (amount == 0 || amount > AMOUNT_MAX) revert Amount();
        if (toZone == zone) revert OwnZone();
        if (address(token(asset)).code.length == 0) revert UnknownAsset(asset);
        if (sendingBlock != block.number) {
            sendingBlock = uint64(block.number);
            sentInBlock = 0;
        }
        if (sentInBlock == SENT_PER_BLOCK_MAX) revert BlockFull();
        sentInBlock += 1;
        token(asset).burn(msg.sender, amount);
        channelSeq = ++sent[toZone];
        emit Sent(toZone, msg.sender, asset, channelSeq, uint128(amount), to, expiresAt);
    }

    /// The ERC-20 of an asset; no code is there for an asset that this zone does not take.
    function token(uint16 asset) public pure returns (PlinthToken) {
        return PlinthToken(address(TOKENS | asset));
    }
}
