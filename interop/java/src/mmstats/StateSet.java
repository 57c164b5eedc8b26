// The active one of several states, by its number.
//
// Rule 1: a state that the family does not have is refused.

package mmstats;

/** One of several states. */
public final class StateSet extends Gauge {
    StateSet(Family family, Storage storage) {
        super(family, storage);
    }

    public void set(String state) {
        int number = family.states().indexOf(state);
        if (number < 0) {
            throw new IllegalArgumentException(family.name() + " has no state " + state);
        }
        put(number);
    }

    /** Set the state of this number, from 0. */
    public void set(int number) {
        if (number < 0 || number >= family.states().size()) {
            throw new IllegalArgumentException(family.name() + " has no state of number " + number);
        }
        put(number);
    }
}
