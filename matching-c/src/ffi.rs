//! The C functions. The only file of the crate that may say `unsafe`; it turns pointers into references and nothing else.
//!
//! # Invariants
//!
//! * A pointer to an engine comes from [`plinth_engine_new`] and was not given to [`plinth_engine_free`]; no other thread uses it during a call. That
//!   is the caller's word, as is that a buffer has the length said. Everything else is checked.
//! * No buffer of the caller is kept beyond the call that it was given to, and none is read and written through two references at a time:
//!   outputs are written through raw pointers when the inputs are no longer borrowed.
//! * No panic crosses the border.

#![allow(unsafe_code)]
#![allow(improper_ctypes_definitions, reason = "an engine is opaque in C: only its address crosses")]

use crate::abi::{ABI_VERSION, CapacityC, CommandBytes, EventC, InstrumentC, Status};
use crate::host::Host;
use plinth_matching::limits::Capacity;
use plinth_types::command::Side;
use plinth_types::id::{OrderId, SessionId};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The version of the ABI; the header says which one it describes.
#[unsafe(no_mangle)]
pub extern "C" fn plinth_abi_version() -> u32 {
    ABI_VERSION
}

/// The 64-bit form of a session's `index`-th order, from 1; 0 if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn plinth_order_id(session: u16, index: u64) -> u64 {
    OrderId::new(SessionId::new(session), index).map_or(0, OrderId::bits)
}

/// Writes the usual capacity.
///
/// # Safety
///
/// `capacity` is null or points to a struct.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn plinth_capacity_default(capacity: *mut CapacityC) -> Status {
    if capacity.is_null() {
        return Status::Null;
    }
    // SAFETY: not null, and the caller's struct by its word.
    unsafe { capacity.write_unaligned(Capacity::default().into()) };
    Status::Ok
}

/// Makes an engine; the caller frees it.
///
/// # Safety
///
/// Both pointers are null or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn plinth_engine_new(capacity: *const CapacityC, engine: *mut *mut Host) -> Status {
    if capacity.is_null() || engine.is_null() {
        return Status::Null;
    }
    // SAFETY: not null, and the caller's struct by its word; it is copied.
    let capacity = unsafe { capacity.read_unaligned() };
    let made = catch_unwind(|| Host::new(capacity)).unwrap_or(Err(Status::Poisoned));
    let (pointer, status) = match made {
        Ok(host) => (Box::into_raw(Box::new(host)), Status::Ok),
        Err(status) => (std::ptr::null_mut(), status),
    };
    // SAFETY: not null, and the caller's pointer by its word.
    unsafe { engine.write_unaligned(pointer) };
    status
}

/// Frees an engine. Null is nothing to free.
///
/// # Safety
///
/// `engine` is null, or comes from `plinth_engine_new` and is used no more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn plinth_engine_free(engine: *mut Host) {
    if !engine.is_null() {
        // SAFETY: it was made by `Box::into_raw` above, and is given back once by the caller's word.
        drop(unsafe { Box::from_raw(engine) });
    }
}

/// Executes commands; `done` and `tails_used` say how far it came, whatever the status.
///
/// # Safety
///
/// `commands` has `count` commands and `tails` has `tails_size` bytes, either null only if it has none; the outputs are null or point to numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn plinth_submit(
    engine: *mut Host,
    commands: *const CommandBytes,
    count: usize,
    tails: *const u8,
    tails_size: usize,
    done: *mut usize,
    tails_used: *mut usize,
) -> Status {
    // SAFETY: the lengths are the caller's word; both are arrays of bytes, so nothing is misaligned.
    let inputs = unsafe { (slice(commands, count), slice(tails, tails_size)) };
    let (Some(commands), Some(tails)) = inputs else { return Status::Null };
    let mut reached = (0, 0);
    // SAFETY: the engine is the caller's by its word.
    let status = unsafe {
        with(engine, |host| {
            let (done, used, status) = host.submit(commands, tails);
            reached = (done, used);
            status
        })
    };
    // SAFETY: null or the caller's numbers.
    unsafe {
        put(done, reached.0);
        put(tails_used, reached.1);
    }
    status
}

/// Takes up to `room` events; `count` says how many.
///
/// # Safety
///
/// `events` has room for `room` events; `count` points to a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn plinth_poll(engine: *mut Host, events: *mut EventC, room: usize, count: *mut usize) -> Status {
    if count.is_null() || (events.is_null() && room > 0) {
        return Status::Null;
    }
    let mut taken = 0;
    // SAFETY: the engine is the caller's by its word.
    let status = unsafe {
        with(engine, |host| {
            for event in host.poll(room) {
                // SAFETY: at most `room` events are taken, and there is room for so many by the caller's word.
                events.add(taken).write_unaligned(event);
                taken += 1;
            }
            Status::Ok
        })
    };
    // SAFETY: not null, and the caller's number by its word.
    unsafe { put(count, taken) };
    status
}

