//! From the file to the typed appliance: names become ids, signatures are checked, secrets are read.

use super::fix;
use super::hex::{self, HexError};
use super::rules::{self, MarketRules};
use super::schema::{self, Config, Durability, Proven};
use plinth_gateway::driver::Listen;
use plinth_gateway::session::SessionConfig;
use plinth_settlement::dispersal::ReaderKey;
use plinth_settlement::genesis::{
    AssetCap, ChainLimits, Draft, Genesis, GenesisAsset, GenesisBalance, GenesisError, GenesisZone, Governance, RequestRules,
    ZoneMode, ZoneRules,
};
use plinth_settlement::keys::{self, SecretKey};
use plinth_settlement::ledger::Listing;
use plinth_settlement::link::limits::BLOCKS_WAITING_MAX;
use plinth_settlement::transport::Peer;
use plinth_types::digest::Digest;
use plinth_types::id::{
    AccountId, AssetId, ChainId, InstrumentId, MandateId, ProducerEpoch, PublicKey, SessionId, Signature, TimestampNs, ZoneId,
};
use plinth_types::message::Deposit;
use plinth_types::quantity::{Amount, Price, Qty};
use plinth_types::reference::{Account, Asset, Configuration, Instrument, Mandate, Name, Scope, SignedMandate};
use plinth_types::transfer::Address;
use plinth_validator::config::beside;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// The appliance that a configuration file describes, checked.
#[derive(Debug)]
pub struct Resolved {
    /// Number that all signatures name.
    pub chain: ChainId,
    /// When the zone acknowledges.
    pub durability: Durability,
    /// How to accept FIX, and our CompID.
    pub fix: schema::Fix,
    /// Where to accept FIX.
    pub listen: Vec<Listen>,
    /// The trading zone's settings.
    pub zone: schema::Zone,
    /// The feed, if there is one; the folder of its files is no longer relative.
    pub market_data: Option<schema::MarketData>,
    /// The producer's key.
    pub producer: SecretKey,
    /// The key that the zone's readers share.
    pub reader_key: ReaderKey,
    /// Reference data of the zone, in the order in which it is sequenced.
    pub reference: Vec<Configuration>,
    /// How its instruments trade, and who answers for whom.
    pub rules: MarketRules,
    /// FIX sessions; session `i` has [`SessionId`] `i + 1`.
    pub sessions: Vec<ResolvedSession>,
    /// What stands for a proof of the zone's blocks, by the genesis.
    pub mode: ZoneMode,
    /// What the base layer starts from.
    pub genesis: Arc<Genesis>,
    /// Assets that governors list, or have listed, since.
    pub listed: Vec<Listing>,
    /// The committee, in the order of the genesis.
    pub validators: Vec<ResolvedValidator>,
    /// Programs that verify proofs for the validators of this process.
    pub proof_verifiers: Vec<PathBuf>,
    /// What the process may ask of the kernel.
    pub security: schema::Security,
    /// Longest time between two settlement blocks when nothing happens, in milliseconds.
    pub idle_interval_ms: u64,
    /// Deposits to submit at start.
    pub deposits: Vec<(Deposit, Signature)>,
}

/// A FIX session with what it may do.
#[derive(Clone, Debug)]
pub struct ResolvedSession {
    /// Its number.
    pub id: SessionId,
    /// As the file says it.
    pub session: schema::Session,
    /// As the gateway takes it.
    pub config: SessionConfig,
    /// Accounts it may act on, with the mandate of each.
    pub mandates: Vec<(Name, MandateId)>,
}

/// A validator with its secret, if this process runs it.
#[derive(Debug)]
pub struct ResolvedValidator {
    /// Its key.
    pub key: PublicKey,
    /// Where it listens.
    pub address: SocketAddr,
    /// Present when this process runs it.
    pub secret: Option<SecretKey>,
}

