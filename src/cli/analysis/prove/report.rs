//! Prints a proof as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::confirm::{Before, Confirmed};
use super::proof::{Pair, Proof, Verdict};
use super::witness::Witness;
use crate::cli::output::report::{Tone, tinted};

/// The help text if there is no solver.
const HELP: &str = "the proof needs the solver cvc5, 1.3.1 or newer, in PATH or where CVC5 names it: \
                    https://cvc5.github.io";

pub(in crate::cli) fn human(proof: &Proof) -> String {
    let mut text =
        format!("\n{}\n", tinted(Tone::Heading, "proof: whatever is called by whomever"));
    if let Some(reason) = &proof.unavailable {
        // Writing to a `String` cannot fail.
        let _ = write!(
            text,
            "  {}\n  {HELP}\n",
            tinted(Tone::Bad, &format!("nothing is proved: {reason}"))
        );
        return text;
    }
    let width = proof.pairs.iter().map(|pair| title(pair).len()).max().unwrap_or(0);
    for pair in &proof.pairs {
        let (tone, word) = match pair.verdict {
            Verdict::Equal => (Tone::Quiet, "equal"),
            Verdict::Narrower => (Tone::Good, "narrower"),
            Verdict::Wider(_) => (Tone::Bad, "wider"),
            Verdict::Unknown(_) => (Tone::Odd, "unknown"),
        };
        let _ = writeln!(text, "  {:width$}  {}", title(pair), tinted(tone, word));
        match &pair.verdict {
            Verdict::Wider(found) => text.push_str(&example(found, pair)),
            Verdict::Unknown(reason) => {
                let _ = writeln!(text, "      {reason}");
            }
            Verdict::Equal | Verdict::Narrower => {}
        }
    }
    let count =
        |is: fn(&Verdict) -> bool| proof.pairs.iter().filter(|pair| is(&pair.verdict)).count();
    let wider = count(|verdict| matches!(verdict, Verdict::Wider(_)));
    let unknown = count(|verdict| matches!(verdict, Verdict::Unknown(_)));
    let has_labels = proof.pairs.iter().any(|pair| pair.label.is_some());
    let withheld = if has_labels { ", and nothing that was withheld is shown" } else { "" };
    let ending = match (wider, unknown) {
        (0, 0) => tinted(
            Tone::Good,
            &format!("proved: nothing that was refused is permitted now{withheld}"),
        ),
        (0, unknown) => tinted(Tone::Odd, &format!("nothing wider was found; {unknown} unknown")),
        (wider, unknown) => tinted(
            Tone::Bad,
            &format!("{wider} wider, each with a call that shows it; {unknown} unknown"),
        ),
    };
    let _ = writeln!(text, "{ending}");
    text
}

fn title(pair: &Pair) -> String {
    format!("{} → {}", pair.principal, pair.action())
}

/// A test case for the new bundle, in YAML; JSON is YAML's flow style.
fn example(found: &Confirmed, pair: &Pair) -> String {
    let case = case(found, pair);
    let part = |pointer: &str| case.pointer(pointer).map(Value::to_string).unwrap_or_default();
    let mut text = format!("      {}\n", tinted(Tone::Quiet, &before(found, pair)));
    let mut line = |indent: usize, line: String| {
        let _ = writeln!(text, "{:width$}{line}", "", width = indent.saturating_add(6));
    };
    line(0, "identities:".to_owned());
    line(2, format!("somebody: {}", part("/identities/somebody")));
    line(0, "cases:".to_owned());
    line(2, format!("- name: {}", part("/cases/0/name")));
    for key in ["as", "call", "time", "source_ip", "result", "expect"] {
        let value = part(&format!("/cases/0/{key}"));
        if !value.is_empty() {
            line(4, format!("{key}: {value}"));
        }
    }
    text
}

/// What the old bundle says about an example.
fn before(found: &Confirmed, pair: &Pair) -> String {
    let Before::Refused { reason, by } = &found.before else {
        let label = pair.label.as_deref().unwrap_or_default();
        return format!("the old bundle permits this, and withholds {label}:");
    };
    let by: Vec<&str> = by.iter().map(String::as_str).collect();
    let by = if by.is_empty() { String::new() } else { format!(" by {}", by.join(", ")) };
    format!("the old bundle refuses this ({}{by}):", reason.as_str())
}

/// A whole test file for the new bundle.
fn case(found: &Confirmed, pair: &Pair) -> Value {
    let Witness { identity, call, time, source_ip, .. } = &found.witness;
    let tokens = (!identity.tokens.is_empty()).then(|| json!(identity.tokens));
    let identity =
        told([("tokens", tokens), ("spiffe", identity.spiffe.as_ref().map(|id| json!(id)))]);
    let call = json!({
        "path": call.path,
        "authority": call.authority,
        (call.called.key()): call.called.name(),
        "arguments": call.arguments,
    });
    let [result, got] = found.result.clone().map_or([None, None], |both| both.map(Some));
    let expect = told([
        ("decision", Some(json!("PERMIT"))),
        ("reason", Some(json!(found.permitted))),
        ("policies", Some(json!(found.policies))),
        ("result", got),
    ]);
    let time = time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let case = told([
        ("name", Some(json!(name(pair)))),
        ("as", Some(json!("somebody"))),
        ("call", Some(call)),
        ("time", Some(json!(time))),
        ("source_ip", source_ip.map(|ip| json!(ip))),
        ("result", result),
        ("expect", Some(expect)),
    ]);
    json!({ "identities": { "somebody": identity }, "cases": [case] })
}

fn name(Pair { principal, tool, label, .. }: &Pair) -> String {
    match label {
        Some(label) => format!("{principal} gets {label} of {tool} now"),
        None => format!("{principal} may call {tool} now"),
    }
}

/// An object of the members that are present.
fn told<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let members = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(members.collect())
}

pub(in crate::cli) fn json(proof: &Proof) -> Value {
    let pairs = proof.pairs.iter().map(|pair| {
        let (verdict, reason, found) = match &pair.verdict {
            Verdict::Equal => ("equal", None, None),
            Verdict::Narrower => ("narrower", None, None),
            Verdict::Unknown(reason) => ("unknown", Some(json!(reason)), None),
            Verdict::Wider(found) => ("wider", None, Some(found)),
        };
        let refused = |found: &Confirmed| match &found.before {
            Before::Refused { reason, by } => Some(json!({ "reason": reason, "policies": by })),
            Before::Withheld => None,
        };
        told([
            ("principal", Some(json!(pair.principal))),
            ("tool", Some(json!(pair.action()))),
            ("label", pair.label.as_ref().map(|label| json!(label))),
            ("verdict", Some(json!(verdict))),
            ("reason", reason),
            ("refused", found.and_then(|found| refused(found))),
            ("test", found.map(|found| case(found, pair))),
        ])
    });
    json!({
        "pairs": pairs.collect::<Vec<_>>(),
        "wider": proof.is_wider(),
        "complete": proof.is_complete(),
        "unavailable": proof.unavailable,
    })
}
