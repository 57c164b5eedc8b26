// Kinds of metrics, and the value types and combinations that each may have (FORMAT.md 3.6, V2-26).

package mmstats;

import java.util.EnumSet;
import java.util.Set;

/** What sort of metric a family is. The constants stand in the order of their codes, from 1. */
public enum Kind {
    COUNTER(EnumSet.of(ValueType.UNSIGNED, ValueType.FLOAT), EnumSet.of(Combination.SUM)),
    GAUGE(EnumSet.range(ValueType.UNSIGNED, ValueType.BOOLEAN), EnumSet.allOf(Combination.class)),
    STATE_SET(EnumSet.of(ValueType.UNSIGNED), EnumSet.of(Combination.ALL)),
    TEXT(EnumSet.of(ValueType.TEXT), EnumSet.of(Combination.ALL)),
    SUMMARY(EnumSet.of(ValueType.FLOAT), EnumSet.of(Combination.SUM)),
    HISTOGRAM(EnumSet.of(ValueType.FLOAT), EnumSet.of(Combination.SUM)),
    UNKNOWN(EnumSet.range(ValueType.UNSIGNED, ValueType.BOOLEAN), EnumSet.of(Combination.ALL));

    private static final Kind[] EACH = values();

    private final Set<ValueType> types;
    private final Set<Combination> combinations;

    Kind(Set<ValueType> types, Set<Combination> combinations) {
        this.types = types;
        this.combinations = combinations;
    }

    int code() {
        return ordinal() + 1;
    }

    /** The kind of a code, or null. */
    static Kind of(int code) {
        return code < 1 || code > EACH.length ? null : EACH[code - 1];
    }

    boolean allows(ValueType type) {
        return types.contains(type);
    }

    boolean allows(ValueType type, Combination combination) {
        boolean sumOfBooleans = type == ValueType.BOOLEAN && combination == Combination.SUM;
        return allows(type) && combinations.contains(combination) && !sumOfBooleans;
    }
}
