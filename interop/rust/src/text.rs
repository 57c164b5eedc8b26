//! Text that has to fit.

/// As much of a text as fits into so many bytes, cut after a whole character (V1-12, V2-W14).
pub fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
