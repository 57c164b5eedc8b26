/*
 * Values: the rows of kinds, types and combinations, what a slot holds, and what its bytes mean.
 *
 * Rule 1: no value is an error; what is none of its type's is unset (V2-33).
 * Rule 2: bits of floats are moved as integers, so that no NaN changes.
 */
#include "internal.h"

#define BIT(number) (1u << (number))
#define NUMBERS (BIT(MMSTATS_UNSIGNED) | BIT(MMSTATS_SIGNED) | BIT(MMSTATS_FLOAT) | BIT(MMSTATS_BOOLEAN))
#define GAUGES (BIT(MMSTATS_MIN) | BIT(MMSTATS_MAX) | BIT(MMSTATS_LAST) | BIT(MMSTATS_ALL))

static const struct {
    unsigned types, combinations;
} rows[] = {
    [MMSTATS_COUNTER] = {BIT(MMSTATS_UNSIGNED) | BIT(MMSTATS_FLOAT), BIT(MMSTATS_SUM)},
    [MMSTATS_GAUGE] = {NUMBERS, BIT(MMSTATS_SUM) | GAUGES},
    [MMSTATS_STATE_SET] = {BIT(MMSTATS_UNSIGNED), BIT(MMSTATS_ALL)},
    [MMSTATS_TEXT_KIND] = {BIT(MMSTATS_TEXT_TYPE), BIT(MMSTATS_ALL)},
    [MMSTATS_SUMMARY] = {BIT(MMSTATS_FLOAT), BIT(MMSTATS_SUM)},
    [MMSTATS_HISTOGRAM] = {BIT(MMSTATS_FLOAT), BIT(MMSTATS_SUM)},
    [MMSTATS_UNKNOWN] = {NUMBERS, BIT(MMSTATS_ALL)},
};

bool is_row(unsigned kind, unsigned type, unsigned combination, int *wrong)
{
    *wrong = 0;
    if (kind < MMSTATS_COUNTER || kind > MMSTATS_UNKNOWN)
        return false;
    *wrong = 1;
    if (type > MMSTATS_TEXT_TYPE || !(rows[kind].types & BIT(type)))
        return false;
    *wrong = 2;
    if (combination > MMSTATS_ALL || !(rows[kind].combinations & BIT(combination)))
        return false;
    return !(kind == MMSTATS_GAUGE && type == MMSTATS_BOOLEAN && combination == MMSTATS_SUM);
}

bool is_latch(enum mmstats_kind kind, enum mmstats_combination combination)
{
    return kind == MMSTATS_TEXT_KIND || kind == MMSTATS_SUMMARY || kind == MMSTATS_HISTOGRAM ||
           (kind == MMSTATS_GAUGE && combination == MMSTATS_LAST);
}

size_t content_size(enum mmstats_kind kind, enum mmstats_combination combination, size_t bounds, size_t capacity)
{
    switch (kind) {
    case MMSTATS_TEXT_KIND:
        return UNIT + rounded(capacity, UNIT);
    case MMSTATS_SUMMARY:
        return UNIT * SUMMARY_WORDS;
    case MMSTATS_HISTOGRAM:
        return UNIT * (bounds + 2);
    case MMSTATS_GAUGE:
        return combination == MMSTATS_LAST ? UNIT * TIMED_WORDS : UNIT;
    default:
        return UNIT;
    }
}

uint64_t unset_bits(enum mmstats_type type)
{
    switch (type) {
    case MMSTATS_FLOAT:
        return UNSET_FLOAT;
    case MMSTATS_SIGNED:
        return UNSET_SIGNED;
    case MMSTATS_BOOLEAN:
        return UNSET_BOOLEAN;
    default:
        return UNSET_UNSIGNED;
    }
}

