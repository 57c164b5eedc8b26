//! CRC-32 as zlib, gzip and PNG have it (V2-4).

const POLYNOMIAL: u32 = 0xEDB8_8320;

/// What each byte does to the remainder.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let mut remainder = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            let carry = remainder & 1;
            remainder >>= 1;
            if carry == 1 {
                remainder ^= POLYNOMIAL;
            }
            bit += 1;
        }
        table[byte] = remainder;
        byte += 1;
    }
    table
};

/// The CRC of bytes among which the CRC itself lies at an offset, and is taken as zero.
pub fn crc_around(bytes: &[u8], own: usize) -> u32 {
    let (before, rest) = bytes.split_at(own);
    let parts = before.iter().chain(&[0; 4]).chain(&rest[4..]);
    !parts.fold(!0, |remainder, byte| {
        TABLE[usize::from(remainder as u8 ^ byte)] ^ remainder >> 8
    })
}

#[cfg(test)]
mod tests {
    use super::crc_around;

    #[test]
    fn known_sums() {
        // The sum of four zero bytes, and of "123456789" with four zeros behind.
        assert_eq!(crc_around(&[1, 2, 3, 4], 0), 0x2144_DF1C);
        assert_eq!(
            crc_around(b"123456789....", 9),
            crc_around(b"123456789\0\0\0\0", 9)
        );
        assert_ne!(
            crc_around(b"123456789....", 9),
            crc_around(b"123456780....", 9)
        );
    }
}
