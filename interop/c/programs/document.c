/*
 * The canonical JSON document: see document.h.
 *
 * Rule 1: integers are strings of digits, floats strings of their bits (J-2, J-3).
 */
#include "document.h"

#include <inttypes.h>
#include <string.h>

#include "json.h"

const char *const kind_words[] = {"",        "counter",   "gauge",   "state set", "text",
                                  "summary", "histogram", "unknown", NULL};
const char *const type_words[] = {"", "unsigned", "signed", "float", "boolean", "text", NULL};
const char *const combination_words[] = {"", "sum", "min", "max", "last", "all", NULL};

static void write_integer(FILE *out, uint64_t number)
{
    fprintf(out, "\"%" PRIu64 "\"", number);
}

static void write_float(FILE *out, uint64_t bits)
{
    fprintf(out, "\"%016" PRIx64 "\"", bits);
}

static void write_number(FILE *out, enum mmstats_form form, uint64_t bits)
{
    switch (form) {
    case MMSTATS_IS_UNSIGNED:
        write_integer(out, bits);
        break;
    case MMSTATS_IS_SIGNED:
        fprintf(out, "\"%" PRId64 "\"", (int64_t)bits);
        break;
    case MMSTATS_IS_FLOAT:
        write_float(out, bits);
        break;
    case MMSTATS_IS_BOOLEAN:
        fputs(bits ? "true" : "false", out);
        break;
    default:
        fputs("null", out);
    }
}

static void write_named(FILE *out, const char *name, struct mmstats_number number)
{
    fprintf(out, ", \"%s\": ", name);
    write_number(out, number.form, number.bits);
}

static void write_value(FILE *out, const struct mmstats_value *value)
{
    switch (value->form) {
    case MMSTATS_IS_TEXT:
        json_write_text(out, value->as.text);
        break;
    case MMSTATS_IS_TIMED:
        fputs("{\"time\": ", out);
        write_integer(out, value->as.timed.time);
        write_named(out, "value", value->as.timed.value);
        putc('}', out);
        break;
    case MMSTATS_IS_SUMMARY:
        fputs("{\"count\": ", out);
        write_integer(out, value->as.summary.count);
        write_named(out, "sum", value->as.summary.sum);
        write_named(out, "min", value->as.summary.min);
        write_named(out, "max", value->as.summary.max);
        write_named(out, "last", value->as.summary.last);
        putc('}', out);
        break;
    case MMSTATS_IS_HISTOGRAM:
        fputs("{\"sum\": ", out);
        write_float(out, value->as.histogram.sum);
        fputs(", \"counts\": [", out);
        for (size_t i = 0; i < value->as.histogram.count; i++) {
            fputs(i ? ", " : "", out);
            write_integer(out, mmstats_bucket(value, i));
        }
        fputs("]}", out);
        break;
    default:
        write_number(out, value->form, value->as.bits);
    }
}

/* J-9 */
static void write_confirmed(FILE *out, const struct mmstats_value *value, bool confirmed)
{
    if (!confirmed)
        fputs("{\"unconfirmed\": ", out);
    write_value(out, value);
    if (!confirmed)
        putc('}', out);
}

static void write_fields(FILE *out, const struct mmstats_document *document)
{
    fputs("{\"version\": 1, \"fields\": [", out);
    for (size_t i = 0; i < document->field_count; i++) {
        const struct mmstats_field *field = &document->fields[i];
        struct mmstats_value value = mmstats_field_value(field);
        fputs(i ? ", {\"label\": " : "{\"label\": ", out);
        json_write_text(out, field->label);
        fputs(", \"type\": ", out);
        json_write_text(out, field->signature);
        fprintf(out, ", \"buffered\": %s, \"value\": ", field->buffered ? "true" : "false");
        write_confirmed(out, &value, field->confirmed);
        putc('}', out);
    }
    fputs("]}", out);
}

static void write_texts(FILE *out, struct mmstats_texts texts)
{
    struct mmstats_text text;
    const char *between = "";
    putc('[', out);
    while (mmstats_next(&texts, &text)) {
        fputs(between, out);
        json_write_text(out, text);
        between = ", ";
    }
    putc(']', out);
}

