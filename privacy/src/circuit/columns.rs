//! Columns and gates. The circuit is laid out in [`LANES`] lanes side by side, each a Poseidon chip with three gates of ours over the same
//! columns, and one column for lookups, constants, public inputs and witnesses.
//!
//! Gates of ours, all of degree at most 3 with their selector:
//!
//! | gate | row `i` | row `i+1` | constraints |
//! | --- | --- | --- | --- |
//! | step | node, sibling, turn, sum | left, right, –, sum' | `turn` is a bit; `left = node + turn·(sibling − node)`; `right` the other; `sum' = sum + turn·k` |
//! | linear | a, b, c | | `c = a + k·b` |
//! | product | a, b, c | | `a·(b − c) = 0` |
//! | terms | bit, term, sum, match | –, –, sum', match' | `bit` is a bit; `sum' = sum + k·bit`; `match' = match + bit·term` |
//!
//! `k` is fixed, in a column that Poseidon reads only on rows of its own.

use super::F;
use super::forge;
use super::rules::Part;
use ff::Field;
use halo2_gadgets::poseidon::{Pow5Chip, Pow5Config, primitives::P128Pow5T3};
use halo2_gadgets::utilities::lookup_range_check::{LookupRangeCheck, LookupRangeCheckConfig};
use halo2_proofs::plonk::{Advice, Column, ConstraintSystem, Constraints, Expression, Fixed, Instance, Selector, TableColumn};
use halo2_proofs::poly::Rotation;

/// Poseidon chips side by side. Three make the circuit fit 2^11 rows; see `docs/privacy.md` for what two and four cost.
pub(super) const LANES: usize = 3;
/// Bits of one lookup.
pub(super) const LOOKUP_BITS: usize = 8;

/// One lane.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) poseidon: Pow5Config<F, 3, 2>,
    pub(super) state: [Column<Advice>; 3],
    pub(super) sum: Column<Advice>,
    pub(super) factor: Column<Fixed>,
    pub(super) step: Selector,
    pub(super) linear: Selector,
    pub(super) product: Selector,
    pub(super) terms: Selector,
}

/// The columns of the circuit.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    pub(super) lanes: Vec<Lane>,
    pub(super) range: LookupRangeCheckConfig<F, LOOKUP_BITS>,
    pub(super) table: TableColumn,
    pub(super) cells: Column<Advice>,
    pub(super) public: Column<Instance>,
}

impl Columns {
    pub(super) fn configure(system: &mut ConstraintSystem<F>) -> Self {
        let constants = system.fixed_column();
        system.enable_constant(constants);
        let public = system.instance_column();
        system.enable_equality(public);
        let lanes = (0..LANES).map(|_| Lane::configure(system)).collect();
        let cells = system.advice_column();
        let table = system.lookup_table_column();
        let range = LookupRangeCheckConfig::configure(system, cells, table);
        Self { lanes, range, table, cells, public }
    }
}

impl Lane {
    fn configure(system: &mut ConstraintSystem<F>) -> Self {
        let state = [system.advice_column(), system.advice_column(), system.advice_column()];
        let sum = system.advice_column();
        state.iter().chain([&sum]).for_each(|column| system.enable_equality(*column));
        let round_a = [system.fixed_column(), system.fixed_column(), system.fixed_column()];
        let round_b = [system.fixed_column(), system.fixed_column(), system.fixed_column()];
        let poseidon = Pow5Chip::configure::<P128Pow5T3>(system, state, sum, round_a, round_b);
        let lane = Self {
            poseidon,
            state,
            sum,
            factor: round_a[0],
            step: system.selector(),
            linear: system.selector(),
            product: system.selector(),
            terms: system.selector(),
        };
        lane.step_gate(system);
        lane.linear_gate(system);
        lane.product_gate(system);
        lane.terms_gate(system);
        lane
    }

    fn step_gate(&self, system: &mut ConstraintSystem<F>) {
        system.create_gate("step", |cells| {
            let [node, sibling, turn] = self.state.map(|column| cells.query_advice(column, Rotation::cur()));
            let [left, right] = [self.state[0], self.state[1]].map(|column| cells.query_advice(column, Rotation::next()));
            let sum = cells.query_advice(self.sum, Rotation::cur());
            let sum_next = cells.query_advice(self.sum, Rotation::next());
            let factor = cells.query_fixed(self.factor);
            let constraints = [
                (Part::Bit, "turn is a bit", bit(&turn)),
                (Part::Left, "left child", left - node.clone() - turn.clone() * (sibling.clone() - node.clone())),
                (Part::Right, "right child", right - sibling.clone() - turn.clone() * (node - sibling)),
                (Part::Sum, "position so far", sum_next - sum - turn * factor),
            ];
            Constraints::with_selector(cells.query_selector(self.step), forge::kept(constraints))
        });
    }

    fn linear_gate(&self, system: &mut ConstraintSystem<F>) {
        system.create_gate("linear", |cells| {
            let [a, b, c] = self.state.map(|column| cells.query_advice(column, Rotation::cur()));
            let factor = cells.query_fixed(self.factor);
            Constraints::with_selector(cells.query_selector(self.linear), [("a + k·b = c", a + factor * b - c)])
        });
    }

    fn product_gate(&self, system: &mut ConstraintSystem<F>) {
        system.create_gate("product", |cells| {
            let [a, b, c] = self.state.map(|column| cells.query_advice(column, Rotation::cur()));
            Constraints::with_selector(cells.query_selector(self.product), [("a·(b − c) = 0", a * (b - c))])
        });
    }

    fn terms_gate(&self, system: &mut ConstraintSystem<F>) {
        system.create_gate("terms", |cells| {
            let [set, term, sum] = self.state.map(|column| cells.query_advice(column, Rotation::cur()));
            let sum_next = cells.query_advice(self.state[2], Rotation::next());
            let matches = cells.query_advice(self.sum, Rotation::cur());
            let matches_next = cells.query_advice(self.sum, Rotation::next());
            let factor = cells.query_fixed(self.factor);
            let constraints = [
                (Part::Bit, "bit is a bit", bit(&set)),
                (Part::Sum, "sum of bits", sum_next - sum - factor * set.clone()),
                (Part::Match, "jurisdictions in common", matches_next - matches - set * term),
            ];
            Constraints::with_selector(cells.query_selector(self.terms), forge::kept(constraints))
        });
    }
}

fn bit(value: &Expression<F>) -> Expression<F> {
    value.clone() * (Expression::Constant(F::ONE) - value.clone())
}