/// What is wrong with a configuration, and where.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Not this TOML: unknown key, wrong type, missing table. The text has line and column.
    #[error("{}: {error}", path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        error: Box<toml::de::Error>,
    },
    /// A value that parses and makes no sense.
    #[error("{entry}: {problem}")]
    Value {
        /// Which entry, as `instrument 'BTC/USD'`.
        entry: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The base layer's own checks.
    #[error("genesis: {0}")]
    Genesis(#[from] GenesisError),
}

/// Reads and checks the file; paths in it are relative to its folder.
///
/// # Errors
///
/// [`ConfigError`] naming file, line and column, or entry.
pub fn load(path: &Path) -> Result<Resolved, ConfigError> {
    let text = fs::read_to_string(path).map_err(|error| ConfigError::Read { path: path.into(), error })?;
    let config: Config =
        toml::from_str(&text).map_err(|error| ConfigError::Syntax { path: path.into(), error: Box::new(error) })?;
    resolve(&config, path.parent().unwrap_or(Path::new(".")))
}

/// Checks a configuration; paths in it are relative to `folder`.
///
/// # Errors
///
/// [`ConfigError`] naming the entry.
pub fn resolve(config: &Config, folder: &Path) -> Result<Resolved, ConfigError> {
    Resolver { folder, config }.resolve()
}

/// Reads a secret key file: 64 hexadecimal digits.
pub(crate) fn read_secret(path: &Path) -> Result<SecretKey, ConfigError> {
    let text = fs::read_to_string(path).map_err(|error| ConfigError::Read { path: path.into(), error })?;
    let seed = hex::decode(text.trim()).map_err(|error| value(&format!("key file {}", path.display()), &error))?;
    Ok(SecretKey::from_seed(seed))
}

struct Resolver<'a> {
    folder: &'a Path,
    config: &'a Config,
}

