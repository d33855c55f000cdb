//! Help for policies that name an action which is none.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;

use cedar_policy::EntityUid;

use super::lookup::quoted;
use crate::bundle::{Described, Document, Finding};
use crate::cli::output::fuzzy_match;
use crate::tool::reveal_group;

/// The most actions that are suggested.
const MOST: usize = 3;

/// The actions that were probably meant, or else what does not exist.
pub(super) fn meant(finding: &Finding, document: &Document) -> Option<String> {
    let uid = EntityUid::from_str(quoted(&finding.message)?).ok()?;
    let id: &str = uid.id().unescaped();
    similar(id, document).or_else(|| Some(absent(id, document)))
}

/// `did you mean …`, if the id is similar to that of an action, or to a name without what an action
/// has before it.
fn similar(id: &str, document: &Document) -> Option<String> {
    let kind = Kind::of(id);
    let names = names(document);
    if let Some(actions) = names.get(id).filter(|_| kind == Kind::Tool) {
        return Some(asked(actions));
    }
    let known = names.values().flatten().map(String::as_str);
    if let Some(near) = fuzzy_match::nearest(id, known.filter(|known| Kind::of(known) == kind)) {
        return Some(asked([near]));
    }
    let near = fuzzy_match::nearest(id, names.keys().map(String::as_str));
    near.filter(|_| kind == Kind::Tool).and_then(|near| names.get(near)).map(asked)
}

fn asked(actions: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let actions = actions.into_iter().take(MOST);
    let actions = actions.map(|action| format!("`Action::\"{}\"`", action.as_ref()));
    format!("did you mean {}?", actions.collect::<Vec<_>>().join(" or "))
}

/// What of an id does not exist.
fn absent(id: &str, document: &Document) -> String {
    let kind = Kind::of(id);
    match id.split_once([':', '/']) {
        Some((_, class)) if kind == Kind::Class => format!("no tool is in the class `{class}`"),
        Some((_, server)) if kind == Kind::Server => format!("there is no server `{server}`"),
        Some((_, method)) if kind == Kind::Method => {
            format!("no server has `{method}` in its `methods`")
        }
        Some((_, label)) if kind == Kind::Label => {
            format!("no tool has the label `{label}` in its `labels`")
        }
        Some((server, method))
            if document.manifest.servers.contains_key(server) && method.contains('/') =>
        {
            format!("server `{server}` has no tool `{method}`, and it is not in its `methods`")
        }
        Some((server, tool)) if document.manifest.servers.contains_key(server) => {
            format!("server `{server}` has no tool `{tool}`")
        }
        Some((server, _)) => format!("there is no server `{server}`"),
        None => "actions are `\"<server>/<tool>\"`, `\"<server>/<method>\"`, \
                 `\"server:<server>\"`, `\"class:<class>\"`, `\"method:<method>\"` and \
                 `\"reveal:<label>\"`"
            .to_owned(),
    }
}

/// The kinds of actions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Class,
    Label,
    Method,
    Server,
    Tool,
}

impl Kind {
    fn of(id: &str) -> Self {
        if id.starts_with("class:") {
            Self::Class
        } else if id.starts_with("reveal:") {
            Self::Label
        } else if id.starts_with("method:") {
            Self::Method
        } else if id.starts_with("server:") {
            Self::Server
        } else {
            Self::Tool
        }
    }
}

/// The ids of all actions, by the names that people may write for them: of a class and a server the
/// bare name, of a tool its name in the bundle and on the wire, each with and without its server.
fn names(document: &Document) -> BTreeMap<String, BTreeSet<String>> {
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut name = |name: &str, id: &str| {
        names.entry(name.to_owned()).or_default().insert(id.to_owned());
    };
    for server in document.manifest.servers.keys() {
        name(server, &format!("server:{server}"));
    }
    for Described { server, name: tool, marks, tool: described } in document.described() {
        let id = format!("{server}/{tool}");
        for written in [tool, described.name()] {
            name(written, &id);
            name(&format!("{server}/{written}"), &id);
        }
        for class in &marks.classes {
            name(class, &format!("class:{class}"));
        }
        for label in marks.labels.keys() {
            name(label, &reveal_group(label));
            let action = format!("{id}/{}", reveal_group(label));
            name(&action, &action);
        }
    }
    for (server, notes) in &document.manifest.servers {
        for method in notes.methods.keys() {
            name(method, &format!("method:{method}"));
            name(&format!("{server}/{method}"), &format!("{server}/{method}"));
        }
    }
    names
}
