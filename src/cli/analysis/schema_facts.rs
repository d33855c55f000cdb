//! Flattens a JSON Schema into a list of facts, so that it can be compared argument by argument.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// The facts about each dotted path; the empty path is the whole schema.
pub(in crate::cli) type Facts = BTreeMap<String, BTreeMap<String, Value>>;

/// Maximum number of subschemas visited while following references.
const MOST: usize = 10_000;
/// Maximum nesting, references included.
const DEEPEST: usize = 256;

/// All facts of a schema.
///
/// References are followed, so that a fact is listed under the name of its argument. If that
/// exceeds the limits, references become facts themselves, and definitions have paths of their own.
pub(in crate::cli) fn facts(schema: &Value) -> Facts {
    let walk = |follow: bool| {
        let mut walk = Walk { root: schema, follow, facts: Facts::new(), ..Walk::default() };
        let done = walk.schema(schema, "", 0).and_then(|()| walk.definitions());
        done.map(|()| walk.facts)
    };
    walk(true).or_else(|| walk(false)).unwrap_or_default()
}

struct Walk<'a> {
    root: &'a Value,
    follow: bool,
    facts: Facts,
    /// The references being followed.
    open: Vec<&'a str>,
    /// The definitions that some argument refers to.
    seen: BTreeSet<&'a str>,
    looked_at: usize,
}

impl Default for Walk<'_> {
    fn default() -> Self {
        Self {
            root: &Value::Null,
            follow: false,
            facts: Facts::new(),
            open: Vec::new(),
            seen: BTreeSet::new(),
            looked_at: 0,
        }
    }
}

impl<'a> Walk<'a> {
    /// Adds the facts of a schema; `None` if a limit is exceeded.
    fn schema(&mut self, schema: &'a Value, path: &str, depth: usize) -> Option<()> {
        self.looked_at = self.looked_at.saturating_add(1);
        if self.follow && (self.looked_at > MOST || depth > DEEPEST) {
            return None;
        }
        // A path without any fact must be listed too.
        self.facts.entry(path.to_owned()).or_default();
        let Value::Object(members) = schema else {
            self.note(path, "schema", schema);
            return Some(());
        };
        for (keyword, value) in members {
            self.keyword(members, keyword, value, path, depth.saturating_add(1))?;
        }
        Some(())
    }

    fn keyword(
        &mut self,
        schema: &'a Map<String, Value>,
        keyword: &str,
        value: &'a Value,
        path: &str,
        depth: usize,
    ) -> Option<()> {
        match (keyword, value) {
            ("properties", Value::Object(members)) => {
                for (name, member) in members {
                    let path = inside(path, name);
                    self.note(&path, "required", &Value::Bool(requires(schema, name)));
                    self.schema(member, &path, depth)?;
                }
            }
            // `required` is a fact of each property; names without a property are kept as they are.
            ("required", Value::Array(names)) => {
                let properties = schema.get("properties");
                let is_known = |name: &Value| {
                    let name = name.as_str().unwrap_or_default();
                    properties.is_some_and(|properties| properties.get(name).is_some())
                };
                let rest: Vec<Value> =
                    names.iter().filter(|name| !is_known(name)).cloned().collect();
                if !rest.is_empty() {
                    self.note(path, "requires", &Value::Array(rest));
                }
            }
            ("$defs" | "definitions", Value::Object(_)) if path.is_empty() => {}
            ("$ref", Value::String(reference)) => self.reference(reference, path, depth)?,
            ("items", Value::Object(_)) => self.schema(value, &format!("{path}[]"), depth)?,
            ("additionalProperties", Value::Object(_)) => {
                self.schema(value, &inside(path, "*"), depth)?;
            }
            ("anyOf" | "oneOf", Value::Array(choices)) => {
                self.choices(keyword, choices, path, depth)?;
            }
            ("allOf" | "prefixItems" | "items", Value::Array(parts)) => {
                for (position, part) in parts.iter().enumerate() {
                    self.schema(part, &format!("{path}({keyword} {position})"), depth)?;
                }
            }
            (keyword, value) => self.note(path, keyword, value),
        }
        Some(())
    }

    /// A choice of one type or null is treated as that type; other choices have paths of their own.
    fn choices(
        &mut self,
        keyword: &str,
        choices: &'a [Value],
        path: &str,
        depth: usize,
    ) -> Option<()> {
        let is_null = |choice: &Value| {
            choice.as_object().is_some_and(|members| {
                members.len() == 1 && members.get("type").is_some_and(|kind| kind == "null")
            })
        };
        let types: Vec<_> = choices.iter().filter(|choice| !is_null(choice)).collect();
        if let ([only], true) = (types.as_slice(), types.len() < choices.len()) {
            self.note(path, "nullable", &Value::Bool(true));
            return self.schema(only, path, depth);
        }
        for (position, choice) in choices.iter().enumerate() {
            self.schema(choice, &format!("{path}({keyword} {position})"), depth)?;
        }
        Some(())
    }

    fn reference(&mut self, reference: &'a str, path: &str, depth: usize) -> Option<()> {
        let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        let Some(target) = target.filter(|_| self.follow && !self.open.contains(&reference)) else {
            self.note(path, "$ref", &Value::from(reference));
            return Some(());
        };
        self.seen.insert(reference);
        self.open.push(reference);
        let done = self.schema(target, path, depth);
        self.open.pop();
        done
    }

    /// Adds definitions that no argument refers to, since models read them too.
    fn definitions(&mut self) -> Option<()> {
        for section in ["$defs", "definitions"] {
            let Some(Value::Object(definitions)) = self.root.get(section) else { continue };
            for (name, definition) in definitions {
                let reference = format!("#/{section}/{name}");
                if !self.seen.contains(reference.as_str()) {
                    self.schema(definition, &format!("{section}.{name}"), 0)?;
                }
            }
        }
        Some(())
    }

    /// Adds a fact. Facts of the same keyword on one path are kept apart.
    fn note(&mut self, path: &str, keyword: &str, value: &Value) {
        let facts = self.facts.entry(path.to_owned()).or_default();
        let mut keyword = keyword.to_owned();
        while facts.get(&keyword).is_some_and(|known| known != value) {
            keyword.push('\'');
        }
        facts.insert(keyword, value.clone());
    }
}

fn inside(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn requires(schema: &Map<String, Value>, name: &str) -> bool {
    let required = schema.get("required").and_then(Value::as_array);
    required.is_some_and(|names| names.iter().any(|required| required == name))
}
