//! Attributes of `context` that are found when a policy reads them.

use std::fmt::{self, Debug, Formatter};

use super::value::{self, Value};

/// Attributes of `context`. To find all of them for every call would take longer than to decide it.
pub trait LazyContext: Debug {
    /// What is at a path of attributes from `context`; `None` if there is nothing.
    fn at(&self, path: &[&str]) -> Option<LazyValue<'_>>;
}

/// What is at a path.
pub enum LazyValue<'a> {
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Long(i64),
    /// A decimal, in ten-thousandths.
    Decimal(i64),
    /// A set of strings.
    Texts(Vec<&'a str>),
    /// A record, with the names of its members. Those that are optional may not exist.
    Record(Box<dyn Iterator<Item = &'a str> + 'a>),
}

impl Debug for LazyValue<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("LazyValue")
    }
}

impl dyn LazyContext + '_ {
    /// The attributes for Cedar's evaluator, of those that are wanted; `None` if Cedar cannot represent
    /// one.
    pub fn in_cedar(&self, is_wanted: &dyn Fn(&[&str]) -> bool) -> Option<Vec<(String, Value)>> {
        let Some(LazyValue::Record(names)) = self.at(&[]) else { return Some(Vec::new()) };
        self.members(&[], names, is_wanted)
    }

    fn members<'a>(
        &'a self,
        path: &[&'a str],
        names: impl Iterator<Item = &'a str>,
        is_wanted: &dyn Fn(&[&str]) -> bool,
    ) -> Option<Vec<(String, Value)>> {
        let mut members = Vec::new();
        for name in names {
            let path = [path, &[name]].concat();
            let wanted = is_wanted(&path).then(|| self.at(&path)).flatten();
            let Some(found) = wanted else { continue };
            let value = match found {
                LazyValue::Bool(value) => Value::from(value),
                LazyValue::Long(number) => Value::from(number),
                LazyValue::Decimal(number) => value::decimal(number)?,
                LazyValue::Texts(texts) => value::set(texts.into_iter().map(Value::from)),
                LazyValue::Record(names) => {
                    let members = self.members(&path, names, is_wanted)?;
                    value::record(members.iter().map(|(name, it)| (name.as_str(), it.clone())))
                }
            };
            members.push((name.to_owned(), value));
        }
        Some(members)
    }
}
