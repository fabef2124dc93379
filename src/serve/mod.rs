//! Serves a page to the programs of this user on this machine, by HTTP.
//!
//! The server listens on 127.0.0.1 alone. Other users of the machine can connect to it, too, so the address has a
//! secret in it. Pages of other sites can make a browser connect to it, under a name of theirs (DNS rebinding), so the
//! name that the browser used must be this machine's.

mod answer;
mod connection;

pub use answer::Answer;

use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::supervise::CancelToken;
use crate::{Error, Result};

/// How long the server waits before it looks whether it is to stop.
const TICK: Duration = Duration::from_millis(200);

/// Most connections at a time. Further ones are closed at once.
const MOST: usize = 64;

/// A path that somebody with the secret asked for, and where the answer goes.
struct Question {
    path: String,
    reply: Sender<Answer>,
}

/// A server of pages.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    secret: String,
}

impl Server {
    /// A server on a port that is free.
    ///
    /// # Errors
    /// No port is free, or the machine gives no random numbers.
    pub fn new() -> Result<Self> {
        let failed = |e| Error::failed("cannot serve on 127.0.0.1").because(e);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        Ok(Self {
            address: listener.local_addr().map_err(failed)?,
            listener,
            secret: secret()?,
        })
    }

    /// The address of the page, for a browser.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/{}/", self.address, self.secret)
    }

    /// Answers requests until it is cancelled. `answer` gets the part of the path behind the secret: nothing for the
    /// page itself. Connections have threads of their own, so that a slow one keeps nobody waiting; they end with the
    /// process.
    pub fn serve(&self, cancel: &CancelToken, answer: &mut dyn FnMut(&str) -> Answer) {
        let (ask, questions) = bounded(MOST);
        thread::scope(|scope| {
            scope.spawn(|| self.accept(cancel, &ask));
            answer_all(&questions, cancel, answer);
            // It waits for a connection.
            drop(TcpStream::connect(self.address));
        });
    }

    fn accept(&self, cancel: &CancelToken, ask: &Sender<Question>) {
        let open = std::sync::Arc::new(AtomicUsize::new(0));
        for stream in self.listener.incoming() {
            if cancel.is_cancelled() {
                return;
            }
            // A connection that broke is the browser's business.
            let Ok(stream) = stream else {
                thread::sleep(TICK);
                continue;
            };
            if open.fetch_add(1, Ordering::Relaxed) >= MOST {
                open.fetch_sub(1, Ordering::Relaxed);
                continue;
            }
            let gate = Gate {
                address: self.address,
                secret: self.secret.clone(),
            };
            let (ask, open) = (ask.clone(), std::sync::Arc::clone(&open));
            thread::spawn(move || {
                gate.converse(stream, &ask);
                open.fetch_sub(1, Ordering::Relaxed);
            });
        }
    }
}

fn answer_all(
    questions: &Receiver<Question>,
    cancel: &CancelToken,
    answer: &mut dyn FnMut(&str) -> Answer,
) {
    while !cancel.is_cancelled() {
        if let Ok(Question { path, reply }) = questions.recv_timeout(TICK) {
            // Whoever asked may have gone.
            let _ = reply.send(answer(&path));
        }
    }
}

/// Lets through who knows the secret.
struct Gate {
    address: SocketAddr,
    secret: String,
}

impl Gate {
    /// Answers one request. What goes wrong is the browser's business.
    fn converse(&self, mut stream: TcpStream, ask: &Sender<Question>) {
        let Ok(asked) = connection::read(&mut stream) else {
            return;
        };
        let (reply, answer) = bounded(1);
        let found = self.path(&asked).and_then(|path| {
            let path = path.to_owned();
            ask.send(Question { path, reply }).ok()?;
            answer.recv().ok()
        });
        let found = found.unwrap_or(Answer::Nothing);
        let _ = connection::write(&mut stream, &found);
    }

    /// The path behind the secret.
    fn path<'a>(&self, asked: &'a connection::Asked) -> Option<&'a str> {
        if asked.method != "GET" || !self.is_this_machine(&asked.host) {
            return None;
        }
        let path = asked.path.strip_prefix('/')?;
        path.strip_prefix(self.secret.as_str())?.strip_prefix('/')
    }

    /// Is it the name and the port under which the server is?
    fn is_this_machine(&self, host: &str) -> bool {
        host == self.address.to_string() || host == format!("localhost:{}", self.address.port())
    }
}

