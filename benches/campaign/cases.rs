//! What is tried: a case is made of a seed and its number, so that it can be had again.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use kbisect::search::Algorithm;
use kbisect::search::sim::Rng;

use crate::toy::{CALLS, Rule, Spec, Toy};

/// A kind of case: a row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// k of n are needed.
    Monotone,
    /// (A and B) or (C and D).
    Alternatives,
    /// An odd number of some.
    Parity,
    /// X needs Y, or neither.
    Partner,
    /// A without B, which comes when something else goes.
    Without,
    /// `--certify leaves`.
    Leaves,
    /// So many verdicts of a hundred are flipped.
    Flips(u32),
    /// The rate of passes that become fails is another one than that of fails that become passes.
    Uneven,
    /// The rate depends on the time, or on the worker.
    Drift,
    /// kill -9.
    Kill,
    /// A full disk, which is given room later.
    Disk,
    /// A compiler that fails once, or now and then.
    Compiler,
    /// Oracles, shells and makes that are killed.
    Children,
    /// A source that is edited during the run, and put back.
    Edit,
}

/// Each in its turn: half are steady and undisturbed, a quarter flip, a quarter have other troubles.
const TURNS: [Kind; 24] = [
    Kind::Monotone,
    Kind::Alternatives,
    Kind::Flips(5),
    Kind::Kill,
    Kind::Parity,
    Kind::Partner,
    Kind::Flips(10),
    Kind::Disk,
    Kind::Without,
    Kind::Leaves,
    Kind::Flips(20),
    Kind::Compiler,
    Kind::Monotone,
    Kind::Alternatives,
    Kind::Flips(30),
    Kind::Children,
    Kind::Parity,
    Kind::Partner,
    Kind::Uneven,
    Kind::Edit,
    Kind::Without,
    Kind::Flips(0),
    Kind::Drift,
    Kind::Compiler,
];

/// How a kind is called.
impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self {
            Self::Monotone => "monotone",
            Self::Alternatives => "alternatives",
            Self::Parity => "parity",
            Self::Partner => "partner",
            Self::Without => "without",
            Self::Leaves => "leaves",
            Self::Flips(percent) => return write!(f, "flips-{percent}"),
            Self::Uneven => "flips-uneven",
            Self::Drift => "flips-drift",
            Self::Kill => "kill",
            Self::Disk => "disk",
            Self::Compiler => "compiler",
            Self::Children => "children",
            Self::Edit => "edit",
        };
        f.write_str(name)
    }
}

impl Kind {
    /// The kind of the case with this number.
    pub fn of(index: u64) -> Self {
        let turn = index % TURNS.len() as u64;
        TURNS[usize::try_from(turn).unwrap()]
    }

    /// May its oracle err?
    pub fn flips(self) -> bool {
        matches!(self, Self::Flips(1..) | Self::Uneven | Self::Drift)
    }

    /// The exit codes that it is to end with.
    pub fn expected(self) -> &'static [i32] {
        match self {
            // Where no request depends on another, all were tried.
            Self::Leaves => &[0, 4],
            // A start that is refused by mistake, no proof, too unreliable.
            _ if self.flips() => &[0, 3, 4, 6],
            _ => &[0],
        }
    }
}

/// A case, with its toy.
#[derive(Debug)]
pub struct Case {
    /// See there.
    pub kind: Kind,
    /// The project.
    pub toy: Toy,
    /// What its oracle says when nothing is in its way.
    pub rule: Rule,
    /// Flags.
    pub args: Vec<String>,
    /// For what happens while it runs.
    pub rng: Rng,
}

impl Case {
    /// The case of this number, with its project in `dir`.
    pub fn new(seed: u64, index: u64, dir: &Path) -> Self {
        let kind = Kind::of(index);
        let mut rng = Rng(seed.wrapping_mul(0x9e37_79b9) ^ index.wrapping_mul(0xc2b2_ae35));
        rng.bits();
        let symbols = Symbols::new(&mut rng);
        let spec = symbols.spec(kind, &mut rng);
        let family = match kind {
            Kind::Monotone => 0,
            Kind::Alternatives => 1,
            Kind::Parity => 2,
            Kind::Partner => 3,
            Kind::Without => 4,
            _ => rng.below(5),
        };
        let toy = Toy::at(dir, &spec);
        let on = toy.resolve_text(&spec.start);
        let rule = loop {
            let rule = symbols.rule(family, &on, &mut rng);
            if rule.holds(&on) {
                break rule;
            }
        };
        let script = rule.script(&twist(kind, &mut rng));
        toy.script("oracle/check", &script);
        let args = args(kind, &mut rng);
        Self {
            kind,
            toy,
            rule,
            args,
            rng,
        }
    }
}

