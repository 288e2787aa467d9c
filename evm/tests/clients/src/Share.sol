// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Pausable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Pausable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// A share that is issued and traded in lots, on OpenZeppelin's token.
contract Share is ERC20Permit, ERC20Pausable, AccessControl {
    bytes32 public constant ISSUER = keccak256("ISSUER");
    uint256 public immutable lot;

    constructor(string memory name, string memory symbol, uint256 lot_) ERC20(name, symbol) ERC20Permit(name) {
        lot = lot_;
        _grantRole(DEFAULT_ADMIN_ROLE, msg.sender);
        _grantRole(ISSUER, msg.sender);
    }

    function issue(address to, uint256 amount) external onlyRole(ISSUER) {
        _mint(to, amount);
    }

    function pause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        _pause();
    }

    function unpause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        _unpause();
    }

    function _update(address from, address to, uint256 amount) internal override(ERC20, ERC20Pausable) {
        require(amount % lot == 0, "odd lot");
        super._update(from, to, amount);
    }
}
