/*
 * The test program `writer`: `writer SCENARIO FILE` makes a file and updates it as the scenario says (CONFORMANCE.md
 * P-7 to P-15).
 *
 * Rule 1: what the library refuses is passed over.
 * Rule 2: the steps are gone through with a stack of loops, and not by calls, so that another thread can go on with
 *         them (the step `hand-over`).
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "document.h"
#include "json.h"

enum { LOOPS_MOST = 64, LABELS_MOST = 256, TURNS_MOST = 1 << 20 };

/* A loop, or the steps of the scenario, which are gone through once. */
struct loop {
    const struct json *first, *next; /* steps */
    long long turn, times;           /* 0 times: for ever */
};

struct run {
    int version;
    const struct json *scenario;
    const char *name; /* of the file */
    struct mmstats_writer *writer;
    struct mmstats1_writer *writer1;
    const struct json **fields; /* of version 1, in their order */
    size_t field_count;
    bool forked;  /* a child, without a clean end */
    bool told;    /* its path is printed */
    bool started; /* the file is made */
    bool ended;   /* all steps are done */
    int status;
    struct loop loops[LOOPS_MOST];
    int depth;
};

/* ---------------------------------------------------------------------------------------------------------------- */
/* Values */

/* A VALUE, as far as it can be told without its type. */
struct given {
    const struct json *json;
    long long turn; /* -1: none */
};

static struct given given(const struct run *run, const struct json *value)
{
    const struct json *turn = json_get(value, "turn");
    long long number = run->depth ? run->loops[run->depth - 1].turn : 0, modulus = json_integer(turn, 0);
    return (struct given){value, !turn ? -1 : modulus ? number % modulus : number};
}

/* An integer, as two's complement modulo 2^64; `fits` tells whether it is one of that type. */
static bool integer_of(struct given value, bool is_signed, uint64_t *bits, bool *fits)
{
    if (value.turn >= 0) {
        *bits = (uint64_t)value.turn;
        *fits = true;
        return true;
    }
    if (!value.json || value.json->kind != JSON_STRING || !value.json->text.size)
        return false;
    const char *at = value.json->text.bytes, *end = at + value.json->text.size;
    bool negative = *at == '-', large = false;
    uint64_t number = 0;
    for (at += negative; at < end; at++) {
        unsigned digit = (unsigned)(*at - '0');
        if (digit > 9)
            return false;
        large |= number > (UINT64_MAX - digit) / 10;
        number = number * 10 + digit;
    }
    uint64_t most = !is_signed ? (negative ? 0 : UINT64_MAX) : (uint64_t)INT64_MAX + negative;
    *fits = !large && number <= most;
    *bits = negative ? -number : number;
    return true;
}

static bool float_of(struct given value, double *number)
{
    uint64_t bits = 0;
    if (value.turn >= 0) {
        *number = (double)value.turn;
        return true;
    }
    if (!value.json || value.json->kind != JSON_STRING || value.json->text.size != 16)
        return false;
    for (size_t i = 0; i < 16; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = memchr(digits, value.json->text.bytes[i], 16);
        if (!digit)
            return false;
        bits = bits << 4 | (uint64_t)(digit - digits);
    }
    *number = mmstats_float(bits);
    return true;
}

static bool boolean_of(struct given value, bool *truth)
{
    *truth = value.json && value.json->kind == JSON_TRUE;
    return *truth || (value.json && value.json->kind == JSON_FALSE);
}

/* Text; of a turn, in memory that the next call uses again. */
static bool text_of(struct given value, size_t capacity, struct mmstats_text *text)
{
    static char turns[TURNS_MOST];
    char digits[32];
    if (value.turn < 0)
        return json_text(value.json, text);
    size_t size = (size_t)snprintf(digits, sizeof digits, "%lld ", value.turn);
    *text = (struct mmstats_text){turns, 0};
    for (; text->size + size <= capacity && text->size + size <= sizeof turns; text->size += size)
        memcpy(turns + text->size, digits, size);
    return true;
}

/* ---------------------------------------------------------------------------------------------------------------- */
/* Version 2 */

static unsigned word_of(const struct json *value, const char *const words[])
{
    for (unsigned i = 1; words[i]; i++)
        if (json_is(value, words[i]))
            return i;
    return 0;
}

