//! The fields of a request, read in one pass.

use super::intake::Fault;
use super::outcome::BusinessReject;
use super::reports::ECHO_SIZE_MAX;
use super::terms::incorrect;
use crate::codec::{Message, Tag, tag};
use crate::session::Origin;

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
    pub(super) stop_px: Option<&'a [u8]>,
    pub(super) peg_offset: Option<&'a [u8]>,
    pub(super) peg_price_type: Option<&'a [u8]>,
    pub(super) peg_offset_type: Option<&'a [u8]>,
    pub(super) peg_move_type: Option<&'a [u8]>,
    pub(super) expire_time: Option<&'a [u8]>,
    pub(super) expire_date: Option<&'a [u8]>,
    pub(super) min_qty: Option<&'a [u8]>,
    pub(super) max_floor: Option<&'a [u8]>,
    pub(super) display_qty: Option<&'a [u8]>,
    pub(super) status_req_id: Option<&'a [u8]>,
    pub(super) poss_resend: bool,
    /// A field that asks for what we do not do.
    pub(super) unsupported: Option<Tag>,
}

impl<'a> Request<'a> {
    pub(super) fn read(message: &Message<'a>) -> Self {
        let mut request = Self::default();
        message.fields().for_each(|(tag, value)| request.take(tag, value));
        request
    }

    /// Takes one field.
    pub(super) fn take(&mut self, tag: Tag, value: &'a [u8]) {
        match tag {
            tag::ACCOUNT => self.account = Some(value),
            tag::CL_ORD_ID => self.cl_ord_id = Some(value),
            tag::ORIG_CL_ORD_ID => self.orig_cl_ord_id = Some(value),
            tag::SYMBOL => self.symbol = Some(value),
            tag::SIDE => self.side = Some(value),
            tag::ORDER_QTY => self.order_qty = Some(value),
            tag::ORD_TYPE => self.ord_type = Some(value),
            tag::PRICE => self.price = Some(value),
            tag::TIME_IN_FORCE => self.time_in_force = Some(value),
            tag::EXEC_INST => self.exec_inst = Some(value),
            tag::STOP_PX => self.stop_px = Some(value),
            tag::PEG_OFFSET_VALUE => self.peg_offset = Some(value),
            tag::PEG_PRICE_TYPE => self.peg_price_type = Some(value),
            tag::PEG_OFFSET_TYPE => self.peg_offset_type = Some(value),
            tag::PEG_MOVE_TYPE => self.peg_move_type = Some(value),
            tag::EXPIRE_TIME => self.expire_time = Some(value),
            tag::EXPIRE_DATE => self.expire_date = Some(value),
            tag::MIN_QTY => self.min_qty = Some(value),
            tag::MAX_FLOOR => self.max_floor = Some(value),
            tag::DISPLAY_QTY => self.display_qty = Some(value),
            tag::ORD_STATUS_REQ_ID => self.status_req_id = Some(value),
            tag::POSS_RESEND => self.poss_resend = value == b"Y",
            _ if is_unsupported(tag) => {
                self.unsupported.get_or_insert(tag);
            }
            _ => {}
        }
    }
}

/// A question: what is answered at once, or again and again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inquiry<'a, 'm> {
    pub(super) origin: Origin,
    pub(super) message: &'a Message<'m>,
    pub(super) request: &'a Request<'m>,
}

/// `SubscriptionRequestType`, tag 263.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subscribe {
    Once,
    Begin,
    End,
}

impl<'m> Inquiry<'_, 'm> {
    /// The question's own id, which is sent back.
    pub(super) fn id(&self, tag: Tag) -> Result<&'m [u8], Fault> {
        let id = self.message.get(tag).ok_or(Fault::Business(BusinessReject::missing(tag)))?;
        if id.len() > ECHO_SIZE_MAX {
            return Err(incorrect(tag));
        }
        Ok(id)
    }

    pub(super) fn subscribe(&self) -> Result<Subscribe, Fault> {
        match self.message.get(tag::SUBSCRIPTION_REQUEST_TYPE) {
            Some(b"0") | None => Ok(Subscribe::Once),
            Some(b"1") => Ok(Subscribe::Begin),
            Some(b"2") => Ok(Subscribe::End),
            Some(_) => Err(incorrect(tag::SUBSCRIPTION_REQUEST_TYPE)),
        }
    }
}

/// Whether a field changes what an order does in a way that we do not honour: CashOrderQty, EffectiveTime, MaxShow, discretion,
/// GTBookingInst, RoundingDirection and Modulus, OrderPercent, limits, rounding and scope of pegs, TargetStrategy and its parameters, ParticipationRate, how a display quantity is chosen and refreshed, match increments and price levels, trigger details.
const fn is_unsupported(tag: Tag) -> bool {
    matches!(
        tag.get(),
        152 | 168
            | 210
            | 388
            | 389
            | 427
            | 468
            | 469
            | 516
            | 837..=838
            | 840..=844
            | 846..=849
            | 1_081..=1_088
            | 1_089..=1_090
            | 1_095..=1_113
    )
}
