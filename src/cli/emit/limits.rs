//! Size limits: the buffer that Envoy needs, and the largest text that can be delivered.

use crate::bundle::Limits;
use crate::cli::input::directory::Opened;
use crate::cli::output::report::Problem;

/// How many bytes of a call Envoy must be able to buffer: more than the bundle's limit, so that the
/// filter and not Envoy sends the local reply to a request that is too large.
pub(super) fn buffer(opened: &Opened) -> usize {
    buffer_for(opened.document.manifest.limits)
}

/// The same for these limits.
pub(in crate::cli) fn buffer_for(limits: Limits) -> usize {
    const LEAST: usize = 2 << 20;
    limits.body_bytes.saturating_mul(2).max(LEAST)
}

/// Returns the text unless it is too large to be delivered to the proxy.
pub(super) fn within(text: String, largest: usize, what: &str) -> Result<String, Vec<Problem>> {
    if text.len() <= largest {
        return Ok(text);
    }
    let problem = Problem::new(format!("{} bytes are more than {what}: {largest}", text.len()));
    Err(vec![problem.with_help("divide the bundle, one for each group of tool servers")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_for_its_way_is_refused() {
        assert_eq!(within("12".to_owned(), 2, "two").unwrap(), "12");
        let problems = within("123".to_owned(), 2, "what fits").unwrap_err();
        assert_eq!(problems[0].message, "3 bytes are more than what fits: 2");
    }
}
