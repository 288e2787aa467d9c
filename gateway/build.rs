//! Writes the dictionaries of all FIX versions that we speak, from the specifications in `hotfix-dictionary`, as text that
//! `dictionary/tables.rs` reads once. The XML and its parser stay out of the product.
//!
//! One item to a line, words between spaces:
//!
//! ```text
//! f TAG TYPE [VALUE...]            a field, the letter of its data type, the values that it may have; `s` if the session knows it too
//! h TAG...   H TAG...   t TAG...   fields of the header, those that it must have, fields of the trailer
//! g COUNT FIRST MEMBER...          a repeating group; groups are counted from 0 in the order of their lines
//! m TYPE TAG... | TAG... | GROUP...   a message: required fields, all fields, groups; `M` if it belongs to the session
//! ```

use hotfix_dictionary::{Dictionary, FixDatatype, LayoutItem, LayoutItemKind};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;

/// `ContingencyType`, which lists have from 5.0 SP1 on: we take it in every version that has groups of orders in a list.
const CONTINGENCY_TYPE: u32 = 1_385;
const NO_ORDERS: u32 = 73;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo names a folder"));
    let write = |name: &str, session: &Dictionary, application: Option<&Dictionary>| {
        let text = Tables::default().render(session, application);
        std::fs::write(out.join(format!("{name}.dictionary")), text).expect("the folder takes files");
    };
    write("fix40", &Dictionary::fix40(), None);
    write("fix41", &Dictionary::fix41(), None);
    write("fix42", &Dictionary::fix42(), None);
    write("fix43", &Dictionary::fix43(), None);
    write("fix44", &Dictionary::fix44(), None);
    let transport = Dictionary::fixt11();
    write("fix50", &transport, Some(&Dictionary::fix50()));
    write("fix50sp1", &transport, Some(&Dictionary::fix50sp1()));
    write("fix50sp2", &transport, Some(&Dictionary::fix50sp2()));
}

/// The lines of one dictionary.
#[derive(Default)]
struct Tables {
    fields: BTreeMap<u32, String>,
    /// Tags of the session's own specification.
    transport: BTreeSet<u32>,
    groups: Vec<String>,
    messages: String,
}

/// What one message, header or group holds.
#[derive(Default)]
struct Contents {
    required: BTreeSet<u32>,
    defined: BTreeSet<u32>,
    first: Option<u32>,
    groups: BTreeSet<usize>,
}

impl Tables {
    fn render(mut self, session: &Dictionary, application: Option<&Dictionary>) -> String {
        for dictionary in [Some(session), application].into_iter().flatten() {
            self.fields(dictionary);
        }
        self.transport = session.fields().iter().map(|field| field.tag().get()).collect();
        if application.is_none() {
            self.transport.insert(CONTINGENCY_TYPE);
        }
        self.messages(session, 'M');
        if let Some(application) = application {
            self.messages(application, 'm');
        }
        let part = |tables: &mut Self, name: &str| {
            let mut contents = Contents::default();
            if let Some(component) = session.component_by_name(name) {
                component.items().for_each(|item| tables.item(&item, true, &mut contents));
            }
            contents
        };
        let (header, trailer) = (part(&mut self, "StandardHeader"), part(&mut self, "StandardTrailer"));
        let mut text = String::new();
        for (tag, line) in &self.fields {
            let kind = if self.transport.contains(tag) { 's' } else { 'f' };
            writeln!(text, "{kind} {tag} {line}").expect("a string takes all");
        }
        let header_groups: Vec<usize> = header.groups.iter().copied().collect();
        writeln!(text, "h{}\nH{}\nt{}", words(&header.defined), words(&header.required), words(&trailer.defined))
            .expect("a string takes all");
        for group in &self.groups {
            writeln!(text, "g {group}").expect("a string takes all");
        }
        writeln!(text, "G{}", words(&header_groups)).expect("a string takes all");
        text + &self.messages
    }

