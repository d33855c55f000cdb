//! The tokens that the proxy verifies before the filter reads their claims.

use crate::cli::input::directory::Opened;
use crate::cli::output::report::Problem;

/// The issuer of the tokens.
#[derive(Debug, clap::Args)]
pub(super) struct Tokens {
    /// Who issues the tokens, as in their `iss` claim
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// For whom the tokens are, as in their `aud` claim; may occur several times
    #[arg(long = "audience", value_name = "AUDIENCE")]
    audiences: Vec<String>,
}

/// The parameters of a proxy's `jwt_authn` provider.
#[derive(Debug)]
pub(super) struct Provider {
    /// The name under which the bundle expects the claims.
    pub(super) name: String,
    pub(super) issuer: String,
    pub(super) audiences: Vec<String>,
    /// The location of the keys.
    pub(super) keys: String,
}

impl Tokens {
    /// The provider for a bundle whose principal comes from tokens; `None` for other bundles.
    /// `fixed` is the only name under which the proxy can store the claims.
    pub(super) fn provider(
        &self,
        opened: &Opened,
        keys: (&str, Option<&String>),
        fixed: Option<&str>,
    ) -> Result<Option<Provider>, Vec<Problem>> {
        let names = &opened.document.manifest.identity.token_names();
        let Some(first) = names.first() else { return self.unneeded() };
        let name = fixed.unwrap_or(first);
        let mut problems = Vec::new();
        if !names.iter().any(|known| known == name) {
            problems.push(unpublished(name, names));
        }
        let mut missing = |option: &str, why: &str| {
            let problem = Problem::new(format!("{option} is missing"));
            problems.push(problem.with_help(why));
        };
        if self.issuer.is_none() {
            missing("--issuer", "the bundle takes its principal from a token: say whose");
        }
        if self.audiences.is_empty() {
            missing("--audience", "without it, a token for any other service would do");
        }
        if keys.1.is_none() {
            missing(keys.0, "say where the issuer's signing keys are");
        }
        match (&self.issuer, keys.1) {
            (Some(issuer), Some(keys)) if problems.is_empty() => Ok(Some(Provider {
                name: name.to_owned(),
                issuer: issuer.clone(),
                audiences: self.audiences.clone(),
                keys: keys.clone(),
            })),
            _ => Err(problems),
        }
    }

    fn unneeded(&self) -> Result<Option<Provider>, Vec<Problem>> {
        if self.issuer.is_none() && self.audiences.is_empty() {
            return Ok(None);
        }
        let problem = Problem::new("the bundle reads no token");
        Err(vec![problem.with_help("leave out --issuer and --audience")])
    }
}

fn unpublished(name: &str, names: &[String]) -> Problem {
    let names = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let message = format!("the claims will be under `{name}`, but the bundle reads {names}");
    Problem::new(message).with_help(format!(
        "add `{name}` to `identity.principal.tokens`: Istio has no other name for the claims of a \
         RequestAuthentication"
    ))
}
