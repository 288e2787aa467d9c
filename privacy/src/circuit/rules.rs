//! The named constraints of the circuit. `docs/privacy.md` states each in mathematics under the same name; the tests break and delete each.

/// A rule of the statement. The circuit enforces it with one or more gates, copies or lookups, all labelled with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each variant is documented once, with its mathematics")]
pub enum Rule {
    /// `ak = H_SpendAuthority(ask)`.
    SpendAuthority,
    /// `owner_0 = H_Owner(ak, nk)`: whoever proves knows the spend key of both inputs.
    Owner,
    /// `e = Σ 2^i·e_i`, each `e_i ∈ {0, 1}`: the jurisdictions in the asset's terms.
    AssetTerms,
    /// `a = id + 2^16·e`.
    AssetWord,
    /// `id ∈ [0, 2^16)`.
    AssetRange,
    /// `x_i = a + 2^32·v_i`: both inputs are of the one asset.
    InputWord,
    /// `cm_i = H_Note(x_i, owner_0, r_i)`.
    InputNote,
    /// `root_i` is the root above `cm_i` at `pos_i`.
    InputPath,
    /// `v_i·(root_i − anchor) = 0`: an input of any value is in the tree.
    InputAnchored,
    /// `nf_i = H_Nullifier(nk, cm_i, pos_i)`, and it is the public one.
    InputNullifier,
    /// `v_i ∈ [0, 2^64)`.
    InputRange,
    /// `y_j = a + 2^32·w_j`: both outputs are of the one asset.
    OutputWord,
    /// `H_Note(y_j, owner_j, s_j)` is the public commitment.
    OutputNote,
    /// `w_j ∈ [0, 2^64)`.
    OutputRange,
    /// `v_1 + v_2 + deposit = w_1 + w_2 + withdrawal`.
    Balance,
    /// `flow = deposit + withdrawal`.
    PublicFlow,
    /// `flow·(a − public asset) = 0`.
    PublicAsset,
    /// `expiry_h = day + margin_h`.
    HolderExpiry,
    /// `margin_h ∈ [0, 2^32)`: no holder's registration has expired.
    HolderMargin,
    /// `p_h = Σ 2^i·p_{h,i}`, bits, and `Σ p_{h,i}·e_i = 1`: the holder's jurisdiction is in the asset's terms.
    HolderTerms,
    /// `t_h = expiry_h + 2^40·p_h`.
    HolderAttributes,
    /// `leaf_h = H_Registration(owner_h, avk_h, t_h)`.
    HolderLeaf,
    /// The registry's public root is above `leaf_h`.
    HolderPath,
    /// `m_0 = a + 2^32·w_1 + 2^96·w_2`.
    AuditWord,
    /// `k_j = H_Audit,j(avk_0, nf_1)`.
    AuditMask,
    /// `c_j = m_j + k_j` is the public ciphertext, with `m_1`, `m_2` the owners of the outputs.
    AuditCipher,
}

/// Which part of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Part {
    /// The copy of the k-th cell that the rule reads.
    Operand(usize),
    /// What the rule computes or forbids.
    Result,
    /// That the result is the public input.
    Public,
    /// That a turn of a path, or a bit, is 0 or 1.
    Bit,
    /// The left child of a path's step.
    Left,
    /// The right child.
    Right,
    /// The running position of a path, or the running sum of bits.
    Sum,
    /// The running count of jurisdictions in common.
    Match,
}

/// A place where the circuit enforces something: the unit of the tests' table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Site {
    pub(super) rule: Rule,
    pub(super) part: Part,
}

impl Rule {
    pub(super) const fn part(self, part: Part) -> Site {
        Site { rule: self, part }
    }
}
