/* V2-W2 and V2-R4: a latch whose content is two words, updated UPDATES times and read all the while.
 *
 * Update n makes both words n. The writer is killed at any time, and an update may be broken off after any step, as by
 * an exception. A reader confirms nothing but whole contents of updates that reached W2.5, never an older one after a
 * younger; and when the writer has stopped, wherever, it confirms the last one.
 *
 * TWO_COPIES: not R4, but two copies, confirmed where they are equal; the second word of update n is (n / 2) % 2, so it
 * comes again.
 */
#ifdef TWO_COPIES
#define UPDATES 4
#define SECOND(n) ((n / 2) % 2)
#else
#define UPDATES 3
#define SECOND(n) (n)
#endif

#define SEQ 0
#define WORD(buffer, word) (1 + 2 * (buffer) + word)
#define LOCATIONS 5
#define QUEUE UPDATES
#include "memory.pml"

byte begun, completed, published;
bool stopped, breakable, broken_off;

inline W2_1() { private = begun }

inline W2_2() { fence() }

inline W2_3() {
    store(WORD((seq + 1) & 1, 0), private);
    store(WORD((seq + 1) & 1, 1), SECOND(private))
}

inline W2_4() { fence() }

inline W2_5() {
    atomic {
        store(SEQ, seq + 1);
        seq++;
        published = private
    }
}

active proctype writer() {
    byte private, seq;
    {
        do
        :: begun < UPDATES ->
            {
                d_step { begun++; breakable = true };
                W2_1();
                W2_2();
                W2_3();
                W2_4();
                W2_5();
                d_step { breakable = false; completed = begun }
            } unless {
                d_step { broken_off -> broken_off = false; breakable = false; printf("writer: update broken off\n") }
            }
        :: else -> break
        od
    } unless { stopped }
}

/* One update is broken off, or none; in the end the writer stops, wherever it is. */
active proctype world() {
#ifndef TWO_COPIES
    if
    :: d_step { breakable && !stopped -> broken_off = true }
    :: skip
    fi;
#endif
    stopped = true
}

inline R4_1() { d_step { load(SEQ, first); again = first } }

inline R4_2() { load_fence() }

inline R4_3() {
    load(WORD(first & 1, 0), one);
    load(WORD(first & 1, 1), two)
}

inline R4_4() { load_fence() }

inline R4_5() { load(SEQ, again) }

inline two_copies() {
    load(SEQ, first);
    load(WORD(first & 1, 0), one);
    load(WORD(first & 1, 1), two);
    load_fence();
    load(SEQ, again);
    load(WORD(first & 1, 0), one_again);
    load(WORD(first & 1, 1), two_again);
    if
    :: one != one_again || two != two_again -> again = first + 1
    :: else
    fi;
    load_fence()
}

active proctype reader() {
    byte first, again, one, two, last;
#ifdef TWO_COPIES
    byte one_again, two_again;
#endif
    bool final;
    do
    :: final -> break
    :: else ->
        if
        :: atomic { stopped && under_way == 0 -> load_fence(); final = true }
        :: skip
        fi;
#ifdef TWO_COPIES
        two_copies();
#else
        R4_1();
        R4_2();
        R4_3();
        R4_4();
        R4_5();
#endif
        d_step {
            if
            :: first == again ->
                printf("reader: confirms %d %d\n", one, two);
                assert(two == SECOND(one));      /* whole */
                assert(one <= published);        /* published */
                assert(one >= last);             /* never backwards */
                assert(!final || one >= completed);    /* the last one */
                last = one
            :: else ->
                assert(!final)                   /* readable wherever the writer stopped */
            fi;
            first = 0; again = 0; one = 0; two = 0
        }
    od
}
