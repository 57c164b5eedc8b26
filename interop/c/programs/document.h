/*
 * The canonical JSON document (FORMAT.md 1.4).
 */
#ifndef DOCUMENT_H
#define DOCUMENT_H

#include <stdio.h>

#include "mmstats.h"

void write_document(FILE *out, const struct mmstats_document *document);
void write_error(FILE *out, const struct mmstats_error *error);

/* The words for a family's kind, type and combination, in the order of their numbers; NULL after the last. */
extern const char *const kind_words[], *const type_words[], *const combination_words[];

#endif
