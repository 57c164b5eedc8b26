// A summary: a latch of count, sum, least, greatest and last.
//
// Rule 1: what is not a number is not counted (V2-W14).

package mmstats;

/** Sums up observations. */
public final class Summary extends Latch {
    private static final int COUNT = 0;
    private static final int SUM = 1;
    private static final int MIN = 2;
    private static final int MAX = 3;
    private static final int LAST = 4;

    Summary(Family family, Storage storage) {
        super(family, storage, LAST + 1);
        content[MIN] = Layout.UNSET_FLOAT;
        content[MAX] = Layout.UNSET_FLOAT;
        content[LAST] = Layout.UNSET_FLOAT;
    }

    public void observe(double number) {
        if (Double.isNaN(number) || ended()) {
            return;
        }
        long bits = Double.doubleToRawLongBits(number);
        boolean first = content[COUNT] == 0;
        content[SUM] = Double.doubleToRawLongBits(Double.longBitsToDouble(content[SUM]) + number);
        if (first || number < Double.longBitsToDouble(content[MIN])) {
            content[MIN] = bits;
        }
        if (first || number > Double.longBitsToDouble(content[MAX])) {
            content[MAX] = bits;
        }
        content[LAST] = bits;
        content[COUNT]++;
        publish();
    }
}
