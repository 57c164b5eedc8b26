// A histogram: a latch of the sum, and the count of each bucket.
//
// Rule 1: a value counts in the first bucket whose bound is not less than it, or else in the last.
// Rule 2: what is not a number is not counted (V2-W14).

package mmstats;

/** Counts observations by their size. */
public final class Histogram extends Latch {
    private final double[] bounds;

    Histogram(Family family, Storage storage) {
        super(family, storage, family.bounds().size() + 2);
        bounds = new double[family.bounds().size()];
        for (int i = 0; i < bounds.length; i++) {
            bounds[i] = family.bounds().get(i);
        }
    }

    public void observe(double number) {
        if (Double.isNaN(number) || ended()) {
            return;
        }
        content[0] = Double.doubleToRawLongBits(Double.longBitsToDouble(content[0]) + number);
        content[1 + bucket(number)]++;
        publish();
    }

    private int bucket(double number) {
        int low = 0;
        int high = bounds.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (number <= bounds[middle]) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }
}
