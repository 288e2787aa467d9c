//! Where the tests reach into the circuit. In every other build these functions are the identity.
//!
//! A test names a [`Site`]; a forged cell differs there from what the rule says, and all that follows is computed from the forged cell, as a
//! cheating prover would. A deleted site is not enforced. So the tests show of each site that a forgery fails with it and passes without it.

use super::F;
use super::rules::{Part, Site};
use halo2_proofs::circuit::Value;
use halo2_proofs::plonk::Expression;

pub(super) use seam::{computed, enforced, forged, value};

/// The constraints of a gate that are enforced.
pub(super) fn kept<const N: usize>(
    constraints: [(Part, &'static str, Expression<F>); N],
) -> impl Iterator<Item = (&'static str, Expression<F>)> {
    constraints.into_iter().filter(|(part, _, _)| seam::gate_keeps(*part)).map(|(_, name, expression)| (name, expression))
}

#[cfg(not(test))]
mod seam {
    use super::{F, Part, Site, Value};

    pub(in super::super) const fn enforced(_: Site) -> bool {
        true
    }

    pub(in super::super) const fn forged(_: Site, _: usize) -> bool {
        false
    }

    pub(in super::super) const fn value(_: Site, _: usize, honest: Value<F>) -> Value<F> {
        honest
    }

    pub(in super::super) const fn computed(_: usize, _: Value<F>) {}

    pub(super) const fn gate_keeps(_: Part) -> bool {
        true
    }
}

#[cfg(test)]
pub(super) mod seam {
    use super::{F, Part, Site, Value};
    use std::cell::RefCell;

    /// What a test does to the circuit on its thread.
    #[derive(Clone, Debug, Default)]
    pub(in super::super) struct Attack {
        /// Where, and what is put there instead.
        pub(in super::super) forge: Option<(Site, Forgery)>,
        /// What is not enforced.
        pub(in super::super) delete: Option<Site>,
        /// Public inputs as the forged computation has them.
        pub(in super::super) computed: Vec<(usize, F)>,
    }

    #[derive(Clone, Copy, Debug)]
    pub(in super::super) enum Forgery {
        Add(F),
        Set(F),
    }

    thread_local! {
        pub(in super::super) static ATTACK: RefCell<Attack> = RefCell::default();
    }

    pub(in super::super) fn enforced(site: Site) -> bool {
        ATTACK.with_borrow(|attack| attack.delete != Some(site))
    }

    pub(in super::super) fn forged(site: Site, index: usize) -> bool {
        index == 0 && ATTACK.with_borrow(|attack| attack.forge.is_some_and(|(at, _)| at == site))
    }

    pub(in super::super) fn value(site: Site, index: usize, honest: Value<F>) -> Value<F> {
        if !forged(site, index) {
            return honest;
        }
        ATTACK.with_borrow(|attack| match attack.forge {
            Some((_, Forgery::Add(delta))) => honest.map(|value| value + delta),
            Some((_, Forgery::Set(value))) => honest.map(|_| value),
            None => honest,
        })
    }

    pub(in super::super) fn computed(public: usize, value: Value<F>) {
        value.map(|value| ATTACK.with_borrow_mut(|attack| attack.computed.push((public, value))));
    }

    /// Gates serve several rules; a deleted constraint of a gate is deleted for all of them.
    pub(super) fn gate_keeps(part: Part) -> bool {
        ATTACK.with_borrow(|attack| attack.delete.is_none_or(|site| site.part != part))
    }
}