    fn fields(&mut self, dictionary: &Dictionary) {
        let is_old = matches!(dictionary.version(), "FIX.4.0" | "FIX.4.1");
        for field in dictionary.fields() {
            let tag = field.tag().get();
            let mut line = letter(tag, field.data_type().basetype(), is_old).to_string();
            // A value with a space in it could not be one of several; there is none.
            for value in field.enums().into_iter().flatten().map(|value| value.value().to_owned()) {
                line.push(' ');
                line.push_str(&value);
            }
            self.fields.insert(tag, line);
        }
        self.fields.entry(CONTINGENCY_TYPE).or_insert_with(|| "I 1 2 3 4".to_owned());
    }

    fn messages(&mut self, dictionary: &Dictionary, kind: char) {
        for message in dictionary.messages() {
            let mut contents = Contents::default();
            message.layout().for_each(|item| self.item(&item, true, &mut contents));
            if message.msg_type() == "E" && contents.defined.contains(&NO_ORDERS) {
                contents.defined.insert(CONTINGENCY_TYPE);
            }
            let line = format!(
                "{kind} {}{} |{} |{}",
                message.msg_type(),
                words(&contents.required),
                words(&contents.defined),
                words(&contents.groups)
            );
            self.messages.push_str(&line);
            self.messages.push('\n');
        }
    }

    /// Adds one item of a layout. A field of a component is required only if the component is.
    fn item(&mut self, item: &LayoutItem<'_>, is_required: bool, into: &mut Contents) {
        let is_required = is_required && item.required();
        match item.kind() {
            LayoutItemKind::Field(field) => self.tag(field.tag().get(), is_required, into),
            LayoutItemKind::Component(component) => component.items().for_each(|item| self.item(&item, is_required, into)),
            LayoutItemKind::Group(count, items) => {
                let mut members = Contents::default();
                items.iter().for_each(|item| self.item(item, false, &mut members));
                let first = members.first.expect("a group has a first field");
                let line = format!("{} {first}{}", count.tag().get(), words(&members.defined));
                let index = self.groups.iter().position(|own| *own == line).unwrap_or_else(|| {
                    self.groups.push(line);
                    self.groups.len() - 1
                });
                into.groups.insert(index);
                into.groups.extend(members.groups);
                self.tag(count.tag().get(), is_required, into);
            }
        }
    }

    fn tag(&self, tag: u32, is_required: bool, into: &mut Contents) {
        into.defined.insert(tag);
        into.first.get_or_insert(tag);
        if is_required {
            into.required.insert(tag);
        }
    }
}

/// The letter of a data type. Before FIX 4.2 a `char` was what a string is now.
fn letter(tag: u32, data_type: FixDatatype, is_old: bool) -> char {
    match data_type {
        // Time with a zone, which the specifications' reader does not tell from UTC.
        _ if matches!(tag, 1_079 | 1_132 | 1_212 | 1_213 | 1_253 | 1_405) => 'S',
        FixDatatype::Char if is_old => 'S',
        FixDatatype::Char => 'C',
        FixDatatype::Boolean => 'B',
        FixDatatype::Int | FixDatatype::DayOfMonth => 'I',
        FixDatatype::Length => 'L',
        FixDatatype::SeqNum => 'Q',
        FixDatatype::NumInGroup => 'N',
        FixDatatype::Float
        | FixDatatype::Price
        | FixDatatype::PriceOffset
        | FixDatatype::Amt
        | FixDatatype::Qty
        | FixDatatype::Percentage => 'F',
        FixDatatype::UtcTimestamp => 'T',
        FixDatatype::UtcTimeOnly => 'O',
        FixDatatype::UtcDateOnly | FixDatatype::LocalMktDate => 'D',
        FixDatatype::MonthYear => 'M',
        FixDatatype::MultipleCharValue | FixDatatype::MultipleStringValue => 'V',
        FixDatatype::Data | FixDatatype::XmlData => 'X',
        FixDatatype::TagNum
        | FixDatatype::String
        | FixDatatype::Currency
        | FixDatatype::Exchange
        | FixDatatype::Language
        | FixDatatype::Country
        | _ => 'S',
    }
}

fn words<T: std::fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().fold(String::new(), |text, item| format!("{text} {item}"))
}
