//! Findings: problems of a bundle and their locations.

use std::ops::Range;

use super::{Code, LayerName, Severity};

/// A problem of a bundle. All problems are reported at once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// The kind of problem.
    pub code: Code,
    /// The affected part of the bundle.
    pub site: Site,
    /// The affected byte range of the site's text.
    pub span: Option<Range<usize>>,
    /// The description of the problem.
    pub message: String,
    /// Advice for fixing it.
    pub help: Option<String>,
}

/// The part of a bundle that a finding refers to.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Site {
    /// A key of `bundle.yaml`, as a dotted path.
    Manifest(String),
    /// The Cedar schema.
    Schema,
    /// The policy with this `@id`, in this layer.
    Policy {
        /// The layer.
        layer: LayerName,
        /// The policy.
        id: String,
    },
    /// A layer of policies.
    Layer(LayerName),
    /// The static entity at this position.
    Entity(usize),
    /// A tool, or all of a server's tools.
    Tool {
        /// The server.
        server: String,
        /// The tool's name in the bundle.
        tool: Option<String>,
    },
}

impl Site {
    /// The subject by which an acceptance refers to this site.
    pub fn subject(&self) -> String {
        match self {
            Self::Manifest(key) => key.clone(),
            Self::Schema => "schema.cedarschema".to_owned(),
            Self::Policy { id, .. } => id.clone(),
            Self::Layer(layer) => layer.to_string(),
            Self::Entity(_) => "entities.yaml".to_owned(),
            Self::Tool { server, tool: Some(tool) } => format!("{server}/{tool}"),
            Self::Tool { server, tool: None } => server.clone(),
        }
    }
}

impl Site {
    /// The site of a policy in a layer.
    pub(crate) fn policy(layer: &LayerName, id: &str) -> Self {
        Self::Policy { layer: layer.clone(), id: id.to_owned() }
    }

    /// The site of a tool, by its name in the bundle.
    pub(crate) fn tool(server: &str, name: &str) -> Self {
        Self::Tool { server: server.to_owned(), tool: Some(name.to_owned()) }
    }
}

impl std::fmt::Display for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Manifest(key) => write!(f, "bundle.yaml: {key}"),
            Self::Schema => f.write_str("schema.cedarschema"),
            Self::Policy { layer, id } => write!(f, "{layer}: policy `{id}`"),
            Self::Layer(layer) => write!(f, "layer `{layer}`"),
            Self::Entity(index) => write!(f, "entities.yaml: entity {index}"),
            Self::Tool { server, tool: Some(tool) } => write!(f, "tool `{server}/{tool}`"),
            Self::Tool { server, tool: None } => write!(f, "tools of server `{server}`"),
        }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.site, self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl Finding {
    /// Creates a finding. Its severity follows from its code.
    pub fn new(code: Code, site: Site, message: impl Into<String>) -> Self {
        Self { code, site, span: None, message: message.into(), help: None }
    }

    /// Whether the finding prevents loading.
    pub fn is_error(&self) -> bool {
        self.code.severity() == Severity::Error
    }

    /// Whether a tool failed to parse, or has no name of its own.
    pub(super) fn is_error_about_a_tool(&self) -> bool {
        let by_code = matches!(self.code, Code::ToolName | Code::ToolSchema);
        self.is_error() && (by_code || matches!(self.site, Site::Tool { .. }))
    }

    /// Adds advice.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the span and advice of a Cedar diagnostic.
    #[must_use]
    pub(super) fn located_by(mut self, diagnostic: &dyn miette::Diagnostic) -> Self {
        let label = diagnostic.labels().and_then(|mut labels| labels.next());
        self.span = label.map(|label| {
            let start = label.offset();
            start..start.saturating_add(label.len())
        });
        self.help = diagnostic.help().map(|help| help.to_string());
        self
    }
}