/// The best bid (`side` 0) or offer (1): 1 in `found` if there is one, then its price and lots.
///
/// # Safety
///
/// The outputs point to numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn plinth_best(
    engine: *mut Host,
    instrument: u32,
    side: u8,
    found: *mut u8,
    price: *mut i64,
    lots: *mut u64,
) -> Status {
    if found.is_null() || price.is_null() || lots.is_null() {
        return Status::Null;
    }
    let mut best = None;
    // SAFETY: the engine is the caller's by its word.
    let status = unsafe {
        with(engine, |host| {
            best = match side {
                0 => host.best(instrument, Side::Buy),
                1 => host.best(instrument, Side::Sell),
                _ => return Status::Argument,
            };
            Status::Ok
        })
    };
    let (ticks, there) = best.unwrap_or_default();
    // SAFETY: none is null, and they are the caller's by its word.
    unsafe {
        put(found, u8::from(best.is_some()));
        put(price, ticks);
        put(lots, there);
    }
    status
}

/// Adds the next asset.
///
/// # Safety
///
/// `name` points to 16 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn plinth_add_asset(engine: *mut Host, id: u16, name: *const [u8; 16], decimals: u8) -> Status {
    // SAFETY: null or 16 bytes by the caller's word; the engine likewise.
    unsafe { with_value(engine, name, |host, name| host.add_asset(id, &name, decimals)) }
}

/// Opens the next account.
///
/// # Safety
///
/// `name` points to 16 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn plinth_open_account(engine: *mut Host, id: u32, name: *const [u8; 16]) -> Status {
    // SAFETY: null or 16 bytes by the caller's word; the engine likewise.
    unsafe { with_value(engine, name, |host, name| host.open_account(id, &name)) }
}

/// Lists the next instrument.
///
/// # Safety
///
/// `instrument` points to a struct.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn plinth_list_instrument(engine: *mut Host, instrument: *const InstrumentC) -> Status {
    // SAFETY: null or a struct by the caller's word; the engine likewise.
    unsafe { with_value(engine, instrument, |host, instrument| host.list_instrument(&instrument)) }
}

/// Grants the next mandate.
///
/// # Safety
///
/// The engine is the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn plinth_grant(engine: *mut Host, mandate: u32, session: u16, account: u32) -> Status {
    // SAFETY: the engine is the caller's by its word.
    unsafe { with(engine, |host| host.grant(mandate, session, account).err().unwrap_or(Status::Ok)) }
}

/// Credits an account; the amount is `high × 2^64 + low`.
///
/// # Safety
///
/// The engine is the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn plinth_credit(engine: *mut Host, account: u32, asset: u16, high: u64, low: u64) -> Status {
    let units = u128::from(high) << 64 | u128::from(low);
    // SAFETY: the engine is the caller's by its word.
    unsafe { with(engine, |host| host.credit(account, asset, units).err().unwrap_or(Status::Ok)) }
}

/// Runs `act` on the engine; a panic poisons it.
///
/// # Safety
///
/// `engine` is null or an engine that nobody else uses meanwhile.
unsafe fn with(engine: *mut Host, act: impl FnOnce(&mut Host) -> Status) -> Status {
    // SAFETY: null is told apart; else it is a live engine, ours alone during the call, by the caller's word.
    let Some(host) = (unsafe { engine.as_mut() }) else { return Status::Null };
    if host.is_poisoned {
        return Status::Poisoned;
    }
    catch_unwind(AssertUnwindSafe(|| act(&mut *host))).unwrap_or_else(|_| {
        host.is_poisoned = true;
        Status::Poisoned
    })
}

/// As [`with`], with a copy of what `value` points to.
///
/// # Safety
///
/// As [`with`]; `value` is null or points to a `T`, any bytes of which are one.
unsafe fn with_value<T>(engine: *mut Host, value: *const T, act: impl FnOnce(&mut Host, T) -> Result<(), Status>) -> Status {
    if value.is_null() {
        return Status::Null;
    }
    // SAFETY: not null, and the caller's by its word; integers only, so any bytes are valid.
    let value = unsafe { value.read_unaligned() };
    // SAFETY: as said above.
    unsafe { with(engine, |host| act(host, value).err().unwrap_or(Status::Ok)) }
}

/// The caller's array; `None` if it is null and not empty, or longer than memory can be.
///
/// # Safety
///
/// `start` is null or has `count` values, which stay as they are for the call. `T` is made of bytes.
unsafe fn slice<'a, T>(start: *const T, count: usize) -> Option<&'a [T]> {
    if count == 0 {
        return Some(&[]);
    }
    let fits = count.checked_mul(size_of::<T>()).is_some_and(|size| isize::try_from(size).is_ok());
    // SAFETY: not null, within one allocation's size, and the caller's by its word; bytes have no alignment.
    (fits && !start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start, count) })
}

/// Writes where there is somewhere.
///
/// # Safety
///
/// `to` is null or the caller's.
unsafe fn put<T>(to: *mut T, value: T) {
    if !to.is_null() {
        // SAFETY: not null, and the caller's by its word.
        unsafe { to.write_unaligned(value) };
    }
}
