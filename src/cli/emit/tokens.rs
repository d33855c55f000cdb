//! The tokens that the proxy verifies before the filter reads their claims.

use std::collections::BTreeSet;

use super::template::list;
use super::values::Named;
use crate::approval;
use crate::bundle::{Issuer, Manifest};
use crate::cli::input::directory::Opened;
use crate::cli::output::report::Problem;
use crate::identity::CapabilityMapping;

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
    /// The header in which the token comes, if it is a capability or an approval.
    pub(super) own_header: Option<OwnHeader>,
}

/// A header of a token that does not name the principal.
#[derive(Debug)]
pub(super) struct OwnHeader {
    pub(super) name: String,
    /// The name under which the bundle expects why the token is not valid.
    pub(super) failure: String,
    /// What the header is for, and what becomes of it.
    pub(super) comment: &'static str,
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
        let manifest = &opened.document.manifest;
        let identity = &manifest.identity;
        let approvals = HeaderToken::of_approvals(manifest);
        let mut known = identity.all_token_names();
        known.extend(approvals.as_ref().map(|each| each.token.to_owned()));
        let known = &known;
        let Some(first) = known.first() else { return self.unneeded(keys) };
        let mut problems = Vec::new();
        if let Some(name) = fixed.filter(|name| !known.iter().any(|known| known == name)) {
            problems.push(unpublished(name, known));
        }
        let names = self.names(fixed.unwrap_or(first));
        problems.extend(wrong_names(&names, known, fixed.is_some()));
        problems.extend(self.twice(&names, manifest));
        problems.extend(unnamed(manifest, &names));
        problems.extend(self.wrong_approval_issuer(&names, manifest));
        problems.extend(strangers("--audience", &self.audiences, &names));
        problems.extend(strangers("--jwks", keys.given, &names));
        let names_principal = !identity.token_names().is_empty();
        problems.extend(self.missing(keys, names_principal));
        let is_unsaid = self.issuers.is_empty() && self.audiences.is_empty();
        if is_unsaid && names_principal && !identity.requires_claims(first) {
            problems.push(missing("--audience", NO_AUDIENCE));
        }
        let mut providers = Vec::new();
        for (index, (name, issuer)) in names.iter().zip(&self.issuers).enumerate() {
            if names.iter().take(index).any(|other| other == name) {
                continue;
            }
            let apart = HeaderToken::named(manifest, name);
            // An audience of all would be that of the token that names the principal.
            let mut audiences =
                if apart.is_some() { self.own_audiences(name) } else { self.audiences(name) };
            if let (true, Some(gate)) =
                (audiences.is_empty(), apart.as_ref().and_then(|it| it.gate))
            {
                audiences.push(gate.to_owned());
            }
            let name_there = fixed.unwrap_or(name);
            let checked = apart.as_ref().is_some_and(|apart| apart.checks_audience);
            if audiences.is_empty() && !checked && !identity.requires_claims(name_there) {
                let alone = self.issuers.len() == 1;
                let option = if alone { "--audience" } else { &format!("--audience {name}=…") };
                let why = if apart.is_some() { NO_AUDIENCE_OF_ONE } else { NO_AUDIENCE };
                problems.push(missing(option, why));
            }
            match self.keys(name, keys) {
                Ok(found) => providers.push(Provider {
                    name: name_there.to_owned(),
                    issuer: issuer.value.clone(),
                    audiences,
                    keys: found,
                    own_header: apart.map(|apart| apart.header),
                }),
                Err(problem) => problems.extend(problem),
            }
        }
        problems.extend(alike(&providers));
        if problems.is_empty() { Ok(providers) } else { Err(problems) }
    }

    /// The name of each issuer.
    fn names<'a>(&'a self, first: &'a str) -> Vec<&'a str> {
        self.issuers.iter().map(|issuer| issuer.name.as_deref().unwrap_or(first)).collect()
    }

    /// Issuers that occur twice. Only a token in a header of its own may have the issuer of another one:
    /// Envoy tells tokens in one header apart by their issuers.
    fn twice(&self, names: &[&str], manifest: &Manifest) -> Vec<Problem> {
        let is_apart = |name: &&str| HeaderToken::named(manifest, name).is_some();
        let issuers = names.iter().zip(&self.issuers).filter(|(name, _)| !is_apart(name));
        let mut known = BTreeSet::new();
        let twice = issuers.filter(|(_, issuer)| !known.insert(&issuer.value));
        let problem = |issuer: &str| Problem::new(format!("--issuer `{issuer}` occurs twice"));
        twice.map(|(_, issuer)| problem(&issuer.value)).collect()
    }

    /// The issuer of approvals is `approvals.service`.
    fn wrong_approval_issuer(&self, names: &[&str], manifest: &Manifest) -> Option<Problem> {
        let service = manifest.approvals.as_ref()?;
        let of = names.iter().zip(&self.issuers).find(|(name, _)| service.is_provider(name));
        let (name, issuer) = of.filter(|(_, issuer)| issuer.value != service.service.as_str())?;
        let message =
            format!("the issuer of `{name}` is `approvals.service`, not `{}`", issuer.value);
        let service = service.service.as_str();
        Some(Problem::new(message).with_help(format!("write --issuer {name}={service}")))
    }

    fn missing(&self, keys: Keys<'_>, names_principal: bool) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.issuers.is_empty() && names_principal {
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
        let own = self.own_audiences(name);
        if own.is_empty() { self.audiences_of(None) } else { own }
    }

    fn own_audiences(&self, name: &str) -> Vec<String> {
        self.audiences_of(Some(name))
    }

    fn audiences_of(&self, wanted: Option<&str>) -> Vec<String> {
        let found = self.audiences.iter().filter(|one| one.name.as_deref() == wanted);
        found.map(|audience| audience.value.clone()).collect()
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

/// Names that the bundle does not know, or that stand there twice.
fn wrong_names(names: &[&str], known: &[String], fixed: bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, name) in names.iter().enumerate() {
        if !fixed && !known.iter().any(|known| known == name) {
            let problem = Problem::new(format!("the bundle reads no token `{name}`"));
            problems.push(problem.with_help(format!("it reads {}", listed(known))));
        }
        if names.iter().take(index).any(|other| other == name) {
            let problem = Problem::new(format!("there are two issuers for `{name}`"));
            problems.push(problem.with_help("write --issuer NAME=URL with a name for each"));
        }
    }
    problems
}

