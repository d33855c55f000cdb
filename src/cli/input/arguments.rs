//! Arguments that several commands share.

use std::path::PathBuf;

use crate::bundle::EnvironmentName;

/// The bundle that a command works on.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct BundleArgument {
    /// The bundle's directory, or the document that was built of it
    #[arg(default_value = ".", value_name = "DIR")]
    pub(in crate::cli) bundle: PathBuf,
}

/// The environment that a bundle is for.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct EnvironmentArgument {
    /// The environment, such as `production`: what `DIR/environments/NAME` says is different there
    /// applies, and policies and records see the name
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) environment: Option<EnvironmentName>,
}
