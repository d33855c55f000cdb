//! Says why an assertion is refused:
//!
//! ```sh
//! cargo run --example verify gate.jwks.json https://gate.acme.example crm "$ASSERTION" < body.json
//! ```

use std::io::Read as _;
use std::process::ExitCode;

use toolgate_check::{Check, Refused};

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [jwks, issuer, audience, assertion] = arguments.as_slice() else {
        return Err("JWKS ISSUER AUDIENCE ASSERTION".into());
    };
    let check = Check::new(&std::fs::read_to_string(jwks)?, issuer, audience)?;
    let mut body = Vec::new();
    std::io::stdin().read_to_end(&mut body)?;
    Ok(match check.check(&[assertion.as_bytes()], &body) {
        Ok(claims) => {
            println!("decided for {}", claims.sub);
            ExitCode::SUCCESS
        }
        Err(Refused(why)) => {
            println!("refused: {why}");
            ExitCode::from(2)
        }
    })
}
