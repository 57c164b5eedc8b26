/* V2-W3 and V2-R2: RECORDS records of two words, each with a slot of a word, published one after the other and read all
 * the while; each word of slot is then updated by V2-W1. Two words stand for any number, several records as well.
 *
 * A reader that sees 'metadata used' past a record sees all of it, and in its slot the first value or a later one.
 * The writer is killed at any time. Before W3.1 and W3.2 there are zeros; 1 is what belongs there, 2 the later value.
 */
#define RECORDS 2
#define USED 0
#define SLOT(record) (1 + 3 * (record))
#define HEAD(record) (2 + 3 * (record))
#define BODY(record) (3 + 3 * (record))
#define LOCATIONS 7
#define QUEUE 2
#include "memory.pml"

byte published, updated;
bool stopped;

inline W3_1() { store(SLOT(record), 1) }

inline W3_2() { store(HEAD(record), 1); store(BODY(record), 1) }

inline W3_3() { fence() }

inline W3_4() { store(USED, record + 1) }

inline W1_1() { store(SLOT(record), 2) }

active proctype writer() {
    byte record;
    {
        for (record : 0 .. RECORDS - 1) {
            W3_1();
            W3_2();
            W3_3();
            W3_4();
            published++;
            W1_1();
            updated++
        }
    } unless { stopped }
}

active proctype world() { stopped = true }

inline R2_1() { load(USED, used) }

inline R2_2() { load_fence() }

inline R2_3() {
    for (record : 0 .. used - 1) {
        load(HEAD(record), word);
        assert(word == 1);                       /* the record is whole */
        load(BODY(record), word);
        assert(word == 1);
        load(SLOT(record), word);
        assert(word >= 1);                       /* its slot is there */
        assert(!final || record >= updated || word == 2);   /* and, in the end, its last value */
        seen = record + 1
    }
}

active proctype reader() {
    byte used, record, word, seen;
    bool final;
    do
    :: final -> break
    :: else ->
        if
        :: atomic { stopped && under_way == 0 -> load_fence(); final = true }
        :: skip
        fi;
        R2_1();
        R2_2();
        R2_3();
        assert(!final || seen >= published);     /* in the end all are visible */
        d_step { used = 0; record = 0; word = 0; seen = 0 }
    od
}
