//! The form of each record on disk.

use super::*;

/// One record of each kind, and the line that each must be on disk.
///
/// These lines are in people's run directories. When one changes, the version must go up, and
/// the old form must still be read. A table, and as long as there are kinds.
pub(super) fn samples() -> Vec<(Record, String)> {
    let hex = "07".repeat(32);
    let judged = |verdict: &str| {
        format!(r#"{{"trial":4,"fingerprint":"{hex}","verdict":{verdict},"source":"tested","#)
            + r#""evidence":"Kernel panic—not \"syncing\"","image":"aa","image_size":3,"#
            + r#""lines":400,"timings":{"build_wall":{"secs":1,"nanos":500000000},"#
            + r#""build_cpu":{"secs":0,"nanos":0},"oracle_wall":{"secs":0,"nanos":0},"#
            + r#""objects":7}}"#
    };
    let candidate = Candidate {
        id: CandidateId(3),
        keep: RequestSet::of(10, [RequestId(0), RequestId(9)]),
        round: 0,
        origin: Origin::Earlier,
    };
    let id = CandidateId(3);
    let fingerprint = Fingerprint([7; 32]);
    vec![
        (
            Record::Started { at: 5 },
            r#""record":"started","at":5"#.into(),
        ),
        (
            Record::Resumed { at: 6 },
            r#""record":"resumed","at":6"#.into(),
        ),
        (
            Record::Start {
 by: None,
                judgement: judgement(4, 7, Verdict::Pass),
                files: BTreeMap::new(),
            },
            format!(r#""record":"start","judgement":{}"#, judged(r#""pass""#)),
        ),
        (
            Record::Start {
 by: None,
                judgement: judgement(4, 7, Verdict::Pass),
                files: BTreeMap::from([("check/oracle.log".into(), "ab12".into())]),
            },
            format!(
                r#""record":"start","judgement":{},"files":{{"check/oracle.log":"ab12"}}"#,
                judged(r#""pass""#)
            ),
        ),
        (
            Record::StandIn {
 by: None,
                judgement: judgement(4, 7, Verdict::Pass),
                files: BTreeMap::from([("check/oracle.log".into(), "ab12".into())]),
            },
            format!(
                r#""record":"stand-in","judgement":{},"files":{{"check/oracle.log":"ab12"}}"#,
                judged(r#""pass""#)
            ),
        ),
        (
            Record::Proposed {
                candidate: candidate.clone(),
            },
            r#""record":"proposed","candidate":{"id":3,"keep":"10:0102"}"#.into(),
        ),
        (
            Record::Resolved {
                candidate: id,
                fingerprint,
            },
            format!(r#""record":"resolved","candidate":3,"fingerprint":"{hex}""#),
        ),
        (
            Record::Began {
                trial: TrialId(4),
                candidate: Some(CandidateId(3)),
                fingerprint,
                worker: None,
            },
            format!(r#""record":"began","trial":4,"candidate":3,"fingerprint":"{hex}""#),
        ),
        (
            Record::Began {
                trial: TrialId(4),
                candidate: None,
                fingerprint,
                worker: Some(WorkerId(1)),
            },
            format!(
                r#""record":"began","trial":4,"candidate":null,"fingerprint":"{hex}","worker":1"#
            ),
        ),
        (
            Record::Told {
 by: None,
                candidate: id,
                judgement: judgement(4, 7, Verdict::Fail(Stage::Build)),
            },
            format!(
                r#""record":"told","candidate":3,"judgement":{}"#,
                judged(r#"{"fail":"build"}"#)
            ),
        ),
        (
            Record::Told {
 by: None,
                candidate: id,
                judgement: Judgement {
                    origin: Origin::Empty,
                    ..judgement(4, 7, Verdict::Pass)
                },
            },
            format!(
                r#""record":"told","candidate":3,"judgement":{},"origin":"empty"}}"#,
                judged(r#""pass""#).strip_suffix('}').unwrap()
            ),
        ),
        (
            Record::Told {
                candidate: id,
                judgement: judgement(4, 7, Verdict::Pass),
                by: Some(Taken {
                    worker: WorkerId(1),
                    at: 1200,
                }),
            },
            format!(
                r#""record":"told","candidate":3,"judgement":{},"by":{{"worker":1,"taken":1200}}"#,
                judged(r#""pass""#)
            ),
        ),
        (
            Record::Costs {
                millis: vec![9000, 120_000],
            },
            r#""record":"costs","millis":[9000,120000]"#.into(),
        ),
        (
            Record::Traced {
                prior: Prior::new([0.02, 0.8]),
            },
            r#""record":"traced","prior":[20,800]"#.into(),
        ),
        (
            Record::Withdrawn { candidate: id },
            r#""record":"withdrawn","candidate":3"#.into(),
        ),
        (
            Record::Best {
                trial: TrialId(4),
                requests: 2,
                lines: 300,
                keep: None,
                files: BTreeMap::new(),
            },
            r#""record":"best","trial":4,"requests":2,"lines":300"#.into(),
        ),
        (
            Record::Best {
                trial: TrialId(4),
                requests: 1,
                lines: 300,
                keep: Some(RequestSet::of(10, [RequestId(9)])),
                files: BTreeMap::from([("check/dmesg".into(), "ab12".into())]),
            },
            r#""record":"best","trial":4,"requests":1,"lines":300,"keep":"10:0002","files":{"check/dmesg":"ab12"}"#
                .into(),
        ),
        (
            Record::Proposed {
                candidate: Candidate {
                    round: 2,
                    ..candidate.clone()
                },
            },
            r#""record":"proposed","candidate":{"id":3,"keep":"10:0102","round":2}"#.into(),
        ),
        (
            Record::Proposed {
                candidate: Candidate {
                    round: 2,
                    origin: Origin::Empty,
                    ..candidate
                },
            },
            r#""record":"proposed","candidate":{"id":3,"keep":"10:0102","round":2,"origin":"empty"}"#
                .into(),
        ),
        (
            Record::Depends {
                keep: RequestSet::of(10, [RequestId(0), RequestId(2)]),
                carried: vec![vec![RequestId(2)], vec![], vec![]],
            },
            r#""record":"depends","keep":"10:0500","carried":[[2],[],[]]"#.into(),
        ),
        (
            Record::Interrupted {
                at: 9,
                why: "Ctrl-C".into(),
            },
            r#""record":"interrupted","at":9,"why":"Ctrl-C""#.into(),
        ),
        (
            Record::Finished {
                at: 9,
                ending: Ending::Minimal,
                risk: None,
            },
            r#""record":"finished","at":9,"ending":"minimal""#.into(),
        ),
        (
            Record::Finished {
                at: 9,
                ending: Ending::Leaves,
                risk: Some(0.004),
            },
            r#""record":"finished","at":9,"ending":"leaves","risk":0.004"#.into(),
        ),
        (Record::Anew { at: 7 }, r#""record":"anew","at":7"#.into()),
    ]
}
