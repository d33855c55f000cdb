//! Where in a schema a type stands: how people name it, and how Cedar will.

/// The place of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SchemaPath {
    /// The dotted path of the argument.
    pub(super) path: String,
    /// What the names of its Cedar types are made of.
    pub(super) types: Vec<String>,
    /// Whether these begin at a definition that others can refer to, too.
    pub(super) shared: bool,
    /// Whether it is that of the arguments as a whole.
    pub(super) root: bool,
}

impl SchemaPath {
    /// The place of the arguments as a whole.
    pub(super) fn root() -> Self {
        Self { path: String::new(), types: Vec::new(), shared: false, root: true }
    }

    /// The place of a member.
    pub(super) fn member(&self, name: &str) -> Self {
        let separator = if self.root { "" } else { "." };
        let mut place = self.part(name);
        place.path = format!("{}{separator}{name}", self.path);
        place
    }

    /// The place of a type that is part of this one without having a path of its own.
    pub(super) fn part(&self, name: &str) -> Self {
        let mut place = Self { root: false, ..self.clone() };
        place.types.push(name.to_owned());
        place
    }

    /// The place of a definition that is referred to from here.
    pub(super) fn definition(&self, name: &str) -> Self {
        Self {
            path: self.path.clone(),
            types: vec![name.to_owned()],
            shared: true,
            root: self.root,
        }
    }
}

/// Whether a dotted path leads into what another one names.
pub(super) fn is_inside(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'))
}
