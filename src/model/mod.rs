//! The words that all of kbisect speaks: symbols, requests, fragments, configs, candidates, verdicts, events.

mod certify;
mod config;
mod event;
mod request;
mod set;
mod symbol;
mod text;
mod trial;

pub use certify::{CERTIFY, Certify};
pub use config::{Config, Fingerprint, ResolvedConfig};
pub use event::{Event, Phase, Progress, WorkerState};
pub use request::{Fragment, Request, RequestId};
pub use set::RequestSet;
pub use symbol::{InvalidSymbol, InvalidValue, Symbol, Tristate, Value};
pub use text::{sanitize, sanitize_line};
pub use trial::{
    Candidate, CandidateId, Judgement, Source, Stage, Timings, TrialId, Verdict, WorkerId,
};