static void write_id(FILE *out, const unsigned char id[16])
{
    putc('"', out);
    for (int i = 0; i < 16; i++)
        fprintf(out, "%02x", id[i]);
    putc('"', out);
}

static void write_features(FILE *out, const struct mmstats_document *document)
{
    static const char *const compatible[] = {"record lock", "write calls", "unordered", "no lock"};
    const char *between = "";
    putc('[', out);
    if (document->incompatible & MMSTATS_ARCHIVE) {
        fputs("\"archive\"", out);
        between = ", ";
    }
    for (size_t i = 0; i < 4; i++)
        if (document->compatible >> i & 1) {
            fprintf(out, "%s\"%s\"", between, compatible[i]);
            between = ", ";
        }
    putc(']', out);
}

static void write_writer(FILE *out, const struct mmstats_document *document)
{
    fputs("{\"id\": ", out);
    write_id(out, document->id);
    fputs(", \"app\": ", out);
    json_write_text(out, document->app);
    fputs(", \"host\": ", out);
    json_write_text(out, document->host);
    fprintf(out, ", \"created\": \"%" PRIu64 "\", \"pid\": \"%" PRIu64 "\", \"thread\": \"%" PRIu32 "\"",
            document->created, document->pid, document->thread);
    fprintf(out, ", \"start\": \"%" PRIu64 "\", \"boot\": ", document->start);
    write_id(out, document->boot);
    fprintf(out, ", \"namespace\": \"%" PRIu64 "\"}", document->pid_namespace);
}

static void write_family(FILE *out, const struct mmstats_document *document, const struct mmstats_family *family)
{
    fputs("{\"name\": ", out);
    json_write_text(out, family->name);
    fprintf(out, ", \"kind\": \"%s\", \"type\": \"%s\", \"combination\": \"%s\", \"kept\": %s", kind_words[family->kind],
            type_words[family->type], combination_words[family->combination], family->kept ? "true" : "false");
    fputs(", \"unit\": ", out);
    json_write_text(out, family->unit);
    fputs(", \"help\": ", out);
    json_write_text(out, family->help);
    fputs(", \"labels\": ", out);
    write_texts(out, family->labels);
    fputs(", \"bounds\": [", out);
    for (size_t i = 0; i < family->bound_count; i++) {
        fputs(i ? ", " : "", out);
        write_float(out, mmstats_bits(mmstats_bound(family, i)));
    }
    fputs("], \"states\": [", out);
    for (size_t i = 0; i < family->state_count; i++) {
        fputs(i ? ", " : "", out);
        json_write_text(out, family->states[i]);
    }
    fprintf(out, "], \"capacity\": \"%" PRIu32 "\", \"series\": [", family->capacity);
    for (uint32_t at = family->first; at != MMSTATS_NONE; at = document->series[at].next) {
        const struct mmstats_series *series = &document->series[at];
        struct mmstats_value value = mmstats_series_value(document, series);
        fputs(at == family->first ? "{\"labels\": " : ", {\"labels\": ", out);
        write_texts(out, mmstats_labels(document, series));
        fputs(", \"value\": ", out);
        write_confirmed(out, &value, series->confirmed);
        putc('}', out);
    }
    fputs("]}", out);
}

void write_document(FILE *out, const struct mmstats_document *document)
{
    if (document->version == 1) {
        write_fields(out, document);
        return;
    }
    fputs("{\"version\": 2, \"features\": ", out);
    write_features(out, document);
    fprintf(out, ", \"state\": \"%s\", \"writer\": ", document->closed ? "closed" : "live");
    write_writer(out, document);
    fputs(", \"families\": [", out);
    for (size_t i = 0; i < document->family_count; i++) {
        fputs(i ? ", " : "", out);
        write_family(out, document, &document->families[i]);
    }
    fputs("], \"folded\": [", out);
    for (size_t i = 0; i < document->folded_count; i++) {
        fputs(i ? ", " : "", out);
        write_id(out, document->folded[i]);
    }
    fputs("]}", out);
}

void write_error(FILE *out, const struct mmstats_error *error)
{
    if (!strcmp(error->code, "unreadable"))
        fputs("{\"error\": \"unreadable\"}", out);
    else
        fprintf(out, "{\"error\": \"%s\", \"offset\": %" PRIu64 "}", error->code, error->offset);
}
