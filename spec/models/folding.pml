/* V2-F3 and V2-F4: two writers, two folders that run at once, a third after them, and a reader. One writer counts while
 * it is read, and dies; the other's file appears later, with its writer dead.
 *
 * Either folder is killed at any step, which frees its lock; or the power fails, at any step. The reader's totals never
 * go down and never count a writer twice; after the third folder the total is exactly right and no folded file is left.
 *
 * A power failure loses what was written to a file that is not synchronised, and of the changes of the directory that
 * are not synchronised any one is kept or undone. Writers' files are taken to be on disk. An inode number is given
 * again as soon as its file has neither name nor descriptor.
 *
 * RENAMED_UNSYNCHRONISED: F3.6 is the rename alone.
 * LISTED_UNSYNCHRONISED: F3.2 does not synchronise the directory before it looks which files are there.
 * LISTED_BEFORE_LOCK: which files were there 'before F3.2' is looked up before F3.1.
 * ARCHIVE_NOT_HELD: the reader compares the archive's inode, but has closed it.
 * FILE_NOT_COMPARED: a file that was opened earlier counts without V2-R9.
 */
#define WRITERS 2
#define BIT(number) (1 << (number))
#define IN(set, number) ((set >> (number)) & 1)
/* The counts of an archive are half a byte for each writer, wide enough for one that is counted thrice. */
#define COUNT(counts, writer) ((counts >> (4 * (writer))) & 15)
#define ADDED(writer) (count[writer] << (4 * (writer)))
#ifdef FILE_NOT_COMPARED
#define SAME_FILE(writer) true
#else
#define SAME_FILE(writer) IN(there, writer)
#endif
#define TEMPORARY(number) \
    (number == temporary_inode[1] || number == temporary_inode[2] || number == temporary_inode[3])
#define TAKEN(number) (number == inode || number == disk_inode || number == opened || TEMPORARY(number))

/* Writers. */
byte count[WRITERS], there = 1, dead, really_gone;

/* The archive under its name, the one that a power failure brings back, and the folders' temporary ones. */
byte inode, counts, folded, disk_inode, disk_counts, disk_folded, temporary_inode[4];
bool synchronised, disk_synchronised = true;

byte lock, killed, finished, opened, fresh;
bool power_failed;

/* One counts while it is read, and dies. */
active proctype busy() {
    { count[0] = 1 } unless { power_failed };
    dead = dead | BIT(0)
}

/* The other appears later, and dies at once. */
active proctype brief() {
    d_step { count[1] = 2; there = there | BIT(1); dead = dead | BIT(1) }
}

inline synchronise_directory() {
    disk_inode = inode; disk_counts = counts; disk_folded = folded; disk_synchronised = synchronised;
    really_gone = really_gone | (3 & ~there)
}

inline look() { listed = there }

inline F3_1() { atomic { lock == 0 -> lock = me } }

inline F3_2() {
    d_step {
#ifndef LISTED_UNSYNCHRONISED
        synchronise_directory();
#endif
#ifndef LISTED_BEFORE_LOCK
        look();
#endif
        old_counts = counts; old_folded = folded
    }
}

inline F3_3() { chosen = there & dead & ~old_folded }

inline F3_4() {
    d_step {
        fresh = 1;
        do
        :: TAKEN(fresh) -> fresh++
        :: else -> break
        od;
        temporary_inode[me] = fresh; fresh = 0;
        new_counts = old_counts + (IN(chosen, 0) -> ADDED(0) : 0) + (IN(chosen, 1) -> ADDED(1) : 0);
        new_folded = (old_folded & listed) | chosen;
        new_synchronised = false;
        printf("folder %d: writes an archive with %d and %d of writers 0 and 1, FOLDED %d\n", me,
            COUNT(new_counts, 0), COUNT(new_counts, 1), new_folded)
    }
}

inline F3_5() {
    d_step {
        new_synchronised = true;
        if
        :: inode && inode == temporary_inode[me] -> synchronised = true
        :: else
        fi;
        if
        :: disk_inode && disk_inode == temporary_inode[me] -> disk_synchronised = true
        :: else
        fi
    }
}

inline F3_6() {
    d_step {
        inode = temporary_inode[me]; counts = new_counts; folded = new_folded; synchronised = new_synchronised;
        temporary_inode[me] = 0;
        printf("folder %d: renames it to the archive's name, inode %d\n", me, inode)
    };
#ifndef RENAMED_UNSYNCHRONISED
    d_step { synchronise_directory() }
#else
    skip
#endif
}

