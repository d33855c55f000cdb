//! Host calls with their results as values. No failure is a default that forwards.
//!
//! The SDK turns a status that it does not expect into a trap; Envoy then answers 503 and, with
//! `FAIL_RELOAD`, makes a new VM.

use std::net::SocketAddr;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType, Status};

use super::entropy::Entropy;
use crate::exchange::{Arrival, HeaderChange};
use crate::head::Head;
use crate::header;
use crate::identity::Evidence;
use crate::record::{self, GateField, Record};

/// Everything the gate needs to know when a request's headers are complete, and the time when it was
/// known.
pub(super) fn arrival(entropy: &Entropy) -> Result<(Arrival, SystemTime), String> {
    let fields =
        hostcalls::get_map_bytes(MapType::HttpRequestHeaders).map_err(failed("headers"))?;
    let (head, evidence) = (Head::new(fields), evidence());
    let source_ip = text(&["source", "address"])?
        .and_then(|address| address.parse::<SocketAddr>().ok())
        .map(|address| address.ip());
    let entropy = entropy.draw()?;
    let known = time()?;
    Ok((Arrival { head, evidence, source_ip, time: utc(known)?, entropy }, known))
}

fn evidence() -> Result<Evidence, String> {
    Ok(Evidence::Encoded {
        metadata: property(&["metadata"])?.unwrap_or_default(),
        peer: text(&["connection", "uri_san_peer_certificate"])?,
    })
}

/// The host's time.
pub(super) fn now() -> Result<DateTime<Utc>, String> {
    utc(time()?)
}

fn time() -> Result<SystemTime, String> {
    hostcalls::get_current_time().map_err(failed("time"))
}

fn utc(time: SystemTime) -> Result<DateTime<Utc>, String> {
    let elapsed = time.duration_since(SystemTime::UNIX_EPOCH).ok();
    let millis = elapsed.and_then(|elapsed| i64::try_from(elapsed.as_millis()).ok());
    millis
        .and_then(DateTime::from_timestamp_millis)
        .ok_or_else(|| "the host's time is out of range".to_owned())
}

/// The whole body of a request that is complete.
pub(super) fn body(size: usize) -> Result<Vec<u8>, String> {
    if size == 0 {
        return Ok(Vec::new());
    }
    let body =
        hostcalls::get_buffer(BufferType::HttpRequestBody, 0, size).map_err(failed("body"))?;
    let body = body.unwrap_or_default();
    if body.len() == size { Ok(body) } else { Err("the body is not all there".to_owned()) }
}

/// Puts records where access logs find them.
pub(super) fn publish(records: &[Record]) -> Result<(), Status> {
    let Some(first) = records.first() else { return Ok(()) };
    set("toolgate.record", &record::to_lines(records))?;
    // The flat keys tell of the call that decided the request: the first refused in its own right.
    let deciding = records.iter().find(|record| record.decides()).unwrap_or(first);
    set("toolgate.id", &deciding.id)?;
    set("toolgate.decision", deciding.decision.as_str())?;
    set("toolgate.reason", deciding.reason.as_str())?;
    set("toolgate.policy", &deciding.policies.join(" "))?;
    set("toolgate.tool", deciding.tool.as_deref().unwrap_or_default())?;
    let principal = deciding.principal.as_ref().map(|principal| principal.entity.as_str());
    set("toolgate.principal", principal.unwrap_or_default())?;
    let actor = deciding.actor.as_ref().map(|actor| actor.entity.as_str());
    set("toolgate.actor", actor.unwrap_or_default())
}

/// Only a key of one segment can be read as `%FILTER_STATE(wasm.<key>:PLAIN)%`.
fn set(key: &str, value: &str) -> Result<(), Status> {
    if value.is_empty() {
        return Ok(());
    }
    hostcalls::set_property(vec![key], Some(value.as_bytes()))
}

/// Changes the headers of a request that is about to pass.
pub(super) fn change_headers(changes: &[HeaderChange]) -> Result<(), Status> {
    let map = MapType::HttpRequestHeaders;
    changes.iter().try_for_each(|change| match change {
        HeaderChange::Remove(name) => hostcalls::set_map_value(map, name, None),
        HeaderChange::Set(name, value) => hostcalls::set_map_value(map, name, Some(value)),
    })
}

/// Removes fields that only the gate may set.
pub(super) fn strip_reserved(map: MapType) -> Result<(), String> {
    let fields = Head::new(hostcalls::get_map_bytes(map).map_err(failed("trailers"))?);
    fields
        .names_with_prefix(header::RESERVED)
        .into_iter()
        .try_for_each(|name| hostcalls::set_map_value(map, name, None).map_err(failed("trailers")))
}

/// How records name this gate. Envoy knows these names; without them the record has empty ones.
/// Every worker has a VM of its own under one id, so a random tag, drawn anew with every
/// configuration, tells them apart.
pub(super) fn site() -> GateField {
    let name = |path: &[&str]| text(path).ok().flatten().unwrap_or_default();
    let vm = name(&["plugin_vm_id"]);
    GateField {
        node: name(&["xds", "node", "id"]),
        plugin: name(&["plugin_name"]),
        vm: getrandom::u32().map_or_else(|_| vm.clone(), |tag| format!("{vm}-{tag:08x}")),
    }
}

fn text(path: &[&str]) -> Result<Option<String>, String> {
    property(path)?
        .map(|bytes| String::from_utf8(bytes).map_err(|_| format!("property {path:?} is not text")))
        .transpose()
}

fn property(path: &[&str]) -> Result<Option<Vec<u8>>, String> {
    hostcalls::get_property(path.to_vec())
        .map_err(|status| format!("property {path:?} failed with status {status:?}"))
}

fn failed(what: &str) -> impl Fn(Status) -> String + '_ {
    move |status| format!("{what} failed with status {status:?}")
}
