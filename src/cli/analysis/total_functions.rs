//! Cedar functions that never fail on validated operands.

/// Extension functions that always have a result. Others, such as `offset`, can leave the range of
/// values.
pub(in crate::cli) const TOTAL: [&str; 15] = [
    "decimal",
    "ip",
    "datetime",
    "duration",
    "lessThan",
    "lessThanOrEqual",
    "greaterThan",
    "greaterThanOrEqual",
    "isIpv4",
    "isIpv6",
    "isLoopback",
    "isMulticast",
    "isInRange",
    "toTime",
    "toMilliseconds",
];
