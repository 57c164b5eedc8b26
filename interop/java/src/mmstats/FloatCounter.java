// A counter of floats: a word (V2-W1, V2-W14).
//
// Rule 1: it never goes down: a negative increment is refused, and what is not a number is not added.

package mmstats;

/** Adds up fractions, such as seconds. */
public final class FloatCounter extends Series {
    private double sum;

    FloatCounter(Family family, Storage storage) {
        super(family, storage);
    }

    @Override
    void storeFirst() {
        slot.putLong(at, Double.doubleToRawLongBits(sum));
    }

    public void inc(double number) {
        if (number < 0) {
            throw new IllegalArgumentException("a counter never goes down: " + number);
        }
        if (!ended() && !Double.isNaN(number)) {
            sum += number;
            Words.store(slot, at, Double.doubleToRawLongBits(sum));
        }
    }
}
