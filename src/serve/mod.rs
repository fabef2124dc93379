//! Serves a page to the programs of this user on this machine, by HTTP.
//!
//! The server listens on 127.0.0.1 alone. Other users of the machine can connect to it, too, so the address has a
//! secret in it. Pages of other sites can make a browser connect to it, under a name of theirs (DNS rebinding), so the
//! name that the browser used must be this machine's.

use std::fs::File;
use std::io::Read;
use std::time::Duration;

use tiny_http::{Header, Method, Request, Response, StatusCode};

use crate::supervise::CancelToken;
use crate::{Error, Result};

/// How long the server waits before it looks whether it is to stop.
const TICK: Duration = Duration::from_millis(200);

/// What is served under a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A page of HTML.
    Page(String),
    /// Plain text.
    Text(String),
    /// There is nothing.
    Nothing,
}

/// A server of pages.
pub struct Server {
    http: tiny_http::Server,
    /// `127.0.0.1:PORT`
    address: String,
    secret: String,
}

impl Server {
    /// A server on a port that is free.
    ///
    /// # Errors
    /// No port is free, or the machine gives no random numbers.
    pub fn new() -> Result<Self> {
        let http = tiny_http::Server::http("127.0.0.1:0")
            .map_err(|e| Error::failed(format!("cannot serve on 127.0.0.1: {e}")))?;
        let address = http.server_addr().to_string();
        Ok(Self {
            http,
            address,
            secret: secret()?,
        })
    }

    /// The address of the page, for a browser.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/{}/", self.address, self.secret)
    }

    /// Answers requests until it is cancelled. `answer` gets the part of the path behind the secret: nothing for the
    /// page itself.
    pub fn serve(&self, cancel: &CancelToken, answer: &mut dyn FnMut(&str) -> Answer) {
        while !cancel.is_cancelled() {
            // A connection that broke is the browser's business.
            if let Ok(Some(request)) = self.http.recv_timeout(TICK) {
                let found = self.answer(&request, answer);
                respond(request, found);
            }
        }
    }

    fn answer(&self, request: &Request, answer: &mut dyn FnMut(&str) -> Answer) -> Answer {
        let is_ours = request.headers().iter().any(|header| {
            header.field.equiv("Host") && self.is_this_machine(header.value.as_str())
        });
        if !is_ours || *request.method() != Method::Get {
            return Answer::Nothing;
        }
        let path = request.url().strip_prefix('/');
        let path = path.and_then(|path| path.strip_prefix(self.secret.as_str()));
        match path.and_then(|path| path.strip_prefix('/')) {
            Some(path) => answer(path),
            None => Answer::Nothing,
        }
    }

    /// Is it the name and the port under which this server is?
    fn is_this_machine(&self, host: &str) -> bool {
        let port = self.address.rsplit(':').next().unwrap_or_default();
        host == self.address || host == format!("localhost:{port}")
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

fn respond(request: Request, answer: Answer) {
    let (status, kind, body) = match answer {
        Answer::Page(html) => (200, "text/html; charset=utf-8", html),
        Answer::Text(text) => (200, "text/plain; charset=utf-8", text),
        Answer::Nothing => (
            404,
            "text/plain; charset=utf-8",
            "nothing here\n".to_owned(),
        ),
    };
    let mut response = Response::from_string(body).with_status_code(StatusCode(status));
    for (name, value) in [
        ("Content-Type", kind),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Frame-Options", "DENY"),
    ] {
        // They are fixed texts without control characters.
        if let Ok(header) = Header::from_bytes(name, value) {
            response.add_header(header);
        }
    }
    // Whoever asked may have gone.
    let _ = request.respond(response);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;
    use std::net::TcpStream;
    use std::thread;

    use super::*;

    /// What the server says to this request line and host.
    fn said(server: &Server, method: &str, path: &str, host: &str) -> String {
        let mut stream = TcpStream::connect(&server.address).unwrap();
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
            let page = said(server, "GET", &secret, &server.address);
            assert!(page.starts_with("HTTP/1.1 200"), "{page}");
            assert!(page.ends_with("<p>page</p>"), "{page}");
            let version = said(server, "GET", &format!("{secret}version"), &server.address);
            assert!(version.ends_with("\r\n\r\n7"), "{version}");
            for path in ["/", "/version", "/0000/", &format!("{secret}../etc/passwd")] {
                let nothing = said(server, "GET", path, &server.address);
                assert!(nothing.starts_with("HTTP/1.1 404"), "{path}: {nothing}");
            }
            assert!(server.url().starts_with("http://127.0.0.1:"));
        });
    }

    #[test]
    fn a_name_of_another_site_gets_nothing() {
        served(|server| {
            let secret = format!("/{}/", server.secret);
            let port = server.address.rsplit(':').next().unwrap();
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
                let nothing = said(server, method, &secret, &server.address);
                assert!(nothing.starts_with("HTTP/1.1 404"), "{method}: {nothing}");
            }
        });
    }
}
