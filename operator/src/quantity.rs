//! Quantities: what they amount to, and the form in which the API server gives them back. It rewrites `1024Mi` as `1Gi`, and whoever compares would
//! see a difference for ever.

use std::collections::BTreeMap;

use k8s_openapi::{api::core::v1::ResourceRequirements, apimachinery::pkg::api::resource::Quantity};

/// Billionths: the finest that a quantity holds.
const UNIT: i128 = 1_000_000_000;
const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// `resources` with all quantities in their canonical form.
pub(crate) fn canonical_resources(resources: &ResourceRequirements) -> ResourceRequirements {
    let all = |amounts: &Option<BTreeMap<String, Quantity>>| {
        amounts.as_ref().map(|amounts| amounts.iter().map(|(name, amount)| (name.clone(), canonical(amount))).collect())
    };
    ResourceRequirements { limits: all(&resources.limits), requests: all(&resources.requests), ..resources.clone() }
}

/// The canonical form: no fraction, the largest suffix that leaves a whole number, and of the family (`Ki`, `k` or `e3`) that was written. What is
/// no quantity, or beyond what fits, stays as it is.
pub(crate) fn canonical(quantity: &Quantity) -> Quantity {
    Quantity(rewritten(&quantity.0).unwrap_or_else(|| quantity.0.clone()))
}

/// The units (bytes, mostly) of a quantity, rounded down; none when it is none, or beyond counting.
pub(crate) fn units(quantity: &Quantity) -> Option<i64> {
    let (_, value) = read(&quantity.0)?;
    i64::try_from(value / UNIT).ok()
}

#[derive(Clone, Copy, PartialEq)]
enum Family {
    Decimal,
    Binary,
    Exponent,
}

/// The family that a quantity is written in, and its value in billionths.
fn read(text: &str) -> Option<(Family, i128)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (family, scale) = scale(suffix)?;
    Some((family, billionths(number, scale)?))
}

fn rewritten(text: &str) -> Option<String> {
    let (family, value) = read(text)?;
    if value == 0 {
        return Some("0".to_owned());
    }
    // Below the smallest binary suffix, and for parts of bytes, there are only decimal ones.
    if family == Family::Binary && value >= 1024 * UNIT && value % UNIT == 0 {
        let (mut whole, mut power) = (value / UNIT, 0);
        while whole % 1024 == 0 && power + 1 < BINARY.len() {
            (whole, power) = (whole / 1024, power + 1);
        }
        return Some(format!("{whole}{}", BINARY[power]));
    }
    let (mut whole, mut power) = (value, 0);
    while whole % 1000 == 0 && power + 1 < DECIMAL.len() {
        (whole, power) = (whole / 1000, power + 1);
    }
    let exponent = i32::try_from(power).ok()? * 3 - 9;
    match family {
        Family::Exponent if exponent != 0 => Some(format!("{whole}e{exponent}")),
        _ => Some(format!("{whole}{}", DECIMAL[power])),
    }
}

/// The family of a suffix, and how many billionths it stands for.
fn scale(suffix: &str) -> Option<(Family, i128)> {
    if let Some(power) = BINARY.iter().position(|known| !known.is_empty() && *known == suffix) {
        return Some((Family::Binary, UNIT << (10 * power)));
    }
    if let Some(power) = DECIMAL.iter().position(|known| *known == suffix) {
        return Some((Family::Decimal, 1000_i128.pow(u32::try_from(power).ok()?)));
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    Some((Family::Exponent, 10_i128.checked_pow(u32::try_from(exponent + 9).ok()?)?))
}

/// `number` times `scale`, when that is a whole number.
fn billionths(number: &str, scale: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let parse = |digits: &str| if digits.is_empty() { Some(0) } else { digits.parse::<i128>().ok() };
    let ten_power = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let parts = parse(whole)?.checked_mul(ten_power)?.checked_add(parse(fraction)?)?.checked_mul(scale)?;
    (!number.is_empty() && parts % ten_power == 0).then_some(parts / ten_power)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each right-hand side was seen to be the left-hand one's equal for Kubernetes 1.35, which keeps it as it is.
    #[test]
    fn quantities_get_the_form_that_kubernetes_keeps() {
        let cases = [
            ("0", "0"),
            ("0Mi", "0"),
            ("1024Mi", "1Gi"),
            ("2560Mi", "2560Mi"),
            ("1.5Gi", "1536Mi"),
            ("1024", "1024"),
            ("0.5Ki", "512"),
            ("1Ki", "1Ki"),
            ("0.1", "100m"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("100m", "100m"),
            ("1000k", "1M"),
            ("1000000", "1M"),
            ("12e3", "12e3"),
            ("1e4", "10e3"),
            ("2e0", "2"),
            (".5", "500m"),
            ("5.", "5"),
            ("007", "7"),
            ("1u", "1u"),
            ("2Ei", "2Ei"),
            ("2048Ki", "2Mi"),
            ("0.0001Ki", "102400u"),
            ("1e-3", "1e-3"),
            ("1.5e3", "1500"),
        ];
        for (written, kept) in cases {
            assert_eq!(canonical(&Quantity(written.to_owned())).0, kept, "{written}");
            assert_eq!(canonical(&Quantity(kept.to_owned())).0, kept, "{kept} again");
        }
    }

    #[test]
    fn what_is_no_quantity_stays() {
        for text in ["", "x", "1Q", "Mi", "1e99", "99999999999999999999999999999999999E"] {
            assert_eq!(canonical(&Quantity(text.to_owned())).0, text);
        }
    }

    fn quantity(text: &str) -> Option<i64> {
        units(&Quantity(text.to_owned()))
    }

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        let cases = [
            ("0", 0),
            ("1", 1),
            ("1500m", 1),
            ("1k", 1000),
            ("1Ki", 1024),
            ("1.5Gi", 3 << 29),
            ("0.5M", 500_000),
            (".5k", 500),
            ("12e3", 12_000),
            ("1E", 1_000_000_000_000_000_000),
            ("2Ei", 2 << 60),
        ];
        for (text, expected) in cases {
            assert_eq!(quantity(text), Some(expected), "{text}");
        }
        for text in ["", "x", "1Q", "16Ei", "1.x"] {
            assert!(matches!(quantity(text), None | Some(0)), "{text}");
        }
    }
}
