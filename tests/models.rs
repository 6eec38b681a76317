//! Networks of the Hugging Face hub: fetched from a hub on this machine, locked, verified.
//!
//! Fetching is tested where it is built: `cargo test --release --features fetch --test models`.

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use konspekt::hub::lock::{self, Lock, Locked, LockedFile};
use konspekt::store::sha256;
use tempfile::TempDir;

const NAME: &str = "owner/small-model";
const COMMIT: &str = "c0ffee0123c0ffee0123c0ffee0123c0ffee0123";

/// A folder of networks and a cache.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("models")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn lock(&self) -> PathBuf {
        self.path("models").join(lock::FILE)
    }

    /// Where a fetched file is.
    fn cached(&self, file: &str) -> PathBuf {
        self.path("home/hub/models--owner--small-model/snapshots")
            .join(COMMIT)
            .join(file)
    }

    fn command(&self, program: &mut std::process::Command, args: &[&str]) {
        let set = std::env::vars().map(|(name, _)| name);
        for name in
            set.filter(|name| name.starts_with("HF_") || name.to_lowercase().ends_with("_proxy"))
        {
            program.env_remove(name);
        }
        program
            .arg("models")
            .args(args)
            .arg("--models")
            .arg(self.path("models"))
            .env("HF_HOME", self.path("home"));
    }

    /// Exit code, standard output and standard error.
    fn run(&self, args: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
        let mut program = std::process::Command::new(assert_cmd::cargo::cargo_bin!("konspekt"));
        self.command(&mut program, args);
        program.envs(variables.iter().copied());
        let output = Command::from_std(program).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    /// A network as another fetch left it.
    fn fetched(&self, files: &[(&str, &[u8])]) {
        let mut lock = Lock::default();
        let locked = files.iter().map(|(path, bytes)| LockedFile {
            path: (*path).to_owned(),
            size: bytes.len() as u64,
            sha256: sha256(bytes),
        });
        lock.put(Locked {
            name: NAME.to_owned(),
            revision: COMMIT.to_owned(),
            files: locked.collect(),
        });
        lock.write(&self.lock()).unwrap();
        for (path, bytes) in files {
            konspekt::store::write(&self.cached(path), bytes).unwrap();
        }
    }
}

/// A file in the safetensors format, with numbers that cannot be guessed from each other.
fn safetensors(numbers: usize) -> Vec<u8> {
    let header = format!(
        r#"{{"weight":{{"dtype":"F32","shape":[{numbers}],"data_offsets":[0,{}]}}}}"#,
        numbers * 4
    );
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    let mut state = 1917_u32;
    for _ in 0..numbers {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes.extend((state as f32 / u32::MAX as f32).to_le_bytes());
    }
    bytes
}

#[test]
fn the_list_has_what_ships_and_what_was_fetched() {
    let desk = Desk::new();
    let card = b"---\nlicense: apache-2.0\n---\n# A card\n";
    desk.fetched(&[
        ("model.safetensors", &safetensors(1000)),
        ("README.md", card),
    ]);
    konspekt::store::write(&desk.path("models/judge/model.onnx"), &[0; 2_500_000]).unwrap();
    let (code, list, _) = desk.run(&["list"], &[]);
    assert_eq!(code, 0);
    let line = |name: &str| list.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(
        line("judge").contains("2.5 MB") && line("judge").contains("ships"),
        "{list}"
    );
    for part in ["0.0 MB", "c0ffee0123c0", "apache-2.0", "verified"] {
        assert!(line(NAME).contains(part), "{list}");
    }
    fs::write(desk.cached("model.safetensors"), safetensors(999)).unwrap();
    assert!(desk.run(&["list"], &[]).1.contains("differs from the lock"));
    fs::remove_dir_all(desk.path("home")).unwrap();
    assert!(desk.run(&["list"], &[]).1.contains("not here"));
}

