//! The host calls of the filter, except those for metrics, for the local reply and for response
//! headers. No failure falls back to a default that forwards.
//!
//! The SDK traps on a status that it does not expect; Envoy then replies with 503 and, with
//! `FAIL_RELOAD`, creates a new VM.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use prost::Message as _;
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType, Status};

use super::clock;
use super::random::Random;
use crate::bundle::Bundle;
use crate::exchange::{Arrival, HeaderChange, OBJECT, never_left};
use crate::gate::{Change, ChangedTools, GateId};
use crate::head::Head;
use crate::header;
use crate::identity::{Certificate, Evidence};
use crate::jose::Signer;
use crate::mcp::SessionKey;
use crate::memory::{Recalled, Secret, Slot, Stored, Write};

/// The input of the gate when a request's headers are complete, and the time at which it was
/// collected.
pub(super) fn arrival(random: &Random) -> Result<(Arrival, SystemTime), String> {
    let fields =
        hostcalls::get_map_bytes(MapType::HttpRequestHeaders).map_err(failed("headers"))?;
    let (head, evidence) = (Head::new(fields), evidence());
    let source_ip = text(&["source", "address"])?
        .and_then(|address| address.parse::<SocketAddr>().ok())
        .map(|address| address.ip());
    let entropy = random.draw()?;
    let known = time()?;
    let changed = Arc::new(changed_tools()?);
    let (time, approval) = (utc(known)?, None);
    Ok((Arrival { head, evidence, source_ip, time, entropy, changed, approval }, known))
}

fn evidence() -> Result<Evidence, String> {
    Ok(Evidence::Encoded { metadata: property(&["metadata"])?.unwrap_or_default(), peer: peer()? })
}

/// The certificate of the peer. No attribute has all of its URIs, so the configuration stores them in
/// filter state, before any filter that could change it for the client.
fn peer() -> Result<Option<Certificate>, String> {
    let has_certificate = property(&["connection", "mtls"])?;
    if has_certificate.is_none_or(|it| it.iter().all(|byte| *byte == 0)) {
        return Ok(None);
    }
    let uris = text(&["filter_state", PEER_URIS])?;
    Ok(Some(Certificate::listed(uris.as_deref())))
}

/// The filter state with the URIs of the peer's certificate, separated by commas, or `-`.
const PEER_URIS: &str = "toolgate.peer_uris";

/// The host's clock.
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

/// The complete body of a request.
pub(super) fn body(size: usize) -> Result<Vec<u8>, String> {
    buffered(BufferType::HttpRequestBody, size)
}

/// As many bytes as Envoy says that it has buffered.
pub(super) fn buffered(kind: BufferType, size: usize) -> Result<Vec<u8>, String> {
    if size == 0 {
        return Ok(Vec::new());
    }
    let body = hostcalls::get_buffer(kind, 0, size).map_err(failed("body"))?.unwrap_or_default();
    if body.len() == size { Ok(body) } else { Err("the body is not all there".to_owned()) }
}

/// Drops the buffered part of a request's body and returns it.
pub(super) fn drain(size: usize) -> Result<Vec<u8>, String> {
    let dropped = body(size)?;
    hostcalls::set_buffer(BufferType::HttpRequestBody, 0, size, &[]).map_err(failed("body"))?;
    Ok(dropped)
}

/// Replaces everything that is buffered of a request's body, and checks that nothing else is left.
pub(super) fn replace_body(body: &[u8]) -> Result<(), String> {
    let (kind, all) = (BufferType::HttpRequestBody, usize::MAX);
    hostcalls::set_buffer(kind, 0, all, body).map_err(failed("body"))?;
    let left = hostcalls::get_buffer(kind, 0, all).map_err(failed("body"))?;
    if left.as_deref() == Some(body) { Ok(()) } else { Err("the body was not replaced".to_owned()) }
}

/// Declares the object's filter state, so that access logs and other filters can read its members.
/// It must be declared before a request sets it.
pub(super) fn declare() -> Result<(), String> {
    let arguments = DeclareProperty {
        name: OBJECT.to_owned(),
        kind: PROTOBUF,
        schema: "type.googleapis.com/google.protobuf.Struct".to_owned(),
    };
    hostcalls::call_foreign_function("declare_property", Some(&arguments.encode_to_vec()))
        .map(drop)
        .map_err(failed("declare_property"))
}

/// `envoy.source.extensions.common.wasm.DeclarePropertyArguments`, with the life span of a stream.
#[derive(Clone, PartialEq, prost::Message)]
struct DeclareProperty {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int32, tag = "3")]
    kind: i32,
    #[prost(string, tag = "4")]
    schema: String,
}

/// `WasmType.Protobuf`
const PROTOBUF: i32 = 3;

