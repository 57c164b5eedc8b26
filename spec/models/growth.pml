/* V2-W4 and V2-R2: a file grows by EXTENTS extents, and is read all the while.
 *
 * A reader that follows 'next' sees the whole extent, of two words here, and a file size, taken after 'next', that
 * covers it; and all that the extent before it has gained, since a writer publishes in the last one alone. The writer
 * is killed at any time. The size changes by a system call, which here is ordered no better than a store; a writer that
 * stores beyond the end of the file is killed by a signal.
 */
#define EXTENTS 2
#define SIZE 0
#define NEXT(extent) (1 + 3 * (extent))
#define HEAD(extent) (3 * (extent) - 1)
#define BODY(extent) (3 * (extent))
#define USED(extent) (8 + (extent))
#define LOCATIONS 10
#define QUEUE 2
#include "memory.pml"

byte grown;
bool stopped;

inline W4_1() { d_step { store(SIZE, extent); reserved = extent } }

inline W4_2() {
    assert(reserved >= extent);                  /* there is room for what is stored */
    store(HEAD(extent), 1);
    store(BODY(extent), 1)
}

inline W4_3() { fence() }

inline W4_4() { store(NEXT(extent - 1), 1) }

active proctype writer() {
    byte extent, reserved;
    {
        for (extent : 1 .. EXTENTS) {
            store(USED(extent - 1), 1);          /* the last record that finds room (V2-W3) */
            W4_1();
            W4_2();
            W4_3();
            W4_4();
            grown++
        }
    } unless { stopped }
}

active proctype world() { stopped = true }

inline R2_1() { load(USED(extent), used); load(NEXT(extent), next) }

inline R2_2() { load_fence() }

inline R2_3() { load(SIZE, size) }

inline R2_4() {
    if
    :: next ->
        assert(size > extent);                   /* the extent lies in the file */
        load(HEAD(extent + 1), word);
        assert(word == 1);                       /* and is whole */
        load(BODY(extent + 1), word);
        assert(word == 1);
        found++
    :: else
    fi
}

inline R2_5() {
    if
    :: next -> load(USED(extent), used)
    :: else
    fi
}

active proctype reader() {
    byte extent, next, used, size, word, found;
    bool final;
    do
    :: final -> break
    :: else ->
        if
        :: atomic { stopped && under_way == 0 -> load_fence(); final = true }
        :: skip
        fi;
        do
        :: extent < EXTENTS ->
            R2_1();
            R2_2();
            R2_3();
            R2_4();
            R2_5();
            assert(!next || used);               /* nothing is left out before the next extent */
            if
            :: next -> extent++
            :: else -> break
            fi
        :: else -> break
        od;
        assert(!final || found >= grown);       /* in the end all are found */
        d_step { extent = 0; next = 0; used = 0; size = 0; word = 0; found = 0 }
    od
}
