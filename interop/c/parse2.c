/*
 * Version 2: header, extents and records.
 *
 * Rule 1: the order of checks is that of V2-34; the first that fails is the error.
 * Rule 2: sizes and offsets are compared with what is left, in 64 bits, and never added before.
 * Rule 3: a record is decoded once; what comes later is added to what was decoded.
 */
#include "internal.h"

#define KNOWN_INCOMPATIBLE ((uint32_t)MMSTATS_ARCHIVE)

/* The number of a control word at an offset of the file. */
static bool take_control(const unsigned char *at, uint64_t offset, uint32_t *number, struct mmstats_error *error)
{
    *number = get32(at);
    if (get64(at) != control(*number))
        return fail(error, "bad-control", "V2-3", offset);
    return true;
}

bool parse_header(struct mmstats_file *file, const unsigned char *bytes, uint64_t size, struct mmstats_error *error)
{
    struct mmstats_document *document = &file->document;
    if (size < HEADER_SIZE)
        return fail(error, "truncated", "V2-5", 0);
    if (memcmp(bytes, MAGIC, 8))
        return fail(error, "bad-magic", "V2-5", 0);
    if (get32(bytes + HEADER_CRC_AT) != checksum(bytes, HEADER_CRC_SIZE, HEADER_CRC_AT))
        return fail(error, "bad-crc", "V2-6", HEADER_CRC_AT);
    if (get16(bytes + HEADER_SIZE_AT) != HEADER_SIZE)
        return fail(error, "bad-header", "V2-7", HEADER_SIZE_AT);
    document->incompatible = get32(bytes + INCOMPATIBLE_AT);
    if (document->incompatible & ~KNOWN_INCOMPATIBLE)
        return fail(error, "unsupported-feature", "V2-8", INCOMPATIBLE_AT);
    document->version = VERSION_2;
    document->compatible = get32(bytes + COMPATIBLE_AT);
    memcpy(document->id, bytes + WRITER_ID_AT, ID_SIZE);
    memcpy(document->boot, bytes + BOOT_ID_AT, ID_SIZE);
    document->created = get64(bytes + CREATED_AT);
    document->pid = get64(bytes + PID_AT);
    document->start = get64(bytes + PROCESS_START_AT);
    document->pid_namespace = get64(bytes + PID_NAMESPACE_AT);
    return parse_words(file, bytes, error);
}

bool parse_words(struct mmstats_file *file, const unsigned char *header, struct mmstats_error *error)
{
    uint32_t state;
    if (!take_control(header + STATE_AT, STATE_AT, &state, error))
        return false;
    if (state != STATE_LIVE && state != STATE_CLOSED)
        return fail(error, "bad-header", "V2-9", STATE_AT);
    file->document.closed = state == STATE_CLOSED;
    return take_control(header + THREAD_AT, THREAD_AT, &file->document.thread, error);
}

bool parse_extent(struct mmstats_file *file, uint64_t offset, const unsigned char *head, uint64_t size,
                  struct mmstats_error *error)
{
    if (offset > size || size - offset < EXTENT_HEAD)
        return fail(error, "truncated", "V2-12", offset);
    if (memcmp(head, EXTENT_TAG, 4))
        return fail(error, "bad-extent", "V2-12", offset);
    if (get32(head + EXTENT_CRC_AT) != checksum(head, EXTENT_CRC_SIZE, EXTENT_CRC_AT))
        return fail(error, "bad-crc", "V2-13", offset + EXTENT_CRC_AT);

    uint64_t whole = get64(head + EXTENT_SIZE_AT), metadata = get64(head + METADATA_CAPACITY_AT);
    uint64_t values = get64(head + VALUES_OFFSET_AT), capacity = get64(head + VALUES_CAPACITY_AT);
    if (whole < EXTENT_HEAD || whole % UNIT)
        return fail(error, "bad-extent", "V2-14", offset + EXTENT_SIZE_AT);
    if (metadata % UNIT || metadata > whole - EXTENT_HEAD)
        return fail(error, "bad-extent", "V2-14", offset + METADATA_CAPACITY_AT);
    if (values % UNIT || values < EXTENT_HEAD + metadata || values > whole)
        return fail(error, "bad-extent", "V2-14", offset + VALUES_OFFSET_AT);
    if (capacity % UNIT || capacity > whole - values)
        return fail(error, "bad-extent", "V2-14", offset + VALUES_CAPACITY_AT);
    if (whole > size - offset)
        return fail(error, "truncated", "V2-12", offset);

    file->extents[file->extent_count++] =
        (struct extent){.offset = offset, .size = whole, .decoded = EXTENT_HEAD, .slots = values};
    return true;
}

