//! Facts as JSON for other programs.
//!
//! A zone, a block of one that is not settled, a turnstile, a balance, a nonce and the head have fields of their own; the others are `null`.
//! Heights and counts are numbers, digests and keys are hexadecimal, amounts are decimal strings: they may have 128 bits.

use plinth_settlement::ledger::facts::{Fact, Head};
use plinth_settlement::ledger::{Turnstile, Unsettled, ZoneRecord, ZoneStatus};
use plinth_types::id::Height;
use plinth_types::quantity::Amount;
use serde_json::{Value, json};

pub(crate) fn value(fact: &Fact) -> Value {
    match fact {
        Fact::Head(head) => of_head(head),
        Fact::Nonce(nonce) => (*nonce).into(),
        Fact::Balance(amount) => amount.units().to_string().into(),
        Fact::Zone(zone) => of_zone(zone),
        Fact::Turnstile(turnstile) => of_turnstile(turnstile),
        Fact::Block(block) => of_unsettled(block),
        Fact::Decisions(_)
        | Fact::Committee(_)
        | Fact::Asset(_)
        | Fact::Message(_)
        | Fact::Rules(_)
        | Fact::Deadline(_)
        | Fact::Outbox(_)
        | Fact::Sent(_)
        | Fact::Queued(_)
        | Fact::Window(_)
        | Fact::Exited
        | Fact::Format(_)
        | Fact::Listing(_) => Value::Null,
    }
}

fn of_head(head: &Head) -> Value {
    json!({
        "genesis": head.genesis.to_string(),
        "block": head.block.to_string(),
        "height": head.height.get(),
        "time": head.time.get(),
    })
}

/// `id` is a block's header's, `post_root` the zone's state root behind it: zero before the first block, whose height is 1.
fn of_zone(zone: &ZoneRecord) -> Value {
    json!({
        "zone": zone.id.get(),
        "producer": zone.producer.to_string(),
        "epoch": zone.epoch.get(),
        "frozen": zone.status != ZoneStatus::Open,
        "ordered": { "height": zone.height.get(), "id": zone.head.to_string(), "post_root": zone.post_root.to_string() },
        "settled": {
            "height": zone.settled.height.get(),
            "id": zone.settled.head.to_string(),
            "post_root": zone.settled.post_root.to_string(),
        },
    })
}

fn of_unsettled(unsettled: &Unsettled) -> Value {
    let block = &unsettled.block;
    json!({
        "zone": block.zone.get(),
        "height": block.height.get(),
        "id": block.id.to_string(),
        "post_root": unsettled.post_root.to_string(),
        "ordered_at": block.ordered_at.get(),
        "available_at": block.available_at.map(Height::get),
    })
}

fn of_turnstile(turnstile: &Turnstile) -> Value {
    let units = |amount: Amount| amount.units().to_string();
    json!({
        "in_flight": units(turnstile.in_flight),
        "consumed": units(turnstile.consumed),
        "paid_in": units(turnstile.paid_in),
        "leaving": units(turnstile.leaving),
        "paid_out": units(turnstile.paid_out),
        "exited": units(turnstile.exited),
    })
}
