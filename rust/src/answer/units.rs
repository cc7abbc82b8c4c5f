//! Units an answer may carry. A missing unit is free; two given units must agree.

use super::tree::Node;
use dashu_base::Gcd;
use hashbrown::HashMap;
use std::sync::LazyLock;

/// A unit with its exact factor to the reference unit of its dimensions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unit {
    /// As a reader would write it, in the singular.
    pub name: String,
    /// What is measured, with powers, sorted by name; units convert only where these agree.
    dimensions: Vec<(&'static str, i32)>,
    /// Exact factor to the reference unit, for all of its dimensions.
    pub factor: (u64, u64),
}

impl Unit {
    /// Whether it measures this and nothing else.
    pub fn measures(&self, dimension: &str) -> bool {
        self.dimensions == [(dimension, 1)]
    }

    /// Whether `2 self` may follow a larger unit, as minutes follow hours.
    pub fn is_part_of(&self, larger: &Self) -> bool {
        let product = |left: (u64, u64), right: (u64, u64)| u128::from(left.0) * u128::from(right.1);
        self.same_dimension(larger)
            && product(self.factor, larger.factor) < product(larger.factor, self.factor)
    }

    /// A power of a unit; `None` where the factor grows too long.
    pub fn raised(self, power: i32) -> Option<Self> {
        let size = power.unsigned_abs();
        let (mut top, mut bottom) = (self.factor.0.checked_pow(size)?, self.factor.1.checked_pow(size)?);
        if power < 0 {
            (top, bottom) = (bottom, top);
        }
        let dimensions = self.dimensions.into_iter().map(|(name, own)| (name, own * power)).collect();
        (power != 0).then_some(Self { dimensions, factor: (top, bottom), name: self.name })
    }

    /// The product of two units.
    fn times(self, other: Self) -> Option<Self> {
        let top = self.factor.0.checked_mul(other.factor.0)?;
        let bottom = self.factor.1.checked_mul(other.factor.1)?;
        let common = top.gcd(bottom);
        let mut dimensions = self.dimensions;
        for (name, power) in other.dimensions {
            match dimensions.iter_mut().find(|(own, _)| *own == name) {
                Some((_, own)) => *own += power,
                None => dimensions.push((name, power)),
            }
        }
        dimensions.retain(|(_, power)| *power != 0);
        dimensions.sort_unstable();
        Some(Self { name: self.name, dimensions, factor: (top / common, bottom / common) })
    }

    /// The quotient of two units.
    pub fn over(self, other: Self) -> Option<Self> {
        self.times(other.raised(-1)?)
    }

    /// One of this unit in another one of its dimensions.
    pub fn in_terms_of(&self, other: &Self) -> Node {
        let number = |value: u64| Node::number(value);
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
        let things =
            !self.measures("things") || self.name.ends_with(&other.name) || other.name.ends_with(&self.name);
        self.dimensions == other.dimensions && things
    }

    /// Whether it may be multiplied by another one without a word between them, as in `kg m`.
    fn is_physical(&self) -> bool {
        self.dimensions.iter().all(|(name, _)| PHYSICAL.contains(name))
    }
}

/// What units of physics measure.
const PHYSICAL: [&str; 13] = [
    "length", "mass", "time", "pound", "year", "kelvin", "mole", "volt", "ampere", "celsius", "radian",
    "angle", "ohm",
];

