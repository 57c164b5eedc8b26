// Text as UTF-8, strictly.
//
// Rule 1: bytes that are not UTF-8 are no text, and a string with half a surrogate pair is none either.
// Rule 2: text is cut after a whole character only (V2-W14, V1-12).

package mmstats;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

final class Utf8 {
    private Utf8() { }

    /** The text that the bytes are, or null where they are none. */
    static String decoded(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException notUtf8) {
            return null;
        }
    }

    /** The bytes of a text that stands in a record. */
    static byte[] encoded(String what, String text) {
        ByteBuffer bytes;
        try {
            bytes = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
        } catch (CharacterCodingException halfPair) {
            throw new IllegalArgumentException(what + " is no Unicode text", halfPair);
        }
        if (bytes.remaining() > Layout.TEXT_LENGTH_MOST) {
            throw new IllegalArgumentException(what + " is longer than 65,535 bytes");
        }
        byte[] array = new byte[bytes.remaining()];
        bytes.get(array);
        return array;
    }

    /** How many of the bytes, which are UTF-8, stay where no more than `most` may: whole characters only. */
    static int cut(byte[] bytes, int most) {
        if (bytes.length <= most) {
            return bytes.length;
        }
        int end = most;
        while (end > 0 && (bytes[end] & 0xc0) == 0x80) {
            end--;
        }
        return end;
    }
}