impl Resolver<'_> {
    fn resolve(&self) -> Result<Resolved, ConfigError> {
        let config = self.config;
        let chain = ChainId::new(config.chain);
        let listen = fix::listen(self.folder, &config.fix)?;
        if let Err(error) = config.zone.capacity.core().check() {
            return Err(value("zone.capacity", &error));
        }
        let assets = self.assets()?;
        let accounts = self.accounts()?;
        let instruments = self.instruments(&assets)?;
        let mandates = self.mandates(&accounts)?;
        let rules = self.rules(&assets, &accounts, &instruments)?;
        let producer = read_secret(&self.folder.join(&config.zone.producer_key_file))?;
        let reader_key = ReaderKey::new(read_secret(&self.folder.join(&config.zone.reader_key_file))?.expose_seed());
        let validators = self.validators()?;
        let genesis_producer = match &config.zone.genesis_producer {
            Some(key) => PublicKey(hex_of("zone", "genesis_producer", key)?),
            None => producer.public_key(),
        };
        let mut at_genesis = self.issuers(&assets)?;
        let listed = at_genesis.split_off(self.genesis_assets_count()?);
        let genesis = self.genesis(&assets, at_genesis, genesis_producer, &validators)?;
        Ok(Resolved {
            chain,
            durability: config.durability,
            fix: config.fix.clone(),
            listen,
            zone: config.zone.clone(),
            market_data: self.market_data()?,
            producer,
            reader_key,
            deposits: self.deposits(&assets, &accounts)?,
            sessions: self.sessions(&accounts, &mandates)?,
            reference: assets
                .into_iter()
                .map(Configuration::AddAsset)
                .chain(accounts.into_iter().map(Configuration::OpenAccount))
                .chain(instruments.into_iter().map(Configuration::ListInstrument))
                .chain(mandates.into_iter().map(Configuration::GrantMandate))
                .collect(),
            rules,
            mode: self.mode()?,
            genesis: Arc::new(genesis),
            listed: listed.into_iter().map(|GenesisAsset { asset, issuer, .. }| Listing { asset, issuer }).collect(),
            validators,
            proof_verifiers: config.settlement.proof_verifiers.iter().map(|program| beside(program.clone(), self.folder)).collect(),
            security: config.security,
            idle_interval_ms: config.settlement.idle_interval_ms,
        })
    }

    fn rules(&self, assets: &[Asset], accounts: &[Account], instruments: &[Instrument]) -> Result<MarketRules, ConfigError> {
        let calendars = rules::calendars(&self.config.calendars)?;
        let mut changes = Vec::new();
        for (instrument, schema) in instruments.iter().zip(&self.config.instruments) {
            changes.extend(rules::changes(instrument, &schema.rules, &calendars)?);
        }
        let (firms, accounts_of) = rules::firms(&self.config.firms, accounts, assets)?;
        Ok(MarketRules {
            changes,
            groups: rules::groups(&self.config.quote_groups, accounts, |entry, comp_id| self.session_id(entry, comp_id))?,
            firms,
            accounts: accounts_of,
            auctions_s: self.config.instruments.iter().map(|instrument| instrument.volatility_auction_s).collect(),
        })
    }

    fn market_data(&self) -> Result<Option<schema::MarketData>, ConfigError> {
        let Some(mut feed) = self.config.market_data.clone() else { return Ok(None) };
        let other_family = feed.targets.iter().find(|target| target.is_ipv4() != feed.requests.is_ipv4());
        if let Some(target) = other_family {
            return Err(value("market_data.targets", &format!("{target} cannot be reached from {}", feed.requests)));
        }
        if let Some(group) = feed.targets.iter().find(|target| target.is_ipv6() && target.ip().is_multicast()) {
            return Err(value("market_data.targets", &format!("{group}: groups are IPv4")));
        }
        feed.itch_folder = feed.itch_folder.map(|folder| self.folder.join(folder));
        Ok(Some(feed))
    }

    fn assets(&self) -> Result<Vec<Asset>, ConfigError> {
        unique("asset", self.config.assets.iter().map(|asset| &asset.name))?;
        let of = |(id, asset): (u16, &schema::Asset)| {
            let entry = format!("asset '{}'", asset.name);
            Ok(Asset { id: AssetId::new(id), name: name(&entry, &asset.name)?, decimals: decimals(&entry, asset.decimals)? })
        };
        (0..).zip(&self.config.assets).map(of).collect()
    }

    fn accounts(&self) -> Result<Vec<Account>, ConfigError> {
        unique("account", self.config.accounts.iter().map(|account| &account.name))?;
        let of = |(id, account): (u32, &schema::Account)| {
            let entry = format!("account '{}'", account.name);
            let owner = PublicKey(hex_of(&entry, "owner", &account.owner)?);
            Ok(Account { id: AccountId::new(id), name: name(&entry, &account.name)?, owner })
        };
        (0..).zip(&self.config.accounts).map(of).collect()
    }

    fn instruments(&self, assets: &[Asset]) -> Result<Vec<Instrument>, ConfigError> {
        unique("instrument", self.config.instruments.iter().map(|instrument| &instrument.symbol))?;
        let of = |(id, instrument): (u32, &schema::Instrument)| {
            let entry = format!("instrument '{}'", instrument.symbol);
            let base = find_asset(&entry, assets, &instrument.base)?;
            let quote = find_asset(&entry, assets, &instrument.quote)?;
            let price_decimals = decimals(&entry, instrument.price_decimals)?;
            let qty_decimals = decimals(&entry, instrument.qty_decimals)?;
            // One lot is the base asset's smallest unit, one tick of one lot the quote asset's: then nothing is ever rounded.
            if base.decimals != qty_decimals {
                let problem = format!("qty_decimals is {qty_decimals}, asset '{}' has {}", base.name, base.decimals);
                return Err(value(&entry, &problem));
            }
            if quote.decimals != price_decimals + qty_decimals {
                let wanted = price_decimals + qty_decimals;
                let problem =
                    format!("asset '{}' has {} decimals, price and quantity together need {wanted}", quote.name, quote.decimals);
                return Err(value(&entry, &problem));
            }
            let qty_max = units(&entry, "qty_max", &instrument.qty_max, qty_decimals)?;
            let window_low = units(&entry, "window_low", &instrument.window_low, price_decimals)?;
            if !(6..=20).contains(&instrument.window_bits) {
                return Err(value(&entry, &"window_bits is 6 to 20"));
            }
            let qty_max = u64::try_from(qty_max).ok().and_then(Qty::from_lots);
            let window_low = i64::try_from(window_low).ok().and_then(Price::from_ticks);
            Ok(Instrument {
                id: InstrumentId::new(id),
                symbol: name(&entry, &instrument.symbol)?,
                base: base.id,
                quote: quote.id,
                price_decimals,
                qty_decimals,
                qty_max: qty_max.ok_or_else(|| value(&entry, &"qty_max is out of range"))?,
                window_low: window_low.ok_or_else(|| value(&entry, &"window_low is out of range"))?,
                window_bits: instrument.window_bits,
            })
        };
        (0..).zip(&self.config.instruments).map(of).collect()
    }

    fn mandates(&self, accounts: &[Account]) -> Result<Vec<SignedMandate>, ConfigError> {
        let chain = ChainId::new(self.config.chain);
        let of = |(id, mandate): (u32, &schema::Mandate)| {
            let entry = format!("mandate of '{}' on '{}'", mandate.session, mandate.account);
            let account = find_account(&entry, accounts, &mandate.account)?;
            let signed = SignedMandate {
                mandate: Mandate {
                    id: MandateId::new(id),
                    session: self.session_id(&entry, &mandate.session)?,
                    account: account.id,
                    scope: match mandate.scope {
                        schema::Scope::Trade => Scope::Trade,
                        schema::Scope::CancelOnly => Scope::CancelOnly,
                    },
                    expires_at: TimestampNs::new(mandate.expires_at_s.saturating_mul(1_000_000_000)),
                },
                signature: Signature(hex_of(&entry, "signature", &mandate.signature)?),
            };
            if keys::verify_mandate(chain, &signed, &account.owner).is_err() {
                let problem = format!("the signature is not one of owner {} over this mandate", account.owner);
                return Err(value(&entry, &problem));
            }
            Ok(signed)
        };
        (0..).zip(&self.config.mandates).map(of).collect()
    }

    fn sessions(&self, accounts: &[Account], mandates: &[SignedMandate]) -> Result<Vec<ResolvedSession>, ConfigError> {
        let of = |(id, session): (u16, &schema::Session)| {
            let id = SessionId::new(id);
            let own = mandates.iter().filter(|signed| signed.mandate.session == id);
            let named = own.map(|signed| {
                let account = accounts.iter().find(|account| account.id == signed.mandate.account);
                (account.expect("a mandate is on a known account").name, signed.mandate.id)
            });
            Ok(ResolvedSession { id, session: session.clone(), config: fix::session(id, session)?, mandates: named.collect() })
        };
        (1..).zip(&self.config.sessions).map(of).collect()
    }

    fn session_id(&self, entry: &str, comp_id: &str) -> Result<SessionId, ConfigError> {
        unique("session", self.config.sessions.iter().map(|session| &session.comp_id))?;
        let found = (1..).zip(&self.config.sessions).find(|(_, session)| session.comp_id == comp_id);
        let (id, _) = found.ok_or_else(|| value(entry, &format!("no session has comp_id '{comp_id}'")))?;
        Ok(SessionId::new(id))
    }

    fn validators(&self) -> Result<Vec<ResolvedValidator>, ConfigError> {
        let of = |validator: &schema::Validator| {
            let entry = format!("settlement.validator '{}'", validator.public_key);
            let key = PublicKey(hex_of(&entry, "public_key", &validator.public_key)?);
            let secret = validator.secret_key_file.as_ref().map(|file| read_secret(&self.folder.join(file))).transpose()?;
            if secret.as_ref().is_some_and(|secret| secret.public_key() != key) {
                return Err(value(&entry, &"secret_key_file holds the key of another validator"));
            }
            Ok(ResolvedValidator { key, address: validator.address, secret })
        };
        self.config.settlement.validators.iter().map(of).collect()
    }

    /// Those that governors list stand behind those of the genesis, and nothing of them is there at first.
    fn genesis_assets_count(&self) -> Result<usize, ConfigError> {
        let assets = &self.config.assets;
        let count = assets.iter().position(|asset| asset.listed).unwrap_or(assets.len());
        for asset in &assets[count..] {
            let entry = format!("asset '{}'", asset.name);
            if !asset.listed {
                return Err(value(&entry, &"stands behind one that is listed after genesis: the genesis' own come first"));
            }
            if !asset.issued.is_empty() {
                return Err(value(&entry, &"is listed after genesis: its issuer issues it then"));
            }
        }
        Ok(count)
    }

    fn issuers(&self, assets: &[Asset]) -> Result<Vec<GenesisAsset>, ConfigError> {
        let issue = |(asset, schema): (&Asset, &schema::Asset)| {
            let entry = format!("asset '{}'", schema.name);
            let issuer = PublicKey(hex_of(&entry, "issuer", &schema.issuer)?);
            let issued = schema.issued.iter().map(|issued| {
                let owner = PublicKey(hex_of(&entry, "owner", &issued.owner)?);
                Ok(GenesisBalance { owner, amount: amount(&entry, &issued.amount, asset.decimals)? })
            });
            let mut issued = issued.collect::<Result<Vec<_>, ConfigError>>()?;
            issued.sort_by_key(|balance| balance.owner);
            Ok(GenesisAsset { asset: *asset, issuer, issued })
        };
        assets.iter().zip(&self.config.assets).map(issue).collect()
    }

    fn genesis(
        &self,
        assets: &[Asset],
        at_genesis: Vec<GenesisAsset>,
        producer: PublicKey,
        validators: &[ResolvedValidator],
    ) -> Result<Genesis, ConfigError> {
        let genesis_count = at_genesis.len();
        let draft = Draft {
            chain: ChainId::new(self.config.chain),
            time: TimestampNs::new(0),
            validators: validators.iter().map(|validator| validator.key).collect(),
            zones: vec![GenesisZone {
                id: ZoneId::TRADING,
                name: Name::new("trading").expect("a name"),
                producer,
                epoch: ProducerEpoch::new(1),
                mode: self.mode()?,
                rules: ZoneRules {
                    request_blocks: self.request_blocks()?,
                    caps: self.caps(&assets[..genesis_count])?,
                    ..ZoneRules::default()
                },
            }],
            assets: at_genesis,
            limits: ChainLimits::default(),
            governance: self.governance()?,
            requests: self.requests(&assets[..genesis_count])?,
        };
        Ok(draft.build()?)
    }

    fn mode(&self) -> Result<ZoneMode, ConfigError> {
        let settlement = &self.config.settlement;
        match settlement.proven {
            None => Ok(ZoneMode::Attested { delay_blocks: settlement.attested_delay_blocks }),
            Some(Proven { ref guest_image, window_blocks, deadline_blocks }) => {
                let guest_image = Digest(hex_of("settlement.proven", "guest_image", guest_image)?);
                Ok(ZoneMode::Proven { guest_image, window_blocks, deadline_blocks })
            }
        }
    }

    fn governance(&self) -> Result<Governance, ConfigError> {
        let settlement = &self.config.settlement;
        let key = |text: &String| Ok(PublicKey(hex_of("settlement", "governors", text)?));
        let mut governors = settlement.governors.iter().map(key).collect::<Result<Vec<_>, ConfigError>>()?;
        governors.sort_unstable();
        Ok(Governance { governors, approvals_min: settlement.approvals_min })
    }

    /// Blocks that wait for their order were cut before the zone heard of the request, and would all be too late.
    fn request_blocks(&self) -> Result<u32, ConfigError> {
        let (blocks, blocks_min) = (self.config.settlement.request_blocks, 2 * BLOCKS_WAITING_MAX as u32);
        if blocks > 0 && blocks < blocks_min {
            let problem = format!("request_blocks is {blocks}: none, or at least {blocks_min}");
            return Err(value("settlement", &problem));
        }
        Ok(blocks)
    }

    fn caps(&self, assets: &[Asset]) -> Result<Vec<AssetCap>, ConfigError> {
        let of = |cap: &schema::Cap| {
            let entry = format!("settlement.cap '{}'", cap.asset);
            let asset = find_asset(&entry, assets, &cap.asset)?;
            Ok(AssetCap { asset: asset.id, per_hour: amount(&entry, &cap.per_hour, asset.decimals)? })
        };
        let mut caps = self.config.settlement.caps.iter().map(of).collect::<Result<Vec<_>, ConfigError>>()?;
        caps.sort_unstable_by_key(|cap| cap.asset);
        Ok(caps)
    }

    fn requests(&self, assets: &[Asset]) -> Result<Option<RequestRules>, ConfigError> {
        let Some(requests) = &self.config.settlement.requests else { return Ok(None) };
        let entry = "settlement.requests";
        let asset = find_asset(entry, assets, &requests.fee_asset)?;
        Ok(Some(RequestRules {
            fee_asset: asset.id,
            fee: amount(entry, &requests.fee, asset.decimals)?,
            collector: PublicKey(hex_of(entry, "collector", &requests.collector)?),
            per_block_max: requests.per_block_max,
        }))
    }

    fn deposits(&self, assets: &[Asset], accounts: &[Account]) -> Result<Vec<(Deposit, Signature)>, ConfigError> {
        let chain = ChainId::new(self.config.chain);
        let of = |deposit: &schema::Deposit| {
            let entry = format!("deposit {} to '{}'", deposit.nonce, deposit.account);
            let asset = find_asset(&entry, assets, &deposit.asset)?;
            let account = find_account(&entry, accounts, &deposit.account)?;
            let unsigned = Deposit {
                zone: ZoneId::TRADING,
                nonce: deposit.nonce,
                asset: asset.id,
                amount: amount(&entry, &deposit.amount, asset.decimals)?,
                owner: account.owner,
                account: Address::of_account(account.id),
            };
            let signature = Signature(hex_of(&entry, "signature", &deposit.signature)?);
            if keys::verify(&account.owner, &unsigned.signed_bytes(chain), &signature).is_err() {
                let problem = format!("the signature is not one of owner {} over this deposit", account.owner);
                return Err(value(&entry, &problem));
            }
            Ok((unsigned, signature))
        };
        self.config.deposits.iter().map(of).collect()
    }
}

