//! A server that answers by script, for states a real one cannot be brought into on demand.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What to do with the next request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// Send these bytes.
    Say(&'static str),
    /// Close the connection without an answer.
    HangUp,
}

/// Greets every connection, then answers from the list, and `+OK` when that is empty.
pub(crate) struct FakeServer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
    task: JoinHandle<()>,
}

impl FakeServer {
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> FakeServer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let answers = Arc::new(Mutex::new(answers.into_iter().collect::<VecDeque<_>>()));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn({
            let requests = Arc::clone(&requests);
            async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let (answers, requests) = (Arc::clone(&answers), Arc::clone(&requests));
                    tokio::spawn(serve(stream, answers, requests));
                }
            }
        });
        FakeServer {
            address,
            requests,
            task,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// The names of the commands that came after the greetings.
    pub(crate) fn commands(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests
            .iter()
            .map(|request| String::from_utf8_lossy(request).into_owned())
            .collect()
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
) {
    let mut unread = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let Ok(length) = stream.read(&mut chunk).await else {
            return;
        };
        if length == 0 {
            return;
        }
        unread.extend_from_slice(&chunk[..length]);
        while let Some((name, consumed)) = command_name(&unread) {
            unread.drain(..consumed);
            let answer = match name.as_slice() {
                b"HELLO" => Answer::Say("%1\r\n$5\r\nproto\r\n:3\r\n"),
                b"CLIENT" | b"SELECT" => Answer::Say("+OK\r\n"),
                _ => {
                    requests.lock().unwrap().push(name);
                    answers
                        .lock()
                        .unwrap()
                        .pop_front()
                        .unwrap_or(Answer::Say("+OK\r\n"))
                }
            };
            match answer {
                Answer::HangUp => return,
                Answer::Say(text) => stream.write_all(text.as_bytes()).await.unwrap(),
            }
        }
    }
}

/// The name of the first whole request, and how many bytes it takes.
fn command_name(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let line = |from: usize| {
        let end = bytes[from..].windows(2).position(|pair| pair == b"\r\n")?;
        Some((&bytes[from..from + end], from + end + 2))
    };
    let number = |text: &[u8]| {
        std::str::from_utf8(&text[1..])
            .unwrap()
            .parse::<usize>()
            .unwrap()
    };
    let (header, mut at) = line(0)?;
    let mut name = Vec::new();
    for index in 0..number(header) {
        let (size, start) = line(at)?;
        let end = start + number(size);
        if bytes.len() < end + 2 {
            return None;
        }
        if index == 0 {
            name = bytes[start..end].to_ascii_uppercase();
        }
        at = end + 2;
    }
    Some((name, at))
}
