/*
 * The file of a writer: header, extents, and how records and extents are published.
 *
 * Rule 1: what a reader does not see yet is stored plainly; what makes it visible is one atomic store behind a fence
 *         (V2-W3, V2-W4).
 * Rule 2: nothing published moves: each extent has a mapping of its own, which stays.
 * Rule 3: what there is no room for is refused, and the file is as it was.
 */
#include "writer.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

/* A control word that readers see change; what was stored before is visible before it. */
static void store_control(unsigned char *at, uint32_t number)
{
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit((shared_word *)at, control(number), memory_order_relaxed);
}

void store_header(struct mmstats_writer *writer, size_t at, uint32_t number)
{
    store_control(writer->extents[0].map + at, number);
}

/* The head of an empty extent, with room for records and slots; what is left over is shared. */
static void fill_extent(struct written *extent, unsigned char *at, uint64_t size, uint64_t metadata, uint64_t slots)
{
    uint64_t spare = (size - EXTENT_HEAD - metadata - slots) / 2 / UNIT * UNIT;
    extent->at = at;
    extent->metadata = metadata + spare;
    extent->values_offset = EXTENT_HEAD + extent->metadata;
    extent->values = size - extent->values_offset;
    extent->used = extent->slots = 0;
    memcpy(at, EXTENT_TAG, 4);
    put64(at + EXTENT_SIZE_AT, size);
    put64(at + METADATA_CAPACITY_AT, extent->metadata);
    put64(at + VALUES_OFFSET_AT, extent->values_offset);
    put64(at + VALUES_CAPACITY_AT, extent->values);
    put64(at + METADATA_USED_AT, control(0));
    put64(at + NEXT_AT, control(0));
    put32(at + EXTENT_CRC_AT, checksum(at, EXTENT_CRC_SIZE, EXTENT_CRC_AT));
}

static void fill_header(const struct mmstats_writer *writer, unsigned char *at, const struct identity *identity)
{
    memcpy(at, MAGIC, 8);
    put16(at + HEADER_SIZE_AT, HEADER_SIZE);
    put32(at + COMPATIBLE_AT, writer->file.locked ? 0 : MMSTATS_NO_LOCK);
    memcpy(at + WRITER_ID_AT, identity->id, ID_SIZE);
    put64(at + CREATED_AT, identity->created);
    put64(at + PID_AT, identity->pid);
    put64(at + PROCESS_START_AT, identity->start);
    memcpy(at + BOOT_ID_AT, identity->boot, ID_SIZE);
    put64(at + PID_NAMESPACE_AT, identity->pid_namespace);
    put64(at + STATE_AT, control(STATE_LIVE));
    put64(at + THREAD_AT, control(thread_id()));
    put32(at + HEADER_CRC_AT, checksum(at, HEADER_CRC_SIZE, HEADER_CRC_AT));
}

/* A new extent behind the last, that has room for these (V2-W4). */
static bool grow(struct mmstats_writer *writer, uint64_t metadata, uint64_t slots)
{
    uint64_t offset = writer->file.size, least = EXTENT_HEAD + metadata + slots;
    uint64_t size = rounded(least > offset ? least : offset, page_size()); /* as large as all before (V2-W8) */
    if (writer->extent_count == EXTENTS_MOST || size > WRITTEN_MOST - offset)
        return false;
    if (reserve_space(writer->file.descriptor, offset, size))
        return false;
    unsigned char *map = map_file(writer->file.descriptor, offset, size);
    if (!map)
        return false;
    struct written *last = &writer->extents[writer->extent_count - 1], *extent = last + 1;
    *extent = (struct written){.map = map, .mapped = size};
    fill_extent(extent, map, size, metadata, slots);
    store_control(last->at + NEXT_AT, (uint32_t)(offset / UNIT));
    writer->file.size += size;
    writer->extent_count++;
    return true;
}

/* Put a record behind those that are published, or will be with it. */
static void put_record(struct written *extent, const unsigned char *record, uint64_t *used)
{
    memcpy(extent->at + EXTENT_HEAD + *used, record, get32(record));
    *used += get32(record);
}

