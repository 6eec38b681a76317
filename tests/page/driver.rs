//! A browser, driven over the WebDriver protocol: as much of it as the tests need.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

pub const ENTER: &str = "\u{e007}";
pub const ESCAPE: &str = "\u{e00c}";
pub const TAB: &str = "\u{e004}";
pub const DOWN: &str = "\u{e015}";

/// What the protocol calls the field that holds an element's id.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// One browser at a time, since some tests look at the clock.
static ONE: Mutex<()> = Mutex::new(());

pub struct Browser {
    driver: Child,
    session: String,
    _one: MutexGuard<'static, ()>,
}

impl Browser {
    /// Starts the driver on a port that is free, and a browser without a window.
    pub fn start() -> Self {
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver: install Debian's chromium-driver");
        let said = BufReader::new(driver.stdout.take().unwrap());
        let port = said
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, port) = line.split_once("successfully on port ")?;
                port.trim_end_matches('.').parse::<u16>().ok()
            })
            .expect("chromedriver says which port it took");
        let base = format!("http://127.0.0.1:{port}/session");
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000",
            ]},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let session = request("POST", &base, Some(&wanted));
        let id = session["sessionId"].as_str().expect("a session");
        Self {
            driver,
            session: format!("{base}/{id}"),
            _one: one,
        }
    }

    fn post(&self, command: &str, what: &Value) -> Value {
        request("POST", &format!("{}/{command}", self.session), Some(what))
    }

    fn get(&self, command: &str) -> Value {
        request("GET", &format!("{}/{command}", self.session), None)
    }

    pub fn open(&self, url: &str) {
        self.post("url", &json!({ "url": url }));
    }

    pub fn back(&self) {
        self.post("back", &json!({}));
    }

    /// What the body of a function returns in the page.
    pub fn run(&self, script: &str) -> Value {
        self.post("execute/sync", &json!({"script": script, "args": []}))
    }

    /// What the body of a function hands to its only argument.
    pub fn run_async(&self, script: &str) -> Value {
        self.post("execute/async", &json!({"script": script, "args": []}))
    }

    /// Waits till a script returns true.
    pub fn wait(&self, script: &str) {
        for _ in 0..250 {
            if self.run(script) == true {
                return;
            }
            sleep(Duration::from_millis(20));
        }
        panic!("in five seconds it did not come true: {script}");
    }

    pub fn find_all(&self, css: &str) -> Vec<String> {
        let found = self.post("elements", &json!({"using": "css selector", "value": css}));
        let ids = found.as_array().unwrap().iter();
        ids.map(|e| e[ELEMENT].as_str().unwrap().to_owned())
            .collect()
    }

    fn find(&self, css: &str) -> String {
        let found = self.find_all(css);
        found
            .into_iter()
            .next()
            .unwrap_or_else(|| panic!("{css}: not in the page"))
    }

    /// As a mouse would: fails where something lies over it.
    pub fn click(&self, css: &str) {
        let id = self.find(css);
        self.post(&format!("element/{id}/click"), &json!({}));
    }

    /// Types into an element.
    pub fn keys(&self, css: &str, keys: &str) {
        let id = self.find(css);
        self.post(&format!("element/{id}/value"), &json!({ "text": keys }));
    }

    /// Presses a key where the focus is.
    pub fn press(&self, key: &str) {
        self.post(
            "actions",
            &json!({"actions": [{"type": "key", "id": "keyboard", "actions": [
                {"type": "keyDown", "value": key}, {"type": "keyUp", "value": key},
            ]}]}),
        );
    }

    pub fn text(&self, css: &str) -> String {
        let quoted = Value::from(css);
        let text = self.run(&format!(
            "return document.querySelector({quoted}).textContent"
        ));
        text.as_str().unwrap().to_owned()
    }

    pub fn is_shown(&self, id: &str) -> bool {
        self.get(&format!("element/{id}/displayed")) == true
    }

    /// The name that a screen reader gives an element.
    pub fn label(&self, id: &str) -> String {
        let label = self.get(&format!("element/{id}/computedlabel"));
        label.as_str().unwrap().to_owned()
    }

    pub fn role(&self, id: &str) -> String {
        let role = self.get(&format!("element/{id}/computedrole"));
        role.as_str().unwrap().to_owned()
    }

    pub fn emulate(&self, feature: &str, value: &str) {
        let features = json!([{"name": feature, "value": value}]);
        self.cdp(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        );
    }

    pub fn print(&self, on: bool) {
        let media = if on { "print" } else { "" };
        self.cdp("Emulation.setEmulatedMedia", json!({ "media": media }));
    }

    /// A window of a telephone's width.
    pub fn narrow(&self) {
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": false}),
        );
    }

    fn cdp(&self, command: &str, params: Value) {
        self.post(
            "goog/cdp/execute",
            &json!({"cmd": command, "params": params}),
        );
    }

    /// What the console has said since it was last asked.
    pub fn complaints(&self) -> Vec<String> {
        let said = self.post("se/log", &json!({"type": "browser"}));
        let lines = said.as_array().unwrap().iter();
        lines.map(|line| line["message"].to_string()).collect()
    }

    /// Leaves a picture in the folder named by `SCREENSHOTS`, if there is one.
    pub fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("SCREENSHOTS") else {
            return;
        };
        let coded = self.get("screenshot");
        let path = std::path::Path::new(&folder).join(format!("{name}.png"));
        std::fs::write(path, decode(coded.as_str().unwrap())).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = ureq::delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn request(method: &str, url: &str, body: Option<&Value>) -> Value {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let response = match body {
        Some(body) => agent.post(url).send_json(body),
        None => agent.get(url).call(),
    };
    let mut response = response.unwrap_or_else(|e| panic!("{method} {url}: {e}"));
    // A picture may be larger than the client expects of JSON.
    let text = response
        .body_mut()
        .with_config()
        .limit(1 << 28)
        .read_to_string()
        .unwrap();
    let mut answer: Value = serde_json::from_str(&text).unwrap();
    let value = answer["value"].take();
    assert!(
        response.status().is_success(),
        "{method} {url} {body:?}: {}",
        value["message"]
    );
    value
}

fn decode(base64: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u32> = base64
        .bytes()
        .filter(|&c| c != b'=')
        .map(|c| digit(c).into())
        .collect();
    digits
        .chunks(4)
        .flat_map(|group| {
            let bits = (0..4).fold(0, |bits, i| bits << 6 | group.get(i).unwrap_or(&0));
            bits.to_be_bytes()[1..group.len()].to_vec()
        })
        .collect()
}
