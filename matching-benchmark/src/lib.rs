//! The matching engine behind the C ABI of `flash1-dev/matching-engine-benchmark` (MIT, arXiv:2606.01183): a library that its driver loads,
//! feeds with orders, and compares with published hashes of what correct engines report. Nothing of the benchmark is here; whoever
//! runs it brings it.
//!
//! ```sh
//! cargo build --release -p plinth-matching-benchmark      # target/release/libplinth_matching_benchmark.so
//! cd matching-engine-benchmark && make                    # its driver and its workload generator
//! ./harness --engine …/libplinth_matching_benchmark.so --scenario normal --mode perf      # and static, swing-25, swing-40, flash-crash
//! python3 scripts/conformance_check.py …/libplinth_matching_benchmark.so                  # edge cases; it wants its three oracles built
//! ```
//!
//! * **What runs.** The engine as the appliance has it: one instrument, one session, one account that holds more than the flow can spend;
//!   mandate, reservation and settlement of both legs are done for every order. No journal, no sockets.
//! * **Orders.** Their ids may be used again, so each new order gets the session's next number, and a table says which number an id has now.
//! * **A modify** is a cancel and a new order, as the benchmark's contract has it; [`Body::Replace`](plinth_types::command::Body::Replace) would
//!   keep the place of an order that only shrinks.
//! * **Reports** leave as the engine emits its events; nothing is kept, and `engine_flush` has nothing to do. The side and price in a
//!   cancel's report are those that the order came with, which the engine's event does not repeat.
//! * **Queries** are answered by the book itself.
//!
//! # Known limitations
//!
//! Prices are above zero, 131,072 of them (of half a cent: to 655 dollars) with a level of their own, 4,096 others on each side at a time, far
//! slower; [`limits::ORDERS_MAX`] orders are open at a time. What the engine refuses is not reported, so the hash says that something was.

pub mod abi;
pub mod adapter;
pub mod ffi;
pub mod limits;