/* A list of texts in new memory; NULL where one is none. */
static struct mmstats_text *texts_of(const struct json *list, size_t *count)
{
    struct mmstats_text *texts = calloc(list ? list->count + 1 : 1, sizeof *texts);
    *count = 0;
    for (const struct json *at = list ? list->first : NULL; at; at = at->next)
        if (!texts || !json_text(at, &texts[(*count)++])) {
            free(texts);
            return NULL;
        }
    return texts;
}

static double *floats_of(const struct json *list, size_t *count)
{
    double *floats = calloc(list ? list->count + 1 : 1, sizeof *floats);
    *count = 0;
    for (const struct json *at = list ? list->first : NULL; at; at = at->next)
        if (!floats || !float_of((struct given){at, -1}, &floats[(*count)++])) {
            free(floats);
            return NULL;
        }
    return floats;
}

static bool declare(struct run *run, const struct json *family)
{
    struct mmstats_declaration declaration = {0};
    const struct json *kept = json_get(family, "kept");
    struct mmstats_text *labels = texts_of(json_get(family, "labels"), &declaration.label_count);
    struct mmstats_text *states = texts_of(json_get(family, "states"), &declaration.state_count);
    double *bounds = floats_of(json_get(family, "bounds"), &declaration.bound_count);
    bool right = labels && states && bounds && json_text(json_get(family, "name"), &declaration.name) &&
                 json_text(json_get(family, "unit"), &declaration.unit) &&
                 json_text(json_get(family, "help"), &declaration.help);
    declaration.kind = (enum mmstats_kind)word_of(json_get(family, "kind"), kind_words);
    declaration.type = (enum mmstats_type)word_of(json_get(family, "type"), type_words);
    declaration.combination = (enum mmstats_combination)word_of(json_get(family, "combination"), combination_words);
    declaration.kept = kept && kept->kind == JSON_TRUE;
    declaration.labels = labels;
    declaration.states = states;
    declaration.bounds = bounds;
    declaration.capacity = (size_t)json_integer(json_get(family, "capacity"), 0);
    declaration.series_limit = (size_t)json_integer(json_get(family, "limit"), 0);
    right = right && mmstats_declare(run->writer, &declaration);
    free(labels);
    free(states);
    free(bounds);
    return right;
}

/* The child that a step names, with each `#` in a label value replaced by a number unless that is negative. */
static struct mmstats_child *child_of(struct run *run, const struct json *step, long long number)
{
    struct mmstats_text name, labels[LABELS_MOST];
    char *replaced[LABELS_MOST], digits[32];
    size_t count = 0, size = (size_t)snprintf(digits, sizeof digits, "%lld", number);
    struct mmstats_metric *metric =
        json_text(json_get(step, "name"), &name) ? mmstats_find(run->writer, name) : NULL;
    const struct json *list = json_get(step, "labels");
    for (const struct json *at = list ? list->first : NULL; at && metric; at = at->next) {
        if (count == LABELS_MOST || !json_text(at, &labels[count])) {
            metric = NULL;
            break;
        }
        replaced[count] = NULL;
        if (number >= 0) {
            struct mmstats_text from = labels[count];
            char *to = replaced[count] = malloc(from.size * size + 1);
            labels[count] = (struct mmstats_text){to, 0};
            for (size_t i = 0; to && i < from.size; i++) {
                bool mark = from.bytes[i] == '#';
                memcpy(to + labels[count].size, mark ? digits : from.bytes + i, mark ? size : 1);
                labels[count].size += mark ? size : 1;
            }
        }
        count++;
    }
    struct mmstats_child *child = metric ? mmstats_child(metric, labels, count) : NULL;
    while (count-- > 0)
        free(replaced[count]);
    return child;
}

static struct mmstats_metric *metric_of(struct run *run, const struct json *step)
{
    struct mmstats_text name;
    return json_text(json_get(step, "name"), &name) ? mmstats_find(run->writer, name) : NULL;
}

static void inc_2(const struct mmstats_family *family, struct mmstats_child *child, struct given value)
{
    uint64_t bits;
    bool fits;
    double number;
    if (family->type == MMSTATS_FLOAT) {
        if (float_of(value, &number))
            mmstats_inc_float(child, number);
    } else if (family->type == MMSTATS_SIGNED) {
        if (integer_of(value, true, &bits, &fits) && fits)
            mmstats_add(child, (int64_t)bits);
    } else if (integer_of(value, false, &bits, &fits) && fits) {
        mmstats_inc(child, bits);
    } else if (integer_of(value, true, &bits, &fits) && fits) {
        mmstats_add(child, (int64_t)bits);
    }
}