/// Dimensions that are products of others.
const DERIVED: &[(&str, &[(&str, i32)])] = &[
    ("volume", &[("length", 3)]),
    ("area", &[("length", 2)]),
    ("speed", &[("length", 1), ("time", -1)]),
    ("frequency", &[("time", -1)]),
    ("force", &[("length", 1), ("mass", 1), ("time", -2)]),
    ("energy", &[("length", 2), ("mass", 1), ("time", -2)]),
    ("watt", &[("length", 2), ("mass", 1), ("time", -3)]),
    ("pressure", &[("length", -1), ("mass", 1), ("time", -2)]),
];

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
    (&["rupee", "₹", "INR", "Rs"], "rupee", (1, 1)),
    (&["franc", "CHF"], "franc", (1, 1)),
    (&["peso", "MXN"], "peso", (1, 1)),
    (&["ruble", "₽", "RUB"], "ruble", (1, 1)),
    (&["₩", "KRW"], "won", (1, 1)),
    (&["degree", "deg"], "angle", (1, 1)),
    (&["radian", "rad"], "radian", (1, 1)),
    (&["celsius", "degC", "℃"], "celsius", (1, 1)),
    (&["fahrenheit", "degF", "℉"], "fahrenheit", (1, 1)),
    (&["kelvin"], "kelvin", (1, 1)),
    (&["hertz", "Hz"], "frequency", (1, 1)),
    (&["kHz", "kilohertz"], "frequency", (1000, 1)),
    (&["MHz", "megahertz"], "frequency", (1_000_000, 1)),
    (&["GHz", "gigahertz"], "frequency", (1_000_000_000, 1)),
    (&["joule", "J"], "energy", (1, 1)),
    (&["kJ", "kilojoule"], "energy", (1000, 1)),
    (&["MJ", "megajoule"], "energy", (1_000_000, 1)),
    (&["kWh", "kilowatt-hour", "kilowatt hour"], "energy", (3_600_000, 1)),
    (&["watt", "W"], "watt", (1, 1)),
    (&["kW", "kilowatt"], "watt", (1000, 1)),
    (&["MW", "megawatt"], "watt", (1_000_000, 1)),
    (&["mW", "milliwatt"], "watt", (1, 1000)),
    (&["volt", "V"], "volt", (1, 1)),
    (&["kV", "kilovolt"], "volt", (1000, 1)),
    (&["mV", "millivolt"], "volt", (1, 1000)),
    (&["ampere", "amp"], "ampere", (1, 1)),
    (&["mA", "milliampere"], "ampere", (1, 1000)),
    (&["ohm"], "ohm", (1, 1)),
    (&["newton", "N"], "force", (1, 1)),
    (&["kN", "kilonewton"], "force", (1000, 1)),
    (&["Pa", "pascal"], "pressure", (1, 1)),
    (&["kPa", "kilopascal"], "pressure", (1000, 1)),
    (&["MPa", "megapascal"], "pressure", (1_000_000, 1)),
    (&["bar"], "pressure", (100_000, 1)),
    (&["atm", "atmosphere"], "pressure", (101_325, 1)),
    (&["nm", "nanometer", "nanometre"], "length", (1, 1_000_000_000)),
    (&["µm", "micrometer", "micrometre", "micron"], "length", (1, 1_000_000)),
    (&["ns", "nanosecond"], "time", (1, 1_000_000_000)),
    (&["µs", "microsecond"], "time", (1, 1_000_000)),
    (&["µg", "microgram"], "mass", (1, 1_000_000_000)),
    (&["dl", "dL", "deciliter"], "volume", (1, 10_000)),
    (&["mmol", "millimole"], "mole", (1, 1000)),
    (&["ton", "tonne"], "mass", (1000, 1)),
    (&["yen", "¥", "JPY"], "yen", (1, 1)),
    (&["yuan", "RMB", "CNY"], "yuan", (1, 1)),
    (&["byte"], "byte", (1, 1)),
    (&["bit"], "bit", (1, 1)),
    (&["mph"], "speed", (1_609_344, 3_600_000)),
    (&["kmh", "kph"], "speed", (1000, 3600)),
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

/// Names that are units beside others only: alone after a number they mean something else, such as thousands.
const IN_COMPOUNDS: [(&str, &str); 2] = [("K", "kelvin"), ("A", "ampere")];

/// Reads a unit: `cm`, `square units`, `cubic feet`, `cm^2`, `dollars`, `m/s^2`, `kg m s^-2`, `miles per hour`. Spaces around
/// do not matter.
pub fn find(text: &str) -> Option<Unit> {
    let name = text.trim().trim_end_matches('.');
    if let Some(unit) = simple(name) {
        return Some(unit);
    }
    if name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Some(Unit { name: name.to_owned(), ..in_compounds(name)? });
    }
    let parts: String = name.replace(" per ", "/").chars().filter(|c| !matches!(c, '{' | '}')).collect();
    let mut parts = parts.split('/');
    let above = product(parts.next().filter(|part| part.trim() != "1")?)?;
    let mut unit = above.0;
    for part in parts {
        let trimmed = part.trim();
        let inside = trimmed.strip_prefix('(').and_then(|inside| inside.strip_suffix(')'));
        let (below, factors) = product(inside.unwrap_or(trimmed))?;
        // `J/kg K` does not say what is below the line.
        if factors > 1 && inside.is_none() {
            return None;
        }
        unit = unit.over(below)?;
    }
    name.clone_into(&mut unit.name);
    Some(unit)
}

