//! Runs a case to its end, with the troubles of its kind on the way.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use kbisect::search::sim::Rng;

use crate::cases::{Case, Kind};
use crate::judge::{self, Needed};
use crate::toy::SmallDisk;

/// Far more than a run takes: it hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often a run is taken up again.
const RESUMES: usize = 8;

/// The code of what hung.
pub const HUNG: i32 = -1;

/// The code of what could not be tried here.
pub const NOT_TRIED: i32 = -2;

/// The code of a run that ended with 0 although its source was edited.
pub const NOT_NOTICED: i32 = -3;

/// The code of what was killed.
const KILLED: i32 = 128 + 9;

/// What became of a case.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The exit code in the end.
    pub code: i32,
    /// What is wrong with what was certified.
    pub wrong: Option<String>,
    /// Trials that were begun.
    pub trials: usize,
    /// How often kbisect was started.
    pub starts: usize,
    /// Wall time of all of it.
    pub took: Duration,
}

/// The commands of a case, one after the other, and their logs.
struct Runs<'a> {
    case: &'a Case,
    starts: usize,
    trials: usize,
    wrong: Option<String>,
}

/// Runs a case to its end.
pub fn run(case: &mut Case) -> Outcome {
    let begun = Instant::now();
    let mut rng = Rng(case.rng.bits());
    let mut runs = Runs {
        case,
        starts: 0,
        trials: 0,
        wrong: None,
    };
    let code = match case.kind {
        Kind::Kill => runs.killed(&mut rng),
        Kind::Disk => runs.on_a_full_disk(&mut rng),
        Kind::Edit => runs.edited(),
        Kind::Compiler | Kind::Children => {
            let code = runs.next(&mut |_| {});
            runs.again_unless_over(code)
        }
        _ => runs.next(&mut |_| {}),
    };
    Outcome {
        code,
        wrong: runs.wrong,
        trials: runs.trials,
        starts: runs.starts,
        took: begun.elapsed(),
    }
}

impl Runs<'_> {
    /// Begins the run or goes on with it, does `meanwhile` with the process, waits for its end, and
    /// judges what it certifies.
    fn next(&mut self, meanwhile: &mut dyn FnMut(&mut Child)) -> i32 {
        let code = self.start(meanwhile);
        self.judge(code);
        code
    }

    fn judge(&mut self, code: i32) {
        let needed = match (code, self.case.kind) {
            (0, _) => Needed::All,
            (4, Kind::Leaves) => Needed::Leaves,
            _ => return,
        };
        if self.wrong.is_none() {
            self.wrong = judge::fault(self.case, needed);
        }
    }

    fn start(&mut self, meanwhile: &mut dyn FnMut(&mut Child)) -> i32 {
        let toy = &self.case.toy;
        let mut args: Vec<&str> = self.case.args.iter().map(String::as_str).collect();
        if toy.path("out/run.json").exists() {
            args = vec!["resume", "out"];
        } else {
            args.insert(0, "run");
        }
        self.starts += 1;
        let log = File::create(toy.path(&format!("log-{}", self.starts))).unwrap();
        let mut child = toy
            .command(&args)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        meanwhile(&mut child);
        let code = wait(&mut child);
        let journal = toy.read("out/journal.jsonl");
        self.trials = journal.matches("\"record\":\"began\"").count();
        code
    }

    /// Goes on as long as it ends with an error, or is killed.
    fn again_unless_over(&mut self, mut code: i32) -> i32 {
        for _ in 0..RESUMES {
            if ![1, KILLED].contains(&code) {
                break;
            }
            code = self.next(&mut |_| {});
        }
        code
    }

    /// kill -9, some times, at moments of chance; then to the end.
    fn killed(&mut self, rng: &mut Rng) -> i32 {
        for _ in 0..=rng.below(4) {
            let journal = self.case.toy.path("out/journal.jsonl");
            let code = self.next(&mut |child| {
                await_moment(&journal, child, rng);
                // It may have ended.
                let _ = child.kill();
            });
            if code == 0 {
                return code;
            }
        }
        self.next(&mut |_| {})
    }

    /// With a disk that is filled at a moment of chance, up to some room; then with room again.
    fn on_a_full_disk(&mut self, rng: &mut Rng) -> i32 {
        let out = self.case.toy.path("out");
        let Some(_disk) = SmallDisk::mount(&out, 3000) else {
            return NOT_TRIED;
        };
        let (journal, filler) = (out.join("journal.jsonl"), out.join("filler"));
        let left = 4096 * rng.below(50);
        let code = self.next(&mut |child| {
            await_moment(&journal, child, rng);
            fill(&filler, left);
        });
        fs::remove_file(&filler).unwrap();
        let code = self.again_unless_over(code);
        self.keep(&out);
        code
    }

    /// Copies what is on the small disk, if somebody is to look at it.
    fn keep(&self, out: &Path) {
        let copy = self.case.toy.path("out-of-the-disk");
        let _ = std::process::Command::new("cp")
            .arg("-r")
            .args([out, &copy])
            .output();
    }

    /// The oracle edits the source; when the run is over that is undone.
    fn edited(&mut self) -> i32 {
        let toy = &self.case.toy;
        let files = ["src/Kconfig", "src/Makefile"];
        let before = files.map(|name| toy.read(name));
        let code = self.start(&mut |_| {});
        // One that changes nothing is none.
        let is_edited =
            toy.path("state/edited").exists() && files.map(|name| toy.read(name)) != before;
        if is_edited {
            for (name, text) in files.iter().zip(&before) {
                toy.write(name, text);
            }
        }
        self.judge(code);
        if is_edited && code == 0 {
            return NOT_NOTICED;
        }
        self.again_unless_over(code)
    }
}

/// Waits until the journal has got longer by a number of bytes of chance, up to some thirty trials,
/// and a bit more, or the process has ended.
fn await_moment(journal: &Path, child: &mut Child, rng: &mut Rng) {
    let size = || fs::metadata(journal).map_or(0, |meta| meta.len());
    let until = size() + 1 + rng.below(20_000) as u64;
    while size() < until && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_micros(rng.below(10_000) as u64));
}

/// Fills the disk of `filler`, but for so many bytes.
fn fill(filler: &Path, left: usize) {
    use std::io::Write;
    let Ok(mut file) = File::create(filler) else {
        return;
    };
    let page = [0; 4096];
    let mut size = 0;
    while file.write_all(&page).is_ok() {
        size += page.len();
    }
    let _ = file.set_len(size.saturating_sub(left) as u64);
}

fn wait(child: &mut Child) -> i32 {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return code(status);
        }
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            return HUNG;
        }
        std::thread::sleep(Duration::from_millis(3));
    }
}

fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    let signal = status.signal().map(|signal| 128 + signal);
    status.code().or(signal).unwrap_or(HUNG)
}
