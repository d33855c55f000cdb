//! The tools of a document together with what `bundle.yaml` says about them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::{Document, ServerNotes};
use crate::tool::{Marks, ToolDescription, is_tool_name};

/// A tool of a document.
#[derive(Debug)]
pub struct Described<'a> {
    /// The server that offers it.
    pub server: &'a str,
    /// Its name in the bundle.
    pub name: &'a str,
    /// Its marks, with the classes that its name gives it.
    pub marks: Cow<'a, Marks>,
    /// What its server says.
    pub tool: &'a ToolDescription,
}

/// The entries of a server's tools, by name on the wire: the name in the bundle, and the marks.
#[derive(Debug)]
pub struct Entries<'a>(BTreeMap<&'a str, (&'a str, &'a Marks)>);

impl Document {
    /// The tools of all servers of the manifest.
    pub fn described(&self) -> impl Iterator<Item = Described<'_>> {
        self.manifest.servers.iter().flat_map(|(server, notes)| {
            let tools = self.tools.get(server).map(Vec::as_slice).unwrap_or_default();
            notes.describe(server, tools)
        })
    }
}

impl ServerNotes {
    /// The tools of this server with their entries.
    pub(super) fn describe<'a>(
        &'a self,
        server: &'a str,
        tools: &'a [ToolDescription],
    ) -> impl Iterator<Item = Described<'a>> {
        let entries = self.entries();
        tools.iter().map(move |tool| {
            let (name, mut marks) = match entries.0.get(tool.name()) {
                Some((name, marks)) => (*name, Cow::Borrowed(*marks)),
                None => (tool.name(), Cow::Owned(Marks::default())),
            };
            for class in tool.classes() {
                if !marks.classes.contains(class) {
                    marks.to_mut().classes.push(class.clone());
                }
            }
            Described { server, name, marks, tool }
        })
    }

    /// The entries of the tools.
    pub fn entries(&self) -> Entries<'_> {
        let entries = self.tools.iter().map(|(name, marks)| {
            let wire_name = marks.name.as_deref().unwrap_or(name);
            (wire_name, (name.as_str(), marks))
        });
        Entries(entries.collect())
    }

    /// The classes that a name in the bundle gives to a tool.
    pub fn classes_of(&self, name: &str) -> BTreeSet<String> {
        let classes = self.classes.iter().filter(|(_, patterns)| {
            is_tool_name(name) && patterns.iter().any(|pattern| pattern.matches(name))
        });
        classes.map(|(class, _)| class.clone()).collect()
    }
}

impl<'a> Entries<'a> {
    /// Whether a tool has an entry.
    pub fn has(&self, wire_name: &str) -> bool {
        self.0.contains_key(wire_name)
    }

    /// A tool's name in the bundle.
    pub fn name_of<'b>(&self, wire_name: &'b str) -> &'b str
    where
        'a: 'b,
    {
        self.0.get(wire_name).map_or(wire_name, |(name, _)| name)
    }

    /// The names of tools with an entry, on the wire and in the bundle.
    pub fn names(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().map(|(wire_name, (name, _))| (*wire_name, *name))
    }
}
