//! Finds similar names.

/// The largest edit distance that counts as a typing error.
const SLIP: usize = 2;

/// The name that was probably meant.
pub(in crate::cli) fn nearest<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let distance = |known: &str| strsim::osa_distance(&name.to_lowercase(), &known.to_lowercase());
    let near = known.into_iter().map(|known| (distance(known), known));
    // In a short name, two changed letters make a different name.
    let limit = SLIP.min(name.chars().count().saturating_sub(1) / 2);
    near.filter(|(distance, _)| *distance <= limit).min().map(|(_, known)| known)
}

/// `did you mean …`, if a name is similar.
pub(in crate::cli) fn did_you_mean<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(name, known).map(|known| format!("did you mean `{known}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant() {
        let known = ["reason", "severity", "id"];
        let nearest = |name: &str| nearest(name, known);
        assert_eq!(nearest("resaon"), Some("reason"));
        assert_eq!(nearest("Severity"), Some("severity"));
        assert_eq!(nearest("owner"), None);
        assert_eq!(nearest("at"), None);
        assert_eq!(nearest("x"), None);
    }
}
