//! The hub's protocol. The crate hf-hub knows the addresses, the cache and the listing;
//! its own download does not verify, cannot take up a file that was complete, and hands
//! the token to whatever host a file is redirected to, so that files are pulled here.

use std::fs::File;
use std::io::{Read, Write};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use hf_hub::api::RepoInfo;
use hf_hub::api::sync::{Api, ApiBuilder};
use hf_hub::{Repo, RepoType};
use indicatif::ProgressBar;
use ureq::config::RedirectAuthHeaders;
use ureq::http::{Response, Uri, header};
use ureq::{Agent, Body, Error};

use super::cache::{Cache, variable};

const PATIENCE: Duration = Duration::from_secs(60);

/// A hub that may be asked.
pub struct Hub {
    endpoint: String,
    token: Option<String>,
    api: Api,
    /// Follows redirections; the token stays with the host that it is for.
    follows: Agent,
    /// Follows none.
    stays: Agent,
}

/// What the hub says of a file.
pub struct Remote {
    /// The file's SHA-256 where it is large, else git's hash of it.
    pub etag: String,
    pub size: u64,
}

impl Hub {
    /// The hub that `HF_ENDPOINT` names, with the token of `HF_TOKEN` or the stored one.
    pub fn open(cache: &Cache) -> Result<Self> {
        let endpoint = variable("HF_ENDPOINT").unwrap_or("https://huggingface.co".to_owned());
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        let address = endpoint.parse::<Uri>().ok();
        ensure!(
            address.is_some_and(|uri| matches!(uri.scheme_str(), Some("http" | "https"))),
            "HF_ENDPOINT: {endpoint} is no address; give one like https://huggingface.co"
        );
        let stored = || hf_hub::Cache::new(cache.home.join("hub")).token();
        let token = variable("HF_TOKEN").map(|token| token.trim().to_owned());
        let token = token.or_else(stored);
        let api = ApiBuilder::from_cache(hf_hub::Cache::new(cache.hub.clone()))
            .with_endpoint(endpoint.clone())
            .with_token(token.clone())
            .with_user_agent("konspekt", env!("CARGO_PKG_VERSION"))
            .build()?;
        let agent = |redirections| -> Agent {
            Agent::config_builder()
                .user_agent(concat!("konspekt/", env!("CARGO_PKG_VERSION")))
                // Lengths and ranges are those of the file, not of an archive of it.
                .accept_encoding("identity")
                .max_redirects(redirections)
                .redirect_auth_headers(RedirectAuthHeaders::SameHost)
                .timeout_connect(Some(PATIENCE))
                .timeout_recv_response(Some(PATIENCE))
                .timeout_per_read(Some(PATIENCE))
                .build()
                .into()
        };
        Ok(Self {
            endpoint,
            token,
            api,
            follows: agent(10),
            stays: agent(0),
        })
    }

    /// The commit and the files of a revision.
    pub fn describe(&self, name: &str, revision: &str) -> Result<RepoInfo> {
        let repo = repo(name, revision);
        let request = self.api.repo(repo).info_request();
        let request = request.config().timeout_global(Some(PATIENCE)).build();
        let mut response = (request.call()).map_err(|error| self.said(error, name, revision))?;
        let info = response.body_mut().read_json();
        info.with_context(|| format!("{}: the answer on {name} is not the hub's", self.endpoint))
    }

    /// The address of a file of a commit.
    pub fn address(&self, name: &str, commit: &str, path: &str) -> String {
        self.api.repo(repo(name, commit)).url(path)
    }

