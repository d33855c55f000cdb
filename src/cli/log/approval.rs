//! Rebuilds a recorded approval.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::claims::{put, restore_attributes, restore_required};
use super::identity::restore_principal;
use super::line::{ApprovalField, Recorded};
use crate::approval::{Accepted, Ruling};
use crate::bundle::Bundle;
use crate::cli::output::report::Problem;
use crate::identity::{self, IdentityMapping, PrincipalMapping};
use crate::reason::Reason;

/// An approval restored from a record.
#[derive(Debug)]
pub(in crate::cli) struct RestoredApproval {
    pub(in crate::cli) accepted: Accepted,
    /// The attributes of the approver whose values the record withholds.
    pub(in crate::cli) withheld: Vec<String>,
}

/// Restores the approval of a record, under the mapping of a bundle; `None` if the record has none, or
/// the bundle asks nobody.
pub(in crate::cli) fn restore(
    recorded: &Recorded,
    bundle: &Bundle,
) -> Result<Option<RestoredApproval>, Problem> {
    let (Some(field), Some(approvals)) = (&recorded.approval, &bundle.approvals) else {
        return Ok(None);
    };
    let at: DateTime<Utc> = field.time.parse().map_err(|_| {
        Problem::new(format!("the time `{}` of the recorded approval is no time", field.time))
    })?;
    let denied = recorded.reason() == Some(Reason::ApprovalDenied);
    let mappings = bundle.identity.principal.iter();
    let restored =
        mappings.filter(|mapping| mapping.tokens.contains(&approvals.token)).find_map(|mapping| {
            let (claims, withheld) = claims(field, (&bundle.identity, mapping));
            let claimed = Value::Object(claims.clone());
            let found = identity::identify_person(&bundle.identity, &approvals.token, &claimed);
            let is_same = found.is_ok_and(|found| field.approver.is(&found.identity.principal));
            is_same.then_some((claims, withheld))
        });
    let (approver, withheld) = restored
        .ok_or_else(|| Problem::new("this bundle gives the recorded approver another identity"))?;
    let accepted = Accepted {
        id: field.id.clone(),
        nonce: field.request.clone(),
        ruling: if denied { Ruling::Denied } else { Ruling::Approved },
        approver,
        reason: field.reason.clone(),
        at: at.timestamp(),
    };
    Ok(Some(RestoredApproval { accepted, withheld }))
}

/// The claims from which the approver was mapped, and the attributes that the record withholds.
fn claims(
    field: &ApprovalField,
    (identity, mapping): (&IdentityMapping, &PrincipalMapping),
) -> (Map<String, Value>, Vec<String>) {
    let mut claims = json!({ "iss": field.issuer });
    restore_principal(&field.approver, field.issuer.as_deref(), mapping, &mut claims);
    if let (Some(client), [path, ..]) = (&field.client, identity.actor_claims(mapping)) {
        put(&mut claims, path.steps(), json!(client));
    }
    let withheld = restore_attributes(&field.approver.attributes, &mapping.attributes, &mut claims);
    restore_required(&mapping.require, &mut claims);
    let Value::Object(claims) = claims else { return (Map::new(), withheld) };
    (claims, withheld)
}