static void set_state(const struct mmstats_family *family, struct mmstats_child *child, struct given value)
{
    struct mmstats_text name;
    size_t state = (size_t)value.turn;
    if (value.turn < 0) {
        if (!json_text(value.json, &name))
            return;
        for (state = 0; state < family->state_count; state++)
            if (family->states[state].size == name.size && !memcmp(family->states[state].bytes, name.bytes, name.size))
                break;
    }
    mmstats_set_state(child, state);
}

static void set_2(const struct mmstats_family *family, struct mmstats_child *child, struct given value)
{
    struct mmstats_text text;
    uint64_t bits;
    double number;
    bool fits, truth;
    if (family->kind == MMSTATS_STATE_SET)
        set_state(family, child, value);
    else if (family->kind == MMSTATS_TEXT_KIND && text_of(value, family->capacity, &text))
        mmstats_set_text(child, text);
    else if (family->type == MMSTATS_UNSIGNED && integer_of(value, false, &bits, &fits) && fits)
        mmstats_set_unsigned(child, bits);
    else if (family->type == MMSTATS_SIGNED && integer_of(value, true, &bits, &fits) && fits)
        mmstats_set_signed(child, (int64_t)bits);
    else if (family->type == MMSTATS_FLOAT && float_of(value, &number))
        mmstats_set_float(child, number);
    else if (family->type == MMSTATS_BOOLEAN && boolean_of(value, &truth))
        mmstats_set_boolean(child, truth);
}

static void update_2(struct run *run, const struct json *step, const struct json *what)
{
    struct mmstats_metric *metric = metric_of(run, step);
    struct mmstats_child *child = metric ? child_of(run, step, -1) : NULL;
    struct given value = given(run, json_get(step, "value"));
    double number;
    if (!child || json_is(what, "series"))
        return;
    if (json_is(what, "inc"))
        inc_2(mmstats_declared(metric), child, value);
    else if (json_is(what, "set"))
        set_2(mmstats_declared(metric), child, value);
    else if (float_of(value, &number))
        mmstats_observe(child, number);
}

static bool start_2(struct run *run, const char **reason)
{
    struct mmstats_text app, host;
    const struct json *families = json_get(run->scenario, "families");
    if (!json_text(json_get(run->scenario, "app"), &app) || !json_text(json_get(run->scenario, "host"), &host) ||
        !(run->writer = mmstats_writer(app, host))) {
        *reason = "there is no such writer";
        return false;
    }
    for (const struct json *family = families ? families->first : NULL; family; family = family->next)
        if (!declare(run, family)) {
            *reason = "a declaration that makes no sense";
            return false;
        }
    int error = mmstats_publish(run->writer, run->name);
    *reason = strerror(error);
    return !error;
}

/* ---------------------------------------------------------------------------------------------------------------- */
/* Version 1 */

/* What a field's value is by the letter of its signature: 'i' an integer, 'f' a float, '?' a boolean, 's' text. */
static char sort_of(struct mmstats_text signature)
{
    char letter = signature.size ? signature.bytes[signature.size - 1] : 0;
    if (letter && strchr("bBhHiIlLqQ", letter))
        return 'i';
    return letter == 'f' || letter == 'd' ? 'f' : letter == '?' ? '?' : 's';
}

static size_t capacity_of(struct mmstats_text signature)
{
    return signature.size > 1 ? (size_t)strtoul(signature.bytes, NULL, 10) : 1;
}

/* The field of a label: the last one, as for a reader (V1-4). */
static const struct json *field_of(const struct run *run, const struct json *step, size_t *number)
{
    struct mmstats_text name, label;
    if (!json_text(json_get(step, "name"), &name))
        return NULL;
    for (*number = run->field_count; (*number)-- > 0;)
        if (json_text(json_get(run->fields[*number], "label"), &label) && label.size == name.size &&
            !memcmp(label.bytes, name.bytes, name.size))
            return run->fields[*number];
    return NULL;
}

