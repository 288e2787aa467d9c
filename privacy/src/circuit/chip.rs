//! What the circuit is built from: cells, hashes, paths, and the small gates. Every input of a region is copied from the cell it comes from;
//! nothing takes a value out of one cell and assigns it in another region.

use super::F;
use super::columns::{Columns, LANES, LOOKUP_BITS, Lane};
use super::forge;
use super::rules::{Part, Rule};
use crate::hash::Tag;
use ff::Field;
use halo2_gadgets::poseidon::{PoseidonInstructions, Pow5Chip, StateWord, primitives::P128Pow5T3};
use halo2_gadgets::utilities::lookup_range_check::LookupRangeCheck;
use halo2_proofs::circuit::{AssignedCell, Layouter, Value};
use halo2_proofs::plonk::Error;
use std::collections::BTreeMap;

pub(super) type Cell = AssignedCell<F, F>;

/// The turns and siblings of a path, as the prover gives them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps<const DEPTH: usize> {
    pub(super) turns: [F; DEPTH],
    pub(super) siblings: [F; DEPTH],
}

/// Lays regions out over the lanes in turn.
pub(super) struct Chip<'a, L> {
    columns: &'a Columns,
    layouter: L,
    lane: usize,
    constants: BTreeMap<F, Cell>,
}

impl<'a, L: Layouter<F>> Chip<'a, L> {
    pub(super) fn new(columns: &'a Columns, layouter: L) -> Self {
        Self { columns, layouter, lane: 0, constants: BTreeMap::new() }
    }

    /// Fills the lookup table with every number of [`LOOKUP_BITS`] bits.
    pub(super) fn load_table(&mut self) -> Result<(), Error> {
        let table = self.columns.table;
        self.layouter.assign_table(
            || "numbers",
            |mut cells| {
                (0..1_usize << LOOKUP_BITS)
                    .try_for_each(|number| cells.assign_cell(|| "number", table, number, || Value::known(F::from(number as u64))))
            },
        )
    }

    /// A cell that only later rules bind.
    pub(super) fn witness(&mut self, value: Value<F>) -> Result<Cell, Error> {
        let column = self.columns.cells;
        self.layouter.assign_region(|| "witness", |mut region| region.assign_advice(|| "witness", column, 0, || value))
    }

    /// The cell of a constant; one for each constant.
    pub(super) fn constant(&mut self, value: F) -> Result<Cell, Error> {
        if let Some(cell) = self.constants.get(&value) {
            return Ok(cell.clone());
        }
        let column = self.columns.cells;
        let cell = self
            .layouter
            .assign_region(|| "constant", |mut region| region.assign_advice_from_constant(|| "constant", column, 0, value))?;
        self.constants.insert(value, cell.clone());
        Ok(cell)
    }

    /// A cell equal to a public input.
    pub(super) fn public(&mut self, index: usize) -> Result<Cell, Error> {
        let (public, column) = (self.columns.public, self.columns.cells);
        self.layouter.assign_region(
            || "public input",
            |mut region| region.assign_advice_from_instance(|| "public input", public, index, column, 0),
        )
    }

    /// Says that a computed cell is the public input at `index`.
    pub(super) fn expose(&mut self, rule: Rule, cell: &Cell, index: usize, public: &Cell) -> Result<(), Error> {
        forge::computed(index, cell.value().copied());
        self.equal(rule, Part::Public, cell, public)
    }

    /// Says that two cells are equal.
    pub(super) fn equal(&mut self, rule: Rule, part: Part, a: &Cell, b: &Cell) -> Result<(), Error> {
        if !forge::enforced(rule.part(part)) {
            return Ok(());
        }
        self.layouter.assign_region(|| "equal", |mut region| region.constrain_equal(a.cell(), b.cell()))
    }

    /// `a + k·b`.
    pub(super) fn linear(&mut self, rule: Rule, a: &Cell, k: F, b: &Cell) -> Result<Cell, Error> {
        let a = self.operand(rule, 0, 0, a)?;
        let b = self.operand(rule, 1, 0, b)?;
        let site = rule.part(Part::Result);
        let lane = self.next_lane();
        self.layouter.assign_region(
            || "linear",
            |mut region| {
                if forge::enforced(site) {
                    lane.linear.enable(&mut region, 0)?;
                }
                region.assign_fixed(|| "k", lane.factor, 0, || Value::known(k))?;
                let a = a.copy_advice(|| "a", &mut region, lane.state[0], 0)?;
                let b = b.copy_advice(|| "b", &mut region, lane.state[1], 0)?;
                let c = a.value().copied() + b.value().copied() * Value::known(k);
                region.assign_advice(|| "c", lane.state[2], 0, || forge::value(site, 0, c))
            },
        )
    }