inline F3_7() {
    remove(0);
    remove(1)
}

inline remove(owner) {
    d_step {
        if
        :: IN((chosen | old_folded), owner) && IN(there, owner) ->
            there = there & ~BIT(owner);
            printf("folder %d: removes the file of writer %d\n", me, owner)
        :: else
        fi
    }
}

proctype folder(byte me) {
    byte listed, old_counts, old_folded, chosen, new_counts, new_folded;
    bool new_synchronised;
    {
#ifdef LISTED_BEFORE_LOCK
        look();
#endif
        F3_1();
        F3_2();
        F3_3();
        F3_4();
        F3_5();
        F3_6();
        F3_7()
    } unless { IN(killed, me) };
    d_step {
        finished = finished | BIT(me);
        if
        :: lock == me -> lock = 0
        :: else
        fi
    };
    d_step { listed = 0; old_counts = 0; old_folded = 0; chosen = 0; new_counts = 0; new_folded = 0 }
}

inline kill(number) { d_step { killed = killed | BIT(number); printf("folder %d: killed\n", number) } }

inline power_failure() {
    atomic {
        printf("the power fails\n");
        killed = killed | 6; power_failed = true; lock = 0;
        if
        :: true                                  /* the rename is on the disk, or there was none */
        :: inode = disk_inode; counts = disk_counts; folded = disk_folded; synchronised = disk_synchronised
        fi;
        if
        :: !synchronised && inode -> counts = 0; folded = 0     /* an archive without its contents */
        :: true
        fi;
        if
        :: !IN(there, 0) && !IN(really_gone, 0) -> there = there | 1; printf("file of writer 0 is back\n")
        :: true
        fi;
        if
        :: count[1] && !IN(there, 1) && !IN(really_gone, 1) -> there = there | 2; printf("file of writer 1 is back\n")
        :: true
        fi;
        synchronised = true;
        synchronise_directory()
    }
}

active proctype world() {
    run folder(1);
    run folder(2);
    if
    :: kill(1)
    :: skip
    fi;
    if
    :: kill(2)
    :: power_failure()
    :: skip
    fi;
    /* Whoever lives comes to an end; then one more folder, undisturbed. */
    finished == 6 && dead == 3;
    run folder(3);
    finished == 14;
    assert(there == 0)                           /* no file is left that is folded */
}

inline F4_1() { d_step { listed = there; archive_listed = (inode != 0) } }

inline F4_2() {
    d_step {
        if
        :: archive_listed ->
            seen_inode = inode; again = inode; seen_counts = counts; seen_folded = folded;
#ifndef ARCHIVE_NOT_HELD
            opened = inode;
#endif
            printf("reader: archive, inode %d, with %d and %d, FOLDED %d\n", inode, COUNT(counts, 0), COUNT(counts, 1),
                folded)
        :: else
        fi
    }
}

inline F4_3() {
    count_file(0);
    count_file(1)
}

inline count_file(owner) {
    d_step {
        if
        :: IN(listed, owner) && !IN(seen_folded, owner) && SAME_FILE(owner) ->
            total = total + count[owner];
            printf("reader: file of writer %d, %d\n", owner, count[owner])
        :: else
        fi
    }
}

inline F4_4() { again = inode }

active proctype reader() {
    byte listed, seen_counts, seen_folded, seen_inode, again, total, last;
    bool archive_listed, final, failed;
    do
    :: final && last == count[0] + count[1] -> break
    :: else ->
        if
        :: finished == 14 -> final = true
        :: skip
        fi;
        failed = power_failed;
        F4_1();
        F4_2();
        F4_3();
        F4_4();
        d_step {
            total = total + COUNT(seen_counts, 0) + COUNT(seen_counts, 1);
            if
            :: again == seen_inode && failed == power_failed ->
                printf("reader: total %d of %d\n", total, count[0] + count[1]);
                assert(total >= last);                           /* never down */
                assert(total <= count[0] + count[1]);            /* never twice */
                assert(!final || total == count[0] + count[1]);  /* in the end exact */
                last = total
            :: else -> assert(!final)                        /* in the end undisturbed */
            fi;
            listed = 0; archive_listed = false; seen_counts = 0; seen_folded = 0; total = 0; again = 0;
            seen_inode = 0; opened = 0
        }
    od
}
