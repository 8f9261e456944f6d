/*
 * What turning logs and spans into blocks has in common. Private to store/log_rows.c and
 * store/span_rows.c.
 *
 * A batch's rows are put into groups of one day each, which is nearly always one group. A
 * group is written column by column; what depends only on the resource or the scope
 * (dictionary ids, encoded attribute maps) is made once and copied for each row.
 */
#ifndef TRIPOD_STORE_ROW_WRITER_H
#define TRIPOD_STORE_ROW_WRITER_H

#include "base/arena.h"
#include "base/clock.h"
#include "store/rows.h"
#include "telemetry/attr_types.h"
#include "telemetry/batch.h"
#include "wire/native_column.h"

/* Rows of one partition, in the batch's order. */
struct row_group {
	const uint32_t *rows;
	uint32_t count;
	uint32_t day;
};

struct row_groups {
	struct row_group *groups;
	uint32_t count;
};

/* Groups the rows by the day of `times`; false when out of memory. */
bool row_groups_make(struct arena *arena, const uint64_t *times, uint32_t rows,
		     struct row_groups *out);

/* A batch's key in the dictionary of a block's column; `group` says of which block. */
struct key_id {
	uint32_t id, group;
};

/* Writes a batch's attribute maps into one column, of one group's block after the other. */
struct map_writer {
	const struct batch_common *batch;
	struct buf *scratch;
	struct native_column *column;
	uint32_t group; /* counts map_writer_begin */
	struct key_id *ids; /* by the batch's key */
};

/* False when out of memory. `scratch` is shared by all that write one after another. */
bool map_writer_init(struct map_writer *w, struct arena *arena, const struct batch_common *batch,
		     struct buf *scratch);
void map_writer_begin(struct map_writer *w, struct native_block *block, unsigned column);
void map_writer_put(struct map_writer *w, struct attr_run run);

/* The resource's or the scope's attributes of each row of `group`. */
void map_writer_put_resources(struct map_writer *w, const struct row_group *group,
			      const uint32_t *scope_of_row);
void map_writer_put_scopes(struct map_writer *w, const struct row_group *group,
			   const uint32_t *scope_of_row);

/* LowCardinality columns. Repeated strings, which most are, are found without hashing. */
struct name_writer {
	struct native_column *column;
	struct slice last;
	uint32_t last_id;
};

static inline struct name_writer name_writer_of(struct native_column *column)
{
	return (struct name_writer){column, SLICE(""), 0};
}

static inline void name_writer_put(struct name_writer *w, struct slice name)
{
	if (name.len != w->last.len ||
	    (name.ptr != w->last.ptr && name.len && memcmp(name.ptr, w->last.ptr, name.len))) {
		w->last = name;
		w->last_id = native_dict_id(&w->column->dict, name);
	}
	native_put_id(w->column, w->last_id);
}

/* The columns that logs and spans have from their resource and scope: ids of a table's columns. */
struct parent_columns {
	unsigned service_name, resource_schema_url, resource_dropped, scope_schema_url, scope_name,
		scope_version, scope_dropped;
};

/* As the types of attributes that are all strings need no thought, this is for those that are not. */
struct types_writer {
	struct native_column *column;
	const struct batch_common *batch;
	struct buf sections; /* of the current row */
	struct buf last; /* signature of the last row that had one */
	uint32_t last_id;
	uint32_t scope; /* whose sections come first */
	size_t scope_end; /* where they end in `sections` */
	bool plain; /* resource and scope have strings only */
};

void types_writer_init(struct types_writer *w, const struct batch_common *batch,
		       struct native_column *column);
void types_writer_release(struct types_writer *w);
/* Begins a row: its resource's and scope's sections. */
void types_writer_begin(struct types_writer *w, uint32_t scope);
static inline void types_writer_add(struct types_writer *w, struct attr_run run)
{
	attr_types_append(&w->sections, w->batch->attrs, run);
}
/* Ends a row: its signature into the column. */
void types_writer_end(struct types_writer *w);

void put_parents(struct native_block *block, const struct parent_columns *ids,
		 const struct batch_common *batch, const struct row_group *group,
		 const uint32_t *scope_of_row);

/* An id as digits, "" when it is all zero. */
void put_trace_id(struct native_column *column, const uint8_t id[16]);
void put_span_id(struct native_column *column, const uint8_t id[8]);

/* The text of a value into a String column. */
void put_value(struct native_column *column, struct value value, struct buf *scratch);

/* columns[...] = values[row]: for plain numbers. */
void put_u8_column(struct native_column *column, const uint8_t *values,
		   const struct row_group *group);
void put_u32_column(struct native_column *column, const uint32_t *values,
		    const struct row_group *group);
void put_u64_column(struct native_column *column, const uint64_t *values,
		    const struct row_group *group);

int rows_no_memory(struct error *err);

#endif
