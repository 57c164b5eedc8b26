// A metric that is written: its series by their label values (V2-W14).
//
// Rule 1: label sets beyond the limit are counted in one series whose label values are all `__overflow__`; so are
//         those for which the file has no room, where that series is there.
// Rule 2: a label value that no record can hold is refused.

package mmstats;

import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A metric of a writer. Ask for a series once, and keep it. */
public final class Metric<S extends Series> {
    private static final String OVERFLOW = "__overflow__";

    private final Family family;
    private final int number;
    private final int limit;
    private final Class<S> type;
    private final Storage storage;
    private final Map<List<String>, S> series = new HashMap<>();
    private final List<String> overflow;
    private S nowhere;

    Metric(Family family, int number, int limit, Class<S> type, Storage storage) {
        this.family = family;
        this.number = number;
        this.limit = limit;
        this.type = type;
        this.storage = storage;
        this.overflow = Collections.nCopies(family.labels().size(), OVERFLOW);
    }

    public Family family() {
        return family;
    }

    /** The series of these label values, which is made where it is not there yet. */
    public S with(String... labels) {
        List<String> key = List.of(labels);
        S found = series.get(key);
        if (found != null) {
            return found;
        }
        if (key.size() != overflow.size()) {
            throw new IllegalArgumentException(family.name() + " has " + overflow.size() + " labels");
        }
        Storage.Batch batch = new Storage.Batch();
        S made = add(batch, key);
        boolean isOverflow = key.equals(overflow);
        int counted = series.size() - (series.containsKey(overflow) ? 1 : 0);
        if (!isOverflow && counted >= limit) {
            return with(overflow.toArray(new String[0]));
        }
        if (storage.publish(batch)) {
            series.put(key, made);
            return made;
        }
        return series.containsKey(overflow) ? series.get(overflow) : nowhere(made);
    }

    /** What stands for all series for which there is no room: updates of it are lost. */
    private S nowhere(S made) {
        if (nowhere == null) {
            made.begin(OpenFile.buffer(family.slotSize()), 0);
            nowhere = made;
        }
        return nowhere;
    }

    /** A new series and its record, for a batch. */
    private S add(Storage.Batch batch, List<String> labels) {
        S made = type.cast(Series.of(family, storage));
        batch.add(Records.series(number, family, labels), made);
        return made;
    }

    /** The one series of a metric without labels, to be published with its declaration. */
    void addOnly(Storage.Batch batch) {
        if (overflow.isEmpty()) {
            series.put(List.of(), add(batch, List.of()));
        }
    }

    void forget() {
        for (S each : series.values()) {
            each.forget();
        }
    }

    /** The same metric, its series being of this type. */
    <T extends Series> Metric<T> as(Class<T> wanted) {
        if (!wanted.equals(type)) {
            throw new IllegalArgumentException(family.name() + " has series of " + type.getSimpleName());
        }
        @SuppressWarnings("unchecked")
        Metric<T> same = (Metric<T>) this;
        return same;
    }
}