static void update_1(struct run *run, const struct json *step, const struct json *what)
{
    size_t at;
    struct mmstats_text signature, text;
    const struct json *field = field_of(run, step, &at);
    struct given value = given(run, json_get(step, "value"));
    bool inc = json_is(what, "inc"), truth;
    uint64_t bits;
    double number;
    if (!field || (!inc && !json_is(what, "set")) || !json_text(json_get(field, "type"), &signature))
        return;
    switch (sort_of(signature)) {
    case 'i':
        if (integer_of(value, false, &bits, &truth) && inc)
            mmstats1_add(run->writer1, at, (int64_t)bits);
        else if (integer_of(value, false, &bits, &truth))
            mmstats1_set(run->writer1, at, bits);
        break;
    case 'f':
        if (float_of(value, &number) && inc)
            mmstats1_add_float(run->writer1, at, number);
        else if (float_of(value, &number))
            mmstats1_set_float(run->writer1, at, number);
        break;
    case '?':
        if (!inc && boolean_of(value, &truth))
            mmstats1_set(run->writer1, at, truth);
        break;
    default:
        if (!inc && text_of(value, capacity_of(signature), &text))
            mmstats1_set_text(run->writer1, at, text);
    }
}

static bool declare_1(const struct json *declared, struct mmstats1_field *field)
{
    const struct json *buffered = json_get(declared, "buffered"), *json = json_get(declared, "value");
    struct given value = {json, -1};
    double number;
    bool truth;
    if (!json_text(json_get(declared, "label"), &field->label) ||
        !json_text(json_get(declared, "type"), &field->signature))
        return false;
    field->buffered = buffered && buffered->kind == JSON_TRUE;
    field->valued = json && json->kind != JSON_NULL;
    if (!field->valued)
        return true;
    switch (sort_of(field->signature)) {
    case 'i':
        return integer_of(value, false, &field->bits, &truth);
    case 'f':
        if (!float_of(value, &number))
            return false;
        field->bits = mmstats_bits(number);
        return true;
    case '?':
        if (!boolean_of(value, &truth))
            return false;
        field->bits = truth;
        return true;
    default:
        return json_text(json, &field->text);
    }
}

static bool start_1(struct run *run, const char **reason)
{
    const struct json *list = json_get(run->scenario, "fields");
    size_t count = list ? list->count : 0;
    struct mmstats1_field *fields = calloc(count + 1, sizeof *fields);
    int error = EINVAL;
    bool right = true;
    run->fields = calloc(count + 1, sizeof *run->fields);
    for (const struct json *at = list ? list->first : NULL; at && right; at = at->next) {
        right = fields && run->fields && declare_1(at, &fields[run->field_count]);
        if (right)
            run->fields[run->field_count++] = at;
    }
    if (right)
        run->writer1 = mmstats1_create(run->name, fields, count, &error);
    free(fields);
    *reason = strerror(error);
    return run->writer1;
}

/* ---------------------------------------------------------------------------------------------------------------- */
/* Steps */

static void go_through(struct run *run);

static const char *path_of(const struct run *run)
{
    return run->version == 1 ? mmstats1_path(run->writer1) : mmstats_path(run->writer);
}

static void say(const char *key, struct mmstats_text text)
{
    printf("{\"%s\": ", key);
    json_write_text(stdout, text);
    puts("}");
    fflush(stdout);
}

static void end_cleanly(struct run *run)
{
    if (run->version == 1)
        mmstats1_close(run->writer1);
    else
        mmstats_close(run->writer);
}

static void wait_for_line(const struct json *step)
{
    struct mmstats_text name = {"", 0};
    int character;
    json_text(json_get(step, "name"), &name);
    say("waiting", name);
    while ((character = getchar()) != EOF && character != '\n')
        ;
}

static void run_forked(const struct run *run, const struct json *steps)
{
    fflush(stdout);
    pid_t child = fork();
    if (child > 0)
        waitpid(child, NULL, 0);
    if (child)
        return;
    struct run forked = *run;
    forked.forked = true;
    forked.told = path_of(run);
    forked.depth = 0;
    if (steps && steps->first)
        forked.loops[forked.depth++] = (struct loop){steps->first, steps->first, 1, 1};
    go_through(&forked);
    fflush(stdout);
    _exit(0);
}

