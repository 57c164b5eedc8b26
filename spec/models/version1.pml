/* Version 1 (V1-W2, V1-R2), which cannot hold: a reader accepts a value that was never written.
 *
 * The index has one bit, and an 8-byte value at any offset is stored in two parts, here all in order. Update n makes
 * both parts n. The reader makes two copies, each of which reads in any order, and accepts where they hold the
 * same index and published value.
 *
 * SECOND_LOOK: it reads index, value, and index again, in this order, and accepts where the index is the same.
 */
#define UPDATES 3

bit index;
byte low[2], high[2];

inline V1_W2() {
    low[index] = number;
    printf("writer: stores the first part of %d in buffer %d\n", number, index);
    high[index] = number;
    printf("writer: stores the second part of %d in buffer %d\n", number, index);
    index = 1 - index;
    printf("writer: stores index %d\n", index)
}

active proctype writer() {
    byte number;
    for (number : 1 .. UPDATES) {
        V1_W2()
    }
}

/* One copy of the file: each part once, in any order. Which buffer counts is seen when the index is there. */
inline copy(i, a, b, d, e) {
    do
    :: d_step { !(done & 1) -> i = index; done = done | 1; printf("reader: index is %d\n", i) }
    :: d_step { !(done & 2) -> a = low[0]; done = done | 2; printf("reader: buffer 0, first part is %d\n", a) }
    :: d_step { !(done & 4) -> b = high[0]; done = done | 4; printf("reader: buffer 0, second part is %d\n", b) }
    :: d_step { !(done & 8) -> d = low[1]; done = done | 8; printf("reader: buffer 1, first part is %d\n", d) }
    :: d_step { !(done & 16) -> e = high[1]; done = done | 16; printf("reader: buffer 1, second part is %d\n", e) }
    :: d_step { done == 31 -> done = 0; printf("reader: has a copy\n") } -> break
    od
}

inline accept(first, second) {
    printf("reader: accepts %d of two parts: %d and %d\n", first, first, second);
    assert(first == second)
}

active proctype reader() {
    bit i1, i2;
    byte a1, b1, d1, e1;
#ifdef SECOND_LOOK
    i1 = index;
    printf("reader: index is %d\n", i1);
    a1 = low[1 - i1];
    printf("reader: buffer %d, first part is %d\n", 1 - i1, a1);
    b1 = high[1 - i1];
    printf("reader: buffer %d, second part is %d\n", 1 - i1, b1);
    i2 = index;
    printf("reader: index is %d\n", i2);
    if
    :: i1 == i2 -> accept(a1, b1)
    :: else
    fi
#else
    byte done, a2, b2, d2, e2;
    copy(i1, a1, b1, d1, e1);
    copy(i2, a2, b2, d2, e2);
    if
    :: i1 == i2 && i1 == 1 && a1 == a2 && b1 == b2 -> accept(a1, b1)
    :: i1 == i2 && i1 == 0 && d1 == d2 && e1 == e2 -> accept(d1, e1)
    :: else
    fi
#endif
}
