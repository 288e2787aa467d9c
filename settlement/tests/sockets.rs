//! Validators over real sockets.

mod cluster;

use cluster::{Cluster, wait_until};
use plinth_types::id::Height;

#[test]
fn four_validators_finalize_blocks() {
    let cluster = Cluster::new(4);
    let validators = cluster.start_all();
    wait_until("height 5 everywhere", || validators.iter().all(|validator| validator.status().height >= Height::new(5)));
    for validator in validators {
        validator.stop().unwrap();
    }
}
