//! Serializes a record as one line of JSON, field by field into one `String`.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use super::{CandidateField, InnerField, Outcome, Record};
use crate::bundle::{LayerName, Mode};
use crate::decide::ApprovalField;
use crate::digest::Digest;
use crate::json::{self, Rendered, Shared};
use crate::memory::{Amount, Spending};
use crate::reason::{Decision, EventClass, Reason};

/// Larger than most lines.
const USUAL: usize = 2560;

/// A part of a record.
trait Written {
    /// Appends its JSON.
    fn write(&self, line: &mut String);
}

impl Record {
    /// The record as one line of JSON, without the line end.
    pub fn to_line(&self) -> String {
        to_lines(std::slice::from_ref(self))
    }
}

/// Records as lines of JSON, without the last line end. Characters that are invisible or control a
/// terminal are escaped.
pub fn to_lines(records: &[Record]) -> String {
    let mut lines = String::with_capacity(records.len().saturating_mul(USUAL));
    for record in records {
        if !lines.is_empty() {
            lines.push('\n');
        }
        record.write(&mut lines);
    }
    json::escape_hidden(&mut lines);
    lines
}

/// Writes the named fields in this order. An unlisted field does not compile.
macro_rules! fields {
    ($type:ident: $first:ident $(, $field:ident)*; not in it: $($other:ident),*) => {
        impl Written for $type {
            fn write(&self, line: &mut String) {
                let Self { $first, $($field,)* $($other: _,)* } = self;
                line.push_str(concat!("{\"", stringify!($first), "\":"));
                $first.write(line);
                $(
                    line.push_str(concat!(",\"", stringify!($field), "\":"));
                    $field.write(line);
                )*
                line.push('}');
            }
        }
    };
}

fields! {
    Record: schema, time, id, event_class, decision, reason, detail, policies, layer, party, mode, bundle,
    shadow_decision, shadow, candidate_decision, candidate, principal, actor, token, capabilities, authority, path,
    server, tool, tool_name, method, classes, data_class, operation, cost, arguments,
    arguments_digest, resource, revealed, masked, budgets, approval, inner, txn, trace_id, source_ip, environment, gate; not in it: known
}

fields! {
    InnerField: tool, tool_name, classes, data_class, operation, cost, arguments, arguments_digest,
    resource; not in it:
}

fields! { ApprovalField: id, request, approver, issuer, client, policies, reason, time; not in it: }

fields! { Spending: budget, used, amount, limit; not in it: }

fields! { Outcome: reason, policies, layer, detail, party; not in it: }

impl Written for CandidateField {
    fn write(&self, line: &mut String) {
        let Self { bundle, outcome } = self;
        line.push_str("{\"bundle\":");
        bundle.write(line);
        // The outcome's members are written into the same object.
        let start = line.len();
        outcome.write(line);
        line.replace_range(start..=start, ",");
    }
}

impl Written for Amount {
    fn write(&self, line: &mut String) {
        // Writing to a string cannot fail.
        let _ = write!(line, "{self}");
    }
}

impl Written for str {
    fn write(&self, line: &mut String) {
        json::quote(self, line);
    }
}

impl<T: Written> Written for [T] {
    fn write(&self, line: &mut String) {
        line.push('[');
        for (position, value) in self.iter().enumerate() {
            if position > 0 {
                line.push(',');
            }
            value.write(line);
        }
        line.push(']');
    }
}

impl<T: Written> Written for Option<T> {
    fn write(&self, line: &mut String) {
        match self {
            Some(value) => value.write(line),
            None => line.push_str("null"),
        }
    }
}

impl<T: Written + ?Sized> Written for Box<T> {
    fn write(&self, line: &mut String) {
        T::write(self, line);
    }
}

impl<T: Written + ?Sized> Written for &T {
    fn write(&self, line: &mut String) {
        T::write(self, line);
    }
}

impl<T: Written + ?Sized> Written for Arc<T> {
    fn write(&self, line: &mut String) {
        T::write(self, line);
    }
}

impl Written for String {
    fn write(&self, line: &mut String) {
        json::quote(self, line);
    }
}

impl Written for Cow<'_, str> {
    fn write(&self, line: &mut String) {
        json::quote(self, line);
    }
}

impl Written for Vec<String> {
    fn write(&self, line: &mut String) {
        self.as_slice().write(line);
    }
}

impl<T> Written for Shared<T> {
    fn write(&self, line: &mut String) {
        line.push_str(self.json());
    }
}

impl Written for Rendered {
    fn write(&self, line: &mut String) {
        line.push_str(self.as_str());
    }
}

impl Written for u32 {
    fn write(&self, line: &mut String) {
        line.push_str(&self.to_string());
    }
}

impl Written for IpAddr {
    fn write(&self, line: &mut String) {
        match self {
            Self::V4(address) => dotted(address.octets(), line),
            Self::V6(address) => word(&address.to_string(), line),
        }
    }
}

fn dotted(octets: [u8; 4], line: &mut String) {
    let digit = |n: u8| char::from_digit(u32::from(n % 10), 10);
    let mut before = '"';
    for octet in octets {
        line.push(before);
        line.extend(digit(octet / 100).filter(|_| octet >= 100));
        line.extend(digit(octet / 10).filter(|_| octet >= 10));
        line.extend(digit(octet));
        before = '.';
    }
    line.push('"');
}

impl Written for LayerName {
    fn write(&self, line: &mut String) {
        match self {
            Self::Org => word("org", line),
            Self::Tenant(_) | Self::Team(_) | Self::Agent(_) => {
                json::quote(&self.to_string(), line);
            }
        }
    }
}

/// Appends a string that needs no escaping.
fn word(word: &str, line: &mut String) {
    line.push('"');
    line.push_str(word);
    line.push('"');
}

macro_rules! words {
    ($($type:ident),+) => { $(
        impl Written for $type {
            fn write(&self, line: &mut String) {
                word(self.as_str(), line);
            }
        }
    )+ };
}

words!(Decision, Digest, EventClass, Mode, Reason);
