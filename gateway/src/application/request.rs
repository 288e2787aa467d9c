//! The fields of a request, read in one pass.

use crate::codec::{Message, Tag, tag};

/// Values of the fields that we honour; an index of the first that we would have to ignore.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Request<'a> {
    pub(super) account: Option<&'a [u8]>,
    pub(super) cl_ord_id: Option<&'a [u8]>,
    pub(super) orig_cl_ord_id: Option<&'a [u8]>,
    pub(super) symbol: Option<&'a [u8]>,
    pub(super) side: Option<&'a [u8]>,
    pub(super) order_qty: Option<&'a [u8]>,
    pub(super) ord_type: Option<&'a [u8]>,
    pub(super) price: Option<&'a [u8]>,
    pub(super) time_in_force: Option<&'a [u8]>,
    pub(super) exec_inst: Option<&'a [u8]>,
    pub(super) status_req_id: Option<&'a [u8]>,
    pub(super) poss_resend: bool,
    /// A field that asks for what we do not do.
    pub(super) unsupported: Option<Tag>,
}

impl<'a> Request<'a> {
    pub(super) fn read(message: &Message<'a>) -> Self {
        let mut request = Self::default();
        for (tag, value) in message.fields() {
            match tag {
                tag::ACCOUNT => request.account = Some(value),
                tag::CL_ORD_ID => request.cl_ord_id = Some(value),
                tag::ORIG_CL_ORD_ID => request.orig_cl_ord_id = Some(value),
                tag::SYMBOL => request.symbol = Some(value),
                tag::SIDE => request.side = Some(value),
                tag::ORDER_QTY => request.order_qty = Some(value),
                tag::ORD_TYPE => request.ord_type = Some(value),
                tag::PRICE => request.price = Some(value),
                tag::TIME_IN_FORCE => request.time_in_force = Some(value),
                tag::EXEC_INST => request.exec_inst = Some(value),
                tag::ORD_STATUS_REQ_ID => request.status_req_id = Some(value),
                tag::POSS_RESEND => request.poss_resend = value == b"Y",
                _ if is_unsupported(tag) => {
                    request.unsupported.get_or_insert(tag);
                }
                _ => {}
            }
        }
        request
    }
}

/// Whether a field changes what an order does in a way that we do not honour: StopPx, MinQty, MaxFloor, ExpireTime, CashOrderQty,
/// EffectiveTime, MaxShow, PegOffsetValue, discretion, GTBookingInst, ExpireDate, RoundingDirection and Modulus, OrderPercent, peg details,
/// TargetStrategy and its parameters, ParticipationRate.
const fn is_unsupported(tag: Tag) -> bool {
    matches!(
        tag.get(),
        99 | 110 | 111 | 126 | 152 | 168 | 210 | 211 | 388 | 389 | 427 | 432 | 468 | 469 | 516 | 835..=838 | 840..=844 | 846..=849
    )
}
