//! Everything that the application says, in every version, against the dictionary of that version.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use plinth_gateway::codec::frame::{self, Fields, Frame};
use plinth_gateway::codec::{Builder, Message, Tag, Version};
use plinth_gateway::dictionary::{Dictionary, MsgType};
use plinth_gateway::session::SessionConfig;
use support::Runner;
use support::{firms, framed, value};

/// One session of a version, and all that it was told.
struct Client<'a> {
    runner: &'a mut Runner<plinth_gateway::application::Desk>,
    version: Version,
    firm: u32,
    number: u64,
    heard: Vec<Vec<u8>>,
}

impl Client<'_> {
    fn send(&mut self, msg_type: &str, body: &str) {
        let begin = String::from_utf8_lossy(self.version.begin_string()).into_owned();
        let Self { firm, number, version, .. } = *self;
        // What its version does not have a client does not send.
        let known = |field: &&str| {
            let (tag, value) = field.split_once('=').unwrap();
            Dictionary::of(version).takes(msg_type.as_bytes(), Tag::new(tag.parse().unwrap()), value.as_bytes())
        };
        let body: String = body.split_terminator('|').filter(known).map(|field| format!("{field}|")).collect();
        let script = format!("I{firm},8={begin}|35={msg_type}|34={number}|49=FIRM{firm}|52=<TIME>|56=PLINTH|{body}");
        self.number += 1;
        self.runner.run(script.as_bytes()).unwrap();
        while let Some(message) = self.runner.try_take(firm) {
            self.heard.push(message);
        }
    }

    fn log_on(&mut self) {
        self.runner.run(format!("i{},CONNECT", self.firm).as_bytes()).unwrap();
        let appl = self.version.appl_ver_id().map_or_else(String::new, |id| format!("1137={}|", String::from_utf8_lossy(id)));
        let password = if self.version.is_at_least(Version::Fix43) { format!("554=secret{}|", self.firm) } else { String::new() };
        self.send("A", &format!("98=0|108=30|{password}{appl}"));
    }

    /// The last message of a type that was heard.
    fn last(&self, msg_type: &str) -> &[u8] {
        let found = self.heard.iter().rev().find(|message| value(message, "35").as_deref() == Some(msg_type));
        found.unwrap_or_else(|| {
            let heard: Vec<String> = self.heard.iter().map(|message| support::show(message)).collect();
            panic!("{:?} heard no {msg_type}: {heard:#?}", self.version)
        })
    }
}

/// Checked as a message that came from the other side would be, less the fields that are our own.
fn check(version: Version, message: &[u8]) {
    let mut fields = Fields::default();
    assert!(matches!(frame::next(message, &mut fields), Frame::Message { .. }));
    let message = Message::new(message, &fields);
    let mut standard = Builder::of(version);
    standard.start(message.msg_type());
    let is_own = |tag: Tag| match tag.get() {
        8 | 9 | 10 | 35 | 7_928 | 20_001..=20_004 => true,
        117 | 299 => message.msg_type() == b"8",
        _ => false,
    };
    for (tag, value) in message.fields().filter(|&(tag, _)| !is_own(tag)) {
        standard.bytes(tag, value);
    }
    let standard = standard.finish().to_vec();
    let mut fields = Fields::default();
    assert!(matches!(frame::next(&standard, &mut fields), Frame::Message { .. }));
    let found = Dictionary::of(version).check(&Message::new(&standard, &fields));
    assert!(
        matches!(found, Ok(MsgType::Application | MsgType::Logon | MsgType::Logout | MsgType::Reject)),
        "{version:?}: {found:?}: {message}"
    );
}

fn field(message: &[u8], tag: &str) -> String {
    value(message, tag).unwrap_or_default()
}

