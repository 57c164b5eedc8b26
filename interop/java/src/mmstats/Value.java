// What a slot or a field says.
//
// Rule 1: null is the value of what is unset.
// Rule 2: floats are kept as their bits: a float register may change those of a NaN.

package mmstats;

import java.util.Arrays;

/** A value that was read; null stands for one that is unset. */
public sealed interface Value {

    /** An unsigned number of 64 bits; see {@link Long#toUnsignedString(long)}. */
    record Unsigned(long bits) implements Value { }

    record Signed(long number) implements Value { }

    /** A float, by the bits of its binary64. */
    record Real(long bits) implements Value {
        public double number() {
            return Double.longBitsToDouble(bits);
        }
    }

    record Truth(boolean is) implements Value { }

    /** Bytes that are meant as UTF-8, and may be others. */
    record Text(byte[] bytes) implements Value {
        /** The text, or null where the bytes are none. */
        public String string() {
            return Utf8.decoded(bytes);
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Text text && Arrays.equals(bytes, text.bytes);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(bytes);
        }
    }

    /** A gauge that is combined by last. */
    record Dated(long unixNanoseconds, Value value) implements Value { }

    record Summary(long count, Real sum, Value min, Value max, Value last) implements Value { }

    /** The counts of the values up to and including each bound, and of those above the last. */
    record Histogram(Real sum, long[] counts) implements Value { }

    /** A value that the reader could not confirm (J-9). */
    record Unconfirmed(Value value) implements Value { }
}