bool parse_used(const struct extent *extent, const unsigned char *head, uint64_t *used, struct mmstats_error *error)
{
    uint32_t units;
    if (!take_control(head + METADATA_USED_AT, extent->offset + METADATA_USED_AT, &units, error))
        return false;
    *used = (uint64_t)units * UNIT;
    if (*used > get64(head + METADATA_CAPACITY_AT))
        return fail(error, "bad-extent", "V2-17", extent->offset + METADATA_USED_AT);
    return true;
}

bool parse_next(const struct mmstats_file *file, size_t number, const unsigned char *head, uint64_t *next,
                struct mmstats_error *error)
{
    const struct extent *extent = &file->extents[number];
    uint32_t units;
    if (!take_control(head + NEXT_AT, extent->offset + NEXT_AT, &units, error))
        return false;
    *next = (uint64_t)units * UNIT;
    if (*next && *next < extent->offset + extent->size)
        return fail(error, "bad-extent", "V2-15", extent->offset + NEXT_AT);
    if (*next && number + 1 == EXTENTS_MOST)
        return fail(error, "bad-extent", "V2-16", extent->offset + NEXT_AT);
    return true;
}

/* A record, and where in its body the parser is. */
struct record {
    const unsigned char *bytes;
    uint64_t offset; /* in the file */
    size_t size, at;
    uint16_t type;
    uint32_t slot;
    uint32_t slot_offset; /* in its extent */
    uint32_t extent;
    struct mmstats_error *error;
};

static bool bad(const struct record *record, const char *code, const char *rule)
{
    return fail(record->error, code, rule, record->offset);
}

/* A part of a body; the end of one that is too short is found by all that follow, too. */
static bool take(struct record *record, size_t size, const unsigned char **part)
{
    if (size > record->size - record->at)
        return bad(record, "bad-record", "V2-22");
    *part = record->bytes + record->at;
    record->at += size;
    return true;
}

static bool take_text(struct record *record, struct mmstats_text *text)
{
    const unsigned char *part;
    if (!take(record, 2, &part))
        return false;
    size_t size = get16(part);
    if (!take(record, size, &part))
        return false;
    *text = (struct mmstats_text){(const char *)part, size};
    return true;
}

static bool take_texts(struct record *record, size_t count, struct mmstats_texts *texts)
{
    struct mmstats_text text;
    *texts = (struct mmstats_texts){count, record->bytes + record->at};
    for (size_t i = 0; i < count; i++)
        if (!take_text(record, &text))
            return false;
    return true;
}

/* That the body ends here, but for zeros up to a multiple of 8. */
static bool ends(const struct record *record)
{
    if (record->size != rounded(record->at, UNIT))
        return bad(record, "bad-record", "V2-22");
    for (size_t at = record->at; at < record->size; at++)
        if (record->bytes[at])
            return bad(record, "bad-record", "V2-22");
    return true;
}

static bool is_text(const struct record *record, struct mmstats_text text)
{
    return mmstats_is_utf8(text) || bad(record, "bad-text", "V2-23");
}

static bool are_texts(const struct record *record, struct mmstats_texts texts)
{
    struct mmstats_text text;
    while (mmstats_next(&texts, &text))
        if (!is_text(record, text))
            return false;
    return true;
}

static bool parse_origin(struct mmstats_file *file, struct record *record)
{
    struct mmstats_document *document = &file->document;
    return take_text(record, &document->app) && take_text(record, &document->host) && ends(record) &&
           is_text(record, document->app) && is_text(record, document->host);
}

/* That texts are different from one another, and not empty. */
static bool distinct(const struct record *record, struct mmstats_texts texts, const char *rule)
{
    struct set set = {0};
    struct mmstats_text text;
    bool right = true;
    while (right && mmstats_next(&texts, &text)) {
        if (!text.size) {
            right = bad(record, "bad-family", rule);
            break;
        }
        switch (set_add(&set, text.bytes, text.size, 0)) {
        case SET_THERE:
            right = bad(record, "bad-family", rule);
            break;
        case SET_NO_MEMORY:
            right = unreadable(record->error);
            break;
        case SET_ADDED:
            break;
        }
    }
    set_clear(&set);
    return right;
}

