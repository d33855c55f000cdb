//! The tokens that the proxy verifies before the filter reads their claims.

use super::template::list;
use super::values::Named;
use crate::cli::input::directory::Opened;
use crate::cli::output::report::Problem;

/// The issuers of the tokens.
#[derive(Debug, clap::Args)]
pub(super) struct Tokens {
    /// Who issues the tokens, as in their `iss` claim; may occur several times, each with a NAME
    #[arg(long = "issuer", value_name = "[NAME=]URL")]
    issuers: Vec<Named>,
    /// For whom the tokens are, as in their `aud` claim; may occur several times, with the NAME of
    /// an issuer only for that one. Only tokens of which the bundle requires another claim do
    /// without
    #[arg(long = "audience", value_name = "[NAME=]AUDIENCE")]
    audiences: Vec<Named>,
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

impl Provider {
    /// The `audiences` as a line of YAML, with a comment after it; empty if there are none.
    pub(super) fn audiences(&self, comment: &str) -> String {
        if self.audiences.is_empty() {
            return String::new();
        }
        format!("audiences: {}{comment}", list(&self.audiences))
    }
}

/// Where the signing keys are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys<'a> {
    /// The values of `--jwks`.
    pub(super) given: &'a [Named],
    /// Where they are if nothing is said and there is one issuer.
    pub(super) otherwise: Option<&'a str>,
}

impl Tokens {
    /// The providers for a bundle whose principal comes from tokens; none for other bundles.
    /// `fixed` is the only name under which the proxy can store the claims, of every issuer; names of
    /// issuers then only tell them apart here.
    pub(super) fn providers(
        &self,
        opened: &Opened,
        keys: Keys<'_>,
        fixed: Option<&str>,
    ) -> Result<Vec<Provider>, Vec<Problem>> {
        let identity = &opened.document.manifest.identity;
        let known = &identity.token_names();
        let Some(first) = known.first() else { return self.unneeded(keys) };
        let mut problems = Vec::new();
        if let Some(name) = fixed.filter(|name| !known.iter().any(|known| known == name)) {
            problems.push(unpublished(name, known));
        }
        let names = self.names(fixed.unwrap_or(first));
        problems.extend(self.wrong_names(&names, known, fixed.is_some()));
        problems.extend(strangers("--audience", &self.audiences, &names));
        problems.extend(strangers("--jwks", keys.given, &names));
        problems.extend(self.missing(keys));
        if self.issuers.is_empty() && self.audiences.is_empty() && !identity.requires_claims(first)
        {
            problems.push(missing("--audience", NO_AUDIENCE));
        }
        let mut providers = Vec::new();
        for (index, (name, issuer)) in names.iter().zip(&self.issuers).enumerate() {
            if names.iter().take(index).any(|other| other == name) {
                continue;
            }
            let (audiences, name_there) = (self.audiences(name), fixed.unwrap_or(name));
            if audiences.is_empty() && !identity.requires_claims(name_there) {
                let alone = self.issuers.len() == 1;
                let option = if alone { "--audience" } else { &format!("--audience {name}=…") };
                problems.push(missing(option, NO_AUDIENCE));
            }
            match self.keys(name, keys) {
                Ok(found) => providers.push(Provider {
                    name: name_there.to_owned(),
                    issuer: issuer.value.clone(),
                    audiences,
                    keys: found,
                }),
                Err(problem) => problems.extend(problem),
            }
        }
        if problems.is_empty() { Ok(providers) } else { Err(problems) }
    }

    /// The name of each issuer.
    fn names<'a>(&'a self, first: &'a str) -> Vec<&'a str> {
        self.issuers.iter().map(|issuer| issuer.name.as_deref().unwrap_or(first)).collect()
    }

