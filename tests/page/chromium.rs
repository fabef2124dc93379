//! A headless Chromium, driven by the DevTools protocol over a pipe.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use kbisect::setup::{Check, Importance, Need, Setup};
use kbisect::supervise::CancelToken;
use serde_json::{Value, json};

/// After so long without a word the browser is taken for dead.
const PATIENCE: Duration = Duration::from_secs(60);

const AXE: &str = "axe-core@4.14.1";

const NEEDS: &[Need] = &[
    need("Chromium", &["chromium"]),
    need("npm", &["npm"]),
    need("tar", &["tar"]),
];

/// A program whose package has its name.
const fn need(name: &'static str, program: &'static [&'static str]) -> Need {
    Need {
        name,
        why: "tests of the page",
        check: Check::Programs(program),
        packages: program,
        importance: Importance::Required,
    }
}

/// The folder in which things are kept, when the programs are there.
fn prepared() -> PathBuf {
    let cancel = CancelToken::new();
    let mut note = |_: &str| {};
    let mut setup = Setup::new(&mut note, &cancel).unwrap();
    setup.ensure(NEEDS).unwrap();
    setup.cache().to_owned()
}

/// The script of axe-core, which finds what keeps people from using a page.
pub fn axe() -> String {
    let cache = prepared();
    let kept = cache.join(AXE.replace('@', "-"));
    if !kept.exists() {
        fs::create_dir_all(&cache).unwrap();
        let fresh = tempfile::tempdir_in(&cache).unwrap();
        let run = |program: &str, args: &[&str]| {
            let status = Command::new(program)
                .args(args)
                .current_dir(&fresh)
                .status();
            assert!(status.unwrap().success(), "{program} {args:?}");
        };
        run("npm", &["pack", "--silent", AXE]);
        let name = format!("{}.tgz", AXE.replace('@', "-"));
        run("tar", &["-xzf", &name]);
        // Another test may have been faster.
        let moved = fs::rename(fresh.path().join("package"), &kept);
        assert!(moved.is_ok() || kept.exists(), "{moved:?}");
    }
    fs::read_to_string(kept.join("axe.min.js")).unwrap()
}

/// A browser with one tab.
pub struct Chromium {
    child: Child,
    stdin: ChildStdin,
    messages: Receiver<Value>,
    session: Option<String>,
    last: u64,
    /// The events that came so far, and that nobody has taken.
    pub events: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Chromium {
    pub fn new() -> Self {
        prepared();
        let profile = tempfile::tempdir().unwrap();
        // The pipes of the protocol are the descriptors 3 and 4.
        let command = "exec chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
                       --disable-background-networking --disable-component-update --disable-sync \
                       --hide-scrollbars --user-data-dir=\"$1\" --remote-debugging-pipe \
                       3<&0 4>&1 0</dev/null 1>/dev/null";
        let mut child = Command::new("sh")
            .args(["-c", command, "sh"])
            .arg(profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (send, messages) = channel();
        thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let mut message = Vec::new();
            while stdout.read_until(0, &mut message).is_ok_and(|n| n > 0) {
                message.pop();
                if send
                    .send(serde_json::from_slice(&message).unwrap())
                    .is_err()
                {
                    break;
                }
                message.clear();
            }
        });
        let mut browser = Self {
            child,
            stdin,
            messages,
            session: None,
            last: 0,
            events: Vec::new(),
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", attach)["sessionId"].clone();
        browser.session = Some(session.as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    fn next(&mut self) -> Value {
        let message = self.messages.recv_timeout(PATIENCE);
        message.expect("the browser says nothing any more")
    }

    /// Calls a method, and waits for its result.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method});
        message["params"] = params;
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.stdin
            .write_all(message.to_string().as_bytes())
            .unwrap();
        self.stdin.write_all(b"\0").unwrap();
        self.stdin.flush().unwrap();
        loop {
            let mut answer = self.next();
            if answer["id"] == json!(self.last) {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].take();
            }
            self.events.push(answer);
        }
    }

    /// Waits until the browser tells of `method`.
    pub fn wait_for(&mut self, method: &str) {
        loop {
            let known = self
                .events
                .iter()
                .position(|event| event["method"] == method);
            if let Some(at) = known {
                self.events.remove(at);
                return;
            }
            let event = self.next();
            self.events.push(event);
        }
    }

    /// Opens a page, and waits until it is loaded.
    pub fn open(&mut self, url: &str) {
        let opened = self.call("Page.navigate", json!({"url": url}));
        assert!(opened["errorText"].is_null(), "{opened}");
        self.wait_for("Page.loadEventFired");
    }

    /// The value of an expression; of a promise, when it is fulfilled.
    pub fn value(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut result = self.call("Runtime.evaluate", params);
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {result}"
        );
        result["result"]["value"].take()
    }

    /// Waits until an expression is true.
    pub fn until(&mut self, expression: &str) {
        self.value(&format!(
            "new Promise((resolve) => {{ const look = () => ({expression}) ? resolve() : requestAnimationFrame(look); \
             look(); }})"
        ));
    }

    /// Presses a key, with the text that it types, if any.
    pub fn press(&mut self, key: &str) {
        let code = match key {
            "Enter" => 13,
            "Escape" => 27,
            "Tab" => 9,
            "ArrowDown" => 40,
            _ => 0,
        };
        let text = match key {
            "Enter" => "\r",
            key if key.chars().count() == 1 => key,
            _ => "",
        };
        let mut event =
            json!({"type": "keyDown", "key": key, "windowsVirtualKeyCode": code, "code": key});
        if !text.is_empty() {
            event["text"] = json!(text);
        }
        self.call("Input.dispatchKeyEvent", event);
        let event =
            json!({"type": "keyUp", "key": key, "windowsVirtualKeyCode": code, "code": key});
        self.call("Input.dispatchKeyEvent", event);
    }

    /// Types a text.
    pub fn write(&mut self, text: &str) {
        text.chars().for_each(|c| self.press(&c.to_string()));
    }

    /// Clicks with the mouse on the middle of the element.
    pub fn click(&mut self, selector: &str) {
        let place = self.value(&format!(
            "(() => {{ const e = document.querySelector({}); e.scrollIntoView({{block: 'center'}}); \
             const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()",
            json!(selector)
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Has the browser as wide as this, with this colour scheme.
    pub fn look(&mut self, width: u32, scheme: &str) {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size);
        let scheme = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", scheme);
    }

    /// Saves what a width of `width` and all of the height show.
    pub fn picture(&mut self, width: u32, path: &Path) {
        let height = self.value("Math.min(document.documentElement.scrollHeight, 8000)");
        let clip = json!({"x": 0, "y": 0, "width": width, "height": height, "scale": 1});
        let params = json!({"captureBeyondViewport": true, "clip": clip});
        let data = self.call("Page.captureScreenshot", params)["data"].take();
        fs::write(path, base64(data.as_str().unwrap())).unwrap();
    }

    /// What the page, or the browser about it, complained of so far.
    pub fn complaints(&self) -> Vec<String> {
        let is_complaint = |event: &&Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown" | "Page.javascriptDialogOpening") => true,
            Some("Runtime.consoleAPICalled") => event["params"]["type"] != "log",
            Some("Log.entryAdded") => event["params"]["entry"]["level"] != "verbose",
            _ => false,
        };
        self.events
            .iter()
            .filter(is_complaint)
            .map(Value::to_string)
            .collect()
    }

    /// The addresses that were asked for so far.
    pub fn requests(&self) -> Vec<String> {
        let sent = |event: &&Value| event["method"] == "Network.requestWillBeSent";
        let url = |event: &Value| {
            event["params"]["request"]["url"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        self.events.iter().filter(sent).map(url).collect()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // It ends its own processes when it is asked to; else they end with their pipes.
        let _ = self
            .stdin
            .write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        while self.messages.recv_timeout(PATIENCE).is_ok() {}
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn base64(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut bits, mut n) = (0_u32, 0);
    for c in text.bytes() {
        let digit = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(digit);
        n += 6;
        if n >= 8 {
            n -= 8;
            out.push((bits >> n & 255) as u8);
        }
    }
    out
}
