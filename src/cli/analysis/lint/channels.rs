//! Finds channels that are likely of HTTP with SSE, the transport of 2024-11-05, and do not say so, and
//! servers that no channel leads to.

use std::collections::BTreeSet;

use super::world::World;
use crate::bundle::{Channel, Code, Finding, Site};
use crate::tool::Tool;

/// One finding for each such server. The tools of a server without a channel can also be run by those
/// of another one.
pub(super) fn missing(world: &World<'_>) -> Vec<Finding> {
    let manifest = &world.document.manifest;
    let wrapped = |tool: &Tool| {
        let mark = tool.marks().wraps.as_ref()?;
        Some(mark.server.clone().unwrap_or_else(|| tool.server().to_owned()))
    };
    let wrapped: BTreeSet<String> = world.tools.iter().copied().filter_map(wrapped).collect();
    let is_reached = |server: &str| {
        wrapped.contains(server) || manifest.channels.iter().any(|it| &*it.server == server)
    };
    let unreached = manifest.servers.keys().filter(|server| !is_reached(server));
    let finding = |server: &String| {
        let site = Site::Manifest(format!("servers.{server}"));
        let message = format!("no channel leads to `{server}`: nobody can call its tools");
        let help = format!("add `- {{ path: /{server}/mcp, server: {server} }}` to `channels`");
        Finding::new(Code::NoChannel, site, message).with_help(help)
    };
    unreached.map(finding).collect()
}

/// One finding for each such channel.
pub(super) fn check(world: &World<'_>) -> Vec<Finding> {
    let channels = &world.document.manifest.channels;
    let beside_stream = |channel: &Channel| {
        let streams = |other: &Channel| is_stream(other) || other.protocol.answers_on_stream();
        channels.iter().any(|other| other.server == channel.server && streams(other))
    };
    let silent = channels.iter().enumerate().filter(|(_, it)| !it.protocol.answers_on_stream());
    let likely =
        silent.filter(|(_, it)| is_stream(it) || (takes_messages(it) && beside_stream(it)));
    likely.map(|(position, channel)| finding(position, channel)).collect()
}

fn finding(position: usize, channel: &Channel) -> Finding {
    let site = Site::Manifest(format!("channels.{position}.path"));
    let message = format!("`{}` is likely a channel of HTTP with SSE", channel.path);
    let help = "add `protocol: sse`: clients of this transport ignore the reply to a refused call";
    Finding::new(Code::SseChannel, site, message).with_help(help)
}

fn is_stream(channel: &Channel) -> bool {
    last_segment(channel) == "sse"
}

fn takes_messages(channel: &Channel) -> bool {
    matches!(last_segment(channel), "message" | "messages")
}

fn last_segment(channel: &Channel) -> &str {
    let path = channel.path.trim_end_matches('/');
    path.rsplit('/').next().unwrap_or_default()
}
