// A gauge of signed or unsigned numbers.
//
// Rule 1: a number that the type does not have is refused, be it set or the sum of an addition.

package mmstats;

/** A whole number that goes up and down. */
public final class IntegerGauge extends Gauge {
    private final boolean signed;

    IntegerGauge(Family family, Storage storage) {
        super(family, storage);
        signed = family.type() == ValueType.SIGNED;
    }

    public void set(long number) {
        if (number < 0 && !signed) {
            throw new IllegalArgumentException(family.name() + " is unsigned: " + number);
        }
        put(number);
    }

    /** Set an unsigned number of 64 bits. */
    public void setUnsigned(long bits) {
        if (bits < 0 && signed) {
            throw new IllegalArgumentException(family.name() + " is signed: " + Long.toUnsignedString(bits));
        }
        put(bits);
    }

    /** Add a number, which may be negative. */
    public void inc(long number) {
        checkIsGauge();
        long old = isUnset() ? 0 : word();
        long sum = old + number;
        boolean fits = signed
                ? number >= 0 == sum >= old
                : number >= 0 == Long.compareUnsigned(sum, old) >= 0;
        checkFits(fits || number == 0);
        put(sum);
    }

    /** Add an unsigned number of 64 bits. */
    public void incUnsigned(long bits) {
        checkIsGauge();
        checkFits(!signed);
        long old = isUnset() ? 0 : word();
        checkFits(Long.compareUnsigned(old + bits, old) >= 0);
        put(old + bits);
    }

    private void checkFits(boolean fits) {
        if (!fits) {
            throw new IllegalArgumentException(family.name() + " has no such number");
        }
    }
}