static void take_step(struct run *run, const struct json *step)
{
    const struct json *what = json_get(step, "do"), *steps = json_get(step, "steps");
    if (json_is(what, "declare")) {
        if (run->version == 2)
            declare(run, json_get(step, "family"));
    } else if (json_is(what, "each")) {
        long long to = json_integer(json_get(step, "to"), -1);
        for (long long i = json_integer(json_get(step, "from"), 0); i <= to && run->version == 2; i++)
            child_of(run, step, i);
    } else if (json_is(what, "wait")) {
        wait_for_line(step);
    } else if (json_is(what, "fork")) {
        run_forked(run, steps);
    } else if (json_is(what, "close")) {
        end_cleanly(run);
    } else if (json_is(what, "loop")) {
        if (steps && steps->first && run->depth < LOOPS_MOST)
            run->loops[run->depth++] =
                (struct loop){steps->first, steps->first, 1, json_integer(json_get(step, "times"), 0)};
    } else if (run->version == 1) {
        update_1(run, step, what);
    } else {
        update_2(run, step, what);
    }
    if (run->forked && !run->told && path_of(run)) {
        run->told = true;
        say("path", mmstats_text(path_of(run)));
    }
}

/* Up to the next `hand-over`, or the end: then true. */
static bool take_steps(struct run *run)
{
    while (run->depth) {
        struct loop *loop = &run->loops[run->depth - 1];
        const struct json *step = loop->next;
        if (!step) {
            if (loop->times && loop->turn >= loop->times) {
                run->depth--;
            } else {
                loop->turn++;
                loop->next = loop->first;
            }
            continue;
        }
        loop->next = step->next;
        if (json_is(json_get(step, "do"), "hand-over"))
            return false;
        take_step(run, step);
    }
    return true;
}

static bool start(struct run *run)
{
    const char *reason = "";
    if (run->version == 1 ? start_1(run, &reason) : start_2(run, &reason)) {
        say("path", mmstats_text(path_of(run)));
        return true;
    }
    say("error", mmstats_text(reason));
    run->status = 1;
    return false;
}

/* A thread that uses the file: the first makes it, the last ends it. */
static void *use(void *argument)
{
    struct run *run = argument;
    if (!run->started) {
        run->ended = !start(run);
        run->started = true;
    } else if (!run->forked && run->version == 2) {
        mmstats_take_over(run->writer);
    }
    if (!run->ended && (run->ended = take_steps(run)) && !run->forked)
        end_cleanly(run);
    return NULL;
}

static void go_through(struct run *run)
{
    if (run->forked) /* in the thread that forked */
        run->ended = take_steps(run);
    while (!run->ended) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, use, run))
            exit(1);
        pthread_join(thread, NULL);
    }
}

/* ---------------------------------------------------------------------------------------------------------------- */

static bool slurp(const char *path, struct mmstats_text *text)
{
    FILE *file = fopen(path, "rb");
    size_t room = 1 << 16;
    char *bytes = malloc(room);
    text->size = 0;
    while (file && bytes && !feof(file) && !ferror(file)) {
        if (text->size == room)
            bytes = realloc(bytes, room *= 2);
        if (bytes)
            text->size += fread(bytes + text->size, 1, room - text->size, file);
    }
    text->bytes = bytes;
    bool right = file && bytes && !ferror(file);
    if (file)
        fclose(file);
    return right;
}

int main(int count, char **arguments)
{
    struct mmstats_text text;
    struct run run = {0};
    if (count != 3 || !slurp(arguments[1], &text)) {
        fputs("usage: writer SCENARIO FILE\n", stderr);
        return 2;
    }
    run.scenario = json_parse(text);
    run.version = (int)json_integer(json_get(run.scenario, "version"), 0);
    run.name = arguments[2];
    if (run.version != 1 && run.version != 2) {
        say("error", MMSTATS_TEXT("a scenario that is none"));
        return 1;
    }
    const struct json *steps = json_get(run.scenario, "steps");
    if (steps && steps->first)
        run.loops[run.depth++] = (struct loop){steps->first, steps->first, 1, 1};
    go_through(&run);
    mmstats_destroy(run.writer);
    mmstats1_destroy(run.writer1);
    free(run.fields);
    free((char *)text.bytes);
    json_free();
    return run.status;
}