    /// `a·(b − c) = 0`.
    pub(super) fn product_is_zero(&mut self, rule: Rule, a: &Cell, b: &Cell, c: &Cell) -> Result<(), Error> {
        let cells = [self.operand(rule, 0, 0, a)?, self.operand(rule, 1, 0, b)?, self.operand(rule, 2, 0, c)?];
        let lane = self.next_lane();
        self.layouter.assign_region(
            || "product",
            |mut region| {
                if forge::enforced(rule.part(Part::Result)) {
                    lane.product.enable(&mut region, 0)?;
                }
                for (cell, column) in cells.iter().zip(lane.state) {
                    cell.copy_advice(|| "factor", &mut region, column, 0)?;
                }
                Ok(())
            },
        )
    }

    /// The cell holds a number of `bits` bits, a multiple of [`LOOKUP_BITS`].
    pub(super) fn range(&mut self, rule: Rule, cell: &Cell, bits: usize) -> Result<(), Error> {
        let cell = self.operand(rule, 0, 0, cell)?;
        if forge::enforced(rule.part(Part::Result)) {
            self.columns.range.copy_check(self.layouter.namespace(|| "range"), cell, bits / LOOKUP_BITS, true)?;
        }
        Ok(())
    }

    /// Poseidon over a message of `N` cells. `index` tells uses of one rule apart.
    pub(super) fn hash<const N: usize>(&mut self, rule: Rule, index: usize, tag: Tag, message: [&Cell; N]) -> Result<Cell, Error> {
        let capacity = self.constant(tag.capacity(N))?;
        let zero = self.constant(F::ZERO)?;
        let message = message
            .into_iter()
            .enumerate()
            .map(|(operand, cell)| self.operand(rule, operand, index, cell))
            .collect::<Result<Vec<_>, _>>()?;
        let mut blocks = message.chunks(2);
        let [first, second] = block(blocks.next(), &zero);
        let mut state = self.permute([first, second, capacity])?;
        for next in blocks {
            let [first, second] = block(Some(next), &zero);
            let [a, b, c] = state;
            let first = self.add(&a, &first)?;
            let second = if next.len() == 2 { self.add(&b, &second)? } else { b };
            state = self.permute([first, second, c])?;
        }
        let [digest, _, _] = state;
        let site = rule.part(Part::Result);
        if forge::forged(site, index) {
            let other = self.witness(forge::value(site, index, digest.value().copied()))?;
            self.equal(rule, Part::Result, &other, &digest)?;
            return Ok(other);
        }
        Ok(digest)
    }

    /// Walks a path of `DEPTH` steps from a leaf. Returns the root and the position.
    pub(super) fn path<const DEPTH: usize>(
        &mut self,
        rule: Rule,
        level_tag: impl Fn(usize) -> Tag,
        leaf: Cell,
        steps: Value<Steps<DEPTH>>,
    ) -> Result<(Cell, Cell), Error> {
        let (mut node, mut position) = (leaf, self.constant(F::ZERO)?);
        for level in 0..DEPTH {
            let (turn, sibling) = (steps.map(|steps| steps.turns[level]), steps.map(|steps| steps.siblings[level]));
            let from = self.operand(rule, 2, level, &node)?;
            let sum = self.operand(rule, 3, level, &position)?;
            let [left, right, sum] = self.step(rule, level, &from, &sum, turn, sibling)?;
            position = sum;
            node = self.hash(rule, level, level_tag(level), [&left, &right])?;
        }
        Ok((node, position))
    }

    fn step(
        &mut self,
        rule: Rule,
        level: usize,
        node: &Cell,
        sum: &Cell,
        turn: Value<F>,
        sibling: Value<F>,
    ) -> Result<[Cell; 3], Error> {
        let lane = self.next_lane();
        let factor = Value::known(F::from(1 << level));
        self.layouter.assign_region(
            || "step",
            |mut region| {
                lane.step.enable(&mut region, 0)?;
                region.assign_fixed(|| "2^level", lane.factor, 0, || factor)?;
                let node = node.copy_advice(|| "node", &mut region, lane.state[0], 0)?.value().copied();
                region.assign_advice(|| "sibling", lane.state[1], 0, || sibling)?;
                region.assign_advice(|| "turn", lane.state[2], 0, || turn)?;
                let sum = sum.copy_advice(|| "sum", &mut region, lane.sum, 0)?.value().copied();
                let left = forge::value(rule.part(Part::Left), level, node + turn * (sibling - node));
                let right = forge::value(rule.part(Part::Right), level, sibling + turn * (node - sibling));
                let sum = forge::value(rule.part(Part::Sum), level, sum + turn * factor);
                Ok([
                    region.assign_advice(|| "left", lane.state[0], 1, || left)?,
                    region.assign_advice(|| "right", lane.state[1], 1, || right)?,
                    region.assign_advice(|| "sum'", lane.sum, 1, || sum)?,
                ])
            },
        )
    }

