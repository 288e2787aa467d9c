//! The link of one host, and the news that a zone may have to hear again.

use crate::HostConfig;
use crossbeam_channel::Receiver;
use plinth_settlement::ledger::{State, ZoneBlock};
use plinth_settlement::link::{self, LinkConfig, LinkError, LinkEvent, ZoneLink};
use plinth_types::id::Height;
use plinth_zone_protocol::{BlockRef, Completion, Finalized, List};
use std::collections::VecDeque;
use std::sync::Arc;

/// A link that reports from some settlement block on, and what of it no zone process has called processed.
///
/// While no zone is connected the link's events wait in the link; when it has no more room for them it waits itself.
#[derive(Debug)]
pub(crate) struct Road {
    link: Arc<ZoneLink>,
    /// News that came out of the link, ascending without a gap; a zone that is killed may have processed none of it.
    kept: VecDeque<Finalized>,
    /// The settlement block whose news come out of the link next.
    next: Height,
    /// News up to here are needed no more.
    processed: Height,
}

impl Road {
    /// A road on which the news behind this block come first.
    pub(crate) fn new(config: &HostConfig, processed: Height) -> Result<Self, LinkError> {
        let from = processed.next();
        let link = ZoneLink::start(LinkConfig {
            producer: config.key.clone(),
            reader_key: config.reader_key.clone(),
            zone: config.zone,
            genesis: Arc::clone(&config.genesis),
            validators: config.validators.clone(),
            from,
        })?;
        Ok(Self { link: Arc::new(link), kept: VecDeque::new(), next: from, processed })
    }

    /// Whether all news behind this block can still be told.
    pub(crate) fn reaches(&self, processed: Height) -> bool {
        processed >= self.processed
    }

    pub(crate) const fn link(&self) -> &Arc<ZoneLink> {
        &self.link
    }

    pub(crate) fn events(&self) -> &Receiver<LinkEvent> {
        self.link.events()
    }

    pub(crate) fn ledger(&self) -> Option<State> {
        self.link.ledger()
    }

    /// The news of this block, if they came out of the link already.
    pub(crate) fn kept(&self, height: Height) -> Option<&Finalized> {
        let first = self.kept.front()?.height;
        self.kept.get(usize::try_from(height.get().checked_sub(first.get())?).ok()?)
    }

    /// Takes what the link says. Of blocks before the first that is reported it tells rejections: whoever begins there hands over anyway what
    /// they were of.
    pub(crate) fn take(&mut self, finalized: &link::Finalized) {
        if finalized.height != self.next {
            return;
        }
        self.next = self.next.next();
        if finalized.height > self.processed {
            self.kept.push_back(news_of(finalized));
        }
    }

    /// Forgets what nobody will ask for again.
    pub(crate) fn processed(&mut self, height: Height) {
        self.processed = self.processed.max(height);
        while self.kept.pop_front_if(|news| news.height <= height).is_some() {}
    }
}

fn news_of(finalized: &link::Finalized) -> Finalized {
    Finalized {
        height: finalized.height,
        time: finalized.time,
        id: finalized.digest,
        ordered: finalized.ordered.iter().map(|ordered| block_ref(&ordered.block)).collect::<Vec<_>>().into(),
        completions: finalized.ordered.iter().map(|ordered| Completion::of(&ordered.header)).collect::<Vec<_>>().into(),
        available: refs(&finalized.available),
        settled: refs(&finalized.settled),
        rejected: refs(&finalized.rejected),
        inbox: finalized.inbox.clone().into(),
        frozen: finalized.frozen,
        epoch: finalized.epoch,
    }
}

fn refs<const N: usize>(blocks: &[ZoneBlock]) -> List<BlockRef, N> {
    blocks.iter().map(block_ref).collect::<Vec<_>>().into()
}

const fn block_ref(block: &ZoneBlock) -> BlockRef {
    BlockRef { height: block.height, id: block.id, body_hash: block.body.hash }
}