/* The records of a family and of one of its series, and the series' slot, behind what is there. */
static void put_records(struct written *extent, struct mmstats_metric *metric, struct mmstats_child *child,
                        uint64_t *used)
{
    if (metric->epoch != metric->writer->epoch)
        put_record(extent, metric->record, used);
    metric->epoch = metric->writer->epoch;
    if (!child)
        return;
    begin_slot(child, extent->at + extent->values_offset + extent->slots);
    put_record(extent, child->record, used);
    extent->slots += slot_size(metric);
    child->epoch = metric->writer->epoch;
}

bool append(struct mmstats_metric *metric, struct mmstats_child *child)
{
    struct mmstats_writer *writer = metric->writer;
    struct written *extent = &writer->extents[writer->extent_count - 1];
    uint64_t metadata = metric->epoch == writer->epoch ? 0 : get32(metric->record);
    uint64_t slots = child ? slot_size(metric) : 0;
    metadata += child ? get32(child->record) : 0;
    if (metadata > extent->metadata - extent->used || slots > extent->values - extent->slots) {
        if (!grow(writer, metadata, slots))
            return false;
        extent++;
    }
    uint64_t used = extent->used;
    put_records(extent, metric, child, &used);
    store_control(extent->at + METADATA_USED_AT, (uint32_t)(used / UNIT));
    extent->used = used;
    return true;
}

/* Children that a new file has from its beginning: those of families without labels; in the first file those that were
 * made before it, too. */
static bool is_first(const struct mmstats_writer *writer, const struct mmstats_metric *metric)
{
    return writer->stage == NEW || !metric->family->labels.count;
}

static void fill_file(struct mmstats_writer *writer, uint64_t metadata, uint64_t slots, const struct identity *identity)
{
    struct written *extent = &writer->extents[0];
    uint64_t used = 0;
    fill_header(writer, extent->map, identity);
    fill_extent(extent, extent->map + HEADER_SIZE, writer->file.size - HEADER_SIZE, metadata, slots);
    put_record(extent, writer->origin, &used);
    for (size_t i = 0; i < writer->metric_count; i++) {
        struct mmstats_metric *metric = writer->metrics[i];
        put_records(extent, metric, NULL, &used);
        if (is_first(writer, metric))
            for (struct mmstats_child *child = metric->first; child; child = child->next)
                put_records(extent, metric, child, &used);
    }
    store_control(extent->at + METADATA_USED_AT, (uint32_t)(used / UNIT));
    extent->used = used;
}

int create_file(struct mmstats_writer *writer)
{
    struct identity identity;
    uint64_t metadata = get32(writer->origin), slots = 0;
    for (size_t i = 0; i < writer->metric_count; i++) {
        const struct mmstats_metric *metric = writer->metrics[i];
        metadata += get32(metric->record);
        if (is_first(writer, metric))
            for (const struct mmstats_child *child = metric->first; child; child = child->next) {
                metadata += get32(child->record);
                slots += slot_size(metric);
            }
    }
    uint64_t size = rounded(HEADER_SIZE + EXTENT_HEAD + metadata + slots, page_size());
    if (size > WRITTEN_MOST)
        return EFBIG;
    if (!who_am_i(&identity))
        return EIO;
    free(writer->file.path); /* a forked child's parent's */
    int error = make_file(&writer->file, writer->wanted, size, true);
    unsigned char *map = error ? NULL : map_file(writer->file.descriptor, 0, size);
    if (!map) {
        close_made(&writer->file);
        return error ? error : ENOMEM;
    }
    writer->extents[0] = (struct written){.map = map, .mapped = size};
    writer->extent_count = 1;
    writer->epoch = ++writer->last_epoch;
    fill_file(writer, metadata, slots, &identity);
    error = name_file(&writer->file, writer->wanted);
    if (error) {
        let_go(writer);
        return error;
    }
    close(writer->file.directory);
    writer->file.directory = -1;
    writer->stage = LIVE;
    return 0;
}

/* Only what a signal handler may do: a forked child calls it, too. There is no temporary name any more to be freed. */
void let_go(struct mmstats_writer *writer)
{
    writer->epoch = NO_FILE;
    for (size_t i = 0; i < writer->extent_count; i++)
        munmap(writer->extents[i].map, writer->extents[i].mapped);
    writer->extent_count = 0;
    close_made(&writer->file);
}
