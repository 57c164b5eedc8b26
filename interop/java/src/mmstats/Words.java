// Stores that other processes see: whole words, and their order (V2-W1 to V2-W4).
//
// Rule 1: what is read at once is stored at once, by `store`, at an offset that is a multiple of 8. It is a release:
//         nothing that stands before it in the program becomes visible after it, on any machine.
// Rule 2: `fence` keeps the stores before it from becoming visible after those behind it.

package mmstats;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

final class Words {
    private static final VarHandle LONGS =
            MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private Words() { }

    static void store(ByteBuffer buffer, int at, long word) {
        LONGS.setRelease(buffer, at, word);
    }

    static void fence() {
        VarHandle.storeStoreFence();
    }
}
