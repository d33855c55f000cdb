//! The format of `environments/<name>.yaml`: the differences of one environment.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::bundle::{
    Channel, EntitySource, LayerName, Manifest, MetadataUrl, Mode, RefusalStyle, UnknownTenant,
};
use crate::json::given;
use crate::memory::Span;

/// The keys of an overlay. Each one replaces the key in `bundle.yaml` as a whole.
///
/// Everything else is the same in all environments: identities, callable tools and redaction.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Overlay {
    #[serde(deserialize_with = "given")]
    mode: Option<Mode>,
    layers: Layers,
    #[serde(deserialize_with = "given")]
    channels: Option<Vec<Channel>>,
    identity: Identity,
    refusal: Refusal,
    limits: Limits,
    history: History,
    /// Entities that are added, or replace those with the same uid.
    pub(super) entities: Vec<EntitySource>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Layers {
    #[serde(deserialize_with = "given")]
    unknown_tenant: Option<UnknownTenant>,
    #[serde(deserialize_with = "given")]
    shadow: Option<BTreeSet<LayerName>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Identity {
    actor: Actor,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Actor {
    #[serde(deserialize_with = "given")]
    must_match_spiffe: Option<bool>,
    #[serde(deserialize_with = "given")]
    spiffe: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Refusal {
    #[serde(deserialize_with = "given")]
    style: Option<RefusalStyle>,
    #[serde(deserialize_with = "given")]
    resource_metadata: Option<MetadataUrl>,
    #[serde(deserialize_with = "given")]
    help: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Limits {
    #[serde(deserialize_with = "given")]
    body_bytes: Option<u32>,
    #[serde(deserialize_with = "given")]
    calls: Option<u32>,
    #[serde(deserialize_with = "given")]
    depth: Option<u32>,
    #[serde(deserialize_with = "given")]
    values: Option<u32>,
    #[serde(deserialize_with = "given")]
    response_bytes: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct History {
    #[serde(deserialize_with = "given")]
    windows: Option<BTreeMap<String, Span>>,
}

/// The keys of `bundle.yaml` that an overlay can replace.
pub(super) const KEYS: [&str; 15] = [
    "mode",
    "layers.unknown_tenant",
    "layers.shadow",
    "channels",
    "identity.actor.must_match_spiffe",
    "identity.actor.spiffe",
    "refusal.style",
    "refusal.resource_metadata",
    "refusal.help",
    "limits.body_bytes",
    "limits.calls",
    "limits.depth",
    "limits.values",
    "limits.response_bytes",
    "history.windows",
];

impl Overlay {
    /// Applies the overlay to a manifest.
    pub(super) fn apply(self, manifest: &mut Manifest) {
        let Self { mode, layers, channels, identity: Identity { actor }, refusal, limits, .. } =
            self;
        if let Some(history) = &mut manifest.history {
            put(&mut history.windows, self.history.windows);
        }
        put(&mut manifest.mode, mode);
        put(&mut manifest.layers.unknown_tenant, layers.unknown_tenant);
        put(&mut manifest.layers.shadow, layers.shadow);
        put(&mut manifest.channels, channels);
        put(&mut manifest.identity.actor.must_match_spiffe, actor.must_match_spiffe);
        put(&mut manifest.identity.actor.spiffe, actor.spiffe);
        put(&mut manifest.refusal.style, refusal.style);
        put(&mut manifest.refusal.resource_metadata, refusal.resource_metadata.map(Some));
        put(&mut manifest.refusal.help, refusal.help.map(Some));
        put(&mut manifest.limits.body_bytes, size(limits.body_bytes));
        put(&mut manifest.limits.calls, size(limits.calls));
        put(&mut manifest.limits.depth, size(limits.depth));
        put(&mut manifest.limits.values, size(limits.values));
        put(&mut manifest.limits.response_bytes, size(limits.response_bytes));
    }
}

fn put<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn size(size: Option<u32>) -> Option<usize> {
    size.and_then(|size| usize::try_from(size).ok())
}
