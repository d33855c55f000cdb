//! The proxy-wasm edge: host calls → events, effects → host calls. It makes no decisions.

mod approvals;
mod clock;
mod host;
mod memory;
mod plugin;
mod random;
mod rate_limit;
mod stats;
mod stream;

use proxy_wasm::types::LogLevel;

use plugin::Plugin;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Plugin::default()));
}}
