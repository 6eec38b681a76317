//! A hub on this machine: the protocol of the Hugging Face hub, as far as it is used, and
//! on another host the store that it redirects large files to.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use konspekt::store::sha256;
use serde_json::json;

/// What was asked of the hub or its store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    /// `hub` or `store`.
    pub of: &'static str,
    pub path: String,
    pub range: Option<String>,
    pub token: Option<String>,
}

/// What the hub has, and how it misbehaves.
#[derive(Default)]
pub struct State {
    pub name: String,
    pub commit: String,
    /// By name; listed and there.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Listed, but not there.
    pub listed: Vec<String>,
    /// The token that opens it.
    pub token: Option<String>,
    /// After so many bytes of a large file the connection is closed.
    pub breaks_after: Option<usize>,
    /// How often it still does so.
    pub breaks: usize,
    /// After so many bytes of a large file nothing comes any more.
    pub hangs_after: Option<usize>,
    /// Ranges are not known.
    pub no_ranges: bool,
    /// Of large files other bytes are sent than promised.
    pub lies: bool,
    pub asked: Vec<Asked>,
    /// Bytes of files that were sent.
    pub sent: usize,
}

pub struct Hub {
    /// `http://127.0.0.1:…`
    pub endpoint: String,
    state: Arc<Mutex<State>>,
}

impl Hub {
    pub fn new(name: &str, files: &[(&str, Vec<u8>)]) -> Self {
        let files = files.iter().map(|(n, b)| ((*n).to_owned(), b.clone()));
        let state = Arc::new(Mutex::new(State {
            name: name.to_owned(),
            commit: "c0ffee0123".repeat(4),
            files: files.collect(),
            ..State::default()
        }));
        // The same machine by another name: another host for whoever keeps a token.
        let store = serve("store", state.clone(), String::new());
        let store = format!("http://localhost:{store}");
        let hub = serve("hub", state.clone(), store);
        Self {
            endpoint: format!("http://127.0.0.1:{hub}"),
            state,
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// What was asked of the hub and its store, and forgets it.
    pub fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state().asked)
    }
}

fn serve(of: &'static str, state: Arc<Mutex<State>>, store: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (state, store) = (state.clone(), store.clone());
            // A client that is killed leaves a broken pipe, which harms nobody.
            thread::spawn(move || answer(of, stream.unwrap(), &state, &store).ok());
        }
    });
    port
}

fn answer(
    of: &'static str,
    mut stream: TcpStream,
    state: &Mutex<State>,
    store: &str,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    for line in BufReader::new(stream.try_clone()?).lines() {
        match line? {
            line if line.is_empty() => break,
            line => head.push(line),
        }
    }
    let mut first = head[0].split(' ');
    let method = first.next().unwrap().to_owned();
    let path = first.next().unwrap().to_owned();
    let header = |name: &str| {
        let mut pairs = head.iter().filter_map(|line| line.split_once(": "));
        let (_, value) = pairs.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(value.to_owned())
    };
    let asked = Asked {
        method: method.clone(),
        of,
        path: path.clone(),
        range: header("range"),
        token: header("authorization"),
    };
    let mut state = state.lock().unwrap();
    state.asked.push(asked.clone());
    let say = |stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]| {
        let length = match headers.contains("Content-Length") {
            true => String::new(),
            false => format!("Content-Length: {}\r\n", body.len()),
        };
        let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n{length}{headers}\r\n");
        stream.write_all(head.as_bytes())?;
        match method.as_str() {
            "HEAD" => Ok(()),
            _ => stream.write_all(body),
        }
    };
    if of == "store" {
        return send(stream, state, &asked);
    }
    let opens = state
        .token
        .as_ref()
        .is_none_or(|token| asked.token == Some(format!("Bearer {token}")));
    if !opens {
        return say(&mut stream, "401 Unauthorized", "", b"{}");
    }
    let revisions = format!("/api/models/{}/revision/", state.name);
    if let Some(revision) = path.strip_prefix(&revisions) {
        if revision != "main" && revision != state.commit {
            return say(&mut stream, "404 Not Found", "", b"{}");
        }
        let names = state.files.keys().chain(&state.listed);
        let siblings: Vec<_> = names.map(|name| json!({ "rfilename": name })).collect();
        let body = json!({ "sha": state.commit, "siblings": siblings, "private": false });
        return say(
            &mut stream,
            "200 OK",
            "Content-Type: application/json\r\n",
            body.to_string().as_bytes(),
        );
    }
    let commit = format!("X-Repo-Commit: {}\r\n", state.commit);
    // Small files lie within the hub itself, one relative redirection away.
    let resolved = format!("/{}/resolve/{}/", state.name, state.commit);
    let moved = format!("/api/resolve-cache/models/{}/{}/", state.name, state.commit);
    let file = path.strip_prefix(&resolved).or(path.strip_prefix(&moved));
    let Some((file, bytes)) = file.and_then(|f| Some((f, state.files.get(f)?))) else {
        return say(&mut stream, "404 Not Found", "", b"");
    };
    let hash = sha256(bytes);
    if file.ends_with(".json") || file.ends_with(".md") {
        if path.starts_with(&resolved) {
            let location = format!("Location: {moved}{file}\r\n");
            return say(
                &mut stream,
                "307 Temporary Redirect",
                &(commit + &location),
                b"Redirecting",
            );
        }
        let headers = format!(
            "{commit}ETag: \"{}\"\r\nContent-Length: {}\r\n",
            &hash[..40],
            bytes.len()
        );
        let bytes = bytes.clone();
        if method == "GET" {
            state.sent += bytes.len();
        }
        return say(&mut stream, "200 OK", &headers, &bytes);
    }
    let headers = format!(
        "{commit}X-Linked-Size: {}\r\nX-Linked-ETag: \"{hash}\"\r\nETag: \"other\"\r\nLocation: {store}/{hash}?signed\r\n",
        bytes.len()
    );
    say(
        &mut stream,
        "302 Found",
        &headers,
        b"Found. Redirecting to the store",
    )
}

/// The store sends a large file, or a part of it.
fn send(
    mut stream: TcpStream,
    mut state: MutexGuard<'_, State>,
    asked: &Asked,
) -> std::io::Result<()> {
    let hash = asked
        .path
        .trim_start_matches('/')
        .trim_end_matches("?signed");
    let mut bytes = state
        .files
        .values()
        .find(|bytes| sha256(bytes) == hash)
        .unwrap()
        .clone();
    if state.lies {
        *bytes.last_mut().unwrap() ^= 1;
    }
    let start = asked
        .range
        .as_ref()
        .filter(|_| !state.no_ranges)
        .map(|range| {
            let start = range.trim_start_matches("bytes=").trim_end_matches('-');
            start.parse::<usize>().unwrap()
        });
    let part = &bytes[start.unwrap_or(0)..];
    let head = match start {
        Some(start) => format!(
            "206 Partial Content\r\nContent-Range: bytes {start}-{}/{}",
            bytes.len() - 1,
            bytes.len()
        ),
        None => "200 OK".to_owned(),
    };
    write!(
        stream,
        "HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        part.len()
    )?;
    let breaks = state.breaks > 0;
    let until = state.hangs_after.or(state.breaks_after.filter(|_| breaks));
    let part = &part[..until.unwrap_or(part.len()).min(part.len())];
    state.sent += part.len();
    state.breaks = state.breaks.saturating_sub(1);
    let hangs = state.hangs_after.is_some();
    drop(state);
    stream.write_all(part)?;
    stream.flush()?;
    if hangs {
        thread::sleep(Duration::from_secs(30));
    }
    Ok(())
}
