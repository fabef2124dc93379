//! The shared types of kbisect: symbols, requests, fragments, configs, candidates, verdicts, events.

mod analysis;
mod ballot;
mod certify;
mod confidence;
mod config;
pub mod contract;
mod differences;
mod event;
mod forecast;
mod key;
mod launcher;
mod level;
mod near;
mod order;
mod prior;
mod proof;
mod request;
mod set;
mod settings;
mod symbol;
mod symptom;
mod text;
mod tracing;
mod trial;
mod units;
mod version;

pub use analysis::{
    Analysis, Dropped, Fixed, Implied, Missing, SetBy, Unknown, WhyFixed, WhyMissing,
};
pub use ballot::Ballot;
pub use certify::{CERTIFY, Certify};
pub use confidence::Confidence;
pub use config::{Config, Fingerprint, ResolvedConfig};
pub use differences::{Difference, Noted, Part};
pub use event::{Event, Phase, Progress, Purpose, WorkerState};
pub use forecast::Forecast;
pub use key::{
    ContentId, EnvironmentKey, Hashes, NotedVariables, OracleFiles, OracleKey, ProjectKey, RunKey,
    SourceId, SourceKey, ToolchainKey,
};
pub use launcher::CompilerLauncher;
pub use level::Level;
pub use near::near;
pub use order::Order;
pub use prior::Prior;
pub use proof::Proof;
pub use request::{Fragment, Request, RequestId};
pub use set::RequestSet;
pub use settings::StoredSettings;
pub use symbol::{InvalidSymbol, InvalidValue, MODULES, Symbol, Tristate, Value};
pub use symptom::Symptom;
pub use text::{escape_markup, no_formula, sanitize, sanitize_line};
pub use tracing::Tracing;
pub use trial::{
    Candidate, CandidateId, Judgement, Origin, Source, Stage, Timings, TrialId, Verdict, WorkerId,
};
pub use units::{bytes, count, duration};
pub use version::{understand, version_of};
