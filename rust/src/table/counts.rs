//! Tallies as bytes, so that machines can count apart and add up in one place.

use super::tally::Tally;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

impl Tally {
    /// As JSON; equal tallies have equal bytes.
    ///
    /// # Errors
    /// None that counts can cause.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// From [`Tally::to_json`].
    ///
    /// # Errors
    /// Other text.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }
}

/// A map as a list of pairs in the order of keys: JSON objects have no keys but strings.
pub mod pairs {
    use super::{Deserialize, Deserializer, Serialize, Serializer};

    /// Writes the pairs.
    pub fn serialize<'a, S, K, V, M>(map: &'a M, serializer: S) -> Result<S::Ok, S::Error>
    where
        S: Serializer,
        K: Serialize + Ord + 'a,
        V: Serialize + 'a,
        &'a M: IntoIterator<Item = (&'a K, &'a V)>,
    {
        let mut pairs: Vec<(&K, &V)> = map.into_iter().collect();
        pairs.sort_by_key(|pair| pair.0);
        pairs.serialize(serializer)
    }

    /// Reads them.
    pub fn deserialize<'de, D, K, V, M>(deserializer: D) -> Result<M, D::Error>
    where
        D: Deserializer<'de>,
        K: Deserialize<'de>,
        V: Deserialize<'de>,
        M: FromIterator<(K, V)>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}

/// A number as its bits: decimals would have to be read with great care to give the same one.
pub mod bits {
    use super::{Deserialize, Deserializer, Serialize, Serializer};

    /// Writes the bits.
    // The shape that serde asks for.
    #[allow(clippy::ref_option)]
    pub fn serialize<S: Serializer>(number: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        number.map(f64::to_bits).serialize(serializer)
    }

    /// Reads them.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(f64::from_bits))
    }
}
