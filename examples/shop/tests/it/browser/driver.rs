//! As much of WebDriver (W3C) as these tests need, spoken to chromedriver.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// WebDriver's name for the key.
pub(super) const ARROW_RIGHT: &str = "\u{e014}";

/// By what elements are referred to, as the standard has it.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser without a window, and the driver that leads it. Both go with the value.
pub(super) struct Browser {
    driver: Child,
    _output: BufReader<ChildStdout>,
    _profile: TempDir,
    port: u16,
    session: String,
}

impl Browser {
    pub(super) fn start() -> Browser {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed: `apt-get install chromium chromium-driver`");
        let mut output = BufReader::new(driver.stdout.take().unwrap());
        let port = loop {
            let mut line = String::new();
            assert_ne!(
                output.read_line(&mut line).unwrap(),
                0,
                "chromedriver ended"
            );
            if let Some((_, port)) = line.trim_end().split_once("successfully on port ") {
                break port.trim_end_matches('.').parse().unwrap();
            }
        };
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Browser {
            driver,
            _output: output,
            port,
            session: String::new(),
            _profile: profile,
        };
        let profile = format!("--user-data-dir={}", browser._profile.path().display());
        // Nothing but what the tests ask for goes over the network. The sandbox needs rights that
        // a machine for tests may lack, and the pages are our own.
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            &profile,
        ];
        let wish = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments },
        }}});
        let session = browser.request("POST", "/session", &wish);
        browser.session = session["sessionId"].as_str().unwrap().to_owned();
        browser
    }

    pub(super) fn open(&self, url: &str) {
        self.order("POST", "/url", &json!({ "url": url }));
    }

    /// The text of the element with this id, as it is shown.
    pub(super) fn text(&self, id: &str) -> String {
        let element = self.find(&format!("#{id}"));
        let text = self.order("GET", &format!("/element/{element}/text"), &Value::Null);
        text.as_str().unwrap().to_owned()
    }

    pub(super) fn click(&self, selector: &str) {
        let element = self.find(selector);
        self.order("POST", &format!("/element/{element}/click"), &json!({}));
    }

    /// Presses a key on an element.
    pub(super) fn press(&self, selector: &str, key: &str) {
        let element = self.find(selector);
        self.order(
            "POST",
            &format!("/element/{element}/value"),
            &json!({ "text": key }),
        );
    }

    /// What a script returns.
    pub(super) fn script(&self, script: &str) -> Value {
        self.order(
            "POST",
            "/execute/sync",
            &json!({ "script": script, "args": [] }),
        )
    }

    /// Has the visitor prefer light or dark pages.
    pub(super) fn prefer(&self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.order(
            "POST",
            "/goog/cdp/execute",
            &json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": features } }),
        );
    }

    fn find(&self, selector: &str) -> String {
        let found = json!({ "using": "css selector", "value": selector });
        let element = self.order("POST", "/element", &found);
        element[ELEMENT].as_str().unwrap().to_owned()
    }

    fn order(&self, method: &str, path: &str, body: &Value) -> Value {
        self.request(method, &format!("/session/{}{path}", self.session), body)
    }

    fn request(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        );
        connection.write_all(request.as_bytes()).unwrap();
        let (status, body) = answer(connection);
        assert_eq!(status, "HTTP/1.1 200 OK", "{method} {path}: {body}");
        let mut body: Value = serde_json::from_str(&body).unwrap();
        body["value"].take()
    }
}

/// The first line and the body of what a server answers, which leaves the connection open.
fn answer(connection: TcpStream) -> (String, String) {
    let mut reader = BufReader::new(connection);
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let status = line();
    let mut length = 0;
    loop {
        let header = line().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (status, String::from_utf8(body).unwrap())
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver takes the browser along only if it is asked to, not if it is killed. Failing
        // here would hide why a test failed.
        if let Ok(mut connection) = TcpStream::connect(("127.0.0.1", self.port)) {
            let _ = write!(
                connection,
                "DELETE /session/{} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n",
                self.session, self.port
            );
            let _ = connection.read(&mut [0]);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
