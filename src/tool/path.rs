//! The location of a type in a tool's schema, as a dotted path and as the source of Cedar names.

/// The location of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SchemaPath {
    /// The dotted path of the argument.
    pub(super) path: String,
    /// The parts of its Cedar type names.
    pub(super) types: Vec<String>,
    /// Whether the parts start at a definition, to which other arguments may refer too.
    pub(super) shared: bool,
    /// Whether this is the root: the arguments as a whole.
    pub(super) root: bool,
}

impl SchemaPath {
    /// The location of the arguments as a whole.
    pub(super) fn root() -> Self {
        Self { path: String::new(), types: Vec::new(), shared: false, root: true }
    }

    /// The location of a member of an object.
    pub(super) fn member(&self, name: &str) -> Self {
        let separator = if self.root { "" } else { "." };
        let mut place = self.part(name);
        place.path = format!("{}{separator}{name}", self.path);
        place
    }

    /// The location of a part without its own dotted path, such as one type of a union.
    pub(super) fn part(&self, name: &str) -> Self {
        let mut place = Self { root: false, ..self.clone() };
        place.types.push(name.to_owned());
        place
    }

    /// The location of a definition referenced by a `$ref`; `outer` are the parts of Cedar names
    /// that lead to the schema with the definition.
    pub(super) fn definition(&self, outer: &[String], name: &str) -> Self {
        Self {
            path: self.path.clone(),
            types: outer.iter().cloned().chain([name.to_owned()]).collect(),
            shared: true,
            root: self.root,
        }
    }
}

/// Whether a dotted path is inside another one.
pub(super) fn is_inside(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'))
}
