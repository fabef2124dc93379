//! One connection of a browser: reads the head of its request, and writes the answer.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::answer::Answer;

/// Longest head of a request, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;

/// Most header lines of a request.
const MOST_HEADERS: usize = 64;

/// How long the head of a request may take.
const HEAD_TIME: Duration = Duration::from_secs(5);

/// How long one write of the answer may take.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// What a browser asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) host: String,
}

/// Reads the head of a request. Its body is never read.
///
/// # Errors
/// The head is too long, takes too long, or is no head.
pub(super) fn read(stream: &mut TcpStream) -> io::Result<Asked> {
    let begun = Instant::now();
    let mut head = Vec::new();
    let mut part = [0; 2048];
    loop {
        let left = HEAD_TIME.saturating_sub(begun.elapsed());
        if left.is_zero() || head.len() > LONGEST_HEAD {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let read = stream.read(&mut part)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(&part[..read]);
        if let Some(asked) = parse(&head)? {
            return Ok(asked);
        }
    }
}

/// The request of a head; none as long as the head is not whole.
fn parse(head: &[u8]) -> io::Result<Option<Asked>> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let status = request.parse(head);
    let status = status.map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
    if status.is_partial() {
        return Ok(None);
    }
    let mut hosts = request
        .headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case("host"));
    // With two of them nobody knows which one counts.
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => String::from_utf8_lossy(host.value).into_owned(),
        _ => String::new(),
    };
    Ok(Some(Asked {
        method: request.method.unwrap_or_default().to_owned(),
        path: request.path.unwrap_or_default().to_owned(),
        host,
    }))
}

/// Writes an answer, and ends the connection.
///
/// # Errors
/// The browser has gone, or does not read.
pub(super) fn write(stream: &mut TcpStream, answer: &Answer) -> io::Result<()> {
    let (status, kind, body) = match answer {
        Answer::Page(html) => ("200 OK", "text/html", html.as_str()),
        Answer::Text(text) => ("200 OK", "text/plain", text.as_str()),
        Answer::Broken(html) => ("503 Service Unavailable", "text/html", html.as_str()),
        Answer::Nothing => ("404 Not Found", "text/plain", "nothing here\n"),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
         X-Frame-Options: DENY\r\n\r\n",
        body.len()
    );
    stream.set_write_timeout(Some(WRITE_TIME))?;
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    stream.flush()
}