/// 128 random bits, in hex.
fn secret() -> Result<String> {
    let mut bytes = [0_u8; 16];
    let path = "/dev/urandom";
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|e| Error::io("read", path.as_ref(), e))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use super::*;

    /// What the server says to this request line and host.
    fn said(server: &Server, method: &str, path: &str, host: &str) -> String {
        let mut stream = TcpStream::connect(server.address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    fn served(test: impl FnOnce(&Server)) {
        let server = Server::new().unwrap();
        let cancel = CancelToken::new();
        thread::scope(|scope| {
            scope.spawn(|| {
                server.serve(&cancel, &mut |path| match path {
                    "" => Answer::Page("<p>page</p>".to_owned()),
                    "version" => Answer::Text("7".to_owned()),
                    _ => Answer::Nothing,
                });
            });
            test(&server);
            cancel.cancel();
        });
    }

    #[test]
    fn a_page_is_served_to_who_knows_the_secret() {
        served(|server| {
            let secret = format!("/{}/", server.secret);
            let page = said(server, "GET", &secret, &server.address.to_string());
            assert!(page.starts_with("HTTP/1.1 200"), "{page}");
            assert!(page.ends_with("<p>page</p>"), "{page}");
            let version = said(
                server,
                "GET",
                &format!("{secret}version"),
                &server.address.to_string(),
            );
            assert!(version.ends_with("\r\n\r\n7"), "{version}");
            for path in ["/", "/version", "/0000/", &format!("{secret}../etc/passwd")] {
                let nothing = said(server, "GET", path, &server.address.to_string());
                assert!(nothing.starts_with("HTTP/1.1 404"), "{path}: {nothing}");
            }
            assert!(server.url().starts_with("http://127.0.0.1:"));
        });
    }

    #[test]
    fn a_name_of_another_site_gets_nothing() {
        served(|server| {
            let secret = format!("/{}/", server.secret);
            let port = server.address.port();
            for host in [
                "evil.example",
                &format!("evil.example:{port}"),
                "127.0.0.1",
                "",
            ] {
                let nothing = said(server, "GET", &secret, host);
                assert!(nothing.starts_with("HTTP/1.1 404"), "{host}: {nothing}");
            }
            let local = said(server, "GET", &secret, &format!("localhost:{port}"));
            assert!(local.starts_with("HTTP/1.1 200"), "{local}");
        });
    }

    #[test]
    fn nothing_but_get_is_answered() {
        served(|server| {
            let secret = format!("/{}/", server.secret);
            for method in ["POST", "PUT", "DELETE"] {
                let nothing = said(server, method, &secret, &server.address.to_string());
                assert!(nothing.starts_with("HTTP/1.1 404"), "{method}: {nothing}");
            }
        });
    }

    #[test]
    fn a_slow_connection_keeps_nobody_waiting() {
        served(|server| {
            let mut slow = TcpStream::connect(server.address).unwrap();
            write!(
                slow,
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc"
            )
            .unwrap();
            let mut silent = TcpStream::connect(server.address).unwrap();
            write!(silent, "GET /").unwrap();
            let secret = format!("/{}/", server.secret);
            let page = said(server, "GET", &secret, &server.address.to_string());
            assert!(page.starts_with("HTTP/1.1 200"), "{page}");
        });
    }

    #[test]
    fn what_a_request_promises_to_send_is_neither_read_nor_reserved() {
        served(|server| {
            let mut stream = TcpStream::connect(server.address).unwrap();
            let length = 900_000_000_000_000_000_u64;
            write!(
                stream,
                "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
            )
            .unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            assert!(text.starts_with("HTTP/1.1 404"), "{text}");
        });
    }

    #[test]
    fn a_head_without_an_end_is_not_read_for_ever() {
        served(|server| {
            let mut stream = TcpStream::connect(server.address).unwrap();
            // The server closes the connection while this is written, or after it.
            let line = format!("X-{}: y\r\n", "x".repeat(1000));
            let written = write!(stream, "GET / HTTP/1.1\r\n")
                .and_then(|()| (0..10_000).try_for_each(|_| stream.write_all(line.as_bytes())));
            let mut text = String::new();
            let read = stream.read_to_string(&mut text);
            assert!(
                written.is_err() || read.is_err() || text.is_empty(),
                "{text}"
            );
        });
    }
}
