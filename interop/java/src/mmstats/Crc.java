// The CRC of headers, extents and records (V2-4).
//
// Rule 1: the four bytes that hold the CRC count as zero.

package mmstats;

import java.nio.ByteBuffer;
import java.util.zip.CRC32;

final class Crc {
    private static final byte[] ZEROS = new byte[4];

    private Crc() { }

    /** The CRC of `length` bytes from `from` on, whose own place is `place` bytes behind `from`. */
    static int of(ByteBuffer buffer, int from, int length, int place) {
        CRC32 crc = new CRC32();
        crc.update(buffer.slice(from, place));
        crc.update(ZEROS);
        int behind = place + ZEROS.length;
        crc.update(buffer.slice(from + behind, length - behind));
        return (int) crc.getValue();
    }
}
