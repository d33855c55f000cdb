//! Checks that tools which run other tools have some to run.

use crate::bundle::{Code, Document, Finding, Site};
use crate::tool::Tool;

/// Findings about the servers of inner tools.
pub(super) fn findings(document: &Document, tools: &[Tool]) -> Vec<Finding> {
    let finding = |tool: &Tool| {
        let mark = tool.marks().wraps.as_ref()?;
        let server = mark.server.as_deref().unwrap_or_else(|| tool.server());
        let key = format!("servers.{}.tools.{}.wraps", tool.server(), tool.name());
        if !document.manifest.servers.contains_key(server) {
            let message = format!("server `{server}` is not in `servers`");
            let site = Site::Manifest(format!("{key}.server"));
            let help = "name the server whose tools it runs, with a tools file of its own";
            return Some(Finding::new(Code::InnerMapping, site, message).with_help(help));
        }
        let can_be_inner = |it: &Tool| it.server() == server && it.marks().wraps.is_none();
        (!tools.iter().any(can_be_inner)).then(|| {
            let message = format!("every call is refused: server `{server}` has no tool to run");
            let help = "an inner call cannot have one itself: list the inner tools in a tools file, \
                 and name its server with `server`";
            let site = Site::Manifest(key);
            Finding::new(Code::InnerMapping, site, message).with_help(help)
        })
    };
    tools.iter().filter_map(finding).collect()
}
