//! Generates bundles with hierarchies of several levels and entities that refer to each other.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use toolgate::digest::Digest;

use super::choices::Choices;

pub(super) const USERS: [&str; 4] = ["alice", "bob", "c\"arol", "dé\\an"];
pub(super) const SERVICES: [&str; 3] = ["spiffe://x/a", "spiffe://x/b", "spiffe://x/c"];
pub(super) const ROLES: [&str; 6] = ["r0", "r1", "r2", "r3", "r4", "r5"];
pub(super) const TEAMS: [&str; 4] = ["t0", "t1", "t2", "t3"];
pub(super) const AGENTS: [&str; 4] = ["a0", "a1", "a2", "a\u{3}"];
pub(super) const FLEETS: [&str; 3] = ["f0", "f1", "f2"];
pub(super) const FOLDERS: [&str; 5] = ["x0", "x1", "x2", "x3", ""];
pub(super) const DOCS: [&str; 6] = ["d0", "d1", "d2", "d3", "d\\4", "d\"5"];
pub(super) const DEPTS: [&str; 3] = ["p0", "p1", "p2"];

/// Parts of strings and decimals, some of which are similar or equal.
pub(super) const TEXTS: [&str; 5] = ["a", "b", "ab", "", "one"];
pub(super) const PRICES: [&str; 5] = ["1.5", "1.50", "0.0", "-0.5", "2.25"];

/// The tools with their names, classes and resources.
const TOOLS: [(&str, &[&str], Option<&str>); 4] = [
    ("read", &["read"], Some("Lib::Doc")),
    ("write", &["write", "risky"], Some("Lib::Doc")),
    ("list", &["read"], Some("Folder")),
    ("ping", &[], None),
];

const SCHEMA: &str = "
    type Meta = { name: String, size?: Long, owner?: User };
    entity Org, Server;
    entity Role in [Role];
    entity Team in [Team, Org, User];
    entity User in [Role, Team] {
        tenant: String, level: Long, manager?: String, open?: Bool, marks?: Set<String>
    };
    entity Service in [Role, Team, User] { level?: Long, dept?: Dept, buddy?: Service, ATTRIBUTES };
    entity Fleet in [Fleet];
    entity Agent in [Fleet] { owner?: User, buddy?: Agent, dept?: Dept, ATTRIBUTES };
    entity Folder in [Folder, Team, User] { owner?: User };
    entity Dept in [Dept] { head?: Service };
    namespace Lib {
        entity Doc in [Folder] {
            owner?: User, dept?: Dept, next?: Doc, readers?: Set<User>, ATTRIBUTES
        };
    }";

/// Attributes of all kinds except entities.
const ATTRIBUTES: &str = "
    open?: Bool, size?: Long, price?: decimal, title?: String, marks?: Set<String>,
    sizes?: Set<Long>, prices?: Set<decimal>, meta?: Meta, since?: datetime, from?: ipaddr";

/// A document with these entities and layers.
pub(super) fn document(choices: &mut Choices<'_>, layers: &BTreeMap<String, Value>) -> Value {
    let tools: Vec<Value> = TOOLS.iter().map(|(name, ..)| tool(name)).collect();
    let notes: Map<String, Value> = TOOLS
        .iter()
        .map(|(name, classes, resource)| {
            let argument =
                |of: &str| json!({ "type": of, "argument": "id", "unknown": "evaluate" });
            let mut notes = json!({ "classes": classes });
            if let Some(resource) = resource {
                notes["resource"] = argument(resource);
            }
            ((*name).to_owned(), notes)
        })
        .collect();
    let attribute = |name: &str, of: &str| {
        let optional = !matches!(name, "tenant" | "level");
        json!({ "claim": name, "type": of, "optional": optional })
    };
    let parents = |claim: &str, of: &str| json!({ "claim": claim, "type": of });
    json!({
        "format": "toolgate.bundle/1",
        "manifest": {
            "name": "generated",
            "version": 1,
            "identity": {
                "principal": {
                    "tokens": ["session"],
                    "type": "User",
                    "attributes": {
                        "tenant": attribute("tenant", "String"),
                        "level": attribute("level", "Long"),
                        "manager": attribute("manager", "String"),
                        "open": attribute("open", "Bool"),
                        "marks": attribute("marks", "Set<String>"),
                    },
                    "parents": [parents("roles", "Role"), parents("teams", "Team")],
                },
                "workload": { "type": "Service" },
                "actor": { "type": "Agent", "required": false, "max_depth": 3 },
            },
            "channels": [{ "path": "/fs", "server": "fs" }],
            "servers": { "fs": { "tools_from": "tools/fs.json", "tools": notes } },
        },
        "schema": SCHEMA.replace("ATTRIBUTES", ATTRIBUTES),
        "layers": layers,
        "entities": entities(choices),
        "tools": { "fs": tools },
    })
}