/// Tokens in headers of their own, of the issuer and for the audience of another token: the one would do
/// for the other.
fn alike(providers: &[Provider]) -> Vec<Problem> {
    let apart = providers.iter().filter(|each| each.own_header.is_some());
    let alike = |one: &Provider| {
        let same = |other: &&Provider| {
            let shares = |audience| other.audiences.contains(audience);
            other.name != one.name && other.issuer == one.issuer && one.audiences.iter().any(shares)
        };
        let other = providers.iter().find(same)?;
        let message =
            format!("the token `{}` would do for `{}`, and the reverse", one.name, other.name);
        let help = format!("give `{}` an audience or an issuer of its own", one.name);
        Some(Problem::new(message).with_help(help))
    };
    apart.filter_map(alike).collect()
}

/// Refuses a bundle with tokens in headers of their own, for a proxy that verifies one token.
pub(super) fn one_token(opened: &Opened, proxy: &str) -> Result<(), Problem> {
    let Some(apart) = HeaderToken::all(&opened.document.manifest).next() else { return Ok(()) };
    let message =
        format!("{proxy} verifies one token of a request, and not also `{}`", apart.token);
    Err(Problem::new(message).with_help(
        "use `toolgate emit envoy`, let the token that names the principal be the capability, or verify \
         approvals with `approvals.keys`",
    ))
}

/// A token in a header of its own: a capability, or an approval.
struct HeaderToken<'a> {
    token: &'a str,
    header: OwnHeader,
    /// Whether the filter itself checks its audience.
    checks_audience: bool,
    /// The name of the gate, if the token is for it.
    gate: Option<&'a str>,
    /// Why the bundle needs it.
    need: &'static str,
}

impl<'a> HeaderToken<'a> {
    fn named(manifest: &'a Manifest, name: &str) -> Option<Self> {
        Self::all(manifest).find(|each| each.token == name)
    }

    fn all(manifest: &'a Manifest) -> impl Iterator<Item = Self> {
        let capability = |(each, header): (&'a CapabilityMapping, &str)| Self {
            token: &each.token,
            header: OwnHeader {
                name: header.to_owned(),
                failure: each.failure_name(),
                comment: "The header of the bundle's capability. It goes on to the tool server.",
            },
            checks_audience: each.audience.is_some() || !each.require.is_empty(),
            gate: None,
            need: "the bundle limits calls by the token",
        };
        manifest.identity.in_own_headers().map(capability).chain(Self::of_approvals(manifest))
    }

    fn of_approvals(manifest: &'a Manifest) -> Option<Self> {
        let settings = manifest.approvals.as_ref()?;
        let (token, failure) = settings.verified_under()?;
        let comment = "The header with an approval, which toolgate needs and removes.";
        let header = OwnHeader { name: approval::HEADER.to_owned(), failure, comment };
        let need = "the bundle takes approvals from the token";
        let gate = manifest.issuer.as_ref().map(Issuer::as_str);
        Some(Self { token, header, checks_audience: true, gate, need })
    }
}

/// Tokens in headers of their own of which no issuer is named.
fn unnamed(manifest: &Manifest, names: &[&str]) -> Vec<Problem> {
    let unnamed = HeaderToken::all(manifest).filter(|each| !names.contains(&each.token));
    let problem = |HeaderToken { token, need, .. }: HeaderToken<'_>| {
        missing(&format!("--issuer {token}=…"), &format!("{need} `{token}`: say whose"))
    };
    unnamed.map(problem).collect()
}

const NO_AUDIENCE: &str = "without it, a token for any other service would do; if another claim says for whom a \
     token is, demand it in `identity.principal.require`";
const NO_AUDIENCE_OF_ONE: &str =
    "without it, a token for any other service would do; or write `audience` into the capability";
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
