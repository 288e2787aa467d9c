//! Proofs checked in batches, each batch on one thread.
//!
//! * Verifying a proof ends in one large multi-scalar multiplication that a batch shares.
//! * **A bad proof is found from what is computed already.** Each proof is read once and leaves its equation; the batch is a random
//!   combination of them. If it does not vanish, halves are combined anew: `2·log2(n)` multiplications for one bad proof, never a
//!   second reading. A proof that does not even read is named at once, without a multiplication.
//! * One-thread pools: with more threads than one, the proof system splits the commitment to a handful of public inputs over all of them and
//!   does most of its doublings again. Parallelism is across batches.
//! * [`Senders`] bounds what a sender of bad proofs costs: after [`BAD_PROOFS_PER_SENDER_MAX`] its transactions are refused unseen.

use crate::circuit::keys::{Proof, VerifyingKey};
use crate::circuit::statement::Statement;
use crate::limits::{BAD_PROOFS_PER_SENDER_MAX, BATCH_PROOFS_MAX};
use crate::transaction::Transaction;
use ff::Field;
use halo2_proofs::plonk::{self, VerificationStrategy, verify_proof};
use halo2_proofs::poly::commitment::{Guard, MSM, Params};
use halo2_proofs::transcript::{Blake2bRead, EncodedChallenge};
use pasta_curves::{Fp, vesta};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use std::collections::BTreeMap;
use thiserror::Error;

type Equation<'params> = MSM<'params, vesta::Affine>;

/// Checks proofs under one key, on as many threads as it has pools.
#[derive(Debug)]
pub struct Verifier {
    key: VerifyingKey,
    pools: Vec<rayon::ThreadPool>,
}

/// Transactions whose proofs were checked: here, or before the producer wrote them down, or their block settled. There is no other way to make
/// one.
#[derive(Debug)]
pub struct Proven<'a>(&'a [Transaction]);

impl<'a> Proven<'a> {
    /// Of the producer's own journal, or of a block that settled.
    pub(super) const fn before(transactions: &'a [Transaction]) -> Self {
        Self(transactions)
    }

    /// Of no transaction.
    pub(super) const fn nothing() -> Self {
        Self(&[])
    }

    pub(super) const fn transactions(&self) -> &'a [Transaction] {
        self.0
    }
}

/// A transaction without a good proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("transaction {transaction} has a leg without a good proof")]
pub struct BadProof {
    /// Its place among those given.
    pub transaction: usize,
}

