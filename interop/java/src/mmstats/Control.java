// Control words: a number of 32 bits below its own complement (V2-3).
//
// Rule 1: a word is checked before its number is looked at.

package mmstats;

final class Control {
    private Control() { }

    static long word(long number) {
        return (number & 0xffff_ffffL) | (~number << 32);
    }

    static long number(long word) {
        return word & 0xffff_ffffL;
    }

    static boolean isSound(long word) {
        return (int) word == ~(int) (word >>> 32);
    }
}