impl Resolved {
    /// Leaves the validators to processes of their own.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`] for one whose port cannot be known here.
    pub fn keep_zone_only(&mut self) -> Result<(), ConfigError> {
        for (index, validator) in self.validators.iter_mut().enumerate() {
            if validator.address.port() == 0 {
                let problem = "port 0 means a free one of this process; a validator elsewhere must say its own";
                return Err(value(&format!("settlement validator {index}"), &problem));
            }
            validator.secret = None;
        }
        Ok(())
    }

    /// Where the validators listen, as the file says.
    #[must_use]
    pub fn peers(&self) -> Vec<Peer> {
        self.validators.iter().map(|validator| Peer { key: validator.key, address: validator.address }).collect()
    }

    /// Listens for FIX elsewhere.
    ///
    /// # Errors
    ///
    /// If the address is not on loopback.
    pub fn set_fix_listen(&mut self, listen: SocketAddr) -> Result<(), ConfigError> {
        fix::check_plain(listen)?;
        self.listen.retain(|own| own.tls.is_some());
        self.listen.insert(0, Listen::plain(listen));
        Ok(())
    }
}

pub(super) fn value(entry: &str, problem: &dyn std::fmt::Display) -> ConfigError {
    ConfigError::Value { entry: entry.into(), problem: problem.to_string() }
}