fn tool(name: &str) -> Value {
    let named = json!({
        "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"],
    });
    json!({
        "name": name,
        "digest": Digest::of_bytes(name.as_bytes()),
        "inputSchema": {
            "type": "object",
            "properties": {
                "id": { "type": "string" },
                "n": { "type": "integer" },
                "flag": { "type": "boolean" },
                "price": { "type": "number" },
                "exact": { "type": "string", "format": "decimal" },
                "text": { "type": "string" },
                "maybe": { "type": ["string", "null"] },
                "kind": { "enum": ["one", "two"] },
                "texts": { "type": "array", "items": { "type": "string" } },
                "longs": { "type": "array", "items": { "type": "integer" } },
                "prices": { "type": "array", "items": { "type": "number" } },
                "kinds": { "type": "array", "items": { "enum": ["one", "two"] } },
                "parts": { "type": "array", "items": named },
                "nest": {
                    "type": "object",
                    "properties": {
                        "name": { "type": "string" },
                        "size": { "type": "integer" },
                        "deep": { "type": "object", "properties": { "flag": { "type": "boolean" } } },
                    },
                    "required": ["name"],
                },
                "either": { "type": ["string", "integer"] },
                "pair": { "type": "array", "prefixItems": [{ "type": "string" }, { "type": "integer" }] },
                "at": { "type": "string", "format": "date-time" },
                "from": { "type": "string", "format": "ipv4" },
                "span": { "type": "string", "format": "duration" },
            },
            "required": ["id", "n"],
        },
    })
}

/// Entities of all types except the principals from tokens. Some are missing, of which some are
/// still parents or attributes of others.
fn entities(choices: &mut Choices<'_>) -> Vec<Value> {
    let mut all = Vec::new();
    let mut put = |choices: &mut Choices<'_>, uid: &str, parents: Vec<String>, attrs: Value| {
        if !choices.once_in(6) {
            all.push(json!({ "uid": uid, "parents": parents, "attrs": attrs }));
        }
    };
    all_of(&ROLES, |at, id| {
        let parents = above(choices, "Role", &ROLES, at);
        put(choices, &uid("Role", id), parents, json!({}));
    });
    all_of(&TEAMS, |at, id| {
        let mut parents = above(choices, "Team", &TEAMS, at);
        parents.extend(named(choices, "Org", &["o"], 3));
        parents.extend(named(choices, "User", &USERS, 12));
        put(choices, &uid("Team", id), parents, json!({}));
    });
    all_of(&SERVICES, |_, id| {
        let mut parents = named(choices, "Role", &ROLES, 4);
        parents.extend(named(choices, "Team", &TEAMS, 4));
        parents.extend(named(choices, "User", &USERS, 8));
        let mut attrs =
            refer(choices, &[("dept", "Dept", &DEPTS), ("buddy", "Service", &SERVICES)]);
        describe(choices, &mut attrs);
        if choices.once_in(2) {
            attrs["level"] = json!(choices.below(9));
        }
        put(choices, &uid("Service", id), parents, attrs);
    });
    all_of(&FLEETS, |at, id| {
        let parents = above(choices, "Fleet", &FLEETS, at);
        put(choices, &uid("Fleet", id), parents, json!({}));
    });
    all_of(&AGENTS, |_, id| {
        let parents = named(choices, "Fleet", &FLEETS, 3);
        let owner = ("owner", "User", &USERS[..]);
        let mut attrs =
            refer(choices, &[owner, ("buddy", "Agent", &AGENTS), ("dept", "Dept", &DEPTS)]);
        describe(choices, &mut attrs);
        put(choices, &uid("Agent", id), parents, attrs);
    });
    all_of(&FOLDERS, |at, id| {
        let mut parents = above(choices, "Folder", &FOLDERS, at);
        parents.extend(named(choices, "Team", &TEAMS, 6));
        parents.extend(named(choices, "User", &USERS, 6));
        let attrs = refer(choices, &[("owner", "User", &USERS)]);
        put(choices, &uid("Folder", id), parents, attrs);
    });
    all_of(&DEPTS, |at, id| {
        let parents = above(choices, "Dept", &DEPTS, at);
        let attrs = refer(choices, &[("head", "Service", &SERVICES)]);
        put(choices, &uid("Dept", id), parents, attrs);
    });
    all_of(&DOCS, |_, id| {
        let parents = named(choices, "Folder", &FOLDERS, 3);
        let owner = ("owner", "User", &USERS[..]);
        let mut attrs =
            refer(choices, &[owner, ("dept", "Dept", &DEPTS), ("next", "Lib::Doc", &DOCS)]);
        describe(choices, &mut attrs);
        if choices.once_in(3) {
            let readers = choices.some(&USERS, 2);
            attrs["readers"] =
                readers.iter().map(|id| json!({ "type": "User", "id": id })).collect();
        }
        put(choices, &uid("Lib::Doc", id), parents, attrs);
    });
    all
}