impl Verifier {
    /// A verifier with `threads` one-thread pools.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub fn new(key: VerifyingKey, threads: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        let pool = |_| rayon::ThreadPoolBuilder::new().num_threads(1).thread_name(|_| "plinth-proofs".into()).build();
        Ok(Self { key, pools: (0..threads.max(1)).map(pool).collect::<Result<_, _>>()? })
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// Checks every proof of every transaction.
    ///
    /// # Errors
    ///
    /// [`BadProof`], the first in order. A transaction whose proofs are not as many as its legs is one.
    pub fn verify<'a>(&self, transactions: &'a [Transaction]) -> Result<Proven<'a>, BadProof> {
        match self.bad(transactions).first() {
            None => Ok(Proven(transactions)),
            Some(transaction) => Err(BadProof { transaction: *transaction }),
        }
    }

    /// The places of all transactions that have a bad proof, ascending.
    #[must_use]
    pub fn bad(&self, transactions: &[Transaction]) -> Vec<usize> {
        let complete = |transaction: &Transaction| transaction.proofs.len() == transaction.skeleton.legs.len();
        let mut bad: Vec<usize> = (0..transactions.len()).filter(|index| !complete(&transactions[*index])).collect();
        let (mut claims, mut owners) = (Vec::new(), Vec::new());
        for (index, transaction) in transactions.iter().enumerate().filter(|(_, transaction)| complete(transaction)) {
            claims.extend(transaction.claims());
            owners.resize(claims.len(), index);
        }
        bad.extend(self.bad_claims(&claims).into_iter().map(|claim| owners[claim]));
        bad.sort_unstable();
        bad.dedup();
        bad
    }

    /// The places of all claims that do not hold.
    #[must_use]
    pub fn bad_claims(&self, claims: &[(Statement, Proof)]) -> Vec<usize> {
        let per_pool = claims.len().div_ceil(self.pools.len()).max(1);
        let mut bad = Vec::new();
        std::thread::scope(|scope| {
            let shares = claims.chunks(per_pool).zip(&self.pools).enumerate().map(|(share, (claims, pool))| {
                let work = move || {
                    let batches = claims.chunks(BATCH_PROOFS_MAX).enumerate();
                    let found = batches.flat_map(|(batch, claims)| {
                        let first = share * per_pool + batch * BATCH_PROOFS_MAX;
                        self.bad_in_batch(claims).into_iter().map(move |index| first + index)
                    });
                    found.collect::<Vec<_>>()
                };
                scope.spawn(move || pool.install(work))
            });
            let running: Vec<_> = shares.collect();
            for share in running {
                // A panic in the proof system is a fault of ours; it goes on here.
                bad.extend(share.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
        });
        bad
    }

    fn bad_in_batch(&self, claims: &[(Statement, Proof)]) -> Vec<usize> {
        let mut bad = Vec::new();
        let mut equations = Vec::with_capacity(claims.len());
        for (index, (statement, proof)) in claims.iter().enumerate() {
            let inputs = statement.public_inputs();
            let mut transcript = Blake2bRead::init(proof.as_bytes());
            let strategy = Keep(&self.key.params);
            match verify_proof(&self.key.params, &self.key.key, strategy, &[&[&inputs]], &mut transcript) {
                Ok(equation) => equations.push((index, equation)),
                Err(_) => bad.push(index),
            }
        }
        self.search(&equations, &mut bad);
        bad.sort_unstable();
        bad
    }

    fn search(&self, equations: &[(usize, Equation<'_>)], bad: &mut Vec<usize>) {
        if equations.is_empty() || self.hold(equations) {
            return;
        }
        match equations {
            [(index, _)] => bad.push(*index),
            _ => {
                let (left, right) = equations.split_at(equations.len() / 2);
                self.search(left, bad);
                self.search(right, bad);
            }
        }
    }

    /// Whether a random combination vanishes: it does if all do, and else except with negligible probability.
    fn hold(&self, equations: &[(usize, Equation<'_>)]) -> bool {
        let mut sum = self.key.params.empty_msm();
        for (_, equation) in equations {
            sum.scale(Fp::random(&mut UnwrapErr(SysRng)));
            sum.add_msm(equation);
        }
        sum.eval()
    }
}

/// Reads a proof and keeps its equation.
struct Keep<'params>(&'params Params<vesta::Affine>);

impl<'params> VerificationStrategy<'params, vesta::Affine> for Keep<'params> {
    type Output = Equation<'params>;

    fn process<E: EncodedChallenge<vesta::Affine>>(
        self,
        read: impl FnOnce(Equation<'params>) -> Result<Guard<'params, vesta::Affine, E>, plonk::Error>,
    ) -> Result<Self::Output, plonk::Error> {
        Ok(read(MSM::new(self.0))?.use_challenges())
    }
}

/// Who sent a transaction to the producer, as its front end tells senders apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SenderId(pub u64);

/// Bad proofs by sender, in one window of time that the producer chooses.
#[derive(Debug, Default)]
pub struct Senders {
    bad: BTreeMap<SenderId, u32>,
}

impl Senders {
    /// Whether the sender's transactions are looked at.
    #[must_use]
    pub fn is_heard(&self, sender: SenderId) -> bool {
        self.bad.get(&sender).is_none_or(|count| *count < BAD_PROOFS_PER_SENDER_MAX)
    }

    /// Counts a bad proof.
    pub fn sent_bad_proof(&mut self, sender: SenderId) {
        *self.bad.entry(sender).or_default() += 1;
    }

    /// Forgets all, at the end of the window.
    pub fn next_window(&mut self) {
        self.bad.clear();
    }
}