/// Flags of a run.
fn args(kind: Kind, rng: &mut Rng) -> Vec<String> {
    let algorithm = Algorithm::ALL[rng.below(Algorithm::ALL.len())];
    let jobs = [1, 2, 4][rng.below(3)];
    // Drawn so that the cases stay those that were recorded.
    rng.below(1000);
    let text = format!("--algorithm {algorithm} -j {jobs}");
    let mut args: Vec<String> = text.split(' ').map(str::to_owned).collect();
    if rng.below(4) == 0 {
        args.push("--deterministic".to_owned());
    }
    if kind == Kind::Leaves {
        args.extend(["--certify".to_owned(), "leaves".to_owned()]);
    }
    if kind.flips() {
        args.extend(["--confidence".to_owned(), "0.99".to_owned()]);
    }
    args
}

/// What an oracle does beside its rule.
fn twist(kind: Kind, rng: &mut Rng) -> String {
    let n = 1 + rng.below(18);
    let (to_fail, to_pass) = match kind {
        Kind::Flips(0) => return String::new(),
        Kind::Flips(percent) => (percent.to_string(), percent.to_string()),
        Kind::Uneven => match rng.below(4) {
            0 => ("0".to_owned(), "20".to_owned()),
            1 => ("20".to_owned(), "0".to_owned()),
            2 => ("5".to_owned(), "25".to_owned()),
            _ => ("25".to_owned(), "5".to_owned()),
        },
        Kind::Drift => {
            let rate = match rng.below(4) {
                // It grows, and stays; it is there in the beginning only; it comes and goes; on one
                // worker only, as a loaded machine has it.
                0 => "$((calls < 90 ? calls / 3 : 30))",
                1 => "$((calls < 40 ? 30 : 0))",
                2 => "$((calls / 20 % 2 * 30))",
                _ => "$((KBISECT_SLOT % 2 * 30))",
            };
            (rate.to_owned(), rate.to_owned())
        }
        Kind::Children => {
            let victim = ["$$", "$PPID"][usize::from(rng.below(8) == 0)];
            return format!("{CALLS}\n[ $calls = {n} ] && kill -9 {victim}");
        }
        Kind::Edit => {
            let symbol = 1 + rng.below(6);
            let edit = [
                format!("sed -i 's/S{symbol}$/R{symbol}/' \"$toy/src/Kconfig\""),
                "sed -i 's/^\\tdepends on .*//' \"$toy/src/Kconfig\"".to_owned(),
                "echo '# edited' >>\"$toy/src/Makefile\"".to_owned(),
                "echo '# edited' >>\"$toy/src/Kconfig\"".to_owned(),
            ];
            return format!(
                "{CALLS}\n[ $calls = {n} ] && {{ {}; touch \"$toy/state/edited\"; }}",
                edit[rng.below(edit.len())]
            );
        }
        _ => return String::new(),
    };
    let salt = rng.below(1 << 30);
    // The process is in it as several may have the same number where several run at once.
    format!(
        "{CALLS}\n\
         chance=$(echo {salt} $calls $KBISECT_SLOT | sha256sum | cut -c1-6)\n\
         if [ $verdict = 0 ]; then rate={to_fail}; else rate={to_pass}; fi\n\
         if [ $((0x$chance % 100)) -lt $rate ]; then verdict=$((1 - verdict)); fi"
    )
}

/// Symbols of a project: `S1`, ... with prompts, which may depend on others or select libraries;
/// `L1` and `L2`, which may be selected; `H1`, without a prompt, which comes when something goes.
struct Symbols {
    /// With prompts, and their attributes.
    own: Vec<(String, String)>,
    /// Which depends on which other.
    pairs: Vec<(String, String)>,
    /// On which symbols `H1` depends: on when the first is off and the second on.
    hidden: Option<(String, String)>,
}

