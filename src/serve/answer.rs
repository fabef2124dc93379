//! What a server says.

/// What is served under a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A page of HTML.
    Page(String),
    /// Plain text.
    Text(String),
    /// A page of HTML that says why there is no other one now.
    Broken(String),
    /// There is nothing.
    Nothing,
}
