//! Notices a product that the configuration does not change.

use std::collections::{HashMap, HashSet};

use crate::model::{Fingerprint, Judgement};

/// From so many configurations on, all with one product, the user is told.
const MANY: usize = 4;

/// The products of the configurations that were built.
#[derive(Debug, Default)]
pub(super) struct Products {
    configs: HashMap<String, HashSet<Fingerprint>>,
    has_told: bool,
}

impl Products {
    /// Takes a judgement in; a warning, the first time that many configurations have given one product and
    /// none has given another.
    pub(super) fn judged(&mut self, judgement: &Judgement) -> Option<String> {
        let image = judgement.image.clone()?;
        let configs = self.configs.entry(image).or_default();
        configs.insert(judgement.fingerprint);
        let n = configs.len();
        if self.has_told || self.configs.len() > 1 || n < MANY {
            return None;
        }
        self.has_told = true;
        Some(format!(
            "{n} different configurations gave the same product, byte for byte: is `product` in the project right?"
        ))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::{Source, Timings, TrialId, Verdict};

    fn judgement(config: u8, image: &str) -> Judgement {
        Judgement {
            trial: TrialId(1),
            fingerprint: Fingerprint([config; 32]),
            verdict: Verdict::Pass,
            source: Source::Tested,
            evidence: None,
            image: Some(image.to_owned()),
            image_size: None,
            lines: 1,
            timings: Timings::default(),
            origin: crate::model::Origin::Earlier,
        }
    }

    #[test]
    fn a_product_that_many_configurations_share_is_told_once() {
        let mut products = Products::default();
        let mut told = |config| products.judged(&judgement(config, "same"));
        assert!((1..4).all(|config| told(config).is_none()));
        assert_eq!(told(3), None, "it is no other configuration");
        assert!(told(4).unwrap().starts_with("4 different configurations"));
        assert_eq!(told(5), None);
    }

    #[test]
    fn where_one_configuration_gives_another_product_nothing_is_told() {
        let mut products = Products::default();
        products.judged(&judgement(1, "other"));
        assert!((2..9).all(|config| products.judged(&judgement(config, "same")).is_none()));
    }
}
