// The declaration of a metric (FORMAT.md 3.5 FAMILY), for writer and reader.
//
// Rule 1: a declaration is checked where it is used: the parser's errors have offsets, the writer's have not.
// Rule 2: the size of a slot follows from the declaration alone (FORMAT.md 3.7).

package mmstats;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;

/**
 * A metric: its name, what its values mean, and the names of its labels. Make one with the factory of its kind, and
 * refine it: {@code Family.counter("requests").withLabels("method").withHelp("Requests served.")}.
 *
 * @param capacity the bytes that a text may have; 0 for other kinds
 */
public record Family(
        String name, Kind kind, ValueType type, Combination combination, boolean kept, String unit, String help,
        List<String> labels, List<Double> bounds, List<String> states, int capacity) {

    public Family {
        labels = List.copyOf(labels);
        bounds = List.copyOf(bounds);
        states = List.copyOf(states);
    }

    private static Family plain(String name, Kind kind, ValueType type, Combination combination) {
        return new Family(name, kind, type, combination, false, "", "", List.of(), List.of(), List.of(), 0);
    }

    /** A counter of whole numbers, which go up only. */
    public static Family counter(String name) {
        return plain(name, Kind.COUNTER, ValueType.UNSIGNED, Combination.SUM);
    }

    /** A counter that may grow by fractions. */
    public static Family floatCounter(String name) {
        return plain(name, Kind.COUNTER, ValueType.FLOAT, Combination.SUM);
    }

    public static Family gauge(String name, ValueType type, Combination combination) {
        return plain(name, Kind.GAUGE, type, combination);
    }

    public static Family stateSet(String name, String... states) {
        return new Family(name, Kind.STATE_SET, ValueType.UNSIGNED, Combination.ALL, false, "", "", List.of(),
                List.of(), List.of(states), 0);
    }

    public static Family text(String name, int capacity) {
        return new Family(name, Kind.TEXT, ValueType.TEXT, Combination.ALL, false, "", "", List.of(), List.of(),
                List.of(), capacity);
    }

    public static Family summary(String name) {
        return plain(name, Kind.SUMMARY, ValueType.FLOAT, Combination.SUM);
    }

    /** A histogram that counts the values up to and including each bound, and those above the last. */
    public static Family histogram(String name, double... bounds) {
        List<Double> list = new ArrayList<>();
        for (double bound : bounds) {
            list.add(bound);
        }
        return new Family(name, Kind.HISTOGRAM, ValueType.FLOAT, Combination.SUM, false, "", "", List.of(), list,
                List.of(), 0);
    }

    public static Family unknown(String name, ValueType type) {
        return plain(name, Kind.UNKNOWN, type, Combination.ALL);
    }

    public Family withLabels(String... names) {
        return new Family(name, kind, type, combination, kept, unit, help, List.of(names), bounds, states, capacity);
    }

    public Family withUnit(String text) {
        return new Family(name, kind, type, combination, kept, text, help, labels, bounds, states, capacity);
    }

    public Family withHelp(String text) {
        return new Family(name, kind, type, combination, kept, unit, text, labels, bounds, states, capacity);
    }

    /** The same, and the values of writers that have died count too (V2-C2). */
    public Family keptAfterDeath() {
        return new Family(name, kind, type, combination, true, unit, help, labels, bounds, states, capacity);
    }

    /** Whether the value is a latch: a sequence word and two buffers. */
    boolean isLatch() {
        return switch (kind) {
            case COUNTER, STATE_SET, UNKNOWN -> false;
            case GAUGE -> combination == Combination.LAST;
            case TEXT, SUMMARY, HISTOGRAM -> true;
        };
    }

    /** The bytes of a word, or of one of the two buffers of a latch. */
    int contentSize() {
        return switch (kind) {
            case COUNTER, STATE_SET, UNKNOWN -> Layout.WORD;
            case GAUGE -> isLatch() ? 2 * Layout.WORD : Layout.WORD;
            case TEXT -> Layout.WORD + (int) Layout.padded(capacity);
            case SUMMARY -> 5 * Layout.WORD;
            case HISTOGRAM -> Layout.WORD * (bounds.size() + 2);
        };
    }

    int slotSize() {
        return isLatch() ? Layout.LATCH_BUFFERS + 2 * contentSize() : contentSize();
    }

    /** The rule V2-25, but for names of earlier families. */
    boolean hasSoundNames() {
        return !name.isEmpty() && name.indexOf('\0') < 0 && areDistinctAndNotEmpty(labels);
    }

    /** The rule V2-27. */
    boolean hasSoundParts(int parts) {
        boolean number = switch (kind) {
            case HISTOGRAM -> true;
            case STATE_SET -> parts >= 1;
            default -> parts == 0;
        };
        boolean size = kind == Kind.TEXT ? capacity >= 1 && capacity <= Layout.CAPACITY_MOST : capacity == 0;
        return number && size && areFiniteAndAscend(bounds) && areDistinctAndNotEmpty(states);
    }

    private static boolean areDistinctAndNotEmpty(List<String> texts) {
        HashSet<String> seen = new HashSet<>();
        for (String text : texts) {
            if (text.isEmpty() || !seen.add(text)) {
                return false;
            }
        }
        return true;
    }

    private static boolean areFiniteAndAscend(List<Double> bounds) {
        double last = Double.NEGATIVE_INFINITY;
        for (double bound : bounds) {
            if (!(bound > last) || Double.isInfinite(bound)) {
                return false;
            }
            last = bound;
        }
        return true;
    }

    /** Refuses a declaration that a file cannot hold. */
    void check() {
        if (!kind.allows(type, combination)) {
            throw new IllegalArgumentException(name + ": no such kind, value type and combination");
        }
        if (!hasSoundNames() || labels.size() > Layout.LABELS_MOST) {
            throw new IllegalArgumentException(name + ": a name is empty or occurs twice, or there are too many");
        }
        boolean strays = !(bounds.isEmpty() || kind == Kind.HISTOGRAM) || !(states.isEmpty() || kind == Kind.STATE_SET);
        int parts = bounds.size() + states.size();
        if (strays || parts > Layout.PARTS_MOST || !hasSoundParts(parts)) {
            throw new IllegalArgumentException(name + ": its bounds, states or capacity make no sense");
        }
    }
}
