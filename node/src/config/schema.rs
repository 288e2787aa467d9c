//! The configuration file, as it is written. Every table refuses keys that it does not know.

use super::rules_schema::{Calendar, Firm, QuoteGroup, Rules};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// The whole file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Number that all signatures name.
    pub chain: u64,
    /// When the trading zone acknowledges.
    #[serde(default)]
    pub durability: Durability,
    /// The FIX acceptor.
    pub fix: Fix,
    /// The trading zone.
    pub zone: Zone,
    /// The market data feed; without it there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_data: Option<MarketData>,
    /// The base layer.
    pub settlement: Settlement,
    /// What the process may ask of the kernel.
    #[serde(default)]
    pub security: Security,
    /// What can be owned.
    #[serde(rename = "asset")]
    pub assets: Vec<Asset>,
    /// Accounts of the trading zone.
    #[serde(rename = "account")]
    pub accounts: Vec<Account>,
    /// What trades.
    #[serde(rename = "instrument")]
    pub instruments: Vec<Instrument>,
    /// When instruments trade.
    #[serde(rename = "calendar", default, skip_serializing_if = "Vec::is_empty")]
    pub calendars: Vec<Calendar>,
    /// Market makers' quotes.
    #[serde(rename = "quote_group", default, skip_serializing_if = "Vec::is_empty")]
    pub quote_groups: Vec<QuoteGroup>,
    /// Accounts that are answered for together.
    #[serde(rename = "firm", default, skip_serializing_if = "Vec::is_empty")]
    pub firms: Vec<Firm>,
    /// FIX sessions.
    #[serde(rename = "session")]
    pub sessions: Vec<Session>,
    /// Who may trade on which account.
    #[serde(rename = "mandate")]
    pub mandates: Vec<Mandate>,
    /// Signed deposits, submitted at start unless they are already in.
    #[serde(rename = "deposit", default)]
    pub deposits: Vec<Deposit>,
}

/// What the process may ask of the kernel.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Security {
    /// Whether system calls that an appliance never makes fail.
    #[serde(default)]
    pub seccomp: Seccomp,
}

/// What becomes of system calls that an appliance never makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Seccomp {
    /// They fail.
    #[default]
    On,
    /// They are noted in the kernel's audit log, and pass.
    Log,
    /// They pass.
    Off,
}

impl Seccomp {
    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Log => "log",
            Self::Off => "off",
        }
    }
}

/// When a command counts as done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// When `fdatasync` has returned: it survives a power failure.
    #[default]
    Sync,
    /// When the kernel has it: it survives the process, not a power failure.
    Async,
}

/// The FIX acceptor.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fix {
    /// Address to accept plain TCP on, which is for loopback only. Port 0 takes a free one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// Our `SenderCompID`, FIX tag 49.
    pub comp_id: String,
    /// How sockets are driven.
    #[serde(default)]
    pub driver: FixDriver,
    /// Connections at once, logged on or not.
    #[serde(default = "connections_max")]
    pub connections_max: usize,
    /// How long the gateway looks for messages before it sleeps, in microseconds. Needs a processor of its own.
    #[serde(default)]
    pub busy_poll_us: u64,
    /// Where and how to accept TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<FixTls>,
}

/// TLS 1.3 with certificates on both sides. Files are PEM; `plinth dev-certificates` makes some for development.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FixTls {
    /// Address to accept on, any. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Our certificate, and those between it and its authority.
    pub certificate_file: PathBuf,
    /// Its private key.
    pub key_file: PathBuf,
    /// The authorities that clients' certificates must come from.
    pub client_authorities_file: PathBuf,
}

/// What a FIX session may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything.
    #[default]
    Trade,
    /// Cancel, and ask about its orders.
    CancelOnly,
    /// Ask about instruments; trade nothing. Copies of what others are told are not made yet.
    DropCopy,
    /// Ask about instruments; trade nothing. Their markets are not told yet.
    MarketData,
}