/// Publishes filter state for access logs.
pub(super) fn publish(filter_state: &[(&'static str, Vec<u8>)]) -> Result<(), String> {
    filter_state.iter().try_for_each(|(key, value)| {
        hostcalls::set_property(vec![key], Some(value)).map_err(failed("filter state"))
    })
}

/// The tools that differ from their pins, as all workers know them.
pub(super) fn changed_tools() -> Result<ChangedTools, String> {
    Ok(shared_changes()?.0)
}

/// The value that all workers share, and its version.
fn shared_changes() -> Result<(ChangedTools, Option<u32>), String> {
    let (bytes, version) = shared_data()?;
    let changed = ChangedTools::read(&bytes.unwrap_or_default());
    Ok((changed.ok_or("the shared data is not the gate's")?, version))
}

fn shared_data() -> Result<(Option<Vec<u8>>, Option<u32>), String> {
    hostcalls::get_shared_data(ChangedTools::KEY).map_err(failed("shared data"))
}

/// Begins the value that all workers share, if there is none. The host compares versions only of a
/// value that exists: of the first writes of two workers, one could be lost. Envoy configures a VM on
/// its main thread before workers have the configuration.
pub(super) fn begin_sharing() -> Result<(), String> {
    match shared_data()? {
        (_, Some(_)) => Ok(()),
        (_, None) => hostcalls::set_shared_data(ChangedTools::KEY, Some(&[]), None)
            .map_err(failed("shared data")),
    }
}

/// Makes changes known to all workers. Another worker may write at the same time, so it ends only once
/// the changes are read back.
pub(super) fn share(changes: &[Change], bundle: &Bundle) -> Result<(), String> {
    if changes.is_empty() {
        return Ok(());
    }
    for _ in 0..ATTEMPTS {
        let (mut known, version) = shared_changes()?;
        if known.has(changes) {
            return Ok(());
        }
        known.add(changes, bundle);
        match hostcalls::set_shared_data(ChangedTools::KEY, Some(&known.to_bytes()), version) {
            Ok(()) | Err(Status::CasMismatch) => {}
            Err(status) => return Err(failed("shared data")(status)),
        }
    }
    Err("the shared data is written all the time".to_owned())
}

/// Each attempt that fails means that another worker wrote.
const ATTEMPTS: usize = 1000;

/// The environment variable with the key for session ids, as 64 hexadecimal digits.
const SESSION_KEY: &str = "TOOLGATE_SESSION_KEY";

/// The key for session ids: that of the environment, which several proxies can share, or one that the
/// first VM of this proxy has drawn.
pub(super) fn session_key() -> Result<SessionKey, String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a secret does not belong into the configuration"
    )]
    let given = std::env::var(SESSION_KEY);
    if let Ok(digits) = given {
        let key = hex_key(&digits);
        return key.ok_or_else(|| format!("`{SESSION_KEY}` is not 64 hexadecimal digits"));
    }
    drawn("toolgate.session_key").map(SessionKey::new)
}

/// The environment variable with the keys that the gate signs with.
const SIGNING_KEY: &str = "TOOLGATE_SIGNING_KEY";

/// What the gate signs with.
pub(super) fn signer() -> Result<Signer, String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a secret does not belong into the configuration"
    )]
    let given = std::env::var(SIGNING_KEY);
    let given = given.map_err(|_| format!("`{SIGNING_KEY}` is missing, and the bundle signs"))?;
    given.parse().map_err(|error| format!("`{SIGNING_KEY}` {error}"))
}

/// The secret that decides where accounts and tasks are stored. It ends with them.
pub(super) fn memory_secret() -> Result<Secret, String> {
    drawn("toolgate.memory_secret").map(Secret::new)
}

/// Random bytes that the first VM of this proxy has drawn, and that all workers share.
fn drawn(name: &str) -> Result<[u8; 32], String> {
    let known = |value: (Option<Vec<u8>>, Option<u32>)| value.0?.try_into().ok();
    let shared = || hostcalls::get_shared_data(name).map_err(failed("shared data"));
    if let Some(bytes) = known(shared()?) {
        return Ok(bytes);
    }
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    hostcalls::set_shared_data(name, Some(&bytes), None).map_err(failed("shared data"))?;
    Ok(bytes)
}

fn hex_key(digits: &str) -> Option<SessionKey> {
    let digits = Some(digits.as_bytes()).filter(|digits| digits.len() == 64)?;
    let value = |digit: &u8| char::from(*digit).to_digit(16).and_then(|it| u8::try_from(it).ok());
    let byte = |[high, low]: &[u8; 2]| Some((value(high)? << 4) | value(low)?);
    let bytes = digits.as_chunks().0.iter().map(byte).collect::<Option<Vec<u8>>>()?;
    bytes.try_into().ok().map(SessionKey::new)
}

