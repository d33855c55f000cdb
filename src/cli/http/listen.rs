//! Where a service listens.

use std::net::SocketAddr;

use crate::cli::output::report;

/// Where a service listens.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(in crate::cli) struct Listen {
    /// Listen on this address; any other than loopback is reached by others, so put a proxy with
    /// TLS in front of it
    #[arg(long = "listen", default_value = "127.0.0.1:8181", value_name = "ADDRESS")]
    address: SocketAddr,
}

impl Listen {
    /// The address.
    pub(in crate::cli) fn address(self) -> SocketAddr {
        self.address
    }

    /// Warns of an address that others reach.
    pub(in crate::cli) fn warn(self) {
        if !self.is_loopback() {
            report::talk(&format!(
                "warning: `{}` is reached from other machines, without TLS; let only the proxy in \
                 front of it through\n",
                self.address
            ));
        }
    }

    /// Whether only this machine reaches it.
    pub(in crate::cli) fn is_loopback(self) -> bool {
        self.address.ip().to_canonical().is_loopback()
    }

    #[cfg(test)]
    pub(in crate::cli) fn at(address: &str) -> Self {
        Self { address: address.parse().unwrap() }
    }
}
