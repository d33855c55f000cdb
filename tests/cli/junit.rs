//! `toolgate test --junit`: checks the JUnit XML as its readers parse it.

use std::collections::BTreeMap;

use xml::reader::{EventReader, XmlEvent};

use super::sandbox::{Sandbox, check_text, without_digests};

const CASES: &str = "tests/notes.yaml";

/// An element with its content.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    children: Vec<Element>,
    text: String,
}

impl Element {
    fn read(xml: &str) -> Self {
        let mut open = vec![Self::default()];
        for event in EventReader::from_str(xml) {
            match event.unwrap_or_else(|error| panic!("{error}: {xml}")) {
                XmlEvent::StartElement { name, attributes, .. } => {
                    let attributes = attributes.into_iter();
                    let attributes = attributes.map(|a| (a.name.local_name, a.value)).collect();
                    let name = name.local_name;
                    open.push(Self { name, attributes, ..Self::default() });
                }
                XmlEvent::EndElement { .. } => {
                    let closed = open.pop().unwrap();
                    open.last_mut().unwrap().children.push(closed);
                }
                XmlEvent::Characters(text) => open.last_mut().unwrap().text.push_str(&text),
                XmlEvent::Whitespace(_)
                | XmlEvent::StartDocument { .. }
                | XmlEvent::EndDocument
                | XmlEvent::Doctype { .. } => {}
                XmlEvent::ProcessingInstruction { .. }
                | XmlEvent::CData(_)
                | XmlEvent::Comment(_) => panic!("no reader expects this: {xml}"),
            }
        }
        open.pop().unwrap().children.pop().unwrap()
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    fn count(&self, attribute: &str) -> usize {
        self.attributes[attribute].parse().unwrap()
    }

    /// Asserts that the element has only what the JUnit XML schema allows at this place.
    fn check(&self, attributes: &[&str], required: &[&str], children: &[&str]) {
        for name in self.attributes.keys() {
            assert!(attributes.contains(&name.as_str()), "{}: {name}", self.name);
        }
        for name in required {
            assert!(self.attributes.get(*name).is_some_and(|value| !value.is_empty()), "{name}");
        }
        for child in &self.children {
            assert!(children.contains(&child.name.as_str()), "{}: {}", self.name, child.name);
        }
    }
}

/// Parses the output of a run and checks the rules that readers rely on.
fn junit(sandbox: &Sandbox, line: &str) -> Element {
    sandbox.run(&format!("{line} --junit report.xml"));
    let report = Element::read(&sandbox.read("report.xml"));
    assert_eq!(report.name, "testsuites");
    report.check(&["name", "tests", "failures", "errors"], &["name"], &["testsuite"]);
    for suite in report.all("testsuite") {
        let counts = ["name", "tests", "failures", "errors", "skipped"];
        suite.check(&counts, &counts, &["properties", "testcase"]);
        // Properties come first, and once.
        let properties = suite.children.iter().position(|child| child.name == "properties");
        assert!(properties.is_none_or(|position| position == 0));
        for property in suite.all("properties").flat_map(|properties| properties.all("property")) {
            property.check(&["name", "value"], &["name", "value"], &[]);
        }
        let mut names = std::collections::BTreeSet::new();
        for test in suite.all("testcase") {
            test.check(
                &["name", "classname", "file", "line"],
                &["name", "classname", "file"],
                &["failure"],
            );
            assert!(names.insert(&test.attributes["name"]), "{names:?}");
            for failure in test.all("failure") {
                failure.check(&["type", "message"], &["type", "message"], &[]);
            }
        }
        let failed = suite.all("testcase").filter(|test| test.all("failure").next().is_some());
        assert_eq!(suite.count("tests"), suite.all("testcase").count());
        assert_eq!(suite.count("failures"), failed.count());
    }
    for count in ["tests", "failures"] {
        let total: usize = report.all("testsuite").map(|suite| suite.count(count)).sum();
        assert_eq!(report.count(count), total, "{count}");
    }
    report
}

#[test]
fn cases_and_minimums_are_tests() {
    let sandbox = Sandbox::with(&[
        ("bundle.yaml", "version: 1", "version: 1\ncoverage: { read: 100, write: 100 }"),
        (CASES, "policies: [few-stars]", "policies: [readers-read]"),
    ]);
    let report = junit(&sandbox, "test bundle");
    let suites: Vec<_> = report.all("testsuite").collect();
    assert_eq!(suites[0].attributes["name"], "bundle/tests/notes.yaml");
    assert_eq!((suites[0].count("tests"), suites[0].count("failures")), (5, 1));
    let failed = suites[0].all("testcase").find(|test| !test.children.is_empty()).unwrap();
    assert_eq!(failed.attributes["name"], "too many stars");
    assert_eq!(failed.attributes["line"], "18");
    let failure = failed.all("failure").next().unwrap();
    assert_eq!(failure.attributes["message"], "not as expected: policies");
    assert!(failure.text.contains("expected readers-read"), "{}", failure.text);
    assert_eq!(suites[1].attributes["name"], "coverage");
    let minimums: Vec<_> = suites[1].all("testcase").map(|test| &test.attributes["name"]).collect();
    assert_eq!(minimums, ["100 % of read is reached", "100 % of write is reached"]);
    check_text("junit", &without_digests(&sandbox.read("report.xml")));
}

#[test]
fn a_missing_minimum_is_a_failure() {
    let report = junit(&Sandbox::new(), "test bundle --minimum 100");
    let coverage = report.all("testsuite").last().unwrap();
    let failure = coverage.all("testcase").find_map(|test| test.all("failure").next()).unwrap();
    assert!(failure.text.contains("no case in which policies refuse it"), "{}", failure.text);
}

#[test]
fn no_name_breaks_the_xml() {
    let odd = r#"name: "a <b> & \"c\" ]]> \u0001\uFFFE 😀\nd""#;
    let sandbox =
        Sandbox::with(&[(CASES, "name: nobody", odd), (CASES, "status: 401", "status: 403")]);
    let report = junit(&sandbox, "test bundle");
    let names: Vec<_> = report
        .all("testsuite")
        .flat_map(|suite| suite.all("testcase"))
        .map(|test| test.attributes["name"].as_str())
        .collect();
    assert!(names.contains(&"a <b> & \"c\" ]]> \u{fffd}\u{fffd} 😀\nd"), "{names:?}");
}
