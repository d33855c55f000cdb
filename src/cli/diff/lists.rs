//! Compares what the identities of the tests see in lists of tools.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::cli::analysis::faces;
use crate::cli::input::cases::{Call, Called, Identity, Sent, Suite};
use crate::cli::input::directory::{self, Opened};
use crate::cli::output::exit::Stop;
use crate::cli::output::report::{Tone, tinted};

/// How the list of one server changes for one identity.
pub(super) struct Change {
    file: String,
    identity: String,
    server: String,
    appear: BTreeSet<String>,
    vanish: BTreeSet<String>,
}

/// The lists that change for the identities of the new bundle's tests; a document has none.
pub(super) fn compare([old, new]: &[Opened; 2], directory: &Path) -> Result<Vec<Change>, Stop> {
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let environment = new.document.environment.as_ref();
    let special = directory::tests_for(directory, environment)?;
    let suite = Suite::read(&directory::tests(directory)?, &special)?;
    let mut changes = Vec::new();
    for (file, read) in suite.files() {
        for (name, identity) in &read.identities {
            for server in new.document.manifest.servers.keys() {
                let [before, after] = [old, new].map(|opened| seen(opened, server, identity));
                let change = Change {
                    file: file.name.clone(),
                    identity: name.clone(),
                    server: server.clone(),
                    appear: after.difference(&before).cloned().collect(),
                    vanish: before.difference(&after).cloned().collect(),
                };
                if !change.appear.is_empty() || !change.vanish.is_empty() {
                    changes.push(change);
                }
            }
        }
    }
    Ok(changes)
}

/// The tools of a server that an identity sees; none if the bundle refuses it.
fn seen(opened: &Opened, server: &str, identity: &Identity) -> BTreeSet<String> {
    let bundle = &opened.loaded.bundle;
    let environment: Arc<str> = opened.document.environment_name().into();
    let Some(channel) = bundle.channels().find(|channel| *channel.server == *server) else {
        return BTreeSet::new();
    };
    let authority = channel.authority.as_ref().map_or(Call::AUTHORITY, |host| host.as_str());
    let call = Call {
        path: channel.path.clone(),
        authority: authority.to_owned(),
        called: Called::Method("tools/list".to_owned()),
        arguments: None,
    };
    let sent = Sent { call: Some(&call), request: None, time: None, source_ip: None };
    let (arrival, _) = sent.arrival(Some(identity));
    faces::list(bundle, &environment, Some(identity), &arrival).unwrap_or_default()
}

pub(super) fn human(changes: &[Change]) -> String {
    let mut text = String::new();
    if !changes.is_empty() {
        let _ = writeln!(text, "\n{}", tinted(Tone::Heading, "lists of tools"));
    }
    for Change { file, identity, server, appear, vanish } in changes {
        let appear = appear.iter().map(|tool| tinted(Tone::Good, &format!("+ {tool}")));
        let vanish = vanish.iter().map(|tool| tinted(Tone::Bad, &format!("- {tool}")));
        let tools: Vec<String> = appear.chain(vanish).collect();
        let _ = writeln!(text, "  {identity} ({file}) of {server}: {}", tools.join(", "));
    }
    text
}

pub(super) fn json(changes: &[Change]) -> Value {
    let change = |Change { file, identity, server, appear, vanish }: &Change| {
        json!({
            "file": file, "identity": identity, "server": server,
            "appear": appear, "vanish": vanish,
        })
    };
    changes.iter().map(change).collect()
}
