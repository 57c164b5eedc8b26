/* Memory that reorders, for one writer and one reader that only loads. See README.md.
 *
 * A store goes into a queue of its location; from there it becomes visible at any time, so stores to one location
 * stay in order, and stores to different ones do not. A fence waits until all queues are empty. To wait is no
 * weakness of the model: nobody sees where the writer stands, but by its stores.
 *
 * The reader loads from a view of its own, in which each location is brought up to date at any time, or not; a load
 * fence brings all up to date. So each load has a value that was current at some time since the last load fence,
 * and loads between two fences stand in no order.
 *
 * To be defined before: LOCATIONS, and QUEUE, the stores to one location that can be under way.
 */
chan queue[LOCATIONS] = [QUEUE] of { byte };
byte under_way;
byte memory[LOCATIONS];
byte view[LOCATIONS];
byte each;

/* The first processes, so that a process's number is that of its location. */
active [LOCATIONS] proctype location() {
end:
    do
    :: d_step { nempty(queue[_pid]) -> queue[_pid] ? memory[_pid]; under_way-- }
    :: d_step { view[_pid] != memory[_pid] -> view[_pid] = memory[_pid] }
    od
}

inline store(where, what) {
    d_step { nfull(queue[where]) -> queue[where] ! what; under_way++; printf("writer: stores %d at %d\n", what, where) }
}

inline fence() {
    under_way == 0
}

inline load(where, into) {
    d_step { into = view[where]; printf("reader: loads %d from %d\n", into, where) }
}

inline load_fence() {
    d_step { for (each : 0 .. LOCATIONS - 1) { view[each] = memory[each] }; each = 0 }
}