    /// Sums bits, and counts those whose term is set too. Returns the bits, their sum and the count.
    pub(super) fn terms<const BITS: usize>(
        &mut self,
        rule: Rule,
        bits: Value<[F; BITS]>,
        terms: &[Cell],
    ) -> Result<(Vec<Cell>, Cell, Cell), Error> {
        let zero = self.constant(F::ZERO)?;
        let start = [self.operand(rule, 1, 0, &zero)?, self.operand(rule, 2, 0, &zero)?];
        let terms =
            terms.iter().enumerate().map(|(index, term)| self.operand(rule, 0, index, term)).collect::<Result<Vec<_>, _>>()?;
        let lane = self.next_lane();
        self.layouter.assign_region(
            || "terms",
            |mut region| {
                let mut sum = start[0].copy_advice(|| "sum", &mut region, lane.state[2], 0)?;
                let mut matches = start[1].copy_advice(|| "match", &mut region, lane.sum, 0)?;
                let mut cells = Vec::with_capacity(BITS);
                for (row, term) in terms.iter().enumerate() {
                    lane.terms.enable(&mut region, row)?;
                    let factor = Value::known(F::from(1 << row));
                    region.assign_fixed(|| "2^i", lane.factor, row, || factor)?;
                    let bit = region.assign_advice(|| "bit", lane.state[0], row, || bits.map(|bits| bits[row]))?;
                    let term = term.copy_advice(|| "term", &mut region, lane.state[1], row)?;
                    let sum_next = sum.value().copied() + bit.value().copied() * factor;
                    let sum_next = forge::value(rule.part(Part::Sum), row, sum_next);
                    sum = region.assign_advice(|| "sum'", lane.state[2], row + 1, || sum_next)?;
                    let matches_next = matches.value().copied() + bit.value().copied() * term.value().copied();
                    let matches_next = forge::value(rule.part(Part::Match), row, matches_next);
                    matches = region.assign_advice(|| "match'", lane.sum, row + 1, || matches_next)?;
                    cells.push(bit);
                }
                Ok((cells, sum, matches))
            },
        )
    }

    /// The cell itself; in tests that forge this operand, a cell of the prover's choice in its place.
    fn operand(&mut self, rule: Rule, operand: usize, index: usize, cell: &Cell) -> Result<Cell, Error> {
        let site = rule.part(Part::Operand(operand));
        if !forge::forged(site, index) {
            return Ok(cell.clone());
        }
        let other = self.witness(forge::value(site, index, cell.value().copied()))?;
        self.equal(rule, Part::Operand(operand), &other, cell)?;
        Ok(other)
    }

    /// `a + b` inside a hash.
    fn add(&mut self, a: &Cell, b: &Cell) -> Result<Cell, Error> {
        let lane = self.next_lane();
        self.layouter.assign_region(
            || "absorb",
            |mut region| {
                lane.linear.enable(&mut region, 0)?;
                region.assign_fixed(|| "one", lane.factor, 0, || Value::known(F::ONE))?;
                let a = a.copy_advice(|| "state", &mut region, lane.state[0], 0)?;
                let b = b.copy_advice(|| "input", &mut region, lane.state[1], 0)?;
                region.assign_advice(|| "sum", lane.state[2], 0, || a.value().copied() + b.value().copied())
            },
        )
    }

    fn permute(&mut self, state: [Cell; 3]) -> Result<[Cell; 3], Error> {
        let poseidon = Pow5Chip::construct(self.next_lane().poseidon.clone());
        let state = state.map(StateWord::from);
        let permuted =
            <Pow5Chip<F, 3, 2> as PoseidonInstructions<F, P128Pow5T3, 3, 2>>::permute(&poseidon, &mut self.layouter, &state)?;
        Ok(permuted.map(Cell::from))
    }

    fn next_lane(&mut self) -> &'a Lane {
        self.lane = (self.lane + 1) % LANES;
        &self.columns.lanes[self.lane]
    }
}

/// One block of a message, padded with zeros.
fn block(cells: Option<&[Cell]>, zero: &Cell) -> [Cell; 2] {
    let mut cells = cells.unwrap_or_default().iter();
    [cells.next().unwrap_or(zero).clone(), cells.next().unwrap_or(zero).clone()]
}