impl Symbols {
    fn new(rng: &mut Rng) -> Self {
        let count = 6 + rng.below(9);
        let tangled = rng.below(3) > 0;
        let mut pairs = Vec::new();
        let mut own: Vec<(String, String)> = ["L1", "L2"]
            .iter()
            .map(|name| ((*name).to_owned(), String::new()))
            .collect();
        for i in 1..=count {
            let mut attributes = String::new();
            if tangled && i > 1 && rng.below(3) == 0 {
                let (a, b) = (1 + rng.below(i - 1), 1 + rng.below(i - 1));
                let on = match rng.below(4) {
                    0 => format!("S{a} || S{b}"),
                    1 => format!("S{a} && S{b}"),
                    _ => format!("S{a}"),
                };
                writeln!(attributes, "depends on {on}").unwrap();
                pairs.push((format!("S{i}"), format!("S{a}")));
            }
            if tangled && rng.below(6) == 0 {
                writeln!(attributes, "select L{}", 1 + rng.below(2)).unwrap();
            }
            own.push((format!("S{i}"), attributes));
        }
        let pick = |rng: &mut Rng| format!("S{}", 1 + rng.below(count));
        let hidden = (rng.below(2) == 0).then(|| (pick(rng), pick(rng)));
        Self { own, pairs, hidden }
    }

    fn spec(&self, kind: Kind, rng: &mut Rng) -> Spec {
        let symbols: Vec<(&str, &str)> = self.own.iter().map(|(n, a)| (&**n, &**a)).collect();
        let mut spec = Spec::new(&symbols, &Rule::All(vec![]));
        if let Some((gone, with)) = &self.hidden {
            let hidden = format!("config H1\n\tbool\n\tdefault y if !{gone} && {with}\n");
            spec.kconfig.push_str(&hidden);
        }
        let number = 1 + rng.below(24);
        let scratch = "$(O)/scratch";
        match kind {
            Kind::Disk => spec.recipe(&format!(
                "@head -c {} /dev/zero >{scratch}; ended=$$?; rm -f {scratch}; exit $$ended\n@{}",
                1 << (12 + rng.below(6)),
                crate::toy::COPY
            )),
            Kind::Compiler => {
                let crash = [
                    "echo 'gcc: internal compiler error: Segmentation fault signal terminated \
                     program cc1'; exit 1",
                    "echo 'x.c:1:2: error: expected identifier'; exit 1",
                    "echo 'gcc: fatal error: Killed signal terminated program cc1'; exit 1",
                    "exit 1",
                    "kill -9 $$$$",
                ];
                spec.in_build(number, crash[rng.below(crash.len())])
            }
            Kind::Children => match rng.below(3) {
                0 => spec.in_build(number, "kill -9 $$PPID"),
                1 => spec.in_build(number, "kill -9 $$$$"),
                _ => spec,
            },
            _ => spec,
        }
    }

    /// A rule of this family; perhaps not one that holds where these are on.
    fn rule(&self, family: usize, on: &BTreeSet<String>, rng: &mut Rng) -> Rule {
        let mut names: Vec<String> = self.own.iter().map(|(name, _)| name.clone()).collect();
        names.retain(|name| on.contains(name));
        rng.shuffle(&mut names);
        let mut next = || names.pop();
        let mut some =
            |count: usize| -> Vec<String> { (0..count).filter_map(|_| next()).collect() };
        let all = |names: Vec<String>| Rule::All(names.into_iter().map(Rule::On).collect());
        let extra = all(some(rng.below(3)));
        let rule = match family {
            0 => {
                let of = some(1 + rng.below(5));
                Rule::AtLeast(1 + rng.below(of.len().max(1)), of)
            }
            1 => Rule::Any(vec![all(some(2)), all(some(1 + rng.below(2)))]),
            2 => Rule::Odd(some(1 + rng.below(4))),
            3 => {
                let pair = some(2);
                let (Some(mut x), Some(mut y)) = (pair.first(), pair.last()) else {
                    return Rule::All(vec![]);
                };
                // Often one without which the other falls, so that both go, or none.
                if let (false, Some((dependent, on))) = (
                    rng.below(3) == 0,
                    self.pairs.get(rng.below(self.pairs.len().max(1))),
                ) {
                    (x, y) = (on, dependent);
                }
                let neither = Rule::All(vec![Rule::off(x), Rule::off(y)]);
                match rng.below(2) {
                    0 => Rule::Any(vec![Rule::off(x), Rule::on(y)]),
                    _ => Rule::Any(vec![Rule::all(&[x, y]), neither]),
                }
            }
            _ => Rule::All(vec![all(some(1)), Rule::off("H1")]),
        };
        Rule::All(vec![rule, extra])
    }
}
