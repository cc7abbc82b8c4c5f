//! Units an answer may carry. A missing unit is free; two given units must agree.

use super::tree::{Literal, Node};
use hashbrown::HashMap;
use std::sync::LazyLock;

/// A unit with its exact factor to the reference unit of its dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// As a reader would write it, in the singular.
    pub name: String,
    /// What is measured; units convert only within a dimension.
    pub dimension: &'static str,
    /// Power of the dimension: 2 in `cm^2`.
    pub power: u32,
    /// Exact factor to the reference unit, for all of its power.
    pub factor: (u64, u64),
}

impl Unit {
    /// Whether `2 self` may follow a larger unit, as minutes follow hours.
    pub fn is_part_of(&self, larger: &Self) -> bool {
        let product = |left: (u64, u64), right: (u64, u64)| u128::from(left.0) * u128::from(right.1);
        self.same_dimension(larger)
            && product(self.factor, larger.factor) < product(larger.factor, self.factor)
    }

    /// A power of a unit of power 1.
    pub fn raised(self, power: u32) -> Option<Self> {
        if power == 1 {
            return Some(self);
        }
        let factor = (self.factor.0.checked_pow(power)?, self.factor.1.checked_pow(power)?);
        (self.power == 1).then_some(Self { power, factor, ..self })
    }

    /// One of this unit in another one of its dimension.
    pub fn in_terms_of(&self, other: &Self) -> Node {
        let number = |value: u64| Node::Number(Literal { digits: value.to_string(), ..Literal::default() });
        let top = Node::Product(vec![number(self.factor.0), number(other.factor.1)]);
        let bottom = Node::Product(vec![number(self.factor.1), number(other.factor.0)]);
        Node::Quotient(Box::new(top), Box::new(bottom))
    }

    /// Whether two values in these units can be compared by their numbers alone.
    pub fn same_scale(&self, other: &Self) -> bool {
        self.same_dimension(other) && self.factor == other.factor
    }

    /// Whether one unit converts to the other.
    pub fn same_dimension(&self, other: &Self) -> bool {
        // Pairs may be ordered pairs; eggs are no apples.
        let things = self.dimension != "things"
            || self.name.ends_with(&other.name)
            || other.name.ends_with(&self.name);
        self.dimension == other.dimension && self.power == other.power && things
    }
}

/// (spellings, dimension, factor). Counts of things have each their own dimension: 3 apples are not 3 pears.
type Entry = (&'static [&'static str], &'static str, (u64, u64));

/// Single letters are units only inside `\text` or `\mathrm`; bare, they are variables.
const UNITS: &[Entry] = &[
    (&["mm", "millimeter", "millimetre"], "length", (1, 1000)),
    (&["cm", "centimeter", "centimetre"], "length", (1, 100)),
    (&["dm", "decimeter", "decimetre"], "length", (1, 10)),
    (&["m", "meter", "metre"], "length", (1, 1)),
    (&["km", "kilometer", "kilometre"], "length", (1000, 1)),
    (&["in", "inch", "inches"], "length", (254, 10_000)),
    (&["ft", "foot", "feet"], "length", (3048, 10_000)),
    (&["yd", "yard"], "length", (9144, 10_000)),
    (&["mi", "mile"], "length", (1_609_344, 1000)),
    (&["unit"], "unit", (1, 1)),
    (&["mg", "milligram"], "mass", (1, 1_000_000)),
    (&["g", "gram"], "mass", (1, 1000)),
    (&["kg", "kilogram"], "mass", (1, 1)),
    (&["lb", "lbs", "pound"], "pound", (1, 1)),
    (&["oz", "ounce"], "pound", (1, 16)),
    (&["ms", "millisecond"], "time", (1, 1000)),
    (&["s", "sec", "second"], "time", (1, 1)),
    (&["min", "minute"], "time", (60, 1)),
    (&["h", "hr", "hour"], "time", (3600, 1)),
    (&["day"], "time", (86_400, 1)),
    (&["week"], "time", (604_800, 1)),
    (&["month"], "month", (1, 1)),
    (&["year", "yr"], "year", (1, 1)),
    (&["ml", "mL", "milliliter", "millilitre"], "volume", (1, 1_000_000)),
    (&["l", "L", "liter", "litre"], "volume", (1, 1000)),
    (&["cl", "cL", "centiliter"], "volume", (1, 100_000)),
    (&["ha", "hectare"], "area", (10_000, 1)),
    (&["gallon", "gal"], "gallon", (1, 1)),
    (&["cup"], "cup", (1, 1)),
    (&["cent", "¢"], "dollar", (1, 100)),
    (&["dollar", "$", "USD"], "dollar", (1, 1)),
    (&["euro", "€", "EUR"], "euro", (1, 1)),
    (&["£", "GBP"], "pound", (1, 1)),
    (&["rupee", "₹"], "rupee", (1, 1)),
    (&["degree", "deg"], "angle", (1, 1)),
    (&["radian", "rad"], "radian", (1, 1)),
    (&["celsius", "degC", "℃"], "celsius", (1, 1)),
    (&["fahrenheit", "degF", "℉"], "fahrenheit", (1, 1)),
    (&["kelvin"], "kelvin", (1, 1)),
    (&["hertz", "Hz"], "frequency", (1, 1)),
    (&["joule", "J"], "energy", (1, 1)),
    (&["watt", "W"], "watt", (1, 1)),
    (&["volt", "V"], "volt", (1, 1)),
    (&["newton", "N"], "force", (1, 1)),
    (&["ton", "tonne"], "mass", (1000, 1)),
    (&["yen", "¥", "JPY"], "yen", (1, 1)),
    (&["yuan", "RMB", "CNY"], "yuan", (1, 1)),
    (&["byte"], "byte", (1, 1)),
    (&["bit"], "bit", (1, 1)),
    (&["mph", "miles per hour", "mi/h", "mi/hr"], "speed", (1_609_344, 3_600_000)),
    (&["km/h", "kmh", "kph", "km/hr", "kilometers per hour"], "speed", (1000, 3600)),
    (&["m/s", "meters per second"], "speed", (1, 1)),
    (&["cm/s"], "speed", (1, 100)),
    (&["way"], "way", (1, 1)),
    (&["point"], "point", (1, 1)),
    (&["student"], "student", (1, 1)),
    (&["people", "person"], "person", (1, 1)),
    (&["apple"], "apple", (1, 1)),
    (&["ball"], "ball", (1, 1)),
    (&["marble"], "marble", (1, 1)),
    (&["book"], "book", (1, 1)),
    (&["coin"], "coin", (1, 1)),
    (&["ticket"], "ticket", (1, 1)),
    (&["square", "squares"], "square", (1, 1)),
    (&["triangle"], "triangle", (1, 1)),
    (&["solution"], "solution", (1, 1)),
    (&["integer"], "integer", (1, 1)),
    (&["digit"], "digit", (1, 1)),
    (&["game"], "game", (1, 1)),
    (&["step"], "step", (1, 1)),
    (&["mole", "mol"], "mole", (1, 1)),
];

