//! A wallet against zones that lie, each in a way of its own, and against validators that do.

use crate::HISTORY;
use crate::world::*;
use plinth_privacy::pool::block::Compact;
use plinth_privacy::pool::error::BlockError;
use plinth_privacy::pool::state::PoolState;
use plinth_privacy_zone::block::{Body, header_id};
use plinth_privacy_zone::client::ClientError;
use plinth_privacy_zone::settled::{CheckError, Checked, Settled, Shows, follow};
use plinth_privacy_zone::zone::Zone;
use plinth_types::block::ZoneHeader;
use plinth_types::codec::Codec as _;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, TimestampNs, ZoneId};
use sha2::{Digest as _, Sha256};

/// What a zone shows: an honest one until a test changes it.
#[derive(Clone)]
struct Shown {
    headers: Vec<ZoneHeader>,
    bodies: Vec<Vec<u8>>,
    blocks: Vec<Compact>,
}

impl Shown {
    /// The history, as settlement ordered it.
    fn honest() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blocks.journal");
        std::fs::write(&path, &*HISTORY).unwrap();
        let zone = Zone::open(genesis(), &path).unwrap();
        let blocks = (1..=zone.state().height.get()).map(|height| zone.archive().block(Height::new(height)).unwrap());
        let (headers, bodies): (Vec<_>, Vec<_>) = blocks.map(|block| (block.header, block.body.0)).unzip();
        let blocks = bodies.iter().map(|body| Body::decode(body).unwrap().block.compact()).collect();
        Self { headers, bodies, blocks }.ordered()
    }

    /// The same headers, each on the one before: what a producer could have had ordered.
    fn ordered(mut self) -> Self {
        let mut parent = Digest::ZERO;
        for header in &mut self.headers {
            *header = completion(parent).complete(header.clone());
            parent = header_id(header);
        }
        self
    }

    /// What the base layer has settled, if it is the block of this height.
    fn settled(&self, height: usize) -> Settled {
        let header = &self.headers[height - 1];
        Settled { zone: genesis().id.zone, height: header.height, id: header_id(header), post_root: header.post_root }
    }
}

impl Shows for Shown {
    fn headers(&mut self, from: Height) -> Result<Vec<ZoneHeader>, ClientError> {
        // Two at a time, as a long chain comes in several answers.
        Ok(self.headers.iter().filter(|header| header.height >= from).take(2).cloned().collect())
    }

    fn body(&mut self, height: Height) -> Result<Vec<u8>, ClientError> {
        Ok(self.bodies.get(height.get() as usize - 1).cloned().unwrap_or_default())
    }

    fn blocks(&mut self, from: Height) -> Result<Vec<Compact>, ClientError> {
        Ok(self.blocks.iter().filter(|block| block.height >= from).take(2).cloned().collect())
    }
}

/// An empty wallet follows; what it has then.
fn followed(zone: &Shown, settled: &Settled, before: Checked) -> Result<(PoolState, Checked, u128), CheckError> {
    let mut firm = Firm::new(1);
    let (state, checked) = follow(&mut zone.clone(), settled, before, &mut firm.wallet, None)?;
    Ok((state, checked, firm.has()))
}

/// As [`Checked::blocks`] is made.
fn digest_of(blocks: &[Compact]) -> Digest {
    let next = |before: Digest, block: &Compact| {
        Digest(
            Sha256::new()
                .chain_update(b"plinth/wallet-blocks/1")
                .chain_update(before.0)
                .chain_update(block.to_bytes())
                .finalize()
                .into(),
        )
    };
    blocks.iter().fold(Digest::ZERO, next)
}

#[test]
fn what_has_settled_is_followed_and_what_was_checked_needs_no_bodies_again() {
    let zone = Shown::honest();
    let (state, three, has) = followed(&zone, &zone.settled(3), Checked::default()).unwrap();
    assert_eq!((state.height, state.credits.len(), has), (Height::new(3), 1, 0));
    assert_eq!((three.height, three.id, three.blocks), (Height::new(3), header_id(&zone.headers[2]), digest_of(&zone.blocks[..3])));
    let mut spare = zone.clone();
    spare.bodies[..3].fill(vec![]);
    let (state, five, has) = followed(&spare, &zone.settled(5), three).unwrap();
    assert_eq!((state.root(), has), (zone.headers[4].post_root, 380));
    // Nothing new has settled: the last body alone, for the state.
    spare.bodies[3].clear();
    let (again, same, has) = followed(&spare, &zone.settled(5), five).unwrap();
    assert_eq!((again, same, has), (state, five, 380));
    // A wallet that wants to be where it was before is there, and all is checked.
    let mut firm = Firm::new(1);
    let (_, checked) = follow(&mut zone.clone(), &zone.settled(5), five, &mut firm.wallet, Some(Height::new(4))).unwrap();
    assert_eq!((checked, firm.wallet.height(), firm.has()), (five, Height::new(4), 500));
}

#[test]
fn a_zone_that_withholds_is_named() {
    let zone = Shown::honest();
    let settled = zone.settled(5);
    let mut hides = zone.clone();
    hides.headers.pop();
    let refused = followed(&hides, &settled, Checked::default());
    assert!(matches!(refused, Err(CheckError::Withheld { height, settled }) if (height.get(), settled.get()) == (5, 5)));
    let mut hides = zone.clone();
    hides.headers.remove(2);
    let refused = followed(&hides, &settled, Checked::default());
    assert!(matches!(refused, Err(CheckError::Withheld { height, .. }) if height.get() == 3));
    let mut hides = zone.clone();
    hides.bodies[3].clear();
    assert!(matches!(followed(&hides, &settled, Checked::default()), Err(CheckError::WithheldBody(height)) if height.get() == 4));
    let (_, checked, _) = followed(&zone, &settled, Checked::default()).unwrap();
    for blocks in [vec![], zone.blocks[3..].to_vec()] {
        let hides = Shown { blocks, ..zone.clone() };
        assert!(matches!(followed(&hides, &settled, checked), Err(CheckError::Withheld { height, .. }) if height.get() == 1));
    }
}

