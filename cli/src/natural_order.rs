//! The order in which yaml.v2 prints the keys of a map.

/// Sorts keys as yaml.v2 does. Its comparison is no total order, which Rust's `sort` may answer
/// with a panic; a binary insertion never does.
pub(crate) fn in_natural_order<T>(
    things: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> &str,
) -> Vec<T> {
    let mut sorted: Vec<T> = Vec::new();
    for thing in things {
        let place = sorted.partition_point(|other| is_before(key(other), key(&thing)));
        sorted.insert(place, thing);
    }
    sorted
}

/// Letters by code, digits by value, everything else before letters.
pub(crate) fn is_before(a: &str, b: &str) -> bool {
    let mut letters = a.char_indices().zip(b.chars());
    let Some(((at, x), y)) = letters.find(|((_, x), y)| x != y) else {
        return a.len() < b.len();
    };
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x < y,
        (true, false) => return false,
        (false, true) => return true,
        (false, false) => {}
    }
    let mut digits_before = a[..at].bytes().rev().take_while(u8::is_ascii_digit);
    let continues_number = (x == '0' || y == '0') && digits_before.any(|digit| digit != b'0');
    let number = |text: &str| {
        let digits = text.bytes().take_while(u8::is_ascii_digit);
        let start = i64::from(continues_number);
        digits.fold((start, 0), |(value, count), digit| {
            let digit = i64::from(digit - b'0');
            (value.wrapping_mul(10).wrapping_add(digit), count + 1)
        })
    };
    // What is before the first difference is the same in both, and so are its bytes.
    let (number_of_a, number_of_b) = (number(&a[at..]), number(&b[at..]));
    if number_of_a == number_of_b {
        x < y
    } else {
        number_of_a < number_of_b
    }
}
