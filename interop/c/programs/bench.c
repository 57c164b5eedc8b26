/*
 * `bench DIRECTORY`: what an update and a poll cost, in nanoseconds, beside a plain atomic increment. Each figure is
 * the best of some runs.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "mmstats.h"

enum { RUNS = 5, RUN_NANOSECONDS = 100000000 };

struct subjects {
    atomic_uint_fast64_t number;
    struct mmstats_child *counter, *histogram;
    struct mmstats_live *live;
};

static void increment(struct subjects *subjects, long times)
{
    while (times-- > 0)
        atomic_fetch_add(&subjects->number, 1);
}

static void count(struct subjects *subjects, long times)
{
    while (times-- > 0)
        mmstats_inc(subjects->counter, 1);
}

static void observe(struct subjects *subjects, long times)
{
    for (long i = 0, value = 0; i < times; i++, value = value == 10 ? 0 : value + 1)
        mmstats_observe(subjects->histogram, (double)value + 0.5);
}

static void poll(struct subjects *subjects, long times)
{
    struct mmstats_error error;
    while (times-- > 0)
        if (!mmstats_poll(subjects->live, &error)) {
            fprintf(stderr, "bench: %s\n", error.code);
            exit(1);
        }
}

static double seconds_of(void (*what)(struct subjects *, long), struct subjects *subjects, long times)
{
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    what(subjects, times);
    clock_gettime(CLOCK_MONOTONIC, &to);
    return (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
}

/* Nanoseconds of one. */
static double best(void (*what)(struct subjects *, long), struct subjects *subjects)
{
    long times = 1;
    while (seconds_of(what, subjects, times) < RUN_NANOSECONDS) /* the warm-up, too */
        times *= 2;
    double least = 0;
    for (int i = 0; i < RUNS; i++) {
        double one = seconds_of(what, subjects, times) / (double)times;
        least = i && least < one ? least : one;
    }
    return least;
}

/* A family of the file, without labels; its child. */
static struct mmstats_child *declared(struct mmstats_writer *writer, struct mmstats_declaration declaration, int number)
{
    char name[32];
    snprintf(name, sizeof name, "metric_%d", number);
    declaration.name = mmstats_text(name);
    struct mmstats_metric *metric = mmstats_declare(writer, &declaration);
    return metric ? mmstats_child(metric, NULL, 0) : NULL;
}

/* 60 counters, 20 gauges, 10 summaries, 10 histograms. */
static bool declare(struct mmstats_writer *writer, struct subjects *subjects)
{
    static const double bounds[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    struct mmstats_declaration summary = mmstats_gauge("", "");
    summary.kind = MMSTATS_SUMMARY;
    for (int i = 0; i < 100; i++) {
        struct mmstats_child *child =
            declared(writer,
                     i < 60   ? mmstats_counter("", "")
                     : i < 80 ? mmstats_gauge("", "")
                     : i < 90 ? summary
                              : mmstats_histogram("", "", bounds, 10),
                     i);
        if (!child)
            return false;
        if (i == 0)
            subjects->counter = child;
        subjects->histogram = child;
    }
    return true;
}

int main(int arguments_count, char **arguments)
{
    char path[4096];
    struct subjects subjects = {0};
    struct mmstats_writer *writer = mmstats_writer(MMSTATS_TEXT("bench"), MMSTATS_TEXT(""));
    if (arguments_count != 2) {
        fputs("usage: bench DIRECTORY\n", stderr);
        return 2;
    }
    snprintf(path, sizeof path, "%s/bench.mmstats", arguments[1]);
    if (!writer || !declare(writer, &subjects) || mmstats_publish(writer, path) ||
        !(subjects.live = mmstats_watch(mmstats_path(writer)))) {
        fputs("bench: the file cannot be made\n", stderr);
        return 1;
    }
    double atomic = best(increment, &subjects), counter = best(count, &subjects);
    double histogram = best(observe, &subjects), polled = best(poll, &subjects);
    printf("{\"atomic\": %.3f, \"counter\": %.3f, \"histogram\": %.3f, \"poll\": %.1f}\n", atomic, counter, histogram,
           polled);
    unlink(mmstats_path(writer));
    mmstats_unwatch(subjects.live);
    mmstats_destroy(writer);
    return 0;
}
