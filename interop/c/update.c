/*
 * Updates: words and latches.
 *
 * Rule 1: a word is one aligned store of what the writer keeps to itself; the file is never the place where it is
 *         counted (V2-W1).
 * Rule 2: a latch is updated by the steps of V2-W2, and goes on from the buffer that the file says is published:
 *         so an update that was broken off anywhere leaves nothing behind.
 * Rule 3: what is no value for the child is refused before anything is done.
 */
#include "writer.h"

/* ---------------------------------------------------------------------------------------------------------------- */
/* Words */

static inline void store(struct mmstats_child *child, uint64_t value)
{
    /* First to itself: were an update broken off in between, the next stores no less. */
    child->value = value;
    atomic_signal_fence(memory_order_release);
    atomic_store_explicit(child->slot, value, memory_order_relaxed);
}

/* ---------------------------------------------------------------------------------------------------------------- */
/* Latches: seq, buffer 0, buffer 1 */

/* W2.1: the content that is not published, made equal to what is. */
static uint64_t *begin(struct mmstats_child *child)
{
    size_t words = child->metric->words;
    uint64_t seq = atomic_load_explicit(child->slot, memory_order_relaxed);
    uint64_t *published = child->buffers + words * (seq & 1), *other = child->buffers + words * (~seq & 1);
    memcpy(other, published, words * UNIT);
    return other;
}

static void publish(struct mmstats_child *child)
{
    size_t words = child->metric->words;
    uint64_t seq = atomic_load_explicit(child->slot, memory_order_relaxed);
    const uint64_t *content = child->buffers + words * (~seq & 1);
    shared_word *buffer = child->slot + 1 + words * (~seq & 1);
    atomic_thread_fence(memory_order_release); /* W2.2 */
    for (size_t i = 0; i < words; i++)         /* W2.3 */
        atomic_store_explicit(&buffer[i], content[i], memory_order_relaxed);
    atomic_thread_fence(memory_order_release); /* W2.4 */
    atomic_store_explicit(child->slot, seq + 1, memory_order_relaxed); /* W2.5 */
}

/* The part of a histogram's content, or of a text's, that is counted in words. */
enum { HISTOGRAM_SUM = 0, HISTOGRAM_COUNTS = 1, TIMED_TIME = 0, TIMED_VALUE = 1 };
enum { SUMMARY_COUNT, SUMMARY_SUM, SUMMARY_MIN, SUMMARY_MAX, SUMMARY_LAST };

/* ---------------------------------------------------------------------------------------------------------------- */
/* Beginnings */

size_t slot_size(const struct mmstats_metric *metric)
{
    return metric->latch ? UNIT + 2 * UNIT * metric->words : UNIT;
}

static void begin_content(const struct mmstats_metric *metric, uint64_t *content)
{
    const struct mmstats_family *family = metric->family;
    memset(content, 0, metric->words * UNIT);
    switch (family->kind) {
    case MMSTATS_TEXT_KIND:
        content[0] = UNSET_LENGTH;
        break;
    case MMSTATS_SUMMARY:
        content[SUMMARY_MIN] = content[SUMMARY_MAX] = content[SUMMARY_LAST] = UNSET_FLOAT;
        break;
    case MMSTATS_GAUGE:
    case MMSTATS_STATE_SET:
    case MMSTATS_UNKNOWN:
        content[metric->latch ? TIMED_VALUE : 0] = unset_bits(family->type);
        break;
    default:
        break;
    }
}

void begin_slot(struct mmstats_child *child, unsigned char *slot)
{
    const struct mmstats_metric *metric = child->metric;
    child->slot = (shared_word *)slot;
    if (!metric->latch) {
        begin_content(metric, &child->value);
        put64(slot, child->value);
        return;
    }
    begin_content(metric, child->buffers);
    memcpy(child->buffers + metric->words, child->buffers, metric->words * UNIT);
    put64(slot, 0);
    memcpy(slot + UNIT, child->buffers, 2 * UNIT * metric->words);
}

void unset(struct mmstats_child *child)
{
    const struct mmstats_metric *metric = child->metric;
    uint64_t word;
    if (metric->latch) {
        begin_content(metric, begin(child));
        publish(child);
    } else {
        begin_content(metric, &word);
        store(child, word);
    }
}

/* ---------------------------------------------------------------------------------------------------------------- */
/* Numbers */

static bool is(const struct mmstats_child *child, enum mmstats_type type)
{
    const struct mmstats_family *family = child->metric->family;
    return family->type == type && (family->kind == MMSTATS_GAUGE || family->kind == MMSTATS_UNKNOWN);
}

static bool is_gauge(const struct mmstats_child *child, enum mmstats_type type)
{
    return is(child, type) && child->metric->family->kind == MMSTATS_GAUGE;
}

/* Set a gauge or what is unknown. */
static bool set(struct mmstats_child *child, enum mmstats_type type, uint64_t bits)
{
    if (!is(child, type) || !(child = ready(child)))
        return false;
    if (child->metric->latch) {
        uint64_t *content = begin(child);
        content[TIMED_TIME] = now();
        content[TIMED_VALUE] = bits;
        publish(child);
    } else {
        store(child, bits);
    }
    return true;
}

