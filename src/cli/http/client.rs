//! Connects to servers. The only module that does.

use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::cli::output::escape::shown;
use crate::cli::output::report::Problem;

/// A client for a URL, each of whose requests has this much time; `example` is such a URL.
pub(in crate::cli) fn agent(
    url: &str,
    patience: Duration,
    example: &str,
) -> Result<Agent, Problem> {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    let tls = match scheme {
        Some("http") => None,
        Some("https") => Some(trusted()?),
        Some(_) | None => {
            let problem = Problem::new(format!("`{}` is no URL of a server", shown(url)));
            return Err(problem.with_help(format!("such as `{example}`")));
        }
    };
    let config = Agent::config_builder()
        .http_status_as_error(false)
        // A redirected request could take the headers, with a token in them, elsewhere.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(patience))
        .user_agent(concat!("toolgate/", env!("CARGO_PKG_VERSION")));
    let config = match tls {
        Some(tls) => config.tls_config(tls),
        None => config,
    };
    Ok(config.build().new_agent())
}

/// What the system trusts: company servers have certificates of the company.
fn trusted() -> Result<TlsConfig, Problem> {
    let found = rustls_native_certs::load_native_certs();
    let certificates: Vec<_> =
        found.certs.iter().map(|der| Certificate::from_der(der.as_ref()).to_owned()).collect();
    if certificates.is_empty() {
        let help = "SSL_CERT_FILE names a file with them";
        return Err(Problem::new("the system has no trusted certificates").with_help(help));
    }
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::from(certificates))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build())
}
