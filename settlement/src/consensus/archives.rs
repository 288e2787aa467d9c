//! What a validator has on its disk when it starts, beside the store: archives of blocks and certificates.

use super::chain::{Chain, Finalized};
use super::limits::{ARCHIVE_SECTION_ITEMS, RECENT_BLOCKS_MAX, REPLAY_BUFFER_SIZE, WRITE_BUFFER_SIZE};
use super::lineage::Historian;
use super::{ConsensusError, Finalization, Runtime};
use crate::block::Block;
use commonware_codec::Read;
use commonware_cryptography::sha256;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_storage::archive::{self, Archive as _, Identifier, prunable};
use commonware_storage::translator::EightCap;
use commonware_utils::{NZU64, NZUsize};
use std::sync::Arc;

pub(super) type Archive<E, V> = prunable::Archive<EightCap, E, sha256::Digest, V>;

pub(super) async fn open_archive<E: Runtime, V: commonware_codec::CodecShared>(
    context: &E,
    partition: &str,
    name: &'static str,
    page_cache: &CacheRef,
    codec_config: <V as Read>::Cfg,
) -> Result<Archive<E, V>, archive::Error> {
    prunable::Archive::init(
        context.child(name),
        prunable::Config {
            translator: EightCap,
            metadata_partition: format!("{partition}-{name}-metadata"),
            key_partition: format!("{partition}-{name}-keys"),
            key_page_cache: page_cache.clone(),
            value_partition: format!("{partition}-{name}-values"),
            compression: None,
            codec_config,
            items_per_section: NZU64!(ARCHIVE_SECTION_ITEMS),
            key_write_buffer: NZUsize!(WRITE_BUFFER_SIZE),
            value_write_buffer: NZUsize!(WRITE_BUFFER_SIZE),
            replay_buffer: NZUsize!(REPLAY_BUFFER_SIZE),
        },
    )
    .await
}

/// Takes the last few stored blocks up to the one that the ledger was opened behind, with their certificates; none before a gap.
pub(super) async fn recall<E: Runtime>(
    chain: &Chain,
    blocks: &Archive<E, Arc<Block>>,
    certificates: &Archive<E, Finalization>,
) -> Result<(), ConsensusError> {
    let last = chain.finalized().height().get();
    let mut recalled = Vec::new();
    for height in (last + 1).saturating_sub(RECENT_BLOCKS_MAX as u64).max(1)..=last {
        match blocks.get(Identifier::Index(height)).await? {
            Some(block) => {
                let certificate = certificates.get(Identifier::Index(height)).await?;
                recalled.push(Finalized { block: (*block).clone(), certificate });
            }
            None => recalled.clear(),
        }
    }
    chain.recall(recalled);
    Ok(())
}

/// Applies every stored block behind the store's that follows without a gap. What the archive holds is final: it was stored with or
/// under a certificate.
pub(super) async fn replay<E: Runtime>(
    chain: &Chain,
    blocks: &Archive<E, Arc<Block>>,
    certificates: &Archive<E, Finalization>,
    historian: &mut Historian,
) -> Result<(), ConsensusError> {
    let mut height = chain.finalized().height().next();
    while let Some(block) = blocks.get(Identifier::Index(height.get())).await? {
        if let Some(certificate) = certificates.get(Identifier::Index(height.get())).await? {
            chain.certify(certificate);
        }
        chain.finalize(&block).await.map_err(|error| ConsensusError::OtherChain { height, error })?;
        historian.note().await?;
        height = height.next();
    }
    Ok(())
}
