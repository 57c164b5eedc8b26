// What is set: a word, or a latch with the time of the setting where the last one counts (FORMAT.md 3.7).
//
// Rule 1: unset is a pattern of the value's type; of a latch, the time 0 (V2-32).

package mmstats;

/** A value that is set, of a gauge, a state set, or a metric of unknown kind. */
public abstract sealed class Gauge extends Latch permits IntegerGauge, FloatGauge, BooleanGauge, StateSet {
    private final boolean dated;
    private final int last;

    Gauge(Family family, Storage storage) {
        super(family, storage, family.isLatch() ? 2 : 1);
        dated = family.isLatch();
        last = content.length - 1;
        content[last] = Slots.unset(family.type());
    }

    @Override
    final void storeFirst() {
        if (dated) {
            super.storeFirst();
        } else {
            slot.putLong(at, content[last]);
        }
    }

    /** The word that was set last. */
    final long word() {
        return content[last];
    }

    final boolean isUnset() {
        return content[last] == Slots.unset(family.type());
    }

    final void put(long word) {
        put(word, dated ? UnixTime.nanoseconds() : 0);
    }

    private void put(long word, long time) {
        if (ended()) {
            return;
        }
        content[0] = time;
        content[last] = word;
        if (dated) {
            publish();
        } else {
            Words.store(slot, at, word);
        }
    }

    /** As if it had never been set. */
    public final void unset() {
        put(Slots.unset(family.type()), 0);
    }

    @Override
    final void forget() {
        if (family.combination() != Combination.SUM) {
            unset();
        }
    }

    /** Refuses to add to what can only be set. */
    final void checkIsGauge() {
        if (family.kind() != Kind.GAUGE) {
            throw new IllegalArgumentException(family.name() + " is no gauge, and nothing is added to it");
        }
    }
}
