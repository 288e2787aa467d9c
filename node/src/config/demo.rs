//! The configuration that runs when nothing is given: eight funded firms, two instruments, four validators on loopback.
//!
//! Every key and password is drawn when the folder is made, from the operating system; none is in the source. The owners' secret
//! keys are needed only here, to sign mandates and deposits; they are left in `keys/` for whoever wants to sign more.

use super::hex;
use super::schema::{
    Account, Asset, Cap, Capacity, Config, Deposit, Durability, Fix, FixDriver, Instrument, Issued, Mandate, Proven, Requests,
    Role, Scope, Security, Session, Settlement, Validator, Zone,
};
use crate::proving::guest_image;
use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, SaltString};
use plinth_settlement::keys::SecretKey;
use plinth_types::id::{AccountId, AssetId, ChainId, MandateId, SessionId, TimestampNs, ZoneId};
use plinth_types::quantity::Amount;
use plinth_types::transfer::Address;
use plinth_types::{message, reference};
use plinth_validator::config::beside;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Name of the configuration file in its folder.
pub const CONFIG_FILE: &str = "plinth.toml";
/// Name of the file with the demo's passwords.
pub const CREDENTIALS_FILE: &str = "demo-credentials.json";
/// Name of the file with the base layer's genesis, which every validator must have.
pub const GENESIS_FILE: &str = "genesis.toml";
/// Validators of the demo's committee.
pub const VALIDATOR_COUNT: u16 = 4;
/// Most validators of a committee that is made here.
pub const VALIDATOR_COUNT_MAX: u16 = 64;
/// Port of the FIX acceptor.
pub const FIX_PORT: u16 = 9_878;

const FIRM_COUNT: u16 = 8;
/// Keys that govern the demo's chain, and how many of them decide.
const GOVERNOR_COUNT: u16 = 3;
const APPROVALS_MIN: u8 = 2;
/// Zone blocks within which a request is answered: ten seconds of a busy zone.
const REQUEST_BLOCKS: u32 = 1_024;
/// Port of the first validator, when not all run in the appliance.
const VALIDATOR_PORT: u16 = 9_881;
/// Most blocks that are not proven, and settlement blocks for which one may be: two hours of an idle chain.
const WINDOW_BLOCKS: u32 = 256;
const DEADLINE_BLOCKS: u32 = 14_400;
/// Levels outside the window of a zone that is proven: an eighth of the usual.
const PROVEN_SPILL_LEVELS_MAX: u16 = 512;
/// Program that verifies the trading zone's proofs.
const VERIFIER: &str = "plinth-verify";
const CHAIN: u64 = 7;
/// Each firm gets this much, and deposits all of it.
const FUNDS: [(&str, u8, &str); 3] = [("USD", 10, "10000000000"), ("BTC", 8, "100000"), ("BOND", 6, "1000000")];
/// 2100-01-01: a demo's mandates outlive it.
const MANDATE_EXPIRES_AT_S: u64 = 4_102_444_800;

/// The validators of a chain that is made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committee {
    /// How many there are.
    pub validators: u16,
    /// How many of them run in the appliance; for each of the others a configuration of `plinth-validator` is written.
    pub here: u16,
}

impl Default for Committee {
    fn default() -> Self {
        Self { validators: VALIDATOR_COUNT, here: VALIDATOR_COUNT }
    }
}

/// What stands for a proof of the trading zone's blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Vouching {
    /// Its producer's signature.
    #[default]
    Attested,
    /// Proofs of this guest, hexadecimal, as `plinth-verify` verifies them.
    Proven(String),
}

impl Vouching {
    /// By the guest that `plinth-verify` beside this program names.
    ///
    /// # Errors
    ///
    /// If there is no such program, or it names none.
    pub fn proven() -> io::Result<Self> {
        Ok(Self::Proven(guest_image(&beside(VERIFIER.into(), Path::new("")))?))
    }

    fn verifiers(&self) -> Vec<PathBuf> {
        match self {
            Self::Attested => Vec::new(),
            Self::Proven(_) => vec![VERIFIER.into()],
        }
    }

