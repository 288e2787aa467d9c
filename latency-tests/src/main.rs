//! The harness.
mod workload;
fn main() {
    let _ = (workload::read as fn(_) -> _, workload::generate as fn(_) -> _);
}
