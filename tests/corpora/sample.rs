//! What of the corpora every test run includes, where they are.

use std::process::ExitCode;

use corpora::Extent;

/// Where the corpora are.
const VARIABLE: &str = "TOOLGATE_CORPORA";

fn main() -> ExitCode {
    let directory = std::env::var_os(VARIABLE).filter(|it| !it.is_empty());
    let Some(directory) = directory else {
        println!("corpora: not run, since {VARIABLE} names no directory that has them");
        return ExitCode::SUCCESS;
    };
    match corpora::run(directory.as_ref(), Extent::SAMPLE) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