    fn wrong_names(&self, names: &[&str], known: &[String], fixed: bool) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (index, (name, issuer)) in names.iter().zip(&self.issuers).enumerate() {
            if !fixed && !known.iter().any(|known| known == name) {
                let problem = Problem::new(format!("the bundle reads no token `{name}`"));
                problems.push(problem.with_help(format!("it reads {}", listed(known))));
            }
            let before = names.iter().zip(&self.issuers).take(index);
            if before.clone().any(|(other, _)| other == name) {
                let problem = Problem::new(format!("there are two issuers for `{name}`"));
                problems.push(problem.with_help("write --issuer NAME=URL with a name for each"));
            }
            if before.clone().any(|(_, other)| other.value == issuer.value) {
                let issuer = &issuer.value;
                problems.push(Problem::new(format!("--issuer `{issuer}` occurs twice")));
            }
        }
        problems
    }

    fn missing(&self, keys: Keys<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.issuers.is_empty() {
            let why = "the bundle takes its principal from a token: say whose";
            problems.push(missing("--issuer", why));
        }
        if keys.given.is_empty() && keys.otherwise.is_none() && self.issuers.len() < 2 {
            problems.push(missing("--jwks", NO_KEYS));
        }
        problems
    }

    /// The audiences of an issuer: its own, or those of all.
    fn audiences(&self, name: &str) -> Vec<String> {
        let of = |wanted: Option<&str>| -> Vec<String> {
            let found = self.audiences.iter().filter(|one| one.name.as_deref() == wanted);
            found.map(|audience| audience.value.clone()).collect()
        };
        let own = of(Some(name));
        if own.is_empty() { of(None) } else { own }
    }

    /// The keys of an issuer. Keys that may belong to another issuer are an error: who could sign
    /// for the one could sign for the other.
    fn keys(&self, name: &str, keys: Keys<'_>) -> Result<String, Option<Problem>> {
        let alone = self.issuers.len() == 1;
        let mut own = keys.given.iter().filter(|one| match &one.name {
            Some(of) => of == name,
            None => alone,
        });
        match (own.next(), own.next(), keys.otherwise) {
            (Some(found), None, _) => Ok(found.value.clone()),
            (Some(_), Some(_), _) => {
                Err(Some(Problem::new(format!("--jwks for `{name}` occurs twice"))))
            }
            (None, _, Some(otherwise)) if alone => Ok(otherwise.to_owned()),
            (None, _, _) if alone => Err(None),
            (None, _, _) => Err(Some(missing(&format!("--jwks {name}=…"), NO_KEYS))),
        }
    }

    fn unneeded(&self, keys: Keys<'_>) -> Result<Vec<Provider>, Vec<Problem>> {
        if self.issuers.is_empty() && self.audiences.is_empty() && keys.given.is_empty() {
            return Ok(Vec::new());
        }
        let problem = Problem::new("the bundle reads no token");
        Err(vec![problem.with_help("leave out --issuer, --audience and --jwks")])
    }
}

const NO_AUDIENCE: &str = "without it, a token for any other service would do; if another claim says for whom a \
     token is, demand it in `identity.principal.require`";
const NO_KEYS: &str = "say where the issuer's signing keys are";

fn missing(option: &str, why: &str) -> Problem {
    Problem::new(format!("{option} is missing")).with_help(why)
}

/// Values with a name that no issuer has.
fn strangers(option: &str, values: &[Named], names: &[&str]) -> Vec<Problem> {
    let unknown = values.iter().filter_map(|value| value.name.as_deref());
    let unknown = unknown.filter(|name| !names.contains(name));
    unknown
        .map(|name| Problem::new(format!("{option} is for `{name}`, which no --issuer is")))
        .collect()
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn unpublished(name: &str, names: &[String]) -> Problem {
    let names = listed(names);
    let message = format!("the claims will be under `{name}`, but the bundle reads {names}");
    Problem::new(message).with_help(format!(
        "add `{name}` to `identity.principal.tokens`: Istio has no other name for the claims of a \
         RequestAuthentication"
    ))
}
