//! Each validator keeps a step from every epoch to the next, whatever it was there for.

use crate::chain::Fixture;
use crate::network::{Simulation, assert_agreement};
use commonware_runtime::{Runner as _, Supervisor as _, deterministic};
use plinth_settlement::light::LightClient;
use plinth_types::id::Epoch;

const VALIDATORS: usize = 4;
const EPOCH_BLOCKS: u64 = 6;

/// A client that trusts the genesis goes over all steps of this validator.
async fn walk(simulation: &Simulation, index: usize) -> Epoch {
    let page = simulation.running[&index].lineage.page(Epoch::new(1)).await.unwrap();
    let mut client = LightClient::of_genesis(&simulation.fixture.genesis);
    for step in &page.steps {
        client.take(step).unwrap_or_else(|error| panic!("validator {index}: {error}"));
    }
    client.trusted().last()
}

/// One is gone for two epochs and follows at their ends; one falls again and again, wherever it stands; all lead on to the same epoch.
#[test]
fn whoever_was_away_leads_over_the_epochs_that_it_missed() {
    for seed in 0..6 {
        deterministic::Runner::seeded(seed).start(|context| async move {
            let fixture = Fixture::changing(VALIDATORS as u8, VALIDATORS, EPOCH_BLOCKS as u32);
            let mut simulation = Simulation::of(context.child("simulation"), fixture).await;
            for index in 0..VALIDATORS {
                simulation.start(index).await;
            }
            simulation.wait_height(0..VALIDATORS, EPOCH_BLOCKS + 1).await;
            simulation.crash(3).await;
            for height in 2 * EPOCH_BLOCKS - 2..2 * EPOCH_BLOCKS + 2 {
                simulation.wait_height(0..3, height).await;
                simulation.crash(2).await;
                simulation.start(2).await;
            }
            simulation.wait_height(0..3, 4 * EPOCH_BLOCKS + 1).await;
            simulation.start(3).await;
            simulation.wait_height(0..VALIDATORS, 5 * EPOCH_BLOCKS + 1).await;
            for index in 0..VALIDATORS {
                assert!(walk(&simulation, index).await >= Epoch::new(5), "seed {seed}, validator {index}");
            }
            assert_agreement(&simulation);
        });
    }
}
