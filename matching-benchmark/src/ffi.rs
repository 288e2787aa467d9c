//! The functions that the benchmark's driver looks up. The only file of the crate that may say `unsafe`; it turns pointers into references and
//! nothing else.
//!
//! # Invariants
//!
//! * The driver calls `engine_init` once, first, and everything from one thread; so the adapter has one owner at a time. Its transport and the
//!   handle stay valid until `engine_shutdown`. That is the contract of its header.
//! * No reference to the adapter lives beyond a call, and no function here calls another that takes one.

#![allow(unsafe_code)]

use crate::abi::{CancelC, ModifyC, NewOrderC, ReportC};
use crate::adapter::{Adapter, Reports};
use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};

/// The driver's queue of reports. Only `push` is called.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct TransportC {
    create: Option<unsafe extern "C" fn(u32) -> *mut c_void>,
    push: unsafe extern "C" fn(*mut c_void, *const ReportC) -> c_int,
    drain: Option<unsafe extern "C" fn(*mut c_void, *mut ReportC, u32) -> u32>,
    flush: Option<unsafe extern "C" fn(*mut c_void)>,
    destroy: Option<unsafe extern "C" fn(*mut c_void)>,
}

struct Sink {
    transport: TransportC,
    handle: *mut c_void,
}

impl Reports for Sink {
    #[inline]
    fn push(&mut self, report: &ReportC) {
        // SAFETY: the driver's function with the driver's handle, and a report that lives during the call.
        while unsafe { (self.transport.push)(self.handle, report) } == 0 {
            std::hint::spin_loop();
        }
    }
}

struct Running {
    adapter: Adapter,
    sink: Sink,
}

struct Slot(UnsafeCell<Option<Running>>);

// SAFETY: the driver uses the library from one thread at a time, by its contract.
unsafe impl Sync for Slot {}

static RUNNING: Slot = Slot(UnsafeCell::new(None));

/// Calls `act` with what is running; nothing happens before `engine_init`.
fn with<A>(act: impl FnOnce(&mut Running) -> A) -> Option<A> {
    // SAFETY: one thread, and no reference from an earlier call is left; see the module.
    unsafe { &mut *RUNNING.0.get() }.as_mut().map(act)
}

/// Begins with an empty book.
///
/// # Safety
///
/// `transport` points to the driver's table; `sink` is what it takes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_init(_seed: u64, transport: *const TransportC, sink: *mut c_void) {
    // SAFETY: the caller's word; it is copied.
    let transport = unsafe { transport.read() };
    // SAFETY: as in `with`.
    unsafe { *RUNNING.0.get() = Some(Running { adapter: Adapter::new(), sink: Sink { transport, handle: sink } }) };
}

/// Ends.
#[unsafe(no_mangle)]
pub extern "C" fn engine_shutdown() {
    // SAFETY: as in `with`.
    unsafe { *RUNNING.0.get() = None };
}

/// A new order.
///
/// # Safety
///
/// `order` points to one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_on_new_order(order: *const NewOrderC) {
    // SAFETY: the caller's word.
    let order = unsafe { &*order };
    with(|running| running.adapter.new_order(order, &mut running.sink));
}

/// A cancel.
///
/// # Safety
///
/// `cancel` points to one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_on_cancel(cancel: *const CancelC) {
    // SAFETY: the caller's word.
    let cancel = unsafe { &*cancel };
    with(|running| running.adapter.cancel(cancel, &mut running.sink));
}

/// A modify.
///
/// # Safety
///
/// `modify` points to one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_on_modify(modify: *const ModifyC) {
    // SAFETY: the caller's word.
    let modify = unsafe { &*modify };
    with(|running| running.adapter.modify(modify, &mut running.sink));
}

/// Everything was reported when its message returned.
#[unsafe(no_mangle)]
pub extern "C" fn engine_flush() {}

/// The highest bid, or the lowest number.
#[unsafe(no_mangle)]
pub extern "C" fn engine_query_best_bid() -> i64 {
    with(|running| running.adapter.best(0)).flatten().unwrap_or(i64::MIN)
}

/// The lowest offer, or the highest number.
#[unsafe(no_mangle)]
pub extern "C" fn engine_query_best_ask() -> i64 {
    with(|running| running.adapter.best(1)).flatten().unwrap_or(i64::MAX)
}

/// What rests at a price.
#[unsafe(no_mangle)]
pub extern "C" fn engine_query_depth_at(price_ticks: i64, side: u8) -> u64 {
    with(|running| running.adapter.depth_at(price_ticks, side)).unwrap_or(0)
}