/* The value of a gauge that is added to; what is unset is 0. */
static uint64_t added_to(struct mmstats_child *child)
{
    uint64_t bits = child->value;
    if (child->metric->latch) {
        uint64_t seq = atomic_load_explicit(child->slot, memory_order_relaxed);
        const uint64_t *content = child->buffers + child->metric->words * (seq & 1);
        bits = content[TIMED_TIME] ? content[TIMED_VALUE] : 0;
    }
    return bits == unset_bits(child->metric->family->type) ? 0 : bits;
}

bool mmstats_set_unsigned(struct mmstats_child *child, uint64_t value)
{
    if (!child)
        return false;
    return set(child, MMSTATS_UNSIGNED, value);
}

bool mmstats_set_signed(struct mmstats_child *child, int64_t value)
{
    if (!child)
        return false;
    return set(child, MMSTATS_SIGNED, (uint64_t)value);
}

bool mmstats_set_float(struct mmstats_child *child, double value)
{
    if (!child)
        return false;
    return set(child, MMSTATS_FLOAT, mmstats_bits(value));
}

bool mmstats_set_boolean(struct mmstats_child *child, bool value)
{
    if (!child)
        return false;
    return set(child, MMSTATS_BOOLEAN, value);
}

static bool inc_slowly(struct mmstats_child *child, uint64_t amount)
{
    if (child->counter) {
        if (!(child = ready(child)))
            return false;
        store(child, child->value + amount);
        return true;
    }
    if (!is_gauge(child, MMSTATS_UNSIGNED) || !(child = ready(child)))
        return false;
    return set(child, MMSTATS_UNSIGNED, added_to(child) + amount);
}

bool mmstats_inc(struct mmstats_child *child, uint64_t amount)
{
    if (!child)
        return false;
    if (!child->counter || child->epoch != child->writer->epoch)
        return inc_slowly(child, amount);
    store(child, child->value + amount);
    return true;
}

bool mmstats_add(struct mmstats_child *child, int64_t amount)
{
    if (!child)
        return false;
    bool is_signed = is_gauge(child, MMSTATS_SIGNED);
    if ((!is_signed && !is_gauge(child, MMSTATS_UNSIGNED)) || !(child = ready(child)))
        return false;
    return set(child, child->metric->family->type, added_to(child) + (uint64_t)amount);
}

bool mmstats_inc_float(struct mmstats_child *child, double amount)
{
    if (!child)
        return false;
    const struct mmstats_family *family = child->metric->family;
    if (family->kind != MMSTATS_COUNTER)
        return is_gauge(child, MMSTATS_FLOAT) && (child = ready(child)) &&
               set(child, MMSTATS_FLOAT, mmstats_bits(mmstats_float(added_to(child)) + amount));
    /* Written so that what is not a number is refused, too. */
    if (family->type != MMSTATS_FLOAT || !(amount >= 0) || !(child = ready(child)))
        return false;
    store(child, mmstats_bits(mmstats_float(child->value) + amount));
    return true;
}

/* ---------------------------------------------------------------------------------------------------------------- */
/* All else */

bool mmstats_set_state(struct mmstats_child *child, size_t state)
{
    if (!child)
        return false;
    const struct mmstats_family *family = child->metric->family;
    if (family->kind != MMSTATS_STATE_SET || state >= family->state_count || !(child = ready(child)))
        return false;
    store(child, state);
    return true;
}

bool mmstats_set_text(struct mmstats_child *child, struct mmstats_text text)
{
    if (!child)
        return false;
    const struct mmstats_family *family = child->metric->family;
    if (family->kind != MMSTATS_TEXT_KIND || !(child = ready(child)))
        return false;
    size_t size = mmstats_whole_characters(text, family->capacity);
    uint64_t *content = begin(child);
    content[0] = size;
    memset(content + 1, 0, (child->metric->words - 1) * UNIT);
    if (size)
        memcpy(content + 1, text.bytes, size);
    publish(child);
    return true;
}

static void add_float(uint64_t *word, double amount)
{
    *word = mmstats_bits(mmstats_float(*word) + amount);
}

static void observe_summary(uint64_t *content, double value)
{
    bool first = !content[SUMMARY_COUNT];
    content[SUMMARY_COUNT]++;
    add_float(&content[SUMMARY_SUM], value);
    if (first || value < mmstats_float(content[SUMMARY_MIN]))
        content[SUMMARY_MIN] = mmstats_bits(value);
    if (first || value > mmstats_float(content[SUMMARY_MAX]))
        content[SUMMARY_MAX] = mmstats_bits(value);
    content[SUMMARY_LAST] = mmstats_bits(value);
}

/* The number of bounds that are less than a value: that of its bucket. */
static size_t bucket(const struct mmstats_family *family, double value)
{
    size_t from = 0, to = family->bound_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (mmstats_bound(family, middle) < value)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

bool mmstats_observe(struct mmstats_child *child, double value)
{
    if (!child)
        return false;
    const struct mmstats_family *family = child->metric->family;
    bool histogram = family->kind == MMSTATS_HISTOGRAM;
    if (!histogram && family->kind != MMSTATS_SUMMARY)
        return false;
    if (value != value || !(child = ready(child)))
        return false;
    uint64_t *content = begin(child);
    if (histogram) {
        add_float(&content[HISTOGRAM_SUM], value);
        content[HISTOGRAM_COUNTS + bucket(family, value)]++;
    } else {
        observe_summary(content, value);
    }
    publish(child);
    return true;
}
