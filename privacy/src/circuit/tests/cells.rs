//! Cells that nothing binds. A floor planner that lays the circuit out as usual and then adds one to the n-th assigned cell: if the circuit still
//! holds, no gate, copy or lookup reads that cell as it should.
//!
//! It finds single free cells, also inside the gadgets; chains of cells that hang together but on nothing are found by the table in
//! `constraints.rs`, which forges a cell and computes on from it.

use super::super::{Columns, F, JoinSplit};
use super::sample::to_another;
use crate::circuit::keys::ROWS_LOG2;
use ff::Field;
use halo2_proofs::circuit::{Layouter, Value, floor_planner::V1};
use halo2_proofs::dev::MockProver;
use halo2_proofs::plonk::{
    Advice, Any, Assigned, Assignment, Circuit, Column, ConstraintSystem, Error, Fixed, FloorPlanner, Instance, Selector,
};
use std::cell::Cell;

thread_local! {
    static TARGET: Cell<usize> = const { Cell::new(usize::MAX) };
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Changing<'a, A>(&'a mut A);

impl<F: Field, A: Assignment<F>> Assignment<F> for Changing<'_, A> {
    fn enter_region<NR: Into<String>, N: FnOnce() -> NR>(&mut self, name: N) {
        self.0.enter_region(name);
    }

    fn exit_region(&mut self) {
        self.0.exit_region();
    }

    fn enable_selector<X: FnOnce() -> AR, AR: Into<String>>(&mut self, note: X, at: &Selector, row: usize) -> Result<(), Error> {
        self.0.enable_selector(note, at, row)
    }

    fn query_instance(&self, column: Column<Instance>, row: usize) -> Result<Value<F>, Error> {
        self.0.query_instance(column, row)
    }

    fn assign_advice<V, VR, X, AR>(&mut self, note: X, column: Column<Advice>, row: usize, to: V) -> Result<(), Error>
    where
        V: FnOnce() -> Value<VR>,
        VR: Into<Assigned<F>>,
        X: FnOnce() -> AR,
        AR: Into<String>,
    {
        let change = if COUNT.replace(COUNT.get() + 1) == TARGET.get() { F::ONE } else { F::ZERO };
        self.0.assign_advice(note, column, row, || to().map(|value| value.into() + Assigned::Trivial(change)))
    }

    fn assign_fixed<V, VR, X, AR>(&mut self, note: X, column: Column<Fixed>, row: usize, to: V) -> Result<(), Error>
    where
        V: FnOnce() -> Value<VR>,
        VR: Into<Assigned<F>>,
        X: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.0.assign_fixed(note, column, row, to)
    }

    fn copy(&mut self, left: Column<Any>, row: usize, right: Column<Any>, other_row: usize) -> Result<(), Error> {
        self.0.copy(left, row, right, other_row)
    }

    fn fill_from_row(&mut self, column: Column<Fixed>, row: usize, to: Value<Assigned<F>>) -> Result<(), Error> {
        self.0.fill_from_row(column, row, to)
    }

    fn push_namespace<NR: Into<String>, N: FnOnce() -> NR>(&mut self, name: N) {
        self.0.push_namespace(name);
    }

    fn pop_namespace(&mut self, gadget: Option<String>) {
        self.0.pop_namespace(gadget);
    }
}

struct ChangingPlanner;

impl FloorPlanner for ChangingPlanner {
    fn synthesize<F: Field, CS: Assignment<F>, C: Circuit<F>>(
        system: &mut CS,
        circuit: &C,
        config: C::Config,
        constants: Vec<Column<Fixed>>,
    ) -> Result<(), Error> {
        V1::synthesize(&mut Changing(system), circuit, config, constants)
    }
}

struct Changed(JoinSplit);

impl Circuit<F> for Changed {
    type Config = Columns;
    type FloorPlanner = ChangingPlanner;

    fn without_witnesses(&self) -> Self {
        Self(self.0.without_witnesses())
    }

    fn configure(system: &mut ConstraintSystem<F>) -> Columns {
        JoinSplit::configure(system)
    }

    fn synthesize(&self, columns: Columns, layouter: impl Layouter<F>) -> Result<(), Error> {
        self.0.synthesize(columns, layouter)
    }
}

/// Changes every `step`-th cell.
fn change_cells(step: usize) {
    let (witness, statement) = to_another(25, 8);
    let circuit = Changed(witness.circuit(statement.day));
    let inputs = statement.public_inputs().to_vec();
    let holds = |target: usize| {
        TARGET.set(target);
        COUNT.set(0);
        MockProver::run(ROWS_LOG2, &circuit, vec![inputs.clone()]).is_ok_and(|prover| prover.verify().is_ok())
    };
    assert!(holds(usize::MAX), "unchanged");
    let count = COUNT.get();
    let free: Vec<usize> = (0..count).step_by(step).filter(|target| holds(*target)).collect();
    println!("cells: {} of {count} changed, {} free", count.div_ceil(step), free.len());
    assert!(free.is_empty(), "cells that nothing binds: {free:?}");
}

#[test]
fn a_sample_of_the_cells_is_bound() {
    change_cells(1_999);
}

/// `cargo test --release -p plinth-privacy --lib -- --ignored one_cell_in_a_hundred --nocapture`.
#[test]
#[ignore = "minutes of CPU: one cell in about a hundred"]
fn one_cell_in_a_hundred_is_bound() {
    change_cells(101);
}
