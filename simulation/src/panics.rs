//! Panics of simulated validators: kept instead of printed, per thread, because a thread runs one world at a time.

use std::cell::RefCell;
use std::panic;
use std::sync::Once;

thread_local! {
    static KEPT: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Keeps panics of this thread from now on.
pub(crate) fn keep() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let kept = KEPT.with_borrow_mut(|kept| kept.as_mut().map(|kept| kept.push(info.to_string().replace('\n', " "))));
            if kept.is_none() {
                report(info);
            }
        }));
    });
    KEPT.set(Some(Vec::new()));
}

/// Lets panics of this thread be printed again.
pub(crate) fn release() {
    KEPT.set(None);
}

/// How many are kept.
pub(crate) fn count() -> usize {
    KEPT.with_borrow(|kept| kept.as_ref().map_or(0, Vec::len))
}

/// Takes what was kept.
pub(crate) fn take() -> Vec<String> {
    KEPT.with_borrow_mut(|kept| kept.as_mut().map(std::mem::take).unwrap_or_default())
}