fn all_of(ids: &[&str], mut make: impl FnMut(usize, &str)) {
    for (at, id) in ids.iter().enumerate() {
        make(at, id);
    }
}

/// Parents of the same type with a higher index, so that no entity is its own ancestor.
fn above(choices: &mut Choices<'_>, of: &str, ids: &[&str], at: usize) -> Vec<String> {
    named(choices, of, &ids[at + 1..], 3)
}

fn named(choices: &mut Choices<'_>, of: &str, ids: &[&str], times: usize) -> Vec<String> {
    choices.some(ids, times).into_iter().map(|id| uid(of, id)).collect()
}

/// Attributes that name entities; each may be missing.
fn refer(choices: &mut Choices<'_>, attributes: &[(&str, &str, &[&str])]) -> Value {
    let mut all = Map::new();
    for (name, of, ids) in attributes {
        if !choices.once_in(4) {
            all.insert((*name).to_owned(), json!({ "type": of, "id": choices.of(ids) }));
        }
    }
    all.into()
}

/// Attributes of all other kinds; each may be missing.
fn describe(choices: &mut Choices<'_>, attrs: &mut Value) {
    let call = |name: &str, text: &str| json!({ "__extn": { "fn": name, "arg": text } });
    let mut meta = json!({ "name": choices.of(&TEXTS) });
    if choices.once_in(2) {
        meta["size"] = json!(choices.below(5));
    }
    if choices.once_in(2) {
        meta["owner"] = json!({ "type": "User", "id": choices.of(&USERS) });
    }
    let prices = choices.some(&PRICES, 2);
    let all = [
        ("open", json!(choices.once_in(2))),
        ("size", json!(choices.below(5))),
        ("price", call("decimal", choices.of(&PRICES))),
        ("title", json!(choices.of(&TEXTS))),
        ("marks", json!(choices.some(&TEXTS, 2))),
        ("sizes", json!(choices.some(&[0, 1, 2, 3], 2))),
        ("prices", prices.iter().map(|price| call("decimal", price)).collect()),
        ("meta", meta),
        ("since", call("datetime", "1970-01-01")),
        ("from", call("ip", choices.of(&["127.0.0.1", "10.0.0.1"]))),
    ];
    for (name, value) in all {
        if !choices.once_in(4) {
            attrs[name] = value;
        }
    }
}

/// An entity uid in Cedar's syntax.
pub(super) fn uid(of: &str, id: &str) -> String {
    format!("{of}::\"{}\"", id.escape_debug())
}
