//! Prints a test run as JUnit XML for continuous integration, as GitLab, Jenkins and GitHub's
//! reporters read it. Each file of cases is a test suite, and so are the coverage minimums.

use xml::EmitterConfig;
use xml::writer::{Error, EventWriter, XmlEvent};

use super::human::{differences, name};
use super::summary::Summary;
use crate::cli::analysis::coverage::Measure;
use crate::cli::analysis::verdict::Verdict;
use crate::cli::output::exit::Stop;
use crate::cli::output::report::Problem;

/// A test of a suite.
struct Test {
    name: String,
    file: String,
    line: Option<String>,
    /// The failure: its kind, one line, and the full text.
    failure: Option<[String; 3]>,
}

struct TestSuite {
    name: String,
    properties: Vec<(String, String)>,
    tests: Vec<Test>,
}

impl TestSuite {
    fn failures(&self) -> usize {
        self.tests.iter().filter(|test| test.failure.is_some()).count()
    }
}

impl Summary<'_> {
    pub(super) fn junit(&self) -> Result<Vec<u8>, Stop> {
        let mut suites: Vec<TestSuite> = Vec::new();
        for verdict in &self.verdicts {
            let file = &verdict.place.file.name;
            let test = test(verdict);
            match suites.last_mut().filter(|suite| suite.name == *file) {
                Some(suite) => suite.tests.push(test),
                None => suites.push(TestSuite {
                    name: file.clone(),
                    properties: Vec::new(),
                    tests: vec![test],
                }),
            }
        }
        suites.push(self.minimums());
        let mut bytes = Vec::new();
        write(&mut bytes, &self.bundle.to_string(), &suites)
            .map_err(|error| Problem::new(format!("cannot write JUnit XML: {error}")))?;
        Ok(bytes)
    }

    /// A test for each minimum, with all counts as properties.
    fn minimums(&self) -> TestSuite {
        let coverage = &self.coverage;
        let class = |measure: &Measure| {
            (format!("class {}", name(measure)), format!("{} %", measure.percent()))
        };
        let policies = coverage.policies.iter().map(|(id, policy)| {
            let counts = format!("{} determined, {} matched", policy.determined, policy.matched);
            (format!("policy {id}"), counts)
        });
        let tools = coverage.tools.iter().map(|(name, tool)| {
            (
                format!("tool {name}"),
                format!("{} permitted, {} refused", tool.permitted, tool.refused),
            )
        });
        let labels = coverage.labels.iter().map(|(label, coverage)| {
            let counts = format!("{} revealed, {} withheld", coverage.revealed, coverage.withheld);
            (format!("label {label}"), counts)
        });
        let reasons = coverage.reasons.iter();
        let reasons = reasons
            .map(|(reason, cases)| (format!("reason {}", reason.as_str()), cases.to_string()));
        let judged = self.measures.iter().filter_map(|measure| minimum(self, measure));
        TestSuite {
            name: "coverage".to_owned(),
            properties: self
                .measures
                .iter()
                .map(class)
                .chain(policies)
                .chain(tools)
                .chain(labels)
                .chain(reasons)
                .collect(),
            tests: judged.collect(),
        }
    }
}

fn minimum(told: &Summary<'_>, measure: &Measure) -> Option<Test> {
    let minimum = measure.minimum?;
    let failure = (!measure.is_enough()).then(|| {
        let goals: Vec<String> = measure.missing.iter().map(ToString::to_string).collect();
        let message = format!("{} % of {} is reached", measure.percent(), name(measure));
        ["coverage".to_owned(), message, goals.join("\n")]
    });
    let manifest = told.directory.join("bundle.yaml").display().to_string();
    let name = format!("{minimum} % of {} is reached", name(measure));
    Some(Test { name, file: manifest, line: None, failure })
}

fn test(verdict: &Verdict<'_>) -> Test {
    let failure = (!verdict.passed()).then(|| {
        let what: Vec<&str> = verdict.mismatches.iter().map(|mismatch| mismatch.what).collect();
        let (kind, message) = match &verdict.fault {
            Some(_) => ("fault", "the gate itself is at fault".to_owned()),
            None => ("mismatch", format!("not as expected: {}", what.join(", "))),
        };
        [kind.to_owned(), message, format!("{}\n{}", verdict.place, differences(verdict))]
    });
    let line = verdict.place.lines().map(|[(line, _), _]| line.to_string());
    Test { name: verdict.case.name.clone(), file: verdict.place.file.name.clone(), line, failure }
}

fn write(bytes: &mut Vec<u8>, name: &str, suites: &[TestSuite]) -> Result<(), Error> {
    let config = EmitterConfig { perform_indent: true, ..EmitterConfig::new() };
    let mut writer = EventWriter::new_with_config(bytes, config);
    let tests = suites.iter().map(|suite| suite.tests.len()).sum::<usize>().to_string();
    let failures = suites.iter().map(TestSuite::failures).sum::<usize>().to_string();
    open(
        &mut writer,
        "testsuites",
        &[("name", name), ("tests", &tests), ("failures", &failures), ("errors", "0")],
    )?;
    for suite in suites {
        write_suite(&mut writer, suite)?;
    }
    close(&mut writer)
}

fn write_suite(writer: &mut Writer<'_>, suite: &TestSuite) -> Result<(), Error> {
    let (tests, failures) = (suite.tests.len().to_string(), suite.failures().to_string());
    let attributes = [
        ("name", suite.name.as_str()),
        ("tests", &tests),
        ("failures", &failures),
        ("errors", "0"),
        ("skipped", "0"),
    ];
    open(writer, "testsuite", &attributes)?;
    if !suite.properties.is_empty() {
        open(writer, "properties", &[])?;
        for (name, value) in &suite.properties {
            open(writer, "property", &[("name", name), ("value", value)])?;
            close(writer)?;
        }
        close(writer)?;
    }
    for test in &suite.tests {
        let class = class(&suite.name);
        let mut attributes =
            vec![("name", test.name.as_str()), ("classname", &class), ("file", &test.file)];
        attributes.extend(test.line.as_deref().map(|line| ("line", line)));
        open(writer, "testcase", &attributes)?;
        if let Some([kind, message, text]) = &test.failure {
            open(writer, "failure", &[("type", kind), ("message", message)])?;
            writer.write(XmlEvent::characters(&legal(text)))?;
            close(writer)?;
        }
        close(writer)?;
    }
    close(writer)
}

/// A file path as a class name, as readers expect it: parts joined by dots.
fn class(file: &str) -> String {
    file.trim_end_matches(".yaml").trim_start_matches(['.', '/']).replace('/', ".")
}

type Writer<'a> = EventWriter<&'a mut Vec<u8>>;

fn open(writer: &mut Writer<'_>, name: &str, attributes: &[(&str, &str)]) -> Result<(), Error> {
    let values: Vec<String> = attributes.iter().map(|(_, value)| legal(value)).collect();
    let start = XmlEvent::start_element(name);
    let pairs = attributes.iter().zip(&values);
    writer.write(pairs.fold(start, |start, ((name, _), value)| start.attr(*name, value)))
}

fn close(writer: &mut Writer<'_>) -> Result<(), Error> {
    writer.write(XmlEvent::end_element())
}

/// Removes characters that XML 1.0 cannot represent.
fn legal(text: &str) -> String {
    let can_be = |letter: char| matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    text.chars().map(|letter| if can_be(letter) { letter } else { '\u{fffd}' }).collect()
}
