// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Share} from "../src/Share.sol";
import {Vault} from "../src/Vault.sol";

interface Cheats {
    function startBroadcast(uint256 key) external;
    function stopBroadcast() external;
    function envUint(string calldata name) external returns (uint256);
    function addr(uint256 key) external returns (address);
}

/// A share and a vault over it, funded; the transactions that `forge script --broadcast` sends.
contract Distribute {
    bool public constant IS_SCRIPT = true;
    Cheats private constant CHEATS = Cheats(address(uint160(uint256(keccak256("hevm cheat code")))));

    function run() external returns (Share share, Vault vault) {
        uint256 key = CHEATS.envUint("KEY");
        CHEATS.startBroadcast(key);
        share = new Share("Script", "SCR", 1);
        vault = new Vault(share);
        share.issue(CHEATS.addr(key), 1_000);
        share.approve(address(vault), 400);
        vault.deposit(400, CHEATS.addr(key));
        CHEATS.stopBroadcast();
        require(vault.totalAssets() == 400, "not deposited");
    }
}
