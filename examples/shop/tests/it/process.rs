//! The program: how it starts, what it says, how it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// A shop in a process of its own.
pub(crate) struct Process {
    child: Child,
    /// Keeps the other end of its output open.
    _output: BufReader<ChildStdout>,
    /// Where it listens.
    pub(crate) address: String,
}

impl Process {
    /// Starts a shop on a free port and waits until it is open.
    pub(crate) fn start() -> Process {
        let mut child = shop(&["--port", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let (_, after) = line
            .split_once("http://")
            .expect("it says where it listens");
        let address = after.split([',', ' ']).next().unwrap().to_owned();
        Process {
            child,
            _output: output,
            address,
        }
    }

    fn request(&self, path: &str) -> TcpStream {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        connection.write_all(request.as_bytes()).unwrap();
        connection
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn shop(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
    command.args(arguments).env_remove("SHOP_STORE");
    command
}

fn ended(arguments: &[&str]) -> (Output, String) {
    let output = shop(arguments).output().unwrap();
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    (output, said)
}

#[cfg(unix)]
#[test]
fn a_signal_closes_the_shop_although_somebody_watches() {
    for signal in ["-INT", "-TERM"] {
        let mut process = Process::start();
        let mut watching = process.request("/live/events");
        let mut begun = [0; 15];
        watching.read_exact(&mut begun).unwrap();
        assert_eq!(&begun, b"HTTP/1.1 200 OK");

        let pid = process.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success());
        assert!(process.child.wait().unwrap().success(), "{signal}");
        // What it had to say it said to the end.
        let mut rest = String::new();
        watching.read_to_string(&mut rest).unwrap();
        assert!(rest.ends_with("0\r\n\r\n"), "{rest}");
    }
}

#[test]
fn what_cannot_be_is_said_in_a_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (output, said) = ended(&["--port", &port]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.starts_with(&format!("shop: cannot listen on port {port}: ")));
    assert!(said.ends_with("choose another by --port\n"), "{said}");

    let (output, said) = ended(&["--port", "0", "--store", "mysql://127.0.0.1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.starts_with("shop: cannot open the store: "), "{said}");

    let (output, said) = ended(&["--port", "many"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("--port"), "{said}");
}

#[test]
fn help_says_how() {
    let output = shop(&["--help"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    for word in ["--store", "--port", "--database", "redis://", "live page"] {
        assert!(said.contains(word), "{word} in {said}");
    }
}