fn unique<'a>(kind: &str, names: impl Iterator<Item = &'a String>) -> Result<(), ConfigError> {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(value(&format!("{kind} '{name}'"), &"is there twice"));
        }
    }
    Ok(())
}

fn name(entry: &str, text: &str) -> Result<Name, ConfigError> {
    Name::new(text).ok_or_else(|| value(entry, &"a name is 1 to 16 printable ASCII characters without space"))
}

fn decimals(entry: &str, decimals: u8) -> Result<u8, ConfigError> {
    if decimals > 18 { Err(value(entry, &"at most 18 decimal places")) } else { Ok(decimals) }
}

fn hex_of<const N: usize>(entry: &str, field: &str, text: &str) -> Result<[u8; N], ConfigError> {
    hex::decode(text).map_err(|error: HexError| value(entry, &format!("{field}: {error}")))
}

pub(super) fn units(entry: &str, field: &str, text: &str, decimals: u8) -> Result<u128, ConfigError> {
    super::decimal::parse(text, decimals).map_err(|error| value(entry, &format!("{field} '{text}': {error}")))
}

fn amount(entry: &str, text: &str, decimals: u8) -> Result<Amount, ConfigError> {
    Amount::new(units(entry, "amount", text, decimals)?).ok_or_else(|| value(entry, &"amount is out of range"))
}