    /// `plinth up --prove` starts one.
    const fn provers(&self) -> u16 {
        match self {
            Self::Attested => 0,
            Self::Proven(_) => 1,
        }
    }

    /// A market is listed with all its levels outside the window, and what a block touches has to be proven.
    fn capacity(&self) -> Capacity {
        let usual = Capacity::default();
        match self {
            Self::Attested => usual,
            Self::Proven(_) => Capacity { spill_levels_max: PROVEN_SPILL_LEVELS_MAX, ..usual },
        }
    }

    fn proven_mode(&self) -> Option<Proven> {
        match self {
            Self::Attested => None,
            Self::Proven(guest_image) => {
                Some(Proven { guest_image: guest_image.clone(), window_blocks: WINDOW_BLOCKS, deadline_blocks: DEADLINE_BLOCKS })
            }
        }
    }
}

/// What a demo client needs to log on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Credentials {
    /// `SenderCompID`, FIX tag 49, of the client.
    pub sender_comp_id: String,
    /// `TargetCompID`, FIX tag 56.
    pub target_comp_id: String,
    /// `Username`, FIX tag 553.
    pub username: String,
    /// `Password`, FIX tag 554.
    pub password: String,
    /// `Account`, FIX tag 1.
    pub account: String,
}

/// Makes `folder` with `plinth.toml`, `keys/` and the credentials, all of them new. Configurations of validators that run
/// elsewhere are written to `validator-N/validator.toml`.
///
/// # Errors
///
/// When the folder cannot be written, or already holds a configuration.
pub fn create(folder: &Path, committee: Committee, vouching: &Vouching) -> io::Result<()> {
    let keys = folder.join("keys");
    fs::create_dir_all(&keys)?;
    let firms: Vec<(String, SecretKey)> =
        (1..=FIRM_COUNT).map(|n| Ok((format!("FIRM{n}"), new_key(&keys, &format!("firm-{n}"))?))).collect::<io::Result<_>>()?;
    let issuer = new_key(&keys, "issuer")?;
    let governor = |n| Ok(new_key(&keys, &format!("governor-{n}"))?.public_key().to_string());
    let governors = (1..=GOVERNOR_COUNT).map(governor).collect::<io::Result<Vec<_>>>()?;
    new_key(&keys, "producer")?;
    new_key(&keys, "reader")?;
    let validators = (0..committee.validators).map(|n| validator(&keys, n, committee)).collect::<io::Result<Vec<_>>>()?;
    let passwords = (0..FIRM_COUNT).map(|_| Ok(hex::encode(&random::<12>()?))).collect::<io::Result<Vec<_>>>()?;

    let credentials: Vec<Credentials> = firms
        .iter()
        .zip(&passwords)
        .map(|((name, _), password)| Credentials {
            sender_comp_id: name.clone(),
            target_comp_id: "PLINTH".into(),
            username: name.clone(),
            password: password.clone(),
            account: name.clone(),
        })
        .collect();
    let config = Config {
        chain: CHAIN,
        durability: Durability::Sync,
        fix: Fix {
            listen: Some(loopback(FIX_PORT)),
            comp_id: "PLINTH".into(),
            driver: FixDriver::default(),
            connections_max: plinth_gateway::limits::CONNECTIONS_DEFAULT,
            busy_poll_us: 0,
            tls: None,
        },
        zone: Zone {
            producer_key_file: "keys/producer.key".into(),
            genesis_producer: None,
            reader_key_file: "keys/reader.key".into(),
            block_interval_ms: 10,
            snapshot_interval_blocks: 10_000,
            core_cpu: None,
            provers: vouching.provers(),
            hot_slice_us: 100,
            idle_spin_us: 0,
            disk_reserve_mib: 512,
            capacity: vouching.capacity(),
        },
        market_data: None,
        calendars: Vec::new(),
        quote_groups: Vec::new(),
        security: Security::default(),
        firms: Vec::new(),
        settlement: Settlement {
            idle_interval_ms: 500,
            attested_delay_blocks: 1,
            proof_verifiers: vouching.verifiers(),
            proven: vouching.proven_mode(),
            request_blocks: REQUEST_BLOCKS,
            governors,
            approvals_min: APPROVALS_MIN,
            requests: Some(Requests {
                fee_asset: "USD".into(),
                fee: "1".into(),
                collector: issuer.public_key().to_string(),
                per_block_max: 16,
            }),
            // What one firm has, an hour.
            caps: FUNDS.map(|(asset, _, amount)| Cap { asset: asset.into(), per_hour: amount.into() }).into(),
            validators,
        },
        assets: FUNDS.map(|(name, decimals, amount)| asset(name, decimals, amount, &issuer, &firms)).into(),
        accounts: firms.iter().map(|(name, key)| Account { name: name.clone(), owner: key.public_key().to_string() }).collect(),
        instruments: vec![
            // Prices outside the window are legal, and slower.
            instrument("BTC/USD", "BTC", 2, 8, "10000", "76500.00", 18),
            instrument("BOND/USD", "BOND", 4, 6, "100000", "90.0000", 18),
        ],
        sessions: credentials.iter().map(session).collect::<io::Result<_>>()?,
        mandates: (0..).zip(&firms).map(|(n, (name, key))| mandate(n, name, key)).collect(),
        deposits: (0..).zip(&firms).flat_map(|(n, (name, key))| deposits(n, name, key)).collect(),
    };
    let text = toml::to_string(&config).map_err(io::Error::other)?;
    let secret = serde_json::to_string_pretty(&credentials).map_err(io::Error::other)?;
    write_new(&folder.join(CREDENTIALS_FILE), secret.as_bytes(), 0o600)?;
    let genesis = super::resolve(&config, folder).map_err(io::Error::other)?.genesis;
    write_new(&folder.join(GENESIS_FILE), genesis.to_text().as_bytes(), 0o644)?;
    write_validators_elsewhere(folder, &config)?;
    // Last, since its presence says that the folder is complete.
    write_new(&folder.join(CONFIG_FILE), format!("{HEADER}{text}").as_bytes(), 0o644)
}

