//! A filter that makes toolgate's calls to Envoy for a permitted call, and computes nothing: what it takes
//! to hear of a request and to leave evidence of it, whatever a filter in Wasm does in between.

use std::cell::OnceCell;
use std::hint::black_box;
use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType, MapType, MetricType, Status};

/// As long as a record of the benchmark's call.
const RECORD_BYTES: usize = 1800;
/// As long as the object that toolgate publishes besides the record.
const OBJECT_BYTES: usize = 300;
/// What all workers share, which is empty as long as no tool has changed.
const SHARED: &str = "calls.changed_tools";
/// `DeclarePropertyArguments` of an object `calls`, as toolgate declares its own.
const DECLARATION: &[u8] =
    b"\x0a\x05calls\x18\x03\x22\x2atype.googleapis.com/google.protobuf.Struct";
const HEADERS: [(&str, &str); 2] = [
    (
        "calls-decision",
        "permit;reason=permitted;policy=\"rep-moves-money\";bundle=\"bench@11 sha256:3bcf9810d37b\";id=\"019aa7f0\"",
    ),
    ("calls-identity", "principal=\"User::alice\", actor=\"Agent::support-bot\""),
];

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Plugin::default()));
}}

#[derive(Default)]
struct Plugin(Rc<Metrics>);

/// A counter and a histogram, defined by the first request.
#[derive(Default)]
struct Metrics(OnceCell<[u32; 2]>);

impl Context for Plugin {}

impl RootContext for Plugin {
    fn on_configure(&mut self, _: usize) -> bool {
        hostcalls::set_shared_data(SHARED, Some(&[]), None).ok();
        hostcalls::call_foreign_function("declare_property", Some(DECLARATION)).is_ok()
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream(Rc::clone(&self.0))))
    }
}

struct Stream(Rc<Metrics>);

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        // What is heard must not be optimised away with the call that tells it.
        black_box(hostcalls::get_map_bytes(MapType::HttpRequestHeaders)).ok();
        for path in
            [&["metadata"][..], &["source", "address"], &["connection", "mtls"]]
        {
            black_box(hostcalls::get_property(path.to_vec())).ok();
        }
        black_box(hostcalls::get_current_time()).ok();
        black_box(hostcalls::get_shared_data(SHARED)).ok();
        if end_of_stream { Action::Continue } else { Action::Pause }
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if !end_of_stream {
            return Action::Pause;
        }
        black_box(hostcalls::get_buffer(BufferType::HttpRequestBody, 0, size)).ok();
        // A request without its evidence would make a filter look cheaper than it is.
        if self.0.leave().is_ok() { Action::Continue } else { Action::Pause }
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        for (name, _) in HEADERS {
            hostcalls::set_map_value(MapType::HttpResponseHeaders, name, None).ok();
        }
        Action::Continue
    }
}

impl Metrics {
    fn leave(&self) -> Result<(), Status> {
        let began = hostcalls::get_current_time()?;
        for (name, value) in HEADERS {
            hostcalls::set_map_value(MapType::HttpRequestHeaders, name, Some(value))?;
        }
        hostcalls::set_property(vec!["calls.record"], Some(&[b'r'; RECORD_BYTES]))?;
        hostcalls::set_property(vec!["calls"], Some(&[b'o'; OBJECT_BYTES]))?;
        let [counter, histogram] = self.defined()?;
        hostcalls::increment_metric(counter, 1)?;
        let took = hostcalls::get_current_time()?.duration_since(began).unwrap_or_default();
        hostcalls::record_metric(histogram, u64::try_from(took.as_micros()).unwrap_or(u64::MAX))
    }

    fn defined(&self) -> Result<[u32; 2], Status> {
        if let Some(metrics) = self.0.get() {
            return Ok(*metrics);
        }
        let counter = hostcalls::define_metric(MetricType::Counter, "calls.permitted")?;
        let histogram = hostcalls::define_metric(MetricType::Histogram, "calls.took_us")?;
        Ok(*self.0.get_or_init(|| [counter, histogram]))
    }
}