/// Units side by side with their powers, and how many they are.
fn product(text: &str) -> Option<(Unit, usize)> {
    let mut product: Option<Unit> = None;
    let mut factors = 0;
    let mut next_power = 1;
    let spaced = text.replace(['*', '·'], " ");
    let mut words = spaced.split([' ', '-']).peekable();
    while let Some(word) = words.next() {
        let power = match word {
            "" => continue,
            "square" | "sq" | "sq." if words.peek().is_some() => 2,
            "cubic" | "cu" | "cu." if words.peek().is_some() => 3,
            _ => 1,
        };
        if power > 1 {
            next_power = power;
            continue;
        }
        let (name, exponent) = match word.split_once('^') {
            // The minus sign has split the word.
            Some((name, "")) => (name, -words.next()?.parse::<i32>().ok().filter(|power| *power > 0)?),
            Some((name, exponent)) => (name, exponent.parse().ok()?),
            None => (word, 1),
        };
        let after = match words.peek() {
            Some(&"squared") => 2,
            Some(&"cubed") => 3,
            _ => 1,
        };
        if after > 1 {
            words.next();
        }
        let power = i32::checked_mul(exponent, next_power * after).filter(|power| power.abs() <= 9)?;
        next_power = 1;
        let unit = in_compounds(name)?.raised(power)?;
        factors += 1;
        product = Some(match product {
            None => unit,
            Some(so_far) if so_far.is_physical() && unit.is_physical() => so_far.times(unit)?,
            Some(_) => return None,
        });
    }
    product.map(|product| (product, factors))
}

fn in_compounds(name: &str) -> Option<Unit> {
    let special = IN_COMPOUNDS.iter().find(|(short, _)| *short == name);
    simple(special.map_or(name, |(_, name)| name))
}

/// A unit with a name of its own.
fn simple(name: &str) -> Option<Unit> {
    let &(names, dimension, factor) = entry(name)?;
    let derived = DERIVED.iter().find(|(name, _)| *name == dimension);
    let dimensions = derived.map_or_else(|| vec![(dimension, 1)], |(_, parts)| parts.to_vec());
    Some(Unit { name: names[0].to_owned(), dimensions, factor })
}

/// Things that are counted: `24 eggs`, `6 ordered pairs`. Plurals only, as other words may say more than what is counted.
pub fn things(text: &str) -> Option<Unit> {
    // `beats per minute`
    let counted = text.split_once(" per ").map_or(text, |(counted, _)| counted);
    let mut words = counted.split(' ');
    let plain = words.clone().count() <= 3
        && words.all(|word| word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_lowercase()));
    let plural = counted.ends_with('s')
        && !counted.ends_with("ss")
        && !["plus", "minus", "less", "times", "is", "has"].iter().any(|word| counted.ends_with(word));
    (plain && plural && counted.len() > 3).then(|| Unit {
        name: text.to_owned(),
        dimensions: vec![("things", 1)],
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
            let has_capitals = !name.bytes().all(|byte| byte.is_ascii_lowercase());
            let lower = has_capitals.then(|| name.to_lowercase())?;
            (lower.len() > 3 && lower != name).then(|| entry(&lower)).flatten()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_powers_and_capitals_are_read() {
        assert_eq!(find(" cm").unwrap().name, "cm");
        assert_eq!(find("Square Units".to_lowercase().as_str()).unwrap().dimensions, [("unit", 2)]);
        assert_eq!(find("cubic feet").unwrap().dimensions, [("length", 3)]);
        assert!(find("Dollars").unwrap().measures("dollar"));
        assert!(find("cm^2").unwrap().same_scale(&find("square centimeters").unwrap()));
        assert_eq!(find("or"), None);
        assert_eq!(find("Mm"), None);
    }

    #[test]
    fn compound_units_are_products() {
        for (one, other) in [
            ("m/s^2", "m s^-2"),
            ("m/s^2", "meters per second squared"),
            ("m/s/s", "s^{-2} m"),
            ("kg m/s^2", "N"),
            ("N m", "J"),
            ("J/(kg K)", "J kg^-1 K^-1"),
            ("km/h", "kilometers per hour"),
            ("newton-meters", "J"),
            ("square meters per second", "m^2/s"),
            ("dollars per hour", "$/h"),
        ] {
            assert!(find(one).unwrap().same_scale(&find(other).unwrap()), "{one} {other}");
        }
        assert!(find("km/h").unwrap().same_dimension(&find("m/s").unwrap()));
        assert!(!find("m/s").unwrap().same_dimension(&find("m/s^2").unwrap()));
        for text in ["student tickets", "J/kg K", "m s or", "^2", "m^", "per", "/s", "1/s"] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
