/*
 * The signature of a row's attribute types, kept in the store's column AttributeTypes,
 * because the maps hold every value as text.
 *
 * One section for each set of attributes: resource, scope, record, then for a span each of its
 * events and each of its links, in order. A section has one letter for each attribute, by
 * position in its map:
 *
 *   s string  b bool  i int  d double  x bytes  a array  m map  e empty (no value was set)
 *
 * The letters s at the end of a section are left out. Sections are joined by "/", and the
 * "/" at the end are left out. So '' says that all values are strings, '//ssi' that the
 * record's third is an int, '////b' that the first attribute of a span's second event is a bool.
 */
#ifndef TRIPOD_TELEMETRY_ATTR_TYPES_H
#define TRIPOD_TELEMETRY_ATTR_TYPES_H

#include <stdbool.h>

#include "base/buf.h"
#include "telemetry/attrs.h"

/* Appends the section of `run` and a "/". */
void attr_types_append(struct buf *out, const struct attr *attrs, struct attr_run run);

/* The signature that the sections so far make: without the "/" at the end. */
struct slice attr_types_finish(const struct buf *sections);

static inline bool attr_types_all_strings(const struct attr *attrs, struct attr_run run)
{
	uint32_t other = 0;
	for (uint32_t i = 0; i < run.count; i++)
		other |= attrs[run.first + i].value.type ^ VALUE_STRING;
	return !other;
}

#endif