/* V2-27 */
static bool check_parts(const struct record *record, const struct mmstats_family *family, size_t parts,
                        struct mmstats_texts states)
{
    bool text = family->kind == MMSTATS_TEXT_KIND;
    if (parts && family->kind != MMSTATS_HISTOGRAM && family->kind != MMSTATS_STATE_SET)
        return bad(record, "bad-family", "V2-27");
    if (text ? !family->capacity || family->capacity > CAPACITY_MOST : family->capacity)
        return bad(record, "bad-family", "V2-27");
    for (size_t i = 0; i < family->bound_count; i++) {
        double bound = mmstats_bound(family, i);
        bool finite = bound - bound == 0;
        if (!finite || (i && !(mmstats_bound(family, i - 1) < bound)))
            return bad(record, "bad-family", "V2-27");
    }
    if (family->kind != MMSTATS_STATE_SET)
        return true;
    if (!parts)
        return bad(record, "bad-family", "V2-27");
    return distinct(record, states, "V2-27");
}

static bool keep_states(struct mmstats_family *family, struct mmstats_texts states)
{
    family->state_count = states.count;
    family->states = calloc(states.count, sizeof *family->states);
    if (!family->states)
        return false;
    for (size_t i = 0; i < family->state_count; i++)
        mmstats_next(&states, &family->states[i]);
    return true;
}

static bool parse_family(struct mmstats_file *file, struct record *record)
{
    struct mmstats_document *document = &file->document;
    struct mmstats_family family = {.first = MMSTATS_NONE, .last = MMSTATS_NONE};
    struct mmstats_texts states = {0};
    const unsigned char *at = record->bytes, *part;
    if (!take(record, FAMILY_BODY_AT - RECORD_HEAD, &part))
        return false;
    unsigned kind = at[FAMILY_KIND_AT], type = at[FAMILY_TYPE_AT], combination = at[FAMILY_COMBINATION_AT];
    size_t parts = get16(at + FAMILY_PARTS_AT);
    family.capacity = get32(at + FAMILY_CAPACITY_AT);
    family.kept = at[FAMILY_FLAGS_AT] & FAMILY_KEPT;
    if (kind == MMSTATS_HISTOGRAM) {
        if (!take(record, UNIT * parts, &family.bounds))
            return false;
        family.bound_count = parts;
    }
    if (!take_text(record, &family.name) || !take_text(record, &family.unit) || !take_text(record, &family.help) ||
        !take_texts(record, at[FAMILY_LABELS_AT], &family.labels) ||
        !take_texts(record, kind == MMSTATS_STATE_SET ? parts : 0, &states) || !ends(record))
        return false;
    if (!is_text(record, family.name) || !is_text(record, family.unit) || !is_text(record, family.help) ||
        !are_texts(record, family.labels) || !are_texts(record, states))
        return false;

    int wrong;
    if (!is_row(kind, type, combination, &wrong))
        return fail(record->error, "bad-family", "V2-26", record->offset + FAMILY_KIND_AT + (uint64_t)wrong);
    family.kind = (enum mmstats_kind)kind;
    family.type = (enum mmstats_type)type;
    family.combination = (enum mmstats_combination)combination;
    if (!family.name.size || memchr(family.name.bytes, 0, family.name.size))
        return bad(record, "bad-family", "V2-25");
    if (!distinct(record, family.labels, "V2-25"))
        return false;
    enum set_added added = set_add(&file->names, family.name.bytes, family.name.size, (uint32_t)document->family_count);
    if (added == SET_NO_MEMORY)
        return unreadable(record->error);
    if (added == SET_THERE)
        return bad(record, "bad-family", "V2-25");
    if (!check_parts(record, &family, parts, states))
        return false;
    if (!reserve(&document->families, document->family_count, sizeof family) ||
        (states.count && !keep_states(&family, states)))
        return unreadable(record->error);
    document->families[document->family_count++] = family;
    return true;
}

static bool parse_series(struct mmstats_file *file, struct record *record)
{
    struct mmstats_document *document = &file->document;
    struct mmstats_texts labels;
    const unsigned char *part;
    if (!take(record, SERIES_BODY_AT - RECORD_HEAD, &part))
        return false;
    uint32_t number = get32(part);
    if (number >= document->family_count)
        return fail(record->error, "bad-series", "V2-28", record->offset + SERIES_FAMILY_AT);
    struct mmstats_family *family = &document->families[number];
    if (!take_texts(record, family->labels.count, &labels) || !ends(record) || !are_texts(record, labels))
        return false;
    size_t content = content_size(family->kind, family->combination, family->bound_count, family->capacity);
    if (record->slot != (is_latch(family->kind, family->combination) ? UNIT + 2 * content : content))
        return fail(record->error, "bad-series", "V2-28", record->offset + RECORD_SLOT_AT);

    /* The family's number and the label values, as they stand there, tell one series from another. */
    uint32_t index = (uint32_t)document->series_count;
    if (!reserve(&document->series, index, sizeof *document->series) ||
        !reserve(&file->slots, index, sizeof *file->slots))
        return unreadable(record->error);
    switch (set_add(&file->labels, part, record->at - SERIES_FAMILY_AT, index)) {
    case SET_THERE:
        return bad(record, "bad-series", "V2-29");
    case SET_NO_MEMORY:
        return unreadable(record->error);
    case SET_ADDED:
        break;
    }
    document->series[index] = (struct mmstats_series){.family = number, .next = MMSTATS_NONE, .record = record->bytes};
    file->slots[index] = (struct slot){record->extent, record->slot_offset};
    if (family->first == MMSTATS_NONE)
        family->first = index;
    else
        document->series[family->last].next = index;
    family->last = index;
    document->series_count++;
    return true;
}