double mmstats_float(uint64_t bits)
{
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

uint64_t mmstats_bits(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

uint64_t mmstats_bucket(const struct mmstats_value *histogram, size_t bucket)
{
    return get64(histogram->as.histogram.buckets + UNIT * bucket);
}

double mmstats_bound(const struct mmstats_family *family, size_t bound)
{
    return mmstats_float(get64(family->bounds + UNIT * bound));
}

struct mmstats_texts mmstats_labels(const struct mmstats_document *document, const struct mmstats_series *series)
{
    return (struct mmstats_texts){document->families[series->family].labels.count, series->record + SERIES_BODY_AT};
}

/* A number that may be unset. */
static struct mmstats_number number(enum mmstats_type type, uint64_t bits)
{
    static const enum mmstats_form forms[] = {[MMSTATS_UNSIGNED] = MMSTATS_IS_UNSIGNED,
                                              [MMSTATS_SIGNED] = MMSTATS_IS_SIGNED,
                                              [MMSTATS_FLOAT] = MMSTATS_IS_FLOAT,
                                              [MMSTATS_BOOLEAN] = MMSTATS_IS_BOOLEAN};
    if (bits == unset_bits(type) || (type == MMSTATS_BOOLEAN && bits > 1))
        return (struct mmstats_number){MMSTATS_IS_UNSET, 0};
    return (struct mmstats_number){forms[type], bits};
}

static struct mmstats_value text_value(const struct mmstats_family *family, const unsigned char *at)
{
    uint64_t length = get64(at);
    if (length == UNSET_LENGTH)
        return (struct mmstats_value){.form = MMSTATS_IS_UNSET};
    if (length > family->capacity)
        length = family->capacity;
    return (struct mmstats_value){MMSTATS_IS_TEXT, {.text = {(const char *)at + UNIT, length}}};
}

static struct mmstats_value summary_value(const unsigned char *at)
{
    struct mmstats_value value = {.form = MMSTATS_IS_SUMMARY};
    value.as.summary.count = get64(at);
    value.as.summary.sum = (struct mmstats_number){MMSTATS_IS_FLOAT, get64(at + UNIT)};
    value.as.summary.min = number(MMSTATS_FLOAT, get64(at + 2 * UNIT));
    value.as.summary.max = number(MMSTATS_FLOAT, get64(at + 3 * UNIT));
    value.as.summary.last = number(MMSTATS_FLOAT, get64(at + 4 * UNIT));
    return value;
}

static struct mmstats_value histogram_value(const struct mmstats_family *family, const unsigned char *at)
{
    struct mmstats_value value = {.form = MMSTATS_IS_HISTOGRAM};
    value.as.histogram.sum = get64(at);
    value.as.histogram.count = family->bound_count + 1;
    value.as.histogram.buckets = at + UNIT;
    return value;
}

struct mmstats_value mmstats_series_value(const struct mmstats_document *document, const struct mmstats_series *series)
{
    const struct mmstats_family *family = &document->families[series->family];
    const unsigned char *at = series->published;
    struct mmstats_value value = {.form = MMSTATS_IS_UNSET};
    if (!at)
        return value;
    switch (family->kind) {
    case MMSTATS_COUNTER: /* never unset, whatever its bits */
        value.form = family->type == MMSTATS_FLOAT ? MMSTATS_IS_FLOAT : MMSTATS_IS_UNSIGNED;
        value.as.bits = get64(at);
        return value;
    case MMSTATS_STATE_SET:
        if (get64(at) < family->state_count) {
            value.form = MMSTATS_IS_TEXT;
            value.as.text = family->states[get64(at)];
        }
        return value;
    case MMSTATS_TEXT_KIND:
        return text_value(family, at);
    case MMSTATS_SUMMARY:
        return summary_value(at);
    case MMSTATS_HISTOGRAM:
        return histogram_value(family, at);
    default:
        break;
    }
    if (family->combination == MMSTATS_LAST) {
        if (get64(at)) {
            value.form = MMSTATS_IS_TIMED;
            value.as.timed.time = get64(at);
            value.as.timed.value = number(family->type, get64(at + UNIT));
        }
        return value;
    }
    struct mmstats_number plain = number(family->type, get64(at));
    value.form = plain.form;
    value.as.bits = plain.bits;
    return value;
}
