// A gauge of floats.

package mmstats;

/** A number that goes up and down. */
public final class FloatGauge extends Gauge {
    FloatGauge(Family family, Storage storage) {
        super(family, storage);
    }

    public void set(double number) {
        put(Double.doubleToRawLongBits(number));
    }

    /** Add a number, which may be negative. */
    public void inc(double number) {
        checkIsGauge();
        double old = isUnset() ? 0 : Double.longBitsToDouble(word());
        set(old + number);
    }
}
