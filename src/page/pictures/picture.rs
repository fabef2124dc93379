//! The form of a picture: its SVG with its text alternative, and the numbers behind it.

use serde::Serialize;

use super::svg::Element;

/// A picture of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Picture {
    /// Its name in the page, of letters and `-`.
    pub id: &'static str,
    /// Its heading.
    pub title: String,
    /// What it shows, in sentences: the text alternative.
    pub description: String,
    /// An `svg` element. It has no script and no style: the classes in it are those of [`STYLE`](super::STYLE).
    pub svg: String,
    /// The numbers behind it.
    pub table: Table,
}

/// The numbers behind a picture. The cells are plain text: a renderer escapes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// The names of the columns.
    pub head: Vec<String>,
    /// The rows, each with a cell for every column.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub(super) fn new(head: &[&str]) -> Self {
        Self {
            head: head.iter().map(|&name| name.to_owned()).collect(),
            rows: Vec::new(),
        }
    }
}

/// How wide a picture is. Its units are pixels, if the page has the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    /// As a column of text.
    Column,
    /// Twice as much; it scrolls in a narrow window.
    Wide,
}

impl Width {
    pub(super) fn units(self) -> f64 {
        match self {
            Self::Column => 720.0,
            Self::Wide => 1440.0,
        }
    }
}

/// What is in a drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// Marks that are looked at.
    Marks,
    /// Links, which can be followed. Assistive technology must get at each of them.
    Links,
}

/// A picture that is being drawn.
pub(super) struct Drawing {
    pub(super) id: &'static str,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) width: Width,
    pub(super) height: f64,
    pub(super) holds: Holds,
    pub(super) body: Vec<Element>,
    pub(super) table: Table,
}

impl Drawing {
    /// The picture.
    pub(super) fn finish(self) -> Picture {
        let (title, description) = (format!("{}-title", self.id), format!("{}-desc", self.id));
        let size = format!("0 0 {} {}", self.width.units(), self.height.ceil());
        let svg = Element::new("svg")
            .attribute("xmlns", "http://www.w3.org/2000/svg")
            .class(match self.width {
                Width::Column => "picture",
                Width::Wide => "picture wide",
            })
            .attribute("width", "100%")
            .attribute("viewBox", &size)
            .attribute(
                "role",
                match self.holds {
                    Holds::Marks => "img",
                    // What is in an `img` cannot be reached.
                    Holds::Links => "group",
                },
            )
            .attribute("aria-labelledby", &title)
            .attribute("aria-describedby", &description)
            .with(
                Element::new("title")
                    .attribute("id", &title)
                    .text(&self.title),
            )
            .with(
                Element::new("desc")
                    .attribute("id", &description)
                    .text(&self.description),
            )
            .with_all(self.body);
        Picture {
            id: self.id,
            title: self.title,
            description: self.description,
            svg: svg.written(),
            table: self.table,
        }
    }
}

/// `text`, cut at `most` characters, the last of which says so.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => {
            let kept: String = text.chars().take(most.saturating_sub(1)).collect();
            kept + "…"
        }
    }
}
