// The type registry of version 1 (FORMAT.md 2.4): sizes, and values from and to bytes.
//
// Rule 1: a signature is one of the registry to the letter, or none (V1-5).
// Rule 2: the bits of a binary32 NaN are widened and narrowed by hand, never by a conversion (J-3).

package mmstats;

import java.nio.ByteBuffer;
import java.util.Arrays;

/** A type of version 1. */
record FieldType(String signature, Sort sort, int size) {

    enum Sort { BOOLEAN, SIGNED, UNSIGNED, FLOAT, TEXT }

    private static final int DIGITS_MOST = 9;

    /** The type of a signature, or null. */
    static FieldType of(byte[] signature) {
        if (signature.length == 1) {
            char letter = (char) (signature[0] & 0xff);
            return switch (letter) {
                case '?' -> new FieldType("?", Sort.BOOLEAN, 1);
                case 'b' -> new FieldType("b", Sort.SIGNED, 1);
                case 'B' -> new FieldType("B", Sort.UNSIGNED, 1);
                case 'h' -> new FieldType("h", Sort.SIGNED, 2);
                case 'H' -> new FieldType("H", Sort.UNSIGNED, 2);
                case 'i' -> new FieldType("i", Sort.SIGNED, 4);
                case 'I' -> new FieldType("I", Sort.UNSIGNED, 4);
                case 'l', 'q' -> new FieldType(String.valueOf(letter), Sort.SIGNED, 8);
                case 'L', 'Q' -> new FieldType(String.valueOf(letter), Sort.UNSIGNED, 8);
                case 'f' -> new FieldType("f", Sort.FLOAT, 4);
                case 'd' -> new FieldType("d", Sort.FLOAT, 8);
                case 'c' -> new FieldType("c", Sort.TEXT, 1);
                default -> null;
            };
        }
        int digits = signature.length - 1;
        if (digits < 1 || digits > DIGITS_MOST || signature[digits] != 's' || signature[0] == '0' && digits > 1) {
            return null;
        }
        int size = 0;
        for (int i = 0; i < digits; i++) {
            if (signature[i] < '0' || signature[i] > '9') {
                return null;
            }
            size = 10 * size + signature[i] - '0';
        }
        return new FieldType(size + "s", Sort.TEXT, size);
    }

    /** The value of a buffer. */
    Value value(ByteBuffer file, int at) {
        return switch (sort) {
            case BOOLEAN -> new Value.Truth(file.get(at) != 0);
            case SIGNED -> new Value.Signed(number(file, at));
            case UNSIGNED -> new Value.Unsigned(size == 8 ? number(file, at)
                    : number(file, at) & (1L << 8 * size) - 1);
            case FLOAT -> new Value.Real(size == 8 ? file.getLong(at) : widened(file.getInt(at)));
            case TEXT -> new Value.Text(text(file, at));
        };
    }

    private long number(ByteBuffer file, int at) {
        return switch (size) {
            case 1 -> file.get(at);
            case 2 -> file.getShort(at);
            case 4 -> file.getInt(at);
            default -> file.getLong(at);
        };
    }

    private byte[] text(ByteBuffer file, int at) {
        int length = 0;
        while (length < size && file.get(at + length) != 0) {
            length++;
        }
        byte[] bytes = new byte[length];
        file.get(at, bytes);
        return bytes;
    }

    /** The binary64 of a binary32. */
    static long widened(int bits) {
        float number = Float.intBitsToFloat(bits);
        if (Float.isNaN(number)) {
            long sign = (long) (bits >>> 31) << 63;
            return sign | 0x7ff0000000000000L | (long) (bits & 0x7fffff) << 29;
        }
        return Double.doubleToRawLongBits(number);
    }

    /** The binary32 that is nearest to a binary64; of a NaN the upper bits. */
    static int narrowed(long bits) {
        double number = Double.longBitsToDouble(bits);
        if (Double.isNaN(number)) {
            int fraction = (int) (bits >>> 29) & 0x7fffff;
            return (int) (bits >>> 63) << 31 | 0x7f800000 | (fraction == 0 ? 0x400000 : fraction);
        }
        return Float.floatToRawIntBits((float) number);
    }

    /** The bytes of a text in its buffer, cut after a whole character, filled with zeros. */
    byte[] filled(byte[] text) {
        return Arrays.copyOf(Arrays.copyOf(text, Utf8.cut(text, size)), size);
    }
}
