//! Values of scenarios (CONFORMANCE.md P-10).

use crate::scenario::Operand;
use crate::support::json::Json;

/// The number that stands for a turn.
pub fn turn_number(turn: u64, modulus: u64) -> u64 {
    match modulus {
        0 => turn,
        _ => turn % modulus,
    }
}

/// A float of 16 hexadecimal digits (J-3).
pub fn float(json: &Json) -> Option<f64> {
    let digits = json.as_text().filter(|digits| digits.len() == 16)?;
    digits
        .bytes()
        .all(|digit| digit.is_ascii_hexdigit())
        .then_some(())?;
    u64::from_str_radix(digits, 16).ok().map(f64::from_bits)
}

/// The digits of an integer, and whether it is negative (J-2).
pub fn digits(json: &Json) -> Option<(bool, &str)> {
    let text = json.as_text()?;
    let digits = text.strip_prefix('-');
    let pair = (digits.is_some(), digits.unwrap_or(text));
    let good = !pair.1.is_empty() && pair.1.bytes().all(|digit| digit.is_ascii_digit());
    good.then_some(pair)
}

/// The text of an operand, for a metric that has room for so many bytes.
pub fn text(operand: &Operand, turn: u64, room: usize) -> Option<String> {
    match operand {
        Operand::Given(json) => json.as_text().map(str::to_owned),
        Operand::Turn(modulus) => {
            let once = format!("{} ", turn_number(turn, *modulus));
            Some(once.repeat(room / once.len()))
        }
    }
}

/// Text that is bytes (J-4).
pub fn bytes(json: &Json) -> Option<Vec<u8>> {
    if let Some(text) = json.as_text() {
        return Some(text.as_bytes().to_vec());
    }
    let digits = json.get("hex")?.as_text()?.as_bytes();
    let pairs = digits.chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.map(byte).collect()
}
