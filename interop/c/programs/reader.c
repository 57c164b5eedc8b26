/*
 * The test program `reader`: `reader FILE` prints the document of a file at rest, `reader --poll FILE` that of a file
 * that changes, once for each line of standard input (CONFORMANCE.md P-5, P-6).
 */
#include <stdio.h>
#include <string.h>

#include "document.h"

static int read_once(const char *path)
{
    struct mmstats_error error;
    struct mmstats_file *file = mmstats_read(path, &error);
    if (file)
        write_document(stdout, mmstats_document(file));
    else
        write_error(stdout, &error);
    putchar('\n');
    mmstats_free(file);
    return file ? 0 : 1;
}

/* Whether there was another line; what stands in it does not matter. */
static bool next_line(void)
{
    int character, count = 0;
    while ((character = getchar()) != EOF && character != '\n')
        count = 1;
    return character == '\n' || count;
}

static int poll(const char *path)
{
    struct mmstats_live *live = mmstats_watch(path);
    if (!live)
        return 2;
    while (next_line()) {
        struct mmstats_error error;
        const struct mmstats_document *document = mmstats_poll(live, &error);
        if (document)
            write_document(stdout, document);
        else
            write_error(stdout, &error);
        putchar('\n');
        fflush(stdout);
    }
    mmstats_unwatch(live);
    return 0;
}

int main(int count, char **arguments)
{
    if (count == 2)
        return read_once(arguments[1]);
    if (count == 3 && !strcmp(arguments[1], "--poll"))
        return poll(arguments[2]);
    fputs("usage: reader [--poll] FILE\n", stderr);
    return 2;
}
