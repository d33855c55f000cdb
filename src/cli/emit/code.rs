//! The location of the filter's Wasm module.

use super::paths::ProxyPath;
use super::template::scalar;
use super::values::{self, Image, Sha256};

/// Where the proxy finds the filter.
#[derive(Debug, clap::Args)]
pub(super) struct Code {
    #[command(flatten)]
    place: CodeSource,
    /// The code's digest, for --wasm-url
    #[arg(long, value_name = "DIGEST", requires = "wasm_url")]
    sha256: Option<Sha256>,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct CodeSource {
    /// The filter's image, which `make image` builds, pinned by its digest
    #[arg(long, value_name = "IMAGE@sha256:…")]
    image: Option<Image>,
    /// Where the filter can be downloaded
    #[arg(long, value_name = "URL", requires = "sha256", value_parser = values::https)]
    wasm_url: Option<String>,
    /// Where the proxy's own file system has the filter
    #[arg(long, value_name = "PATH", value_parser = values::filter_file)]
    wasm: Option<String>,
}

impl Code {
    /// As Envoy's `code`. For Istio too: its agent downloads remote modules and passes Envoy a
    /// file.
    pub(super) fn remote(&self) -> String {
        if let Some(path) = &self.place.wasm {
            return local(path);
        }
        let (url, digest) = self.pinned();
        format!(
            "code:
  remote:
    # The proxy's agent downloads it and checks the digest. What cannot be downloaded is not loaded.
    http_uri:
      uri: {}
      cluster: _
      timeout: 30s
    sha256: {}
",
            scalar(&url),
            scalar(&digest)
        )
    }

    /// As fields of Istio's plugin resources.
    pub(super) fn url(&self) -> String {
        if let Some(path) = &self.place.wasm {
            return format!("url: {}\n", scalar(&format!("file://{path}")));
        }
        let (url, digest) = self.pinned();
        format!("url: {}\nsha256: {}\n", scalar(&url), scalar(&digest))
    }

    /// The filter's path, if the proxy's own file system has it.
    pub(super) fn path(&self) -> Option<ProxyPath<'_>> {
        Some(("--wasm", self.place.wasm.as_deref()?))
    }

    fn pinned(&self) -> (String, String) {
        if let Some(image) = &self.place.image {
            return (format!("oci://{image}"), image.digest.to_string());
        }
        let digest = self.sha256.as_ref().map_or_else(String::new, ToString::to_string);
        (self.place.wasm_url.clone().unwrap_or_default(), digest)
    }
}

/// A local file as Envoy's `code`.
pub(super) fn local(path: &str) -> String {
    format!("code:\n  local:\n    filename: {}\n", scalar(path))
}