/// The demo's credentials, if `folder` was made by [`create`].
#[must_use]
pub fn credentials(folder: &Path) -> Vec<Credentials> {
    let text = fs::read_to_string(folder.join(CREDENTIALS_FILE)).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// `password` as an Argon2 hash in PHC form.
///
/// # Errors
///
/// When the operating system gives no random salt.
pub fn hash_password(password: &str) -> io::Result<String> {
    let salt = SaltString::encode_b64(&random::<16>()?).map_err(io::Error::other)?;
    Ok(Argon2::default().hash_password(password.as_bytes(), &salt).map_err(io::Error::other)?.to_string())
}

const HEADER: &str = "\
# A Plinth appliance. Written once, with fresh keys; edit it freely. Unknown keys are errors.
# Amounts are decimal strings; keys and signatures are hexadecimal ed25519. Secrets are in keys/, never here.

";

fn new_key(folder: &Path, name: &str) -> io::Result<SecretKey> {
    let seed = random::<32>()?;
    write_new(&folder.join(format!("{name}.key")), format!("{}\n", hex::encode(&seed)).as_bytes(), 0o600)?;
    Ok(SecretKey::from_seed(seed))
}

fn validator(keys: &Path, n: u16, committee: Committee) -> io::Result<Validator> {
    let key = new_key(keys, &format!("validator-{n}"))?;
    // Any free port will do while nobody outside this process must know it.
    let port = if committee.here < committee.validators { VALIDATOR_PORT + n } else { 0 };
    Ok(Validator {
        public_key: key.public_key().to_string(),
        address: loopback(port),
        secret_key_file: (n < committee.here).then(|| format!("keys/validator-{n}.key").into()),
    })
}

/// What `plinth-validator --config` reads, for each validator that does not run in the appliance.
fn write_validators_elsewhere(folder: &Path, config: &Config) -> io::Result<()> {
    let committee: String = config.settlement.validators.iter().fold(String::new(), |text, validator| {
        format!("{text}\n[[validators]]\nkey = \"{}\"\naddress = \"{}\"\n", validator.public_key, validator.address)
    });
    for (n, validator) in config.settlement.validators.iter().enumerate() {
        if validator.secret_key_file.is_some() {
            continue;
        }
        let own = folder.join(format!("validator-{n}"));
        fs::create_dir_all(&own)?;
        let text = format!(
            "key_file = \"../keys/validator-{n}.key\"\ngenesis = \"../{GENESIS_FILE}\"\ndirectory = \".\"\nlisten = \"{}\"\n\
             idle_interval_ms = {}\nproof_verifiers = {:?}\n{committee}",
            validator.address, config.settlement.idle_interval_ms, config.settlement.proof_verifiers
        );
        write_new(&own.join("validator.toml"), text.as_bytes(), 0o644)?;
    }
    Ok(())
}

fn asset(name: &str, decimals: u8, amount: &str, issuer: &SecretKey, firms: &[(String, SecretKey)]) -> Asset {
    let issued = |(_, key): &(String, SecretKey)| Issued { owner: key.public_key().to_string(), amount: amount.into() };
    Asset {
        name: name.into(),
        decimals,
        issuer: issuer.public_key().to_string(),
        issued: firms.iter().map(issued).collect(),
        listed: false,
    }
}

fn instrument(symbol: &str, base: &str, price_decimals: u8, qty_decimals: u8, qty_max: &str, low: &str, bits: u8) -> Instrument {
    Instrument {
        symbol: symbol.into(),
        base: base.into(),
        quote: "USD".into(),
        price_decimals,
        qty_decimals,
        qty_max: qty_max.into(),
        window_low: low.into(),
        window_bits: bits,
        volatility_auction_s: None,
        rules: Vec::new(),
    }
}

fn session(credentials: &Credentials) -> io::Result<Session> {
    Ok(Session {
        comp_id: credentials.sender_comp_id.clone(),
        password_hash: Some(hash_password(&credentials.password)?),
        public_key: None,
        certificates: Vec::new(),
        role: Role::default(),
        firm: None,
        hours: None,
        daily_reset: false,
        requests_per_second: None,
        cancels_per_second: None,
        may_reset: true,
        cancel_on_disconnect: false,
        version: None,
    })
}

fn mandate(n: u16, name: &str, owner: &SecretKey) -> Mandate {
    let unsigned = reference::Mandate {
        id: MandateId::new(u32::from(n)),
        session: SessionId::new(n + 1),
        account: AccountId::new(u32::from(n)),
        scope: reference::Scope::Trade,
        expires_at: TimestampNs::new(MANDATE_EXPIRES_AT_S * 1_000_000_000),
    };
    let signature = owner.sign(&unsigned.signed_bytes(ChainId::new(CHAIN)));
    Mandate {
        session: name.into(),
        account: name.into(),
        scope: Scope::Trade,
        expires_at_s: MANDATE_EXPIRES_AT_S,
        signature: hex::encode(&signature.0),
    }
}

fn deposits(n: u16, name: &str, owner: &SecretKey) -> Vec<Deposit> {
    let of = |(asset_id, (asset, decimals, amount)): (u16, (&str, u8, &str))| {
        let units = super::decimal::parse(amount, decimals).expect("a demo amount");
        let unsigned = message::Deposit {
            zone: ZoneId::TRADING,
            nonce: u64::from(asset_id) + 1,
            asset: AssetId::new(asset_id),
            amount: Amount::new(units).expect("a demo amount"),
            owner: owner.public_key(),
            account: Address::of_account(AccountId::new(u32::from(n))),
        };
        let signature = owner.sign(&unsigned.signed_bytes(ChainId::new(CHAIN)));
        Deposit {
            nonce: unsigned.nonce,
            asset: asset.into(),
            amount: amount.into(),
            account: name.into(),
            signature: hex::encode(&signature.0),
        }
    };
    (0..).zip(FUNDS).map(of).collect()
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

pub(super) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