pub(super) fn find_asset<'a>(entry: &str, assets: &'a [Asset], name: &str) -> Result<&'a Asset, ConfigError> {
    assets.iter().find(|asset| asset.name.as_str() == name).ok_or_else(|| value(entry, &format!("no asset is named '{name}'")))
}

pub(super) fn find_account<'a>(entry: &str, accounts: &'a [Account], name: &str) -> Result<&'a Account, ConfigError> {
    let found = accounts.iter().find(|account| account.name.as_str() == name);
    found.ok_or_else(|| value(entry, &format!("no account is named '{name}'")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::demo;

    /// The demo's file with one change, loaded from its own folder.
    fn load_changed(from: &str, to: &str) -> Result<Resolved, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        demo::create(folder.path(), demo::Committee::default(), &demo::Vouching::default()).unwrap();
        let path = folder.path().join(demo::CONFIG_FILE);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "the demo's file has no {from:?}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        load(&path)
    }

    #[test]
    fn the_demo_resolves_with_eight_mandated_firms_and_four_validators() {
        let resolved = load_changed("", "").unwrap();
        assert_eq!(resolved.sessions.len(), 8);
        assert!(resolved.sessions.iter().all(|session| session.mandates.len() == 1));
        assert_eq!(resolved.validators.iter().filter(|validator| validator.secret.is_some()).count(), 4);
        assert_eq!(resolved.deposits.len(), 24);
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = load_changed("[fix]\n", "[fix]\nlisten_backlog = 3\n").unwrap_err().to_string();
        assert!(error.contains("line 8, column 1"), "{error}");
        assert!(error.contains("listen_backlog"), "{error}");
    }

    #[test]
    fn each_wrong_value_is_refused_with_its_entry() {
        let wrong = [
            ("listen = \"127.0.0.1:9878\"", "listen = \"0.0.0.0:9878\"", "fix.listen"),
            ("listen = \"127.0.0.1:9878\"\n", "", "fix: neither listen"),
            ("role = \"trade\"", "role = \"drop-copy\"\npublic_key = \"00\"", "session 'FIRM1'"),
            ("role = \"trade\"", "role = \"trade\"\ncertificates = [\"sha1:00\"]", "session 'FIRM1'"),
            ("scope = \"trade\"", "scope = \"cancel-only\"", "mandate of 'FIRM1' on 'FIRM1'"),
            ("amount = \"100000\"\naccount", "amount = \"100001\"\naccount", "deposit 2 to 'FIRM1'"),
            ("quote = \"USD\"", "quote = \"EUR\"", "instrument 'BTC/USD'"),
            ("price_decimals = 2", "price_decimals = 3", "instrument 'BTC/USD'"),
            ("window_low = \"76500.00\"", "window_low = \"1e5\"", "instrument 'BTC/USD'"),
            ("comp_id = \"FIRM2\"", "comp_id = \"FIRM1\"", "session 'FIRM1'"),
            ("validator-1.key", "validator-2.key", "settlement.validator"),
            ("orders_max = 262144", "orders_max = 0", "zone.capacity"),
        ];
        for (from, to, entry) in wrong {
            let error = load_changed(from, to).unwrap_err().to_string();
            assert!(error.contains(entry), "{to}: {error}");
        }
    }
}
