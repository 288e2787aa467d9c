//! A trading firm that outlives connections and crashes of the appliance.

use crate::log::{ClientLog, Sent};
use plinth_gateway::client::{Client, ClientConfig, ClientError, Numbers};
use plinth_gateway::codec::{Builder, tag};
use plinth_node::replay::child::{Login, Ready};
use plinth_types::id::{MsgSeqNum, TimestampNs};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const SYMBOL: &str = "BTC/USD";
const PRICE_DECIMALS: u8 = 2;
const QTY_DECIMALS: u8 = 8;
const LOGON_WITHIN: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Buy,
    Sell,
}

impl Side {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Buy => "1",
            Self::Sell => "2",
        }
    }
}

pub(crate) struct Firm {
    index: usize,
    client: Option<Client>,
    login: Option<Login>,
    numbers: Numbers,
    next_id: u64,
    pub(crate) log: ClientLog,
}

impl Firm {
    pub(crate) fn new(index: usize) -> Self {
        Self { index, client: None, login: None, numbers: Numbers::START, next_id: 1, log: ClientLog::default() }
    }

    /// Logs on with the numbers it knows, or, having forgotten all it heard, as one that expects the first message.
    pub(crate) fn log_on(&mut self, ready: &Ready, forget: bool) {
        let login = ready.sessions[self.index].clone();
        let config = ClientConfig::new(&login.sender_comp_id, &login.target_comp_id).password(&login.password);
        if forget {
            self.numbers.next_in = MsgSeqNum::new(1);
        }
        let mut client = Client::resume(ready.fix, config, self.numbers).unwrap();
        client
            .logon(Instant::now() + LOGON_WITHIN)
            .unwrap_or_else(|error| panic!("{} cannot log on: {error}", login.sender_comp_id));
        self.client = Some(client);
        self.login = Some(login);
    }

    pub(crate) fn order(&mut self, side: Side, price_ticks: u64, lots: u64, immediate: bool) {
        let id = self.next_id();
        let sent = Sent { side, price_ticks, lots, immediate };
        self.log.sent_order(&id, sent);
        self.queue_order(&id, sent, false);
    }

    /// Cancels some order that may be live; `false` if there is none.
    pub(crate) fn cancel_one(&mut self, draw: u64) -> bool {
        let Some((order, sent)) = self.log.pick_live(draw) else { return false };
        let id = self.next_id();
        self.log.sent_cancel(&id, &order);
        let account = self.account();
        self.client().queue(b"F", |message| {
            message.bytes(tag::ORIG_CL_ORD_ID, order.as_bytes());
            message.bytes(tag::CL_ORD_ID, id.as_bytes());
            write_instrument(message, &account, sent);
        });
        true
    }

    /// Settles the fate of what the crash left unanswered.
    pub(crate) fn clear_up(&mut self, mut send_again: impl FnMut() -> bool) {
        self.log.forget_open_cancels();
        for (id, sent) in self.log.unanswered_orders() {
            if send_again() {
                self.queue_order(&id, sent, true);
            } else {
                self.ask(&id, sent);
            }
        }
        self.flush();
    }

    pub(crate) fn ask_about_everything(&mut self) {
        for (id, sent) in self.log.all_orders() {
            self.ask(&id, sent);
        }
        self.flush();
    }

    pub(crate) fn flush(&mut self) {
        // A connection that a kill has cut is noticed, and its numbers kept, when it is read.
        let _ = self.client().flush();
    }

    pub(crate) fn listen(&mut self) {
        let client = self.client.as_mut().expect("logged on");
        loop {
            match client.poll() {
                Ok(Some(message)) => self.log.take(&message),
                Ok(None) => return,
                Err(error) => panic!("{:?}: {error}", self.login),
            }
        }
    }

    pub(crate) fn wait_a_little(&mut self) {
        let client = self.client.as_mut().expect("logged on");
        match client.next(Instant::now() + Duration::from_millis(2)) {
            Ok(Some(message)) => self.log.take(&message),
            Ok(None) => {}
            Err(error) => panic!("{:?}: {error}", self.login),
        }
    }

    /// The appliance was killed: takes what had arrived, keeps the numbers.
    pub(crate) fn lose_connection(&mut self) {
        let mut client = self.client.take().expect("logged on");
        loop {
            match client.poll() {
                Ok(Some(message)) => self.log.take(&message),
                Ok(None) => {}
                Err(ClientError::Closed | ClientError::Io(_)) => break,
                Err(error) => panic!("{:?}: {error}", self.login),
            }
        }
        self.numbers = client.numbers();
    }

    pub(crate) fn leave(&mut self) {
        if let Some(client) = self.client.take() {
            client.logout(Instant::now() + Duration::from_secs(60)).unwrap();
        }
    }

    fn queue_order(&mut self, id: &str, sent: Sent, again: bool) {
        let account = self.account();
        self.client().queue(b"D", |message| {
            if again {
                message.bytes(tag::POSS_RESEND, b"Y");
            }
            message.bytes(tag::CL_ORD_ID, id.as_bytes());
            write_instrument(message, &account, sent);
            message.bytes(tag::ORD_TYPE, b"2");
            message.decimal(tag::PRICE, sent.price_ticks as i64, PRICE_DECIMALS);
            message.bytes(tag::TIME_IN_FORCE, if sent.immediate { b"3" } else { b"1" });
        });
    }

    fn ask(&mut self, id: &str, sent: Sent) {
        self.log.asked(id);
        let account = self.account();
        self.client().queue(b"H", |message| {
            message.bytes(tag::CL_ORD_ID, id.as_bytes());
            message.bytes(tag::ACCOUNT, account.as_bytes());
            message.bytes(tag::SYMBOL, SYMBOL.as_bytes());
            message.bytes(tag::SIDE, sent.side.code().as_bytes());
        });
    }

    fn client(&mut self) -> &mut Client {
        self.client.as_mut().expect("logged on")
    }

    fn account(&self) -> String {
        self.login.as_ref().expect("logged on").account.clone()
    }

    fn next_id(&mut self) -> String {
        self.next_id += 1;
        format!("F{}-{}", self.index, self.next_id)
    }
}

fn write_instrument(message: &mut Builder, account: &str, sent: Sent) {
    message.bytes(tag::ACCOUNT, account.as_bytes());
    message.bytes(tag::SYMBOL, SYMBOL.as_bytes());
    message.bytes(tag::SIDE, sent.side.code().as_bytes());
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    message.time(tag::TRANSACT_TIME, TimestampNs::new(since.as_nanos() as u64));
    message.decimal(tag::ORDER_QTY, sent.lots as i64, QTY_DECIMALS);
}