/// How FIX sockets are driven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum FixDriver {
    /// io_uring, restricted to accept, receive and send.
    #[default]
    #[serde(rename = "io_uring")]
    IoUring,
    /// epoll, for machines where io_uring is not allowed.
    #[serde(rename = "epoll")]
    Epoll,
}

const fn connections_max() -> usize {
    plinth_gateway::limits::CONNECTIONS_DEFAULT
}

/// The trading zone.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// File with the producer's secret key.
    pub producer_key_file: PathBuf,
    /// Key of the producer that the genesis names, hexadecimal, when another one has taken the zone over from it; by default our own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub genesis_producer: Option<String>,
    /// File with the key that the zone's readers share: 64 hexadecimal digits. Bodies are enciphered to its holders.
    pub reader_key_file: PathBuf,
    /// Longest time from a block's first command to its seal, in milliseconds.
    #[serde(default = "block_interval_ms")]
    pub block_interval_ms: u64,
    /// Blocks between two snapshots of the zone; 0 for none.
    #[serde(default = "snapshot_interval_blocks")]
    pub snapshot_interval_blocks: u64,
    /// Processor to pin the core stage to; none leaves it to the scheduler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core_cpu: Option<usize>,
    /// Provers that share the zone's blocks: in mode `proven` a block stays open for more commands while as many others wait for proofs. 0 if
    /// blocks are not to wait for them.
    #[serde(default)]
    pub provers: u16,
    /// The scheduler's slice for the threads that every answer waits for, core stage and journal, in microseconds: the shorter, the sooner they run
    /// when they wake, at the cost of whoever runs then. 100 at the least; 0 leaves it to the kernel, and before Linux 6.12 it has no effect.
    #[serde(default = "hot_slice_us")]
    pub hot_slice_us: u64,
    /// How long the core stage spins before it sleeps, in microseconds. Spinning needs a processor of its own.
    #[serde(default)]
    pub idle_spin_us: u64,
    /// Free disk space below which new orders are refused, in MiB; below a quarter of it the appliance stops, clean. 0 for neither.
    #[serde(default = "disk_reserve_mib")]
    pub disk_reserve_mib: u64,
    /// Largest numbers of things; consensus parameters of the zone.
    #[serde(default)]
    pub capacity: Capacity,
}

/// Sizes of the zone's tables.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Capacity {
    /// Live orders.
    pub orders_max: u32,
    /// Accounts.
    pub accounts_max: u32,
    /// Assets.
    pub assets_max: u16,
    /// Session numbers, from 0: the appliance's own.
    pub sessions_max: u16,
    /// Instruments.
    pub instruments_max: u32,
    /// Mandates, expired ones included.
    pub mandates_max: u32,
    /// Levels of all price windows together.
    pub levels_max: u32,
    /// Levels outside the window, for each book and side.
    pub spill_levels_max: u16,
}

impl Default for Capacity {
    fn default() -> Self {
        let core = plinth_matching::limits::Capacity::default();
        Self {
            orders_max: 1 << 18,
            accounts_max: core.accounts_max,
            assets_max: core.assets_max,
            sessions_max: core.sessions_max,
            instruments_max: core.instruments_max,
            mandates_max: core.mandates_max,
            levels_max: core.levels_max,
            // Recorded flow rests orders at a tenth and at ten times the price.
            spill_levels_max: 4_096,
        }
    }
}

impl Capacity {
    /// As the core takes it.
    #[must_use]
    pub const fn core(&self) -> plinth_matching::limits::Capacity {
        plinth_matching::limits::Capacity {
            orders_max: self.orders_max,
            accounts_max: self.accounts_max,
            assets_max: self.assets_max,
            sessions_max: self.sessions_max,
            instruments_max: self.instruments_max,
            mandates_max: self.mandates_max,
            levels_max: self.levels_max,
            spill_levels_max: self.spill_levels_max,
        }
    }
}