#[test]
fn a_zone_that_forks_is_named() {
    let zone = Shown::honest();
    let settled = zone.settled(5);
    // Another block 3, and what would stand on it.
    let mut forked = zone.clone();
    forked.headers[2].time = TimestampNs::new(u64::MAX);
    let alone = followed(&forked, &settled, Checked::default());
    let Err(CheckError::OtherHeader { height, shown, certified }) = alone else { panic!("{alone:?}") };
    assert_eq!((height.get(), shown, certified), (3, header_id(&forked.headers[2]), header_id(&zone.headers[2])));
    let forked = forked.ordered();
    let refused = followed(&forked, &settled, Checked::default());
    assert!(
        matches!(refused, Err(CheckError::OtherHeader { height, certified, .. }) if (height.get(), certified) == (5, settled.id))
    );
}

#[test]
fn a_zone_that_invents_a_block_is_named() {
    let zone = Shown::honest();
    let settled = zone.settled(5);
    let mut invented = zone.clone();
    invented.bodies[3] = zone.bodies[2].clone();
    let refused = followed(&invented, &settled, Checked::default());
    assert!(matches!(refused, Err(CheckError::OtherBody { height, certified, .. })
        if (height.get(), certified) == (4, zone.headers[3].body_hash)));
    // The payment in block 4 is left out of what was checked before.
    let (_, checked, _) = followed(&zone, &zone.settled(4), Checked::default()).unwrap();
    let mut invented = zone.clone();
    invented.blocks[3].transactions.clear();
    let refused = followed(&invented, &settled, checked);
    assert!(matches!(refused, Err(CheckError::OtherBlocks(height)) if height.get() == 4));
}

/// In mode `attested` nobody checks what a producer has settled.
#[test]
fn a_zone_that_has_nonsense_settled_is_named() {
    let honest = Shown::honest();
    let refused = |zone: Shown, number: usize| {
        let zone = zone.ordered();
        followed(&zone, &zone.settled(number), Checked::default()).map(|_| ()).unwrap_err()
    };
    let mut zone = honest.clone();
    zone.headers[4].post_root.0[0] ^= 1;
    let error = refused(zone, 5);
    assert!(matches!(error, CheckError::Rules { height, error: BlockError::PostRoot { .. } } if height.get() == 5), "{error}");
    // Block 3 is left out: block 4 does not stand on block 2.
    let mut zone = honest.clone();
    let _left_out = (zone.headers.remove(2), zone.bodies.remove(2));
    zone.headers[2].height = Height::new(3);
    let error = refused(zone, 3);
    assert!(matches!(error, CheckError::Rules { height, error: BlockError::PreRoot { .. } } if height.get() == 3), "{error}");
    let mut zone = honest.clone();
    let _left_out = (zone.headers.remove(0), zone.bodies.remove(0));
    zone.headers[0].height = Height::new(1);
    let error = refused(zone, 1);
    assert!(matches!(error, CheckError::Beginning { empty, .. } if empty == genesis().root()), "{error}");
    let mut zone = honest.clone();
    zone.bodies[0] = vec![1, 2, 3];
    zone.headers[0].body_hash = Digest(Sha256::digest([1, 2, 3]).into());
    let error = refused(zone, 1);
    assert!(matches!(error, CheckError::NoBlock { height, .. } if height.get() == 1), "{error}");
    let settled = Settled { zone: ZoneId::new(5), ..honest.settled(1) };
    let error = followed(&honest, &settled, Checked::default()).unwrap_err();
    assert!(matches!(error, CheckError::OtherZone(zone) if zone == genesis().id.zone), "{error}");
}

/// Whatever a wallet remembers, it pays on the tree of the state that settled.
#[test]
fn a_zone_that_leads_to_another_tree_is_named() {
    let mut zone = Shown::honest();
    zone.blocks[3].transactions.clear();
    let believed = Checked { height: Height::new(4), id: header_id(&zone.headers[3]), blocks: digest_of(&zone.blocks[..4]) };
    let error = followed(&zone, &zone.settled(5), believed).unwrap_err();
    assert!(matches!(error, CheckError::OtherTree { built, settled } if built != settled), "{error}");
}

#[test]
fn facts_that_are_old_or_exclude_each_other_are_refused() {
    let zone = Shown::honest();
    let (_, three, _) = followed(&zone, &zone.settled(3), Checked::default()).unwrap();
    let error = followed(&zone, &zone.settled(2), three).unwrap_err();
    assert!(matches!(error, CheckError::GoesBack { .. }), "{error}");
    let mut other = zone.clone();
    other.headers[2].time = TimestampNs::new(u64::MAX);
    let other = other.ordered();
    for height in [3, 5] {
        let error = followed(&other, &other.settled(height), three).unwrap_err();
        assert!(
            matches!(error, CheckError::Contradiction { height, checked, .. } if (height.get(), checked) == (3, three.id)),
            "{error}"
        );
    }
    let fact = Settled { post_root: Digest([1; 32]), ..zone.settled(5) };
    let error = followed(&zone, &fact, Checked::default()).unwrap_err();
    assert!(matches!(error, CheckError::OtherRoot { height, .. } if height.get() == 5), "{error}");
    let nothing = Settled { height: Height::new(0), id: Digest::ZERO, post_root: Digest::ZERO, ..fact };
    assert!(matches!(followed(&zone, &nothing, Checked::default()), Err(CheckError::NothingSettled(_))));
}
