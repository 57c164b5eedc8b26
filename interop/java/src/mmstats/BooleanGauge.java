// A gauge of booleans.

package mmstats;

/** Whether something is so. */
public final class BooleanGauge extends Gauge {
    BooleanGauge(Family family, Storage storage) {
        super(family, storage);
    }

    public void set(boolean is) {
        put(is ? 1 : 0);
    }
}