/// The market data feed: ITCH 5.0 over MoldUDP64, and files of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MarketData {
    /// Where datagrams go: consumers, or IPv4 groups.
    #[serde(default)]
    pub targets: Vec<SocketAddr>,
    /// Own address of the interface over which groups are sent to.
    #[serde(default = "loopback_v4")]
    pub interface: Ipv4Addr,
    /// How many hosts a datagram to a group may pass; 0 keeps it on this one.
    #[serde(default)]
    pub ttl: u32,
    /// Where requests for retransmission come in (UDP). Port 0 takes a free one.
    pub requests: SocketAddr,
    /// Where snapshots are fetched (TCP). Port 0 takes a free one.
    pub snapshots: SocketAddr,
    /// Who is answered and given snapshots; by default this host.
    #[serde(default = "loopback_only")]
    pub allowed: Vec<IpAddr>,
    /// Folder of the files of each day; none writes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub itch_folder: Option<PathBuf>,
}

/// The base layer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settlement {
    /// Longest time between two blocks when nothing happens, in milliseconds.
    #[serde(default = "idle_interval_ms")]
    pub idle_interval_ms: u64,
    /// Settlement blocks from `available` to `settled` while the zone is attested.
    #[serde(default = "attested_delay_blocks")]
    pub attested_delay_blocks: u32,
    /// Programs that verify the proofs of zone blocks, for the validators of this process: names beside this program, or paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proof_verifiers: Vec<PathBuf>,
    /// A zone whose blocks settle by validity proofs; without it the producer's signature stands for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven: Option<Proven>,
    /// Zone blocks within which the trading zone answers a request that an owner put before it; 0 for none, else at least 256: those that
    /// are sealed already when it hears of the request cannot answer it.
    #[serde(default)]
    pub request_blocks: u32,
    /// Keys of which `approvals_min` decide on freezes, caps, modes, producers and validators, hexadecimal.
    #[serde(default)]
    pub governors: Vec<String>,
    /// How many of them.
    #[serde(default)]
    pub approvals_min: u8,
    /// What a request costs; without it there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<Requests>,
    /// Most that leaves the trading zone per hour. An asset without a cap does not leave it while it is not proven.
    #[serde(rename = "cap", default)]
    pub caps: Vec<Cap>,
    /// The committee, four or more.
    #[serde(rename = "validator")]
    pub validators: Vec<Validator>,
}

/// Mode `proven` of the trading zone, from the genesis on.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Proven {
    /// Digest of the guest image whose code executes the zone, hexadecimal.
    pub guest_image: String,
    /// W: most blocks that are ordered and not proven. Orders are throttled from half of it on, and all of it stops them.
    pub window_blocks: u32,
    /// Settlement blocks after which an unproven block stops them.
    pub deadline_blocks: u32,
}

/// What a request costs.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Requests {
    /// Name of the asset that is paid.
    pub fee_asset: String,
    /// Decimal amount.
    pub fee: String,
    /// Key that is paid, hexadecimal.
    pub collector: String,
    /// Most requests of one settlement block.
    pub per_block_max: u32,
}

/// Most of one asset that leaves the trading zone per hour.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// Name of the asset.
    pub asset: String,
    /// Decimal amount.
    pub per_hour: String,
}

/// One validator.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Validator {
    /// Its key, hexadecimal.
    pub public_key: String,
    /// Where it listens (UDP). Port 0 takes a free one, for validators of this process only.
    pub address: SocketAddr,
    /// File with its secret key: this process runs it. Without one it runs elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_key_file: Option<PathBuf>,
}

/// Something that can be owned.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Asset {
    /// Short name.
    pub name: String,
    /// Decimal places of one unit.
    pub decimals: u8,
    /// Key that issues it, hexadecimal.
    pub issuer: String,
    /// What exists at genesis, and whose it is.
    #[serde(default)]
    pub issued: Vec<Issued>,
    /// Whether the genesis lacks it: governors list it under its place here. Behind all others, with nothing issued.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub listed: bool,
}

/// Part of an asset's genesis supply.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Issued {
    /// Owner's key, hexadecimal.
    pub owner: String,
    /// Decimal amount.
    pub amount: String,
}

