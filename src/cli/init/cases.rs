//! The cases of a new bundle: for every policy a call that it decides, and a refused one.

use std::collections::BTreeSet;
use std::path::Path;

use cedar_policy::Effect;
use serde_json::json;

use crate::cli::analysis::coverage::{Coverage, Goal, Suggestion, suggest};
use crate::cli::analysis::faces;
use crate::cli::files;
use crate::cli::input::cases::{Call, Called, Identity, Sent, Suite};
use crate::cli::input::directory::{self, Opened};
use crate::cli::offered::scalar;
use crate::cli::output::exit::Stop;
use crate::gate::Gate;

/// The file of cases.
pub(super) const FILE: &str = "tests/tools.yaml";

/// The most tools that are tried for a policy.
const TRIED: usize = 8;

/// The content of the file for a bundle that is written otherwise, and the number of cases.
pub(super) fn text(bundle: &Path, path: &str, unknown: &str) -> Result<(String, usize), Stop> {
    let text = |cases: &str| {
        let (path, unknown) = (scalar(path), scalar(unknown));
        format!(include_str!("tools.yaml"), path = path, unknown = unknown, cases = cases)
    };
    let Opened { document, loaded, .. } = directory::open(bundle)?;
    let gate = Gate::without_servers(loaded.bundle, document.environment_name());
    let people = bundle.join("people.yaml");
    files::write_new(&people, &text(""))?;
    let suite = Suite::read(std::slice::from_ref(&people), &[]);
    files::remove(&people)?;
    let coverage = Coverage::of(&gate.bundle);
    let goals = goals(&coverage);
    let cases = suggest(&gate, &document.manifest.channels, &suite?, &coverage, &goals);
    let cases: Vec<Suggestion> = cases.into_iter().filter(|case| case.tried).collect();
    let texts: String = cases.iter().map(|case| case.text.as_str()).collect();
    let texts = texts + &list(&gate, path);
    Ok((text(texts.trim_end()).trim_end().to_owned() + "\n", cases.len().saturating_add(2)))
}

/// The case of the list that a reader sees.
fn list(gate: &Gate, path: &str) -> String {
    let tokens = [("session".to_owned(), json!({ "sub": "reader", "roles": ["reader"] }))];
    let reader = Identity { tokens: tokens.into(), spiffe: None };
    let call = Call {
        path: path.to_owned(),
        authority: Call::AUTHORITY.to_owned(),
        called: Called::Method("tools/list".to_owned()),
        arguments: None,
    };
    let sent = Sent { call: Some(&call), request: None, time: None, source_ip: None };
    let (arrival, _) = sent.arrival(Some(&reader));
    let seen = faces::list(&gate.bundle, &gate.environment, Some(&reader), &arrival);
    let seen: Vec<String> = seen.unwrap_or_default().iter().map(|name| scalar(name)).collect();
    let (path, seen) = (scalar(path), seen.join(", "));
    format!(
        "  # What the list of tools has for a reader; `toolgate explain --case` says why not the others.\n  \
         - name: a reader sees what a reader may call\n    as: reader\n    \
         call: {{ path: {path}, method: tools/list }}\n    \
         expect: {{ decision: PERMIT, reason: lifecycle, policies: [], list: [{seen}] }}\n"
    )
}

/// A name that no tool has.
pub(super) fn unknown(tools: &BTreeSet<&str>) -> String {
    let mut name = "no_such_tool".to_owned();
    while tools.contains(name.as_str()) {
        name.push('_');
    }
    name
}

/// A call that each policy decides, and one that nothing permits.
fn goals(coverage: &Coverage) -> Vec<Goal> {
    let all: BTreeSet<Goal> = coverage.measure(None, None).missing.into_iter().collect();
    let forbids = || coverage.policies.values().filter(|policy| policy.effect == Effect::Forbid);
    let refused = all.iter().filter(|goal| match goal {
        Goal::Refused(tool) => !forbids().any(|policy| policy.admits.contains(tool)),
        Goal::Permitted(_)
        | Goal::Determined { .. }
        | Goal::Exceeded { .. }
        | Goal::Revealed(_)
        | Goal::Withheld(_)
        | Goal::DeterminedLabel { .. } => false,
    });
    // The first tool, rather than a method, whose name has one slash more.
    let refused = refused.min_by_key(|goal| match goal {
        Goal::Refused(tool) => tool.matches('/').count(),
        Goal::Permitted(_)
        | Goal::Determined { .. }
        | Goal::Exceeded { .. }
        | Goal::Revealed(_)
        | Goal::Withheld(_)
        | Goal::DeterminedLabel { .. } => usize::MAX,
    });
    let refused = refused.cloned();
    let determined = all.into_iter().filter_map(|goal| goal.determined_about(TRIED));
    determined.chain(refused).collect()
}
