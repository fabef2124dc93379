//! Trees of a few symbols of all kinds, made at random.

use super::Random;

/// A Kconfig file, whose symbols may each depend on those before it.
pub fn random_tree(random: &mut Random) -> String {
    let mut text = String::new();
    if random.below(3) > 0 {
        text += random.one(&[
            "config MODULES\n\tdef_bool y\n\tmodules\n",
            "config MODULES\n\tbool \"modules\"\n\tmodules\n",
            "config MODULES\n\tbool \"modules\"\n\tmodules\n\tdefault y\n",
        ]);
    }
    let count = 5 + random.below(25);
    let mut tree = Tree {
        random,
        text,
        kinds: Vec::new(),
        open: Vec::new(),
        count,
    };
    for _ in 0..count {
        match tree.random.below(8) {
            0 if tree.open.last() != Some(&"endchoice") => tree.begin_block(),
            1 | 2 => tree.end_block(),
            _ => {}
        }
        tree.symbol();
    }
    while !tree.open.is_empty() {
        tree.end_block();
    }
    tree.text
}

struct Tree<'a> {
    random: &'a mut Random,
    text: String,
    /// Of the symbols so far.
    kinds: Vec<&'static str>,
    /// What ends the blocks that are open.
    open: Vec<&'static str>,
    /// How many symbols it is to have.
    count: usize,
}

impl Tree<'_> {
    fn begin_block(&mut self) {
        let (begins, ends) = self.random.one(&[
            ("menu \"m\"\n", "endmenu"),
            ("if ", "endif"),
            ("choice\n", "endchoice"),
            ("choice\n", "endchoice"),
        ]);
        self.text += begins;
        self.open.push(ends);
        match ends {
            "endif" => {
                let condition = self.condition();
                self.text += &(condition + "\n");
            }
            "endmenu" => {
                self.maybe(2, |tree| format!("\tdepends on {}\n", tree.condition()));
                self.maybe(3, |tree| format!("\tvisible if {}\n", tree.condition()));
            }
            _ => {
                let kinds = ["\tprompt \"c\"\n", "\tbool \"c\"\n", "\ttristate \"c\"\n"];
                self.text += self.random.one(&kinds);
                self.maybe(3, |_| "\toptional\n".to_owned());
                self.maybe(3, |tree| format!("\tdepends on {}\n", tree.condition()));
                // Mostly one of its members.
                let far = self.random.one(&[1, 2, 2, 4]);
                let member = self.kinds.len() + self.random.below(far);
                self.maybe(2, |tree| {
                    format!("\tdefault S{member} if {}\n", tree.condition())
                });
            }
        }
    }

    fn end_block(&mut self) {
        if let Some(ends) = self.open.pop() {
            self.text += ends;
            self.text.push('\n');
        }
    }

    fn symbol(&mut self) {
        let in_choice = self.open.last() == Some(&"endchoice");
        let kind = match self.random.below(10) {
            0..4 => "bool",
            4..7 => "tristate",
            _ if in_choice => "bool",
            7 => "int",
            8 => "hex",
            _ => "string",
        };
        let at = self.kinds.len();
        self.text += &format!("config S{at}\n\t{kind}");
        match self.random.below(4) {
            0 if !in_choice => {}
            1 => {
                let condition = self.condition();
                self.text += &format!(" \"s\" if {condition}");
            }
            _ => self.text += " \"s\"",
        }
        self.text.push('\n');
        self.maybe(3, |tree| format!("\tdepends on {}\n", tree.condition()));
        for _ in 0..self.random.below(3) {
            let value = self.value(kind);
            self.text += &format!("\tdefault {value}");
            self.end_property();
        }
        if ["int", "hex"].contains(&kind) && self.random.below(2) == 0 {
            let (low, high) = (self.bound(0), self.bound(12));
            self.text += &format!("\trange {low} {high}");
            self.end_property();
        }
        for verb in ["select", "imply"] {
            // What comes later, so that nothing goes round.
            let later = self.count - at - 1;
            if ["bool", "tristate"].contains(&kind) && self.random.below(4) == 0 && later > 0 {
                let other = at + 1 + self.random.below(later);
                self.text += &format!("\t{verb} S{other}");
                self.end_property();
            }
        }
        if kind == "bool" {
            self.maybe(10, |_| "\toption allnoconfig_y\n".to_owned());
        }
        self.kinds.push(kind);
    }

    fn end_property(&mut self) {
        self.maybe(2, |tree| format!(" if {}", tree.condition()));
        self.text.push('\n');
    }

    /// The value of a default.
    fn value(&mut self, kind: &str) -> String {
        let is_switch = ["bool", "tristate"].contains(&kind);
        let all = 0..self.kinds.len();
        let like: Vec<usize> = all
            .filter(|at| self.kinds[*at] == kind || kind == "string")
            .collect();
        match kind {
            _ if !is_switch && !like.is_empty() && self.random.below(3) == 0 => {
                format!("S{}", self.random.one(&like))
            }
            "int" => self.random.below(40).to_string(),
            "hex" => format!("{:#x}", self.random.below(40)),
            "string" => format!("\"t{}\"", self.random.below(3)),
            _ => self.condition(),
        }
    }

    /// A number, or a symbol that has one.
    fn bound(&mut self, low: usize) -> String {
        let all = 0..self.kinds.len();
        let numbers: Vec<usize> = all
            .filter(|at| ["int", "hex"].contains(&self.kinds[*at]))
            .collect();
        match numbers.is_empty() || self.random.below(2) == 0 {
            true => (low + self.random.below(10)).to_string(),
            false => format!("S{}", self.random.one(&numbers)),
        }
    }

    fn maybe(&mut self, one_in: usize, make: impl FnOnce(&mut Self) -> String) {
        if self.random.below(one_in) == 0 {
            let text = make(self);
            self.text += &text;
        }
    }

    /// A condition of symbols that come before.
    fn condition(&mut self) -> String {
        let (a, b) = (self.term(), self.term());
        match self.random.below(4) {
            0 => format!("{a} && {b}"),
            1 => format!("{a} || {b}"),
            _ => a,
        }
    }

    fn term(&mut self) -> String {
        let before = self.kinds.len();
        let random = &mut *self.random;
        if before == 0 || random.below(10) == 0 {
            return random.one(&["y", "m", "n"]).to_owned();
        }
        let at = random.below(before);
        match (self.kinds[at], random.below(4)) {
            ("bool" | "tristate", 0) => format!("!S{at}"),
            ("bool" | "tristate", 1) => format!("S{at}={}", random.one(&["y", "m", "n"])),
            ("bool" | "tristate", _) => format!("S{at}"),
            ("string", _) => format!("S{at}=\"t{}\"", random.below(3)),
            (_, 0) => format!("S{at}>S{}", random.below(before)),
            _ => format!("S{at}<{}", random.below(40)),
        }
    }
}
