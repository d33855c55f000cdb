//! What the operator says.

use std::path::PathBuf;
use std::time::Duration;

use hyper::Uri;
use hyper::header::HeaderName;
use serde_json::{Map, Value};

use crate::cli::http::Listen;
use crate::cli::input::key;
use crate::cli::output::exit::Stop;
use crate::cli::output::report::Problem;
use crate::json;
use crate::key::{PrivateKey, PublicKey};

/// The keys, and the name. They are required, unless a subcommand is given in their place.
#[derive(Debug, clap::Args)]
pub(super) struct Parties {
    /// Sign approvals with this Ed25519 private key, PKCS#8 in PEM; gates have its public key
    #[arg(long, required = true, value_name = "KEY.pem")]
    key: Option<PathBuf>,
    /// The URL by which gates know this service: `aud` of their requests, `iss` of approvals
    #[arg(long, required = true, value_name = "URL")]
    name: Option<String>,
    /// Believe requests that this public key verifies; repeat it for further gates
    #[arg(long = "gate-key", required = true, value_name = "KEY.pub.pem")]
    gate_keys: Vec<PathBuf>,
    /// How long an approval can be used, if the request does not end sooner
    #[arg(long, default_value = "5m", value_parser = span, value_name = "SPAN")]
    valid_for: Duration,
}

/// The service.
#[derive(Debug, clap::Args)]
pub(super) struct ServiceArguments {
    #[command(flatten)]
    parties: Parties,
    #[command(flatten)]
    pub(super) listen: Listen,
    /// The request header with the verified claims of the approver, as JSON or as the base64url of
    /// a JWT's payload; the proxy in front must set it, and remove what clients send
    #[arg(long, value_name = "NAME", required_unless_present = "approver")]
    approver_header: Option<HeaderName>,
    /// Everybody who opens the page is this person, a JSON object of claims: only to try it out, on
    /// a loopback address
    #[arg(long, value_name = "JSON", value_parser = claims, conflicts_with = "approver_header")]
    approver: Option<Claims>,
    /// The claim whose value the page shows as the name of the approver
    #[arg(long, default_value = "sub", value_name = "CLAIM")]
    approver_claim: String,
    /// Keep requests and decisions in this file, and begin with what is in it
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Tell this URL of every new request, without its arguments: a POST of JSON
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
}

/// The claims of a person.
pub(super) type Claims = Map<String, Value>;

/// What the operator says, checked.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) name: String,
    /// Host and port of the name.
    pub(super) authority: String,
    pub(super) key: PrivateKey,
    pub(super) gates: Vec<PublicKey>,
    /// In seconds.
    pub(super) valid_for: i64,
    pub(super) listen: Listen,
    pub(super) approver: Source,
    pub(super) approver_claim: String,
    pub(super) state: Option<PathBuf>,
    pub(super) webhook: Option<String>,
}

/// Where the approver is named.
#[derive(Debug)]
pub(super) enum Source {
    /// In this header.
    Header(HeaderName),
    /// On the command line.
    Fixed(Claims),
}

/// The keys and the name, read.
pub(super) struct Known {
    pub(super) name: String,
    pub(super) authority: String,
    pub(super) key: PrivateKey,
    pub(super) gates: Vec<PublicKey>,
    pub(super) valid_for: i64,
}

impl Parties {
    /// Reads the keys.
    pub(super) fn read(&self) -> Result<Known, Stop> {
        // clap requires both.
        let (Some(key), Some(name)) = (&self.key, &self.name) else {
            return Err(Problem::new("there is no `--key` or no `--name`").into());
        };
        let gates = self.gate_keys.iter().map(|path| key::public(path));
        Ok(Known {
            name: name.clone(),
            authority: authority(name)?,
            key: key::private(key, "approvals")?,
            gates: gates.collect::<Result<_, _>>()?,
            valid_for: i64::try_from(self.valid_for.as_secs()).unwrap_or(i64::MAX),
        })
    }
}

impl ServiceArguments {
    /// Reads the keys, and checks the rest.
    pub(super) fn read(&self) -> Result<Settings, Stop> {
        let Known { name, authority, key, gates, valid_for } = self.parties.read()?;
        let listen = self.listen;
        let approver = match (&self.approver_header, &self.approver) {
            (Some(name), _) => Source::Header(name.clone()),
            (None, Some(_)) if !listen.is_loopback() => {
                let message = format!(
                    "`--approver` makes everybody who reaches `{}` the same approver",
                    listen.address()
                );
                let help = "it is for loopback addresses; `--approver-header` names the header \
                            with the identity that a proxy has verified";
                return Err(Problem::new(message).with_help(help).into());
            }
            (None, Some(claims)) => Source::Fixed(claims.clone()),
            // clap requires one of them.
            (None, None) => return Err(Problem::new("there is no approver").into()),
        };
        let settings = Settings {
            name,
            authority,
            key,
            gates,
            valid_for,
            listen,
            approver,
            approver_claim: self.approver_claim.clone(),
            state: self.state.clone(),
            webhook: self.webhook.clone(),
        };
        Ok(settings)
    }
}

impl Settings {
    /// The address of the page of a request.
    pub(super) fn page(&self, id: &str) -> String {
        format!("{}/requests/{id}", self.name.trim_end_matches('/'))
    }
}

/// Host and port of a URL.
fn authority(url: &str) -> Result<String, Problem> {
    let parsed: Option<Uri> = url.parse().ok();
    let web = parsed.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
    let authority = web.and_then(|uri| uri.authority().map(|it| it.as_str().to_owned()));
    authority.filter(|authority| !authority.contains('@')).ok_or_else(|| {
        let help = "`--name` is such as `https://approvals.example.com`, as gates know it";
        Problem::new(format!("`{url}` is no URL of a service")).with_help(help)
    })
}

/// A span of time, of at least a second and at most a day.
fn span(text: &str) -> Result<Duration, String> {
    const DAY: Duration = Duration::from_hours(24);
    let span = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let fits = (Duration::from_secs(1)..=DAY).contains(&span);
    if fits { Ok(span) } else { Err("it must be `1s` to `1d`".to_owned()) }
}

/// The most bytes of an approver's claims.
const LONGEST_CLAIMS: usize = 4_000;

/// Claims from the text of an object.
pub(super) fn claims(text: &str) -> Result<Claims, String> {
    if text.len() > LONGEST_CLAIMS {
        return Err(format!("the claims have more than {LONGEST_CLAIMS} bytes"));
    }
    let read = json::unique(text).and_then(|()| serde_json::from_str(text));
    read.map_err(|error| format!("the claims are no JSON object: {error}"))
}