/// Reads a unit: `cm`, `square units`, `cubic feet`, `cm^2`, `dollars`. Spaces around do not matter.
pub fn find(text: &str) -> Option<Unit> {
    let mut name = text.trim().trim_end_matches('.');
    let mut power = 1;
    for (prefix, value) in [("square ", 2), ("sq. ", 2), ("sq ", 2), ("cubic ", 3), ("cu ", 3)] {
        if let Some(rest) = name.strip_prefix(prefix) {
            (name, power) = (rest.trim_start(), value);
        }
    }
    for (suffix, value) in [("^2", 2), ("^{2}", 2), ("^3", 3), ("^{3}", 3), (" squared", 2), (" cubed", 3)] {
        if let Some(rest) = name.strip_suffix(suffix) {
            (name, power) = (rest.trim_end(), value);
        }
    }
    let &(names, dimension, factor) = entry(name)?;
    let unit = Unit { name: names[0].to_owned(), dimension, power: 1, factor };
    match (dimension, power) {
        // Litres and hectares are powers of metres.
        ("volume", 1) => Some(Unit { dimension: "length", power: 3, ..unit }),
        ("area", 1) => Some(Unit { dimension: "length", power: 2, ..unit }),
        _ => unit.raised(power),
    }
}

/// Things that are counted: `24 eggs`, `6 ordered pairs`. Plurals only, as other words may say more than what is counted.
pub fn things(text: &str) -> Option<Unit> {
    let mut words = text.split(' ');
    let plain = words.clone().count() <= 3
        && words.all(|word| word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_lowercase()));
    let plural = text.ends_with('s')
        && !text.ends_with("ss")
        && !["plus", "minus", "less", "times", "is", "has"].iter().any(|word| text.ends_with(word));
    (plain && plural && text.len() > 3).then(|| Unit {
        name: text.to_owned(),
        dimension: "things",
        power: 1,
        factor: (1, 1),
    })
}

fn entry(name: &str) -> Option<&'static Entry> {
    static BY_NAME: LazyLock<HashMap<&str, &Entry>> = LazyLock::new(|| {
        let entries = UNITS.iter().rev();
        entries.flat_map(|entry| entry.0.iter().map(move |name| (*name, entry))).collect()
    });
    let exact = |name: &str| BY_NAME.get(name).copied();
    exact(name)
        // Plurals and capitals are for words; `Mm` is not `mm` and `ms` is not the plural of `m`.
        .or_else(|| name.strip_suffix('s').filter(|singular| singular.len() > 2).and_then(exact))
        .or_else(|| {
            let lower = name.to_lowercase();
            (lower.len() > 3 && lower != name).then(|| entry(&lower)).flatten()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_powers_and_capitals_are_read() {
        assert_eq!(find(" cm").unwrap().name, "cm");
        assert_eq!(find("Square Units".to_lowercase().as_str()).unwrap().power, 2);
        assert_eq!(find("cubic feet").unwrap().dimension, "length");
        assert_eq!(find("Dollars").unwrap().dimension, "dollar");
        assert_eq!(find("cm^2").unwrap(), find("square centimeters").unwrap());
        assert_eq!(find("or"), None);
        assert_eq!(find("Mm"), None);
    }
}