/// An account of the trading zone.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Short name.
    pub name: String,
    /// Owner's key, hexadecimal.
    pub owner: String,
}

/// Something that trades.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Instrument {
    /// `Symbol`, FIX tag 55.
    pub symbol: String,
    /// Name of the asset that is bought and sold.
    pub base: String,
    /// Name of the asset that is paid. Its decimals are those of price and quantity together.
    pub quote: String,
    /// Decimal places of a price.
    pub price_decimals: u8,
    /// Decimal places of a quantity; those of the base asset.
    pub qty_decimals: u8,
    /// Largest order, decimal.
    pub qty_max: String,
    /// Lowest price of the fast window, decimal.
    pub window_low: String,
    /// The window is `2^window_bits` ticks wide.
    pub window_bits: u8,
    /// How long an auction takes that an order has started by going too far, in seconds; by default two minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volatility_auction_s: Option<u64>,
    /// How it trades from when on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rules>,
}

/// A FIX session.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// The client's `SenderCompID`, FIX tag 49, and its `Username`, FIX tag 553.
    pub comp_id: String,
    /// Argon2 hash of the password in PHC form; `plinth hash-password` makes one. Either this or `public_key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<String>,
    /// Ed25519 key, hexadecimal, that signs its logons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// Certificates that it may have, each `sha256:FINGERPRINT` or `dns:NAME`. With one it logs on over TLS and only there, without one only
    /// without TLS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<String>,
    /// What it may do.
    #[serde(default)]
    pub role: Role,
    /// Whose it is, any name: a session with role `drop-copy` hears what the others of its firm are told, and needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firm: Option<String>,
    /// Orders and questions that it may send a second, and at once; more are refused. None for no limit but the zone's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<u32>,
    /// The same of cancels, which pass when orders do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancels_per_second: Option<u32>,
    /// Its hours, every day in UTC, such as `08:00-22:00`; over midnight if the end is not later, always if it is the same. None: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
    /// Whether both sequences begin again at 1 whenever it opens.
    #[serde(default)]
    pub daily_reset: bool,
    /// Whether a Logon may reset the sequence numbers (`ResetSeqNumFlag`, FIX tag 141).
    #[serde(default)]
    pub may_reset: bool,
    /// Whether its orders are taken off the books when its connection ends.
    #[serde(default)]
    pub cancel_on_disconnect: bool,
    /// The version that it speaks: FIX.4.0 to FIX.4.4, FIX.5.0, FIX.5.0SP1, FIX.5.0SP2; by default FIX.4.4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// An owner's signed leave.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Mandate {
    /// `comp_id` of the session that may act.
    pub session: String,
    /// Name of the account.
    pub account: String,
    /// What is allowed.
    pub scope: Scope,
    /// Seconds since 1970 after which it is void.
    pub expires_at_s: u64,
    /// The owner's signature, hexadecimal.
    pub signature: String,
}

/// What a mandate allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Everything.
    Trade,
    /// Cancels.
    CancelOnly,
}

/// A signed deposit.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Deposit {
    /// The owner's count, from 1.
    pub nonce: u64,
    /// Name of the asset.
    pub asset: String,
    /// Decimal amount.
    pub amount: String,
    /// Name of the account of the trading zone; its owner pays.
    pub account: String,
    /// The owner's signature, hexadecimal.
    pub signature: String,
}

const fn loopback_v4() -> Ipv4Addr {
    Ipv4Addr::LOCALHOST
}

fn loopback_only() -> Vec<IpAddr> {
    vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]
}

const fn disk_reserve_mib() -> u64 {
    512
}

const fn block_interval_ms() -> u64 {
    10
}

const fn hot_slice_us() -> u64 {
    100
}

const fn snapshot_interval_blocks() -> u64 {
    10_000
}

const fn idle_interval_ms() -> u64 {
    500
}

const fn attested_delay_blocks() -> u32 {
    1
}
