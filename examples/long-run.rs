//! Makes a run of 10,000 invented trials, to see what its report costs: `cargo run --example long-run -- RUN FOLDER`.
//!
//! RUN is a run directory; FOLDER gets its `run.json`, its configs, and a journal of random subsets that all fail.
#![allow(clippy::print_stderr, reason = "an example")]

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use kbisect::journal::{Journal, Record, RunDir};
use kbisect::model::{
    Candidate, CandidateId, Fingerprint, Judgement, Origin, RequestId, RequestSet, Source, Stage,
    Timings, TrialId, Verdict,
};

const TRIALS: u32 = 10_000;

/// A source of random bits (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let [run, folder] = &env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("give a run directory and a folder".into());
    };
    let (run, folder) = (Path::new(run), Path::new(folder));
    let (info, _) = RunDir::read(run)?;
    fs::create_dir_all(folder)?;
    for name in ["run.json", "best.config", "best.fragment"] {
        fs::copy(run.join(name), folder.join(name))?;
    }
    let mut random = Random(1);
    let mut journal = Journal::create(&folder.join("journal.jsonl"))?;
    journal.append(&Record::Started { at: info.at })?;
    for number in 0..TRIALS {
        let (candidate, trial) = (CandidateId(number), TrialId(number + 1));
        let all = (0..info.requests.len()).map(|id| RequestId(u32::try_from(id).unwrap_or(0)));
        let keep = RequestSet::of(
            info.requests.len(),
            all.filter(|_| random.next() >> 63 == 1),
        );
        let fingerprint = Fingerprint(std::array::from_fn(|_| random.next().to_le_bytes()[0]));
        let verdict = match number {
            0 => Verdict::Pass,
            _ => Verdict::Fail(Stage::Oracle),
        };
        journal.append(&Record::Proposed {
            candidate: Candidate {
                id: candidate,
                keep: keep.clone(),
                round: 0,
                origin: Origin::Earlier,
            },
        })?;
        journal.append(&Record::Began {
            trial,
            candidate: Some(candidate),
            fingerprint,
            worker: None,
        })?;
        let judgement = Judgement {
            trial,
            fingerprint,
            verdict,
            source: Source::Tested,
            evidence: Some("on the console: guest: failed: ifconfig eth0".to_owned()),
            image: None,
            image_size: Some(2_000_000),
            lines: 438,
            timings: Timings::default(),
            origin: Origin::Earlier,
        };
        journal.append(&Record::Told {
            candidate,
            judgement,
            by: None,
        })?;
        if number == 0 {
            journal.append(&Record::Best {
                trial,
                requests: keep.len(),
                lines: 438,
                keep: Some(keep),
                files: Default::default(),
            })?;
        }
    }
    eprintln!("made a run of {TRIALS} trials in {}", folder.display());
    Ok(())
}
