//! The symptoms that are known of shipped guests, as requests of a run (`oracles/symptoms`).

use std::collections::HashMap;

use crate::model::{Request, RequestId, RequestSet, Symbol, Symptom};
use crate::{Error, Result};

/// The list that comes with the oracles.
const SHIPPED: &str = include_str!("../../oracles/symptoms");

/// Those that are about any of these requests.
///
/// # Errors
/// None, unless the shipped list is damaged.
pub(crate) fn shipped(requests: &[Request]) -> Result<Vec<Symptom>> {
    of_list(SHIPPED, requests)
}

/// Lines such as `missing: /proc | PROC_FS`; one that begins with `#` is a comment.
fn of_list(text: &str, requests: &[Request]) -> Result<Vec<Symptom>> {
    let ids = (0..).map(RequestId);
    let named = ids.zip(requests).filter(|(_, r)| !r.value.is_no());
    let named: HashMap<&Symbol, RequestId> = named.map(|(id, r)| (&r.symbol, id)).collect();
    let mut symptoms = Vec::new();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let wrong = || Error::failed(format!("the list of symptoms is damaged: {line}"));
        let (text, symbols) = line.split_once('|').ok_or_else(wrong)?;
        let text = text.trim().to_owned();
        let symbols = symbols.split_whitespace().map(Symbol::new);
        let symbols: Vec<Symbol> = symbols.collect::<Result<_, _>>().map_err(|_| wrong())?;
        if text.is_empty() || symbols.is_empty() {
            return Err(wrong());
        }
        let ids = symbols.iter().filter_map(|symbol| named.get(symbol));
        let requests = RequestSet::of(requests.len(), ids.copied());
        if !requests.is_empty() {
            symptoms.push(Symptom { text, requests });
        }
    }
    Ok(symptoms)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::Value;

    fn requests(names: &[&str]) -> Vec<Request> {
        let request = |name: &&str| Request {
            symbol: Symbol::new(name).unwrap(),
            value: Value::YES,
        };
        names.iter().map(request).collect()
    }

    #[test]
    fn the_shipped_list_names_the_requests_of_a_run() {
        let requests = requests(&["FUTEX", "NET", "X", "VIRTIO_NET"]);
        let symptoms = shipped(&requests).unwrap();
        let of = |evidence: &str| -> Vec<u32> {
            let those = symptoms.iter().filter(|s| evidence.contains(&s.text));
            let ids = those.flat_map(|s| s.requests.iter().collect::<Vec<_>>());
            ids.map(|id| id.0).collect()
        };
        // As recorded.
        assert_eq!(
            of("on the console: guest: failed: ifconfig eth0 10.0.2.15"),
            [1, 3]
        );
        assert_eq!(
            of("on the console: guest: failed: dropbear -E -s -r /etc/key"),
            [0]
        );
        assert_eq!(of("no session: PTY allocation request failed"), [0_u32; 0]);
    }

    #[test]
    fn what_is_off_in_the_start_or_damaged_is_no_symptom() {
        let mut off = requests(&["NET"]);
        off[0].value = Value::Tristate(crate::model::Tristate::N);
        assert!(of_list("a | NET\n", &off).unwrap().is_empty());
        for text in ["a NET", "a |", "| NET", "a | N-T"] {
            assert!(of_list(text, &off).is_err(), "{text}");
        }
    }
}