#[test]
fn every_report_is_one_of_its_version() {
    for version in Version::ALL {
        // Passwords have no field before 4.3.
        let open = move |config: SessionConfig| SessionConfig {
            version,
            credential: match version.is_at_least(Version::Fix43) {
                true => config.credential.clone(),
                false => plinth_gateway::session::Credential::None,
            },
            ..config
        };
        let mut runner = firms::runner_with(move |sessions| sessions.into_iter().map(&open).collect());
        let mut heard = Vec::new();
        let has_status = version.is_at_least(Version::Fix43);
        {
            let mut maker = Client { runner: &mut runner, version, firm: 2, number: 1, heard: Vec::new() };
            maker.log_on();
            let order = |id: &str, side: u8, qty: &str, price: &str| {
                format!("1=BETA|11={id}|21=1|55=BTC/USD|54={side}|60=<TIME>|38={qty}|40=2|44={price}|")
            };
            maker.send("D", &order("m", 2, "2", "10.00"));
            let new = maker.last("8").to_vec();
            let status = if version == Version::Fix40 { "" } else { "0" };
            assert_eq!((field(&new, "150").as_str(), field(&new, "39").as_str()), (status, "0"));
            assert_eq!(field(&new, "20"), if version.is_at_least(Version::Fix43) { "" } else { "0" });
            maker.send("G", "1=BETA|11=m2|41=m|21=1|55=BTC/USD|54=2|60=<TIME>|38=3|40=2|44=10.00|");
            maker.send("D", &order("taker1", 1, "1", "10.00"));
            let part = maker.last("8").to_vec();
            let fill = if version.is_at_least(Version::Fix43) { "F" } else { "1" };
            if version != Version::Fix40 {
                let kinds: Vec<String> = maker.heard.iter().map(|message| field(message, "150")).collect();
                assert!(kinds.contains(&fill.to_owned()), "{version:?}: {kinds:?}");
            }
            assert!(!field(&part, "32").is_empty() && !field(&part, "31").is_empty());
            // A status of a known and of an unknown order, a second use of an id, an unknown symbol, too late a cancel.
            maker.send("H", "11=m2|55=BTC/USD|54=2|");
            let status = maker.last("8").to_vec();
            if version.is_at_least(Version::Fix43) {
                assert_eq!(field(&status, "150"), "I");
            } else {
                assert_eq!(field(&status, "20"), "3");
            }
            maker.send("H", "11=nobody|55=BTC/USD|54=2|");
            maker.send("D", &order("m", 2, "2", "10.00"));
            maker.send("D", &order("x", 2, "2", "10.00").replace("BTC/USD", "DOGE"));
            maker.send("D", &order("y", 2, "2", "10.00").replace("1=BETA", "1=NOBODY"));
            maker.send("D", &order("z", 2, "2", "10.00").replace("40=2", "40=3|99=1"));
            maker.send("F", "125=F|11=c|41=m2|55=BTC/USD|54=2|60=<TIME>|38=3|");
            maker.send("F", "125=F|11=c2|41=m2|55=BTC/USD|54=2|60=<TIME>|38=3|");
            maker.send("F", "125=F|11=c|41=m2|55=BTC/USD|54=2|60=<TIME>|38=3|");
            maker.send("F", "125=F|11=c3|41=nobody|55=BTC/USD|54=2|60=<TIME>|38=3|");
            maker.last("9");
            // Times in force and pegs, in the words that the version has.
            for (id, terms) in
                [("day", "59=0|"), ("date", "59=6|432=20260226|"), ("time", "59=6|126=20260225-12:00:05|"), ("close", "59=7|")]
            {
                maker.send("D", &format!("{}{terms}", order(id, 2, "2", "10.00")));
            }
            maker.send("D", &order("old", 2, "2", "10.00").replace("40=2", "40=B"));
            let close = maker.last("8").to_vec();
            if version.is_at_least(Version::Fix43) {
                assert_eq!((field(&close, "40").as_str(), field(&close, "59").as_str()), ("2", "7"), "{version:?}");
            } else {
                assert_eq!((field(&close, "40").as_str(), field(&close, "59").as_str()), ("B", ""), "{version:?}");
            }
            maker.send("D", &format!("{}211=0.01|18=R|", order("peg", 2, "2", "9.00").replace("40=2", "40=P")));
            let pegged = maker.last("8").to_vec();
            let now = if version.is_at_least(Version::Fix44) { "839" } else { "44" };
            // 4.0 has no offset.
            let price = if Dictionary::of(version).takes(b"D", Tag::new(211), b"0.01") { "10.01" } else { "10.00" };
            assert_eq!((field(&pegged, "40").as_str(), field(&pegged, now).as_str()), ("P", price), "{version:?}");
            // A pair; before there are groups of orders a list is none.
            let one = |id: &str, terms: &str| format!("11={id}|67=1|1=BETA|21=1|55=BTC/USD|54=2|38=2|{terms}");
            let pair = one("limit", "40=2|44=12.00|") + &one("stop", "40=3|99=0.50|");
            maker.send("E", &format!("66=L|391=L|392=L|394=3|68=2|1385=3|73=2|{pair}"));
            if version.is_at_least(Version::Fix42) {
                let told = maker.last("8");
                assert_eq!((field(told, "11").as_str(), field(told, "39").as_str()), ("limit", "0"), "{version:?}");
                maker.send("F", "125=F|11=over|41=limit|55=BTC/USD|54=2|60=<TIME>|38=2|");
                let told = maker.last("8");
                assert_eq!((field(told, "11").as_str(), field(told, "39").as_str()), ("stop", "4"), "{version:?}");
                maker.send("M", "66=L|");
                assert_eq!(field(maker.last("N"), "431"), "6", "{version:?}");
                maker.send("K", "66=L|60=<TIME>|");
                assert_eq!(field(maker.last("N"), "429"), "2", "{version:?}");
            }
            maker.runner.run(b"w6").unwrap();
            maker.send("H", "11=m2|55=BTC/USD|54=2|");
            maker.send("D", &order("late", 2, "2", "10.00"));
            let ended = |heard: &[Vec<u8>], id: &str| heard.iter().any(|own| field(own, "11") == id && field(own, "39") == "C");
            assert!(ended(&maker.heard, "time"), "{version:?}");
            if version.is_at_least(Version::Fix42) {
                maker.runner.run(b"configure quote-group 2 BETA 1").unwrap();
                let quote = |id: &str, offer: &str| {
                    let entry = format!("295=1|299=e|55=ETH/USD|132=9.00|133={offer}|134=1|135=1|");
                    format!("117={id}|296=1|302=1|311=ETH|304=1|{entry}")
                };
                maker.send("i", &quote("q1", "8.00"));
                assert_eq!(field(maker.last("b"), "368"), "7", "{version:?}");
                maker.send("i", &quote("q2", "10.00"));
                maker.send("i", &quote("q2", "10.00"));
                assert_eq!(field(maker.last("b"), "300"), "6", "{version:?}");
                maker.send("D", &order("hits", 2, "1", "9.00").replace("BTC", "ETH"));
                let fill = maker.heard.iter().find(|own| field(own, "299") == "e" && field(own, "35") == "8").unwrap();
                assert_eq!((field(fill, "117").as_str(), field(fill, "31").as_str()), ("q2", "9.00"), "{version:?}");
                maker.send("Z", "117=q2|298=4|295=1|55=ETH/USD|");
                maker.send("Z", "117=q2|298=1|295=1|55=ETH/USD|");
                let told = if version.is_at_least(Version::Fix43) { "AI" } else { "b" };
                assert_eq!(field(maker.last(told), "297"), "1", "{version:?}");
            }
            // What no venue has, and what this one does not.
            maker.send("B", "148=headline|33=1|58=text|");
            if has_status {
                maker.send("q", "11=q1|530=7|60=<TIME>|");
                maker.send("q", "11=q1|530=7|60=<TIME>|");
                maker.send("q", "11=q2|530=5|60=<TIME>|");
                maker.last("r");
                if version.is_at_least(Version::Fix50Sp1) {
                    maker.send("CA", "11=q3|1373=3|1374=6|60=<TIME>|");
                    assert_eq!(field(maker.last("BZ"), "1375"), "0", "{version:?}");
                    maker.send("CA", "11=q4|1373=3|1374=7|60=<TIME>|");
                    assert_eq!(field(maker.last("BZ"), "1375"), "1", "{version:?}");
                }
                maker.send("AF", "584=s|585=7|");
                maker.send("D", &order("last", 2, "2", "10.00"));
                maker.send("AF", "584=s|585=7|");
                maker.send("x", "320=r|559=4|");
                maker.send("x", "320=r2|559=0|55=DOGE|");
                maker.last("y");
            }
            if version.is_at_least(Version::Fix42) {
                maker.runner.run(b"configure bands ETH/USD 1 100000\nconfigure terms ETH/USD 0 1 100 5").unwrap();
                maker.send("x", "320=r3|559=4|");
                maker.send("c", "320=r4|321=3|");
                let told = field(maker.last("d"), "562");
                assert_eq!(told, if version.is_at_least(Version::Fix43) { "0.00000001" } else { "" }, "{version:?}");
                maker.send("c", "320=r5|321=0|55=DOGE|");
                assert_eq!(field(maker.last("d"), "323"), "5", "{version:?}");
                let wants = "264=0|265=1|267=3|269=0|269=1|269=2|146=1|55=BTC/USD|";
                maker.send("V", &format!("262=v0|263=1|{wants}"));
                maker.runner.run(b"mSHOW").unwrap();
                maker.send("V", &format!("262=v1|263=1|{wants}"));
                maker.send("D", &order("shown", 2, "2", "10.50"));
                maker.send("D", &order("taken", 1, "1", "10.50"));
                maker.runner.run(b"mSHOW").unwrap();
                maker.send("V", &format!("262=v1|263=2|{wants}"));
                ["W", "X", "Y"].into_iter().for_each(|kind| drop(maker.last(kind).to_vec()));
                maker.send("e", "324=s|55=BTC/USD|263=1|");
                maker.send("g", "335=s|336=1|263=1|");
                for phase in ["pre-open", "opening", "volatility", "halt", "closing", "closing", "continuous"] {
                    maker.runner.run(format!("configure phase BTC/USD {phase}").as_bytes()).unwrap();
                }
                maker.send("g", "335=s2|336=1|263=0|");
                maker.last("f");
                maker.last("h");
            }
            maker.runner.run(b"bAVAILABLE\nbSETTLED").unwrap();
            while let Some(message) = maker.runner.try_take(maker.firm) {
                maker.heard.push(message);
            }
            if has_status {
                assert_eq!(field(maker.last("AE"), "20001"), "SETTLED");
            }
            maker.send("5", "");
            heard.append(&mut maker.heard);
        }
        assert!(heard.len() > 15, "{version:?}: {} messages", heard.len());
        heard.iter().for_each(|message| check(version, &framed(message)));
    }
}