#[test]
fn verify_names_every_file_that_differs() {
    let desk = Desk::new();
    assert_eq!(desk.run(&["verify"], &[]).0, 0);
    let model = safetensors(1000);
    desk.fetched(&[("model.safetensors", &model), ("config.json", b"{}")]);
    let (code, said, _) = desk.run(&["verify", NAME], &[]);
    assert_eq!((code, said.as_str()), (0, "owner/small-model: verified\n"));
    // One bit, the length the same.
    let mut other = model.clone();
    other[2000] ^= 1;
    fs::write(desk.cached("model.safetensors"), other).unwrap();
    fs::remove_file(desk.cached("config.json")).unwrap();
    let (code, said, _) = desk.run(&["verify"], &[]);
    assert_eq!(code, 1);
    assert!(said.contains("config.json is not here"), "{said}");
    assert!(
        said.contains("model.safetensors is not what the lock says"),
        "{said}"
    );
    let (code, _, said) = desk.run(&["verify", "nobody/nothing"], &[]);
    assert_eq!(code, 1);
    assert!(
        said.contains("nobody/nothing") && said.contains("models.lock"),
        "{said}"
    );
}

#[test]
fn a_lock_that_leads_elsewhere_is_not_followed() {
    let desk = Desk::new();
    desk.fetched(&[("config.json", b"{}")]);
    let lock = fs::read_to_string(desk.lock()).unwrap();
    fs::write(
        desk.lock(),
        lock.replace("config.json", "../../../../config.json"),
    )
    .unwrap();
    let (code, _, said) = desk.run(&["verify"], &[]);
    assert_eq!(code, 1);
    assert!(said.contains("could lead out of its folder"), "{said}");
}

#[test]
fn a_name_that_is_none_is_wrong_usage() {
    let desk = Desk::new();
    for name in ["../../etc", "a/b/c", "a/b@..", ""] {
        assert_eq!(desk.run(&["fetch", name], &[]).0, 2, "{name}");
    }
}

#[cfg(not(feature = "fetch"))]
#[test]
fn without_the_feature_fetch_says_how_to_get_it() {
    let desk = Desk::new();
    let (code, _, said) = desk.run(&["fetch", NAME], &[]);
    assert_eq!(code, 1);
    assert!(said.contains("--features fetch"), "{said}");
}

#[cfg(feature = "fetch")]
#[path = "models"]
mod fetching {
    mod server;

    use std::io::Write;
    use std::net::TcpListener;
    use std::path::Path;
    use std::process::Stdio;
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    use super::*;
    use server::Hub;

    /// A small real network that ships, under another name, beside one made here.
    fn hub() -> Hub {
        let network = fs::read("models/reader/model.onnx").unwrap();
        Hub::new(
            NAME,
            &[
                ("onnx/model.onnx", network),
                ("model.safetensors", safetensors(50_000)),
                ("config.json", b"{\"hidden_size\": 4}".to_vec()),
                ("README.md", b"---\nlicense: mit\n---\n".to_vec()),
                ("pytorch_model.bin", b"PK\x03\x04 anything".to_vec()),
                ("train.py", b"import os".to_vec()),
            ],
        )
    }

    const ALL: [&str; 4] = [
        "README.md",
        "config.json",
        "model.safetensors",
        "onnx/model.onnx",
    ];

    impl Desk {
        fn fetch(&self, hub: &Hub, args: &[&str]) -> (i32, String, String) {
            let args = [&["fetch", "--quiet"], args].concat();
            self.run(&args, &[("HF_ENDPOINT", &hub.endpoint)])
        }

        fn has(&self, hub: &Hub, file: &str) -> bool {
            fs::read(self.cached(file)).is_ok_and(|bytes| bytes == hub.state().files[file])
        }

        fn locked(&self) -> Locked {
            Lock::read(&self.lock()).unwrap().get(NAME).unwrap().clone()
        }
    }

