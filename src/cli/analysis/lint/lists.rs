//! Finds servers whose list of tools is longer than a response that the gate reads.

use super::world::World;
use crate::bundle::{Code, Finding, Site};

/// One finding for each such server. The document has no descriptions, so the list is longer than
/// what is counted here.
pub(super) fn check(world: &World<'_>) -> Vec<Finding> {
    let limits = world.document.manifest.limits;
    let longest = limits.body_bytes.min(limits.response_bytes);
    let servers = world.document.tools.iter().filter_map(|(server, tools)| {
        let length = serde_json::to_string(tools).ok()?.len();
        (length > longest).then(|| finding(server, length, longest))
    });
    servers.collect()
}

fn finding(server: &str, length: usize, longest: usize) -> Finding {
    let site = Site::Manifest(format!("servers.{server}"));
    let message = format!(
        "the tools have {length} bytes without their descriptions, and a list of more than \
         {longest} bytes is refused"
    );
    let help = "raise `limits.body_bytes` and, if it is lower, `limits.response_bytes`";
    Finding::new(Code::LongList, site, message).with_help(help)
}
