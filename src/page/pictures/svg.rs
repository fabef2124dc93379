//! Writes SVG: the output is always well-formed, and all text in it is escaped here.

use crate::model::escape_markup;

/// An element with its attributes and all that is in it.
pub(super) struct Element {
    name: &'static str,
    attributes: String,
    body: String,
}

impl Element {
    /// An empty element.
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            attributes: String::new(),
            body: String::new(),
        }
    }

    /// A group.
    pub(super) fn group() -> Self {
        Self::new("g")
    }

    /// A rectangle. It is never smaller than nothing.
    pub(super) fn rect(x: f64, y: f64, width: f64, height: f64) -> Self {
        let size = |n: f64| if n > 0.0 { n } else { 0.0 };
        Self::new("rect")
            .number("x", x)
            .number("y", y)
            .number("width", size(width))
            .number("height", size(height))
    }

    /// A circle.
    pub(super) fn circle(x: f64, y: f64, radius: f64) -> Self {
        Self::new("circle")
            .number("cx", x)
            .number("cy", y)
            .number("r", radius)
    }

    /// A straight line.
    pub(super) fn line(from: (f64, f64), to: (f64, f64)) -> Self {
        Self::new("line")
            .number("x1", from.0)
            .number("y1", from.1)
            .number("x2", to.0)
            .number("y2", to.1)
    }

    /// A text whose baseline begins at a point.
    pub(super) fn label(x: f64, y: f64, text: &str) -> Self {
        Self::new("text")
            .class("label")
            .number("x", x)
            .number("y", y)
            .text(text)
    }

    /// A link within the page.
    pub(super) fn link(anchor: &str) -> Self {
        Self::new("a").attribute("href", &format!("#{anchor}"))
    }

    /// With these classes, and no others.
    pub(super) fn class(mut self, names: &str) -> Self {
        if let Some(at) = self.attributes.find(" class=\"") {
            let value = at + " class=\"".len();
            let end = self.attributes[value..].find('"').map(|n| value + n);
            self.attributes.replace_range(at..=end.unwrap_or(at), "");
        }
        self.attribute("class", names)
    }

    /// Whose text ends at its point.
    pub(super) fn at_end(self) -> Self {
        self.attribute("text-anchor", "end")
    }

    /// Whose text has its middle at its point.
    pub(super) fn in_middle(self) -> Self {
        self.attribute("text-anchor", "middle")
    }

    /// With an attribute.
    pub(super) fn attribute(mut self, name: &'static str, value: &str) -> Self {
        self.attributes.push(' ');
        self.attributes.push_str(name);
        self.attributes.push_str("=\"");
        self.attributes.push_str(&escape_markup(value));
        self.attributes.push('"');
        self
    }

    /// With a number as an attribute.
    pub(super) fn number(self, name: &'static str, value: f64) -> Self {
        self.attribute(name, &number(value))
    }

    /// With a text in it.
    pub(super) fn text(mut self, text: &str) -> Self {
        self.body.push_str(&escape_markup(text));
        self
    }

    /// With what a mouse that rests on it shows.
    pub(super) fn tip(self, text: &str) -> Self {
        self.with(Self::new("title").text(text))
    }

    /// With another element in it, after those that it has.
    pub(super) fn with(mut self, child: Self) -> Self {
        self.push(child);
        self
    }

    /// With other elements in it.
    pub(super) fn with_all(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        for child in children {
            self.push(child);
        }
        self
    }

    /// Adds an element, after those that it has.
    pub(super) fn push(&mut self, child: Self) {
        self.body.push_str(&child.written());
    }

    /// As text.
    pub(super) fn written(self) -> String {
        let Self {
            name,
            attributes,
            body,
        } = self;
        let end = match name {
            // One a line, so that a text tool can show what differs.
            "text" | "title" | "desc" => "",
            _ => "\n",
        };
        if body.is_empty() {
            format!("<{name}{attributes}/>{end}")
        } else {
            format!("<{name}{attributes}>{body}</{name}>{end}")
        }
    }
}

/// The shape of a path.
#[derive(Default)]
pub(super) struct Path(String);

impl Path {
    /// Begins anew at a point.
    pub(super) fn move_to(&mut self, x: f64, y: f64) {
        self.points('M', &[x, y]);
    }

    /// Goes straight to a point.
    pub(super) fn line_to(&mut self, x: f64, y: f64) {
        self.points('L', &[x, y]);
    }

    /// Goes horizontally.
    pub(super) fn across_to(&mut self, x: f64) {
        self.points('H', &[x]);
    }

    /// Goes vertically.
    pub(super) fn down_to(&mut self, y: f64) {
        self.points('V', &[y]);
    }

    /// Goes to a point in a curve that begins and ends vertically.
    pub(super) fn curve(&mut self, from: (f64, f64), to: (f64, f64)) {
        let middle = f64::midpoint(from.1, to.1);
        self.move_to(from.0, from.1);
        self.points('C', &[from.0, middle, to.0, middle, to.0, to.1]);
    }

    /// Goes back to where it began.
    pub(super) fn close(&mut self) {
        self.0.push('z');
    }

    /// A rectangle of its own.
    pub(super) fn bar(&mut self, x: f64, y: f64, width: f64, height: f64) {
        self.move_to(x, y);
        self.points('h', &[width]);
        self.points('v', &[height]);
        self.points('h', &[-width]);
        self.close();
    }

    /// Whether nothing is drawn.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The element that draws it.
    pub(super) fn draw(&self, class: &str) -> Element {
        Element::new("path").class(class).attribute("d", &self.0)
    }

    fn points(&mut self, command: char, numbers: &[f64]) {
        self.0.push(command);
        for (at, n) in numbers.iter().enumerate() {
            if at > 0 {
                self.0.push(' ');
            }
            self.0.push_str(&number(*n));
        }
    }
}

/// A coordinate, to a hundredth. What is no number is 0, what is out of reach is at the edge of it.
fn number(n: f64) -> String {
    const FAR: f64 = 1e6;
    let n = if n.is_nan() { 0.0 } else { n.clamp(-FAR, FAR) };
    let mut text = format!("{n:.2}");
    text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    match text.as_str() {
        "-0" => "0".to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_in_bodies_and_in_attributes() {
        let hostile = "<script>\"'&\u{0}\u{1b}[2J\u{ffff}";
        let element = Element::new("text").attribute("id", hostile).text(hostile);
        let escaped = "&lt;script&gt;&quot;&#39;&amp;\u{fffd}\u{fffd}[2J\u{fffd}";
        assert_eq!(
            element.written(),
            format!("<text id=\"{escaped}\">{escaped}</text>")
        );
    }

    #[test]
    fn a_number_is_short_and_always_one() {
        let numbers = [12.0, 1.257, -0.001, f64::NAN, f64::INFINITY, 100.0];
        let written = numbers.map(number);
        assert_eq!(written, ["12", "1.26", "0", "0", "1000000", "100"]);
    }

    #[test]
    fn the_last_class_is_the_only_one() {
        let element = Element::label(1.0, 2.0, "x").class("other");
        assert_eq!(
            element.written(),
            r#"<text x="1" y="2" class="other">x</text>"#
        );
    }
}