    fn files_below(folder: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            match fs::symlink_metadata(&path).unwrap().is_dir() {
                true => files.extend(files_below(&path)),
                false => files.push(path),
            }
        }
        files
    }

    #[test]
    fn a_network_is_fetched_verified_and_locked() {
        let (desk, hub) = (Desk::new(), hub());
        let (code, folder, said) = desk.fetch(&hub, &[NAME]);
        assert_eq!(code, 0, "{said}");
        assert_eq!(Path::new(folder.trim()), desk.cached(""));
        for file in ALL {
            assert!(desk.has(&hub, file), "{file}");
        }
        assert!(!desk.cached("pytorch_model.bin").exists());
        let locked = desk.locked();
        assert_eq!(locked.revision, COMMIT);
        assert_eq!(locked.paths().collect::<Vec<_>>(), ALL);
        let network = &hub.state().files["onnx/model.onnx"].clone();
        assert_eq!(
            locked.file("onnx/model.onnx").unwrap().sha256,
            sha256(network)
        );
        // Where other programs of the hub look for it.
        let folder = desk.path("home/hub/models--owner--small-model");
        assert_eq!(
            fs::read_to_string(folder.join("refs/main")).unwrap(),
            COMMIT
        );
        assert_eq!(
            fs::read(folder.join("blobs").join(sha256(network))).unwrap(),
            *network
        );
        assert_eq!(desk.run(&["verify"], &[]).0, 0);
        let (_, list, _) = desk.run(&["list"], &[]);
        assert!(
            list.contains(" mit ") && list.contains(" verified"),
            "{list}"
        );

        // The second time nothing is asked, so that it works offline.
        hub.take_asked();
        let asked_again = desk.fetch(&hub, &[NAME, "--offline"]);
        assert_eq!(asked_again.0, 0, "{}", asked_again.2);
        assert!(hub.take_asked().is_empty());
    }

    #[test]
    fn only_the_weights_that_are_asked_for_are_fetched() {
        let (desk, hub) = (Desk::new(), hub());
        let (code, _, said) = desk.fetch(&hub, &[NAME, "--file", "model.safetensors"]);
        assert_eq!(code, 0, "{said}");
        assert!(!desk.cached("onnx/model.onnx").exists());
        // More of the same commit is added to the lock.
        let (code, _, said) = desk.fetch(&hub, &[NAME, "--file", "onnx/model.onnx"]);
        assert_eq!(code, 0, "{said}");
        assert_eq!(desk.locked().paths().collect::<Vec<_>>(), ALL);
        let (code, _, said) = desk.fetch(&hub, &[NAME, "--file", "other.onnx"]);
        assert_eq!(code, 1);
        assert!(
            said.contains("has no such file") && said.contains("onnx/model.onnx"),
            "{said}"
        );
    }

    #[test]
    fn pickle_is_refused_by_name() {
        let (desk, hub) = (Desk::new(), hub());
        let (code, _, said) = desk.fetch(&hub, &[NAME, "--file", "pytorch_model.bin"]);
        assert_eq!(code, 1);
        assert!(said.contains("can run code"), "{said}");
        hub.state().files.retain(|name, _| !name.contains("model."));
        hub.state()
            .files
            .insert("pytorch_model.bin".to_owned(), vec![1]);
        let (code, _, said) = desk.fetch(&hub, &[NAME]);
        assert_eq!(code, 1);
        assert!(
            said.contains("pytorch_model.bin") && said.contains("safetensors or ONNX"),
            "{said}"
        );
        assert!(files_below(&desk.path("home")).is_empty() && !desk.lock().exists());
    }

    #[test]
    fn pickle_under_another_name_is_refused_by_its_bytes() {
        let (desk, hub) = (Desk::new(), hub());
        hub.state().files.insert(
            "model.safetensors".to_owned(),
            b"PK\x03\x04 as torch.save does".to_vec(),
        );
        let (code, _, said) = desk.fetch(&hub, &[NAME]);
        assert_eq!(code, 1);
        assert!(said.contains("its name says safetensors"), "{said}");
        assert!(!desk.cached("model.safetensors").exists() && !desk.lock().exists());
    }

    #[test]
    fn file_names_that_lead_elsewhere_are_refused() {
        for file in [
            "../../../../../evil/config.json",
            "/tmp/evil.onnx",
            "..\\evil.onnx",
        ] {
            let (desk, hub) = (Desk::new(), hub());
            hub.state().listed.push(file.to_owned());
            let (code, _, said) = desk.fetch(&hub, &[NAME]);
            assert_eq!(code, 1, "{file}");
            assert!(said.contains("could lead out of its folder"), "{said}");
            assert!(files_below(&desk.path("home")).is_empty());
        }
    }

    #[test]
    fn a_connection_that_breaks_is_made_again_where_it_broke() {
        let (desk, hub) = (Desk::new(), hub());
        (hub.state().breaks_after, hub.state().breaks) = (Some(60_000), 3);
        let (code, _, said) = desk.fetch(&hub, &[NAME, "--file", "model.safetensors"]);
        assert_eq!(code, 0, "{said}");
        assert!(desk.has(&hub, "model.safetensors"));
        let asked = hub.take_asked();
        let ranges = asked
            .iter()
            .filter(|asked| asked.of == "store")
            .map(|asked| asked.range.as_deref());
        let expected = [
            None,
            Some("bytes=60000-"),
            Some("bytes=120000-"),
            Some("bytes=180000-"),
        ];
        assert_eq!(ranges.collect::<Vec<_>>(), expected);
        let wanted = desk.locked().size() as usize;
        assert_eq!(hub.state().sent, wanted, "no byte was sent twice");
    }

    #[test]
    fn where_ranges_are_not_known_it_begins_anew() {
        let (desk, hub) = (Desk::new(), hub());
        hub.state().no_ranges = true;
        (hub.state().breaks_after, hub.state().breaks) = (Some(60_000), 1);
        let (code, _, said) = desk.fetch(&hub, &[NAME, "--file", "model.safetensors"]);
        assert_eq!(code, 0, "{said}");
        assert!(desk.has(&hub, "model.safetensors"));
    }

    #[test]
    fn killed_half_way_it_goes_on_from_there() {
        let (desk, hub) = (Desk::new(), hub());
        let half = hub.state().files["onnx/model.onnx"].len() / 2;
        hub.state().hangs_after = Some(half);
        let mut program = std::process::Command::new(assert_cmd::cargo::cargo_bin!("konspekt"));
        desk.command(&mut program, &["fetch", NAME, "--file", "onnx/model.onnx"]);
        program
            .env("HF_ENDPOINT", &hub.endpoint)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut killed = program.spawn().unwrap();
        let part = || {
            let files = files_below(&desk.path("home"));
            files
                .into_iter()
                .find(|file| file.extension().is_some_and(|e| e == "incomplete"))
        };
        let begun = Instant::now();
        while part().map_or(0, |part| fs::metadata(part).unwrap().len()) < half as u64 {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "it does not come half-way"
            );
            sleep(Duration::from_millis(20));
        }
        // While it runs, no other fetches the same file.
        let (code, _, said) = desk.fetch(&hub, &[NAME, "--file", "onnx/model.onnx"]);
        assert_eq!(code, 1);
        assert!(said.contains("by another program"), "{said}");
        killed.kill().unwrap();
        killed.wait().unwrap();
        assert!(!desk.lock().exists() && !desk.cached("onnx/model.onnx").exists());

        hub.take_asked();
        hub.state().hangs_after = None;
        let (code, _, said) = desk.fetch(&hub, &[NAME, "--file", "onnx/model.onnx"]);
        assert_eq!(code, 0, "{said}");
        assert!(desk.has(&hub, "onnx/model.onnx"));
        let asked = hub.take_asked();
        let ranges = asked.iter().filter_map(|asked| asked.range.clone());
        // To the hub, and by its redirection to the store.
        assert_eq!(
            ranges.collect::<Vec<_>>(),
            vec![format!("bytes={half}-"); 2]
        );
        assert!(part().is_none());
    }

    #[test]
    fn a_rest_of_something_else_is_thrown_away() {
        let (desk, hub) = (Desk::new(), hub());
        let hash = sha256(&hub.state().files["model.safetensors"]);
        let blobs = desk.path("home/hub/models--owner--small-model/blobs");
        for length in [10_000, 400_000] {
            let part = blobs.join(format!("{hash}.incomplete"));
            konspekt::store::write(&part, &vec![7; length]).unwrap();
            let (code, _, said) = desk.fetch(&hub, &[NAME]);
            assert_eq!(code, 0, "{said}");
            assert!(desk.has(&hub, "model.safetensors"));
            fs::remove_file(blobs.join(&hash)).unwrap();
        }
    }

    #[test]
    fn a_complete_rest_needs_no_further_byte() {
        let (desk, hub) = (Desk::new(), hub());
        let bytes = hub.state().files["model.safetensors"].clone();
        let part = format!(
            "home/hub/models--owner--small-model/blobs/{}.incomplete",
            sha256(&bytes)
        );
        konspekt::store::write(&desk.path(&part), &bytes).unwrap();
        assert_eq!(
            desk.fetch(&hub, &[NAME, "--file", "model.safetensors"]).0,
            0
        );
        assert!(hub.take_asked().iter().all(|asked| asked.of == "hub"));
    }

    #[test]
    fn bytes_that_were_not_promised_are_not_kept() {
        let (desk, hub) = (Desk::new(), hub());
        hub.state().lies = true;
        let (code, _, said) = desk.fetch(&hub, &[NAME]);
        assert_eq!(code, 1);
        assert!(
            said.contains("model.safetensors") && said.contains("SHA-256"),
            "{said}"
        );
        assert!(!desk.lock().exists() && !desk.cached("model.safetensors").exists());
        let left = files_below(&desk.path("home"));
        assert!(
            left.iter()
                .all(|file| fs::metadata(file).unwrap().len() < 100),
            "{left:?}"
        );
    }

    #[test]
    fn what_differs_from_the_lock_is_refused() {
        let (desk, hub) = (Desk::new(), hub());
        assert_eq!(desk.fetch(&hub, &[NAME]).0, 0);
        let lock = fs::read(desk.lock()).unwrap();
        // The same commit with another file: large, whose hash the hub tells, and small.
        let changed: [(&str, Vec<u8>); 2] = [
            ("model.safetensors", safetensors(50_001)),
            ("config.json", b"{\"hidden_size\": 5}".to_vec()),
        ];
        for (file, bytes) in changed {
            let before = hub.state().files.insert(file.to_owned(), bytes).unwrap();
            fs::remove_dir_all(desk.path("home")).unwrap();
            let (code, _, said) = desk.fetch(&hub, &[NAME]);
            assert_eq!(code, 1);
            assert!(said.contains(file) && said.contains("SHA-256"), "{said}");
            assert!(!desk.cached(file).exists());
            assert_eq!(
                fs::read(desk.lock()).unwrap(),
                lock,
                "the lock is as it was"
            );
            hub.state().files.insert(file.to_owned(), before);
        }
        assert_eq!(desk.fetch(&hub, &[NAME]).0, 0);
        assert_eq!(fs::read(desk.lock()).unwrap(), lock);
        // A damaged file in the cache is fetched again.
        let network = fs::canonicalize(desk.cached("onnx/model.onnx")).unwrap();
        fs::write(network, "damaged").unwrap();
        assert_eq!(desk.run(&["verify"], &[]).0, 1);
        assert_eq!(desk.fetch(&hub, &[NAME]).0, 0);
        assert!(desk.has(&hub, "onnx/model.onnx"));
    }

    #[test]
    fn another_commit_is_taken_only_when_asked_for() {
        let (desk, hub) = (Desk::new(), hub());
        assert_eq!(desk.fetch(&hub, &[NAME]).0, 0);
        let newer = "beef".repeat(10);
        hub.state().commit = newer.clone();
        let main = format!("{NAME}@main");
        let (code, _, said) = desk.fetch(&hub, &[&main]);
        assert_eq!(code, 1);
        assert!(said.contains(&newer) && said.contains("--update"), "{said}");
        assert_eq!(desk.locked().revision, COMMIT);
        assert_eq!(
            desk.fetch(&hub, &[NAME]).0,
            0,
            "the locked one is still there"
        );
        let (code, _, said) = desk.fetch(&hub, &[&main, "--update"]);
        assert_eq!(code, 0, "{said}");
        assert_eq!(desk.locked().revision, newer);
        let (code, _, said) = desk.fetch(&hub, &[&format!("{NAME}@nowhere")]);
        assert_eq!(code, 1);
        assert!(said.contains("nowhere"), "{said}");
    }

    #[test]
    fn offline_nothing_is_asked() {
        let (desk, hub) = (Desk::new(), hub());
        let (code, _, said) = desk.fetch(&hub, &[NAME, "--offline"]);
        assert_eq!(code, 1);
        assert!(said.contains("--offline"), "{said}");
        for value in ["1", "true", "ON", "yes"] {
            let variables = [
                ("HF_ENDPOINT", hub.endpoint.as_str()),
                ("HF_HUB_OFFLINE", value),
            ];
            let (code, _, said) = desk.run(&["fetch", NAME], &variables);
            assert_eq!(code, 1);
            assert!(said.contains("HF_HUB_OFFLINE"), "{said}");
        }
        assert!(hub.take_asked().is_empty());
        assert!(files_below(&desk.path("home")).is_empty() && !desk.lock().exists());
    }

    #[test]
    fn the_token_is_for_the_hub_alone() {
        let (desk, hub) = (Desk::new(), hub());
        hub.state().token = Some("hf_secret".to_owned());
        hub.state().breaks_after = Some(60_000);
        hub.state().breaks = 1;
        let (code, _, said) = desk.fetch(&hub, &[NAME]);
        assert_eq!(code, 1);
        assert!(said.contains("HF_TOKEN"), "{said}");
        let fetch = |variables: &[(&str, &str)]| {
            let endpoint = [("HF_ENDPOINT", hub.endpoint.as_str())];
            desk.run(&["fetch", NAME], &[&endpoint, variables].concat())
        };
        assert_eq!(fetch(&[("HF_TOKEN", "hf_wrong")]).0, 1);
        hub.take_asked();
        let (code, out, said) = fetch(&[("HF_TOKEN", "hf_secret\n")]);
        assert_eq!(code, 0, "{said}");
        assert!(!out.contains("secret") && !said.contains("secret"));
        let asked = hub.take_asked();
        assert!(asked.iter().any(|asked| asked.of == "store"));
        for asked in asked {
            let token = Some("Bearer hf_secret".to_owned()).filter(|_| asked.of == "hub");
            assert_eq!(asked.token, token, "{asked:?}");
        }
        // A token that was stored by the hub's own programs serves as well.
        fs::remove_dir_all(desk.path("home/hub")).unwrap();
        konspekt::store::write(&desk.path("home/token"), b"hf_secret\n").unwrap();
        assert_eq!(fetch(&[]).0, 0);
        assert!(
            hub.take_asked()
                .iter()
                .all(|asked| asked.of == "hub" || asked.token.is_none())
        );
    }

    #[test]
    fn a_hub_that_is_not_there_is_named() {
        let desk = Desk::new();
        let (code, _, said) = desk.run(&["fetch", NAME], &[("HF_ENDPOINT", "http://127.0.0.1:9")]);
        assert_eq!(code, 1);
        assert!(said.contains("http://127.0.0.1:9"), "{said}");
        // One that does not speak TLS where TLS is to be spoken.
        let plain = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("https://{}", plain.local_addr().unwrap());
        std::thread::spawn(move || {
            let mut stream = plain.accept().unwrap().0;
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .unwrap();
        });
        let (code, _, said) = desk.run(&["fetch", NAME], &[("HF_ENDPOINT", &endpoint)]);
        assert_eq!(code, 1);
        assert!(said.contains("InvalidContentType"), "{said}");
        let (code, _, said) = desk.run(&["fetch", NAME], &[("HF_ENDPOINT", "file:///etc")]);
        assert_eq!(code, 1);
        assert!(said.contains("HF_ENDPOINT"), "{said}");
    }
}