static bool parse_folded(struct mmstats_file *file, struct record *record)
{
    struct mmstats_document *document = &file->document;
    const unsigned char *id;
    if (!take(record, ID_SIZE, &id) || !ends(record))
        return false;
    if (!reserve(&document->folded, document->folded_count, sizeof *document->folded))
        return unreadable(record->error);
    document->folded[document->folded_count++] = id;
    return true;
}

/* The head of a record that begins `left` bytes before the last. */
static bool parse_head(const struct mmstats_file *file, struct record *record, uint64_t left)
{
    const struct extent *extent = &file->extents[record->extent];
    const unsigned char *at = record->bytes;
    if (left < RECORD_HEAD || get32(at) < RECORD_HEAD || get32(at) % UNIT || get32(at) > left)
        return bad(record, "bad-record", "V2-18");
    record->size = get32(at);
    record->at = RECORD_HEAD;
    if (get32(at + RECORD_CRC_AT) != checksum(at, record->size, RECORD_CRC_AT))
        return fail(record->error, "bad-crc", "V2-19", record->offset + RECORD_CRC_AT);
    record->type = get16(at + RECORD_TYPE_AT);
    record->slot = get32(at + RECORD_SLOT_AT);
    record->slot_offset = (uint32_t)extent->slots;
    uint64_t end = get64(extent->bytes + VALUES_OFFSET_AT) + get64(extent->bytes + VALUES_CAPACITY_AT);
    bool bare = record->type == ORIGIN || record->type == FAMILY || record->type == FOLDED;
    if (record->slot % UNIT || record->slot > end - extent->slots || (bare && record->slot))
        return fail(record->error, "bad-record", "V2-20", record->offset + RECORD_SLOT_AT);
    return true;
}

static bool parse_record(struct mmstats_file *file, struct record *record, uint64_t left)
{
    bool first = record->extent == 0 && file->extents[0].decoded == EXTENT_HEAD;
    if (!parse_head(file, record, left))
        return false;
    if (first != (record->type == ORIGIN))
        return bad(record, "bad-record", "V2-24");
    switch (record->type) {
    case ORIGIN:
        return parse_origin(file, record);
    case FAMILY:
        return parse_family(file, record);
    case SERIES:
        return parse_series(file, record);
    case FOLDED:
        if (!(file->document.incompatible & MMSTATS_ARCHIVE))
            return bad(record, "bad-record", "V2-30");
        return parse_folded(file, record);
    default:
        if (get16(record->bytes + RECORD_FLAGS_AT) & CRITICAL)
            return bad(record, "unsupported-record", "V2-21");
        return true;
    }
}

bool parse_records(struct mmstats_file *file, size_t number, uint64_t used, struct mmstats_error *error)
{
    struct extent *extent = &file->extents[number];
    uint64_t end = EXTENT_HEAD + used;
    if (number == 0 && !used)
        return fail(error, "bad-record", "V2-24", extent->offset + EXTENT_HEAD);
    while (extent->decoded < end) {
        struct record record = {.bytes = extent->bytes + extent->decoded,
                                .offset = extent->offset + extent->decoded,
                                .extent = (uint32_t)number,
                                .error = error};
        if (!parse_record(file, &record, end - extent->decoded))
            return false;
        extent->decoded += record.size;
        extent->slots += record.slot;
    }
    return true;
}

struct mmstats_file *parse_declaration(const unsigned char *bytes)
{
    unsigned char head[EXTENT_HEAD] = {0}; /* of an extent without room for slots */
    struct mmstats_error error;
    struct mmstats_file *file = calloc(1, sizeof *file);
    if (!file)
        return NULL;
    file->extents[0].bytes = head;
    struct record record = {.bytes = bytes, .error = &error};
    bool right = parse_head(file, &record, get32(bytes)) && record.type == FAMILY && parse_family(file, &record);
    file->extents[0].bytes = NULL;
    if (right)
        return file;
    mmstats_free(file);
    return NULL;
}