/// Begins memory in these slots, if there is none, for the same reason.
pub(super) fn begin_memory(
    mut slots: impl DoubleEndedIterator<Item = Slot> + Clone,
) -> Result<(), String> {
    let begun = |name: &str| {
        let value = hostcalls::get_shared_data(name).map_err(failed("shared data"))?;
        Ok::<_, String>(value.1.is_some())
    };
    // The last slot comes last.
    if slots.clone().next_back().is_some_and(|slot| begun(&slot.name()) == Ok(true)) {
        return Ok(());
    }
    slots.try_for_each(|slot| {
        if begun(&slot.name())? {
            return Ok(());
        }
        hostcalls::set_shared_data(&slot.name(), Some(&[]), None).map_err(failed("shared data"))
    })
}

/// What is remembered in these slots.
pub(super) fn recall(slots: &[Slot], stored: Vec<Write>) -> Result<Rc<Recalled>, String> {
    let read = |slot: &Slot| Ok((*slot, recall_slot(*slot)?));
    let slots = slots.iter().map(read).collect::<Result<_, String>>()?;
    Ok(Rc::new(Recalled { now: clock::millis(), slots, stored }))
}

/// What is remembered in a slot.
pub(super) fn recall_slot(slot: Slot) -> Result<Stored, String> {
    let value = hostcalls::get_shared_data(&slot.name()).map_err(failed("shared data"))?;
    Ok(Stored { bytes: value.0.unwrap_or_default(), version: value.1 })
}

/// Whether Envoy answers by itself because no server got the request. An attempt that is not counted
/// may have reached one.
pub(super) fn is_unsent() -> Result<bool, String> {
    let details = text(&["response", "code_details"])?;
    let attempts = property(&["upstream", "request_attempt_count"])?;
    let attempts = attempts.and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
    Ok(never_left(details.as_deref(), attempts))
}

/// Stores a part of memory; returns whether nobody else has stored there since it was read.
pub(super) fn remember(write: &Write) -> Result<bool, String> {
    let name = write.slot.name();
    match hostcalls::set_shared_data(&name, Some(&write.bytes), write.version) {
        Ok(()) => Ok(true),
        Err(Status::CasMismatch) => Ok(false),
        Err(status) => Err(failed("shared data")(status)),
    }
}

/// The headers of a response.
pub(super) fn response_head() -> Result<Head, String> {
    hostcalls::get_map_bytes(MapType::HttpResponseHeaders).map(Head::new).map_err(failed("headers"))
}

/// The encoded metadata of the listener, which has the size of its buffers; empty if it has none.
pub(super) fn listener_metadata() -> Result<Vec<u8>, String> {
    Ok(property(&["xds", "listener_metadata"])?.unwrap_or_default())
}

/// The next part of a response's body.
pub(super) fn response_body(size: usize) -> Result<Vec<u8>, String> {
    buffered(BufferType::HttpResponseBody, size)
}

/// Replaces the next part of a response's body.
pub(super) fn replace_response_body(size: usize, body: &[u8]) -> Result<(), String> {
    if size == 0 && body.is_empty() {
        return Ok(());
    }
    hostcalls::set_buffer(BufferType::HttpResponseBody, 0, size, body).map_err(failed("body"))
}

/// Changes the headers of a request before it is forwarded.
pub(super) fn change_headers(changes: &[HeaderChange]) -> Result<(), String> {
    change(MapType::HttpRequestHeaders, changes)
}

/// Changes the headers of a response before it is sent.
pub(super) fn change_response_headers(changes: &[HeaderChange]) -> Result<(), String> {
    change(MapType::HttpResponseHeaders, changes)
}

fn change(map: MapType, changes: &[HeaderChange]) -> Result<(), String> {
    changes.iter().try_for_each(|change| {
        let (name, value) = match change {
            HeaderChange::Remove(name) => (name.as_str(), None),
            HeaderChange::Set(name, value) => (*name, Some(value.as_str())),
        };
        hostcalls::set_map_value(map, name, value).map_err(failed("headers"))
    })
}

/// Removes all trailers of a request.
pub(super) fn drop_request_trailers() -> Result<(), String> {
    hostcalls::set_map(MapType::HttpRequestTrailers, Vec::new()).map_err(failed("trailers"))
}

/// Removes fields that only the gate may set from the trailers of a response.
pub(super) fn strip_reserved_response_trailers() -> Result<(), String> {
    let map = MapType::HttpResponseTrailers;
    let fields = Head::new(hostcalls::get_map_bytes(map).map_err(failed("trailers"))?);
    fields
        .names_with_prefix(header::RESERVED)
        .into_iter()
        .try_for_each(|name| hostcalls::set_map_value(map, name, None).map_err(failed("trailers")))
}

/// The identification of this gate in records. Envoy provides these names; if they are missing, the
/// record has empty ones. All workers' VMs have the same id, so a random tag, drawn again for every
/// configuration, distinguishes them.
pub(super) fn gate_id() -> GateId {
    let name = |path: &[&str]| text(path).ok().flatten().unwrap_or_default();
    let vm = name(&["plugin_vm_id"]);
    GateId {
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

pub(super) fn failed(what: &str) -> impl Fn(Status) -> String + '_ {
    move |status| format!("{what} failed with status {status:?}")
}