    /// What the hub says of a file of a commit.
    pub fn head(&self, name: &str, commit: &str, path: &str) -> Result<Remote> {
        let mut address = self.address(name, commit, path);
        // The hub moves renamed networks and small files within itself; a redirection to
        // another host leads to the bytes, and says nothing of the file any more.
        for _ in 0..5 {
            let mut request = self.stays.head(&address);
            if let Some(token) = &self.token {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            let response = (request.call()).map_err(|error| self.said(error, name, path))?;
            match text(&response, "location") {
                Some(place) if place.starts_with('/') && !place.starts_with("//") => {
                    address = self.origin() + place;
                }
                _ => return self.remote(&response, commit, path),
            }
        }
        bail!("{path}: {} redirects it without end", self.endpoint)
    }

    fn remote(&self, response: &Response<Body>, commit: &str, path: &str) -> Result<Remote> {
        let of_another = text(response, "x-repo-commit").filter(|&other| other != commit);
        if let Some(other) = of_another {
            bail!("{path}: {} answered for commit {other}", self.endpoint);
        }
        let length = match response.status().is_redirection() {
            true => None,
            false => text(response, "content-length"),
        };
        let size = text(response, "x-linked-size").or(length);
        let etag = text(response, "x-linked-etag").or_else(|| text(response, "etag"));
        let etag = etag.map(|etag| etag.trim_start_matches("W/").trim_matches('"'));
        // It becomes the name of a file.
        let plain = |tag: &&str| {
            (1..=128).contains(&tag.len())
                && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let remote = |etag: &str, size: &str| {
            let etag = etag.to_owned();
            let size = size.parse().ok()?;
            Some(Remote { etag, size })
        };
        (etag.filter(plain).zip(size))
            .and_then(|(etag, size)| remote(etag, size))
            .with_context(|| {
                format!(
                    "{path}: {} does not say how large it is and which ETag it has",
                    self.endpoint
                )
            })
    }

    /// Appends to `file` what it lacks of the `size` bytes at `address`. A connection that
    /// breaks is made again as long as bytes come.
    pub fn pull(&self, address: &str, file: &mut File, size: u64, bar: &ProgressBar) -> Result<()> {
        loop {
            let start = file.metadata()?.len();
            bar.set_position(start);
            if start == size {
                return Ok(());
            } else if start > size {
                file.set_len(0)?;
                continue;
            }
            let pulled = self.pull_from(start, address, file, size, bar);
            if file.metadata()?.len() <= start {
                let error = pulled
                    .err()
                    .unwrap_or_else(|| anyhow!("the connection ended"));
                return Err(error.context(format!(
                    "{address}: broke off at byte {start} of {size}; run the same command again, \
                     it goes on from there"
                )));
            }
        }
    }

    fn pull_from(
        &self,
        start: u64,
        address: &str,
        file: &mut File,
        size: u64,
        bar: &ProgressBar,
    ) -> Result<()> {
        let mut request = self.follows.get(address);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if start > 0 {
            request = request.header(header::RANGE, format!("bytes={start}-"));
        }
        let response = request.call()?;
        let mut from = start;
        if start > 0 && response.status() != 206 {
            // A server that knows no ranges sends the whole file.
            file.set_len(0)?;
            bar.set_position(0);
            from = 0;
        } else if start > 0 {
            let range = text(&response, "content-range").unwrap_or_default();
            ensure!(
                range.starts_with(&format!("bytes {start}-")),
                "another part of the file came than was asked for"
            );
        }
        let mut body = response.into_body().into_reader().take(size - from);
        let mut buffer = vec![0; 1 << 16];
        loop {
            match body.read(&mut buffer)? {
                0 => return Ok(()),
                n => {
                    file.write_all(&buffer[..n])?;
                    bar.inc(n as u64);
                }
            }
        }
    }

    /// Scheme and host of the endpoint.
    fn origin(&self) -> String {
        let host = self.endpoint.find("://").map_or(0, |at| at + 3);
        let end = self.endpoint[host..].find('/');
        self.endpoint[..end.map_or(self.endpoint.len(), |at| host + at)].to_owned()
    }

    /// What a refusal means.
    fn said(&self, error: Error, name: &str, what: &str) -> anyhow::Error {
        let hub = &self.endpoint;
        match error {
            Error::StatusCode(401 | 403) => anyhow!(
                "{name}: {hub} does not give it out: there is none of this name, or it is private \
                 or gated; for such set HF_TOKEN to a token that may read it, and accept its \
                 terms on its page"
            ),
            Error::StatusCode(404) => anyhow!("{name}: {hub} has no {what} of it"),
            error => anyhow!("{hub}: {error}; is the network there, and HF_ENDPOINT right?"),
        }
    }
}

fn repo(name: &str, revision: &str) -> Repo {
    Repo::with_revision(name.to_owned(), RepoType::Model, revision.to_owned())
}

fn text<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}
