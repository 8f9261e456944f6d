#include "telemetry/delta_sums.h"

#include <stdlib.h>

#include "base/arena.h"
#include "telemetry/exponential_sum.h"

#define NS_PER_MILLISECOND 1000000
#define FIRST_SLOTS 256

/* One series. Written to checkpoints as it is, so a change of it is one of their format. */
struct stream {
	struct series_id id;
	int64_t start, last; /* ms: since when it counts; the last delta's time */
	int64_t seen; /* ms: when the last delta was received */
	double sum, carry; /* exponential_sum.h; 0 of an exponential histogram */
	uint32_t histogram; /* its number + 1, or 0 */
	uint32_t zero;
};
_Static_assert(sizeof(struct stream) == 64, "a part of the file format");

struct delta_sums {
	uint32_t max_series;
	int64_t max_stale;
	int64_t now; /* ms: the latest time of reception there was */
	int64_t oldest; /* none was `seen` before it: nothing is stale before it is */
	uint64_t changes;
	struct stream *streams;
	uint32_t count, capacity;
	uint32_t *slots; /* number + 1 by id; 0: free */
	uint32_t slot_count; /* a power of two, or 0 */
	struct exponential_sum *histograms;
	uint32_t histogram_count, histogram_capacity;
	struct arena scratch; /* of the last batch */
};

const char *delta_drop_name(enum delta_drop reason)
{
	static const char *const names[DELTA_DROP_COUNT] = {
		[DELTA_OLDER_START] = "delta_older_start",
		[DELTA_OUT_OF_ORDER] = "delta_out_of_order",
		[DELTA_OVERLAP] = "delta_overlap",
		[DELTA_LIMIT] = "delta_limit",
	};
	return names[reason];
}

struct delta_sums *delta_sums_new(uint32_t max_series, int64_t max_stale_ms)
{
	struct delta_sums *sums = calloc(1, sizeof(*sums));
	if (!sums)
		return NULL;
	sums->max_series = max_series;
	sums->max_stale = max_stale_ms;
	arena_init(&sums->scratch, SIZE_MAX);
	return sums;
}

void delta_sums_clear(struct delta_sums *sums)
{
	for (uint32_t i = 0; i < sums->histogram_count; i++)
		exponential_sum_release(&sums->histograms[i]);
	free(sums->histograms);
	free(sums->streams);
	free(sums->slots);
	struct delta_sums empty = {.max_series = sums->max_series,
				   .max_stale = sums->max_stale,
				   .changes = sums->changes + 1,
				   .scratch = sums->scratch};
	*sums = empty;
}

void delta_sums_free(struct delta_sums *sums)
{
	if (!sums)
		return;
	delta_sums_clear(sums);
	arena_release(&sums->scratch);
	free(sums);
}

uint32_t delta_sums_count(const struct delta_sums *sums)
{
	return sums->count;
}

uint64_t delta_sums_changes(const struct delta_sums *sums)
{
	return sums->changes;
}

/* --- the table ------------------------------------------------------------------------------ */

/* The slot of that id, or the free one where it belongs. */
static uint32_t *find_slot(const struct delta_sums *sums, struct series_id id)
{
	uint32_t mask = sums->slot_count - 1;
	for (uint32_t i = (uint32_t)id.low & mask;; i = (i + 1) & mask) {
		uint32_t *slot = &sums->slots[i];
		if (!*slot)
			return slot;
		const struct series_id *other = &sums->streams[*slot - 1].id;
		if (other->low == id.low && other->high == id.high)
			return slot;
	}
}

static struct stream *find(const struct delta_sums *sums, struct series_id id)
{
	uint32_t *slot = sums->slot_count ? find_slot(sums, id) : NULL;
	return slot && *slot ? &sums->streams[*slot - 1] : NULL;
}

static bool make_slots(struct delta_sums *sums, uint32_t count)
{
	uint32_t *slots = calloc(count, sizeof(*slots));
	if (!slots)
		return false;
	free(sums->slots);
	sums->slots = slots;
	sums->slot_count = count;
	for (uint32_t i = 0; i < sums->count; i++)
		*find_slot(sums, sums->streams[i].id) = i + 1;
	return true;
}

/* Room for one series more; a quarter of the slots stays free. */
static bool reserve(struct delta_sums *sums)
{
	if (sums->count == sums->capacity) {
		uint32_t capacity = sums->capacity ? sums->capacity + sums->capacity / 2 : 64;
		struct stream *streams = realloc(sums->streams, capacity * sizeof(*streams));
		if (!streams)
			return false;
		sums->streams = streams;
		sums->capacity = capacity;
	}
	if (sums->count < sums->slot_count / 4 * 3)
		return true;
	return make_slots(sums, sums->slot_count ? 2 * sums->slot_count : FIRST_SLOTS);
}

static struct stream *insert(struct delta_sums *sums, struct series_id id)
{
	if (!reserve(sums))
		return NULL;
	struct stream *stream = &sums->streams[sums->count++];
	*stream = (struct stream){.id = id};
	*find_slot(sums, id) = sums->count;
	return stream;
}

static struct exponential_sum *new_histogram(struct delta_sums *sums, struct stream *stream)
{
	if (sums->histogram_count == sums->histogram_capacity) {
		uint32_t capacity = sums->histogram_capacity ? 2 * sums->histogram_capacity : 16;
		struct exponential_sum *h = realloc(sums->histograms, capacity * sizeof(*h));
		if (!h)
			return NULL;
		sums->histograms = h;
		sums->histogram_capacity = capacity;
	}
	struct exponential_sum *h = &sums->histograms[sums->histogram_count++];
	*h = (struct exponential_sum){0};
	stream->histogram = sums->histogram_count;
	return h;
}

static bool is_stale(const struct delta_sums *sums, const struct stream *stream)
{
	return sums->now - stream->seen > sums->max_stale;
}

/*
 * Takes out what is stale, which changes no result: what is stale counts as absent, and
 * stays so, because `now` never goes back.
 */
static bool sweep(struct delta_sums *sums)
{
	if (sums->now - sums->oldest <= sums->max_stale)
		return true;
	uint32_t kept = 0, kept_histograms = 0;
	struct exponential_sum *histograms =
		malloc((sums->histogram_count + 1) * sizeof(*histograms));
	if (!histograms)
		return false;
	sums->oldest = sums->now;
	for (uint32_t i = 0; i < sums->count; i++) {
		struct stream *stream = &sums->streams[i];
		struct exponential_sum *h =
			stream->histogram ? &sums->histograms[stream->histogram - 1] : NULL;
		if (is_stale(sums, stream)) {
			if (h)
				exponential_sum_release(h);
			continue;
		}
		if (h) {
			histograms[kept_histograms++] = *h;
			stream->histogram = kept_histograms;
		}
		if (stream->seen < sums->oldest)
			sums->oldest = stream->seen;
		sums->streams[kept++] = *stream;
	}
	sums->count = kept;
	free(sums->histograms);
	sums->histograms = histograms;
	sums->histogram_capacity = sums->histogram_count + 1;
	sums->histogram_count = kept_histograms;
	return !sums->slot_count || make_slots(sums, sums->slot_count);
}

/* --- one point ------------------------------------------------------------------------------ */

#define TAKEN DELTA_DROP_COUNT

/* Whether series `id` takes a delta of [start, time]; `*is_new` when it would be a new one. */
static enum delta_drop judge(const struct delta_sums *sums, struct series_id id, int64_t start,
			     int64_t time, bool *is_new)
{
	const struct stream *stream = find(sums, id);
	*is_new = !stream || is_stale(sums, stream);
	if (*is_new)
		return TAKEN;
	if (start && start < stream->start)
		return DELTA_OLDER_START;
	if (time <= stream->last)
		return DELTA_OUT_OF_ORDER;
	return start && start < stream->last ? DELTA_OVERLAP : TAKEN;
}

/* True when `more` series may begin. */
static bool has_room(struct delta_sums *sums, uint32_t more, bool *no_memory)
{
	if (more <= sums->max_series && sums->count <= sums->max_series - more)
		return true;
	*no_memory = !sweep(sums);
	return !*no_memory && more <= sums->max_series && sums->count <= sums->max_series - more;
}

/* The series of a delta that was taken, begun if need be; NULL when out of memory. */
static struct stream *touch(struct delta_sums *sums, struct series_id id, int64_t start,
			    int64_t time)
{
	struct stream *stream = find(sums, id);
	bool begin = !stream || is_stale(sums, stream);
	if (!stream && !(stream = insert(sums, id)))
		return NULL;
	if (begin) {
		stream->start = start;
		stream->sum = stream->carry = 0;
		if (stream->histogram)
			exponential_sum_release(&sums->histograms[stream->histogram - 1]);
	}
	stream->last = time;
	stream->seen = sums->now;
	sums->changes++;
	return stream;
}

/*
 * Behind the samples of the data point that sample `from` begins. They share their labels,
 * of which each point has its own, and their times; one that repeats a series is the next.
 */
static uint32_t point_end(const struct metric_batch *b, uint32_t from)
{
	const struct metric_series *first = &b->series[b->sample_series[from]];
	uint32_t to = from + 1;
	for (; to < b->sample_count && b->sample_flags[to] & SAMPLE_DELTA; to++) {
		const struct metric_series *s = &b->series[b->sample_series[to]];
		if (s == first || s->family != first->family ||
		    s->first_label != first->first_label || s->label_count != first->label_count ||
		    b->sample_time[to] != b->sample_time[from] ||
		    b->sample_start[to] != b->sample_start[from])
			break;
	}
	return to;
}

static enum delta_drop judge_point(struct delta_sums *sums, const struct metric_batch *b,
				   uint32_t from, uint32_t to, bool *no_memory)
{
	uint32_t fresh = 0;
	for (uint32_t i = from; i < to; i++) {
		bool is_new;
		enum delta_drop drop = judge(sums, b->series[b->sample_series[i]].id,
					     b->sample_start[i], b->sample_time[i], &is_new);
		if (drop != TAKEN)
			return drop;
		fresh += is_new;
	}
	return !fresh || has_room(sums, fresh, no_memory) ? TAKEN : DELTA_LIMIT;
}

/* --- a batch -------------------------------------------------------------------------------- */

static bool has_deltas(const struct metric_batch *b)
{
	uint8_t flags = 0;
	for (uint32_t i = 0; i < b->sample_count; i++)
		flags |= b->sample_flags[i];
	for (uint32_t i = 0; i < b->exponential_count; i++)
		flags |= b->exponentials[i].flags;
	return flags & SAMPLE_DELTA;
}

static bool copy_samples(struct arena *arena, struct metric_batch *out)
{
	size_t n = out->sample_count;
	out->sample_series = arena_array(arena, n + 1, sizeof(*out->sample_series));
	out->sample_time = arena_array(arena, n + 1, sizeof(*out->sample_time));
	out->sample_start = arena_array(arena, n + 1, sizeof(*out->sample_start));
	out->sample_value = arena_array(arena, n + 1, sizeof(*out->sample_value));
	out->sample_flags = arena_array(arena, n + 1, sizeof(*out->sample_flags));
	out->sample_count = 0;
	return out->sample_series && out->sample_time && out->sample_start && out->sample_value &&
	       out->sample_flags;
}

static uint32_t put_sample(struct metric_batch *out, const struct metric_batch *in, uint32_t i)
{
	uint32_t n = out->sample_count++;
	out->sample_series[n] = in->sample_series[i];
	out->sample_time[n] = in->sample_time[i];
	out->sample_start[n] = in->sample_start[i];
	out->sample_value[n] = in->sample_value[i];
	out->sample_flags[n] = in->sample_flags[i];
	return n;
}

static bool add_point(struct delta_sums *sums, const struct metric_batch *in, uint32_t from,
		      uint32_t to, struct metric_batch *out)
{
	for (uint32_t i = from; i < to; i++) {
		struct stream *stream = touch(sums, in->series[in->sample_series[i]].id,
					      in->sample_start[i], in->sample_time[i]);
		if (!stream)
			return false;
		sum_add(&stream->sum, &stream->carry, in->sample_value[i]);
		uint32_t n = put_sample(out, in, i);
		out->sample_start[n] = stream->start;
		out->sample_value[n] = sum_value(stream->sum, stream->carry);
		out->sample_flags[n] = SAMPLE_SUMMED;
	}
	return true;
}

static bool add_samples(struct delta_sums *sums, const struct metric_batch *in,
			struct metric_batch *out, uint32_t dropped[DELTA_DROP_COUNT])
{
	if (!copy_samples(&sums->scratch, out))
		return false;
	for (uint32_t from = 0, to; from < in->sample_count; from = to) {
		if (!(in->sample_flags[from] & SAMPLE_DELTA)) {
			put_sample(out, in, from);
			to = from + 1;
			continue;
		}
		to = point_end(in, from);
		bool no_memory = false;
		enum delta_drop drop = judge_point(sums, in, from, to, &no_memory);
		if (no_memory)
			return false;
		if (drop != TAKEN)
			dropped[drop]++;
		else if (!add_point(sums, in, from, to, out))
			return false;
	}
	return true;
}

/* A point that says what `sum` is; its buckets go behind those that `out` has. */
static void put_exponential(struct metric_batch *out, struct exponential_point *p,
			    const struct stream *stream, const struct exponential_sum *sum)
{
	uint32_t first[2];
	for (int side = 0; side < 2; side++) {
		first[side] = out->bucket_count_count;
		if (sum->sides[side].count)
			memcpy(out->bucket_counts + first[side], sum->sides[side].counts,
			       sum->sides[side].count * sizeof(*out->bucket_counts));
		out->bucket_count_count += sum->sides[side].count;
	}
	*p = (struct exponential_point){
		.series = p->series,
		.time = p->time,
		.flags = SAMPLE_SUMMED,
		.start = stream->start,
		.has_sum = sum->has_sum,
		.has_min = sum->has_min,
		.has_max = sum->has_max,
		.scale = sum->scale,
		.count = sum->count,
		.zero_count = sum->zero_count,
		.sum = sum->has_sum ? sum_value(sum->sum, sum->carry) : 0,
		.min = sum->has_min ? sum->min : 0,
		.max = sum->has_max ? sum->max : 0,
		.zero_threshold = sum->zero_threshold,
		.positive_offset = sum->sides[0].offset,
		.negative_offset = sum->sides[1].offset,
		.positive_first = first[0],
		.positive_count = sum->sides[0].count,
		.negative_first = first[1],
		.negative_count = sum->sides[1].count,
	};
}

/* A histogram is a series of its own, also where a sum has the same name and labels. */
static struct series_id histogram_id(const struct metric_batch *b,
				     const struct exponential_point *p)
{
	struct series_id id = b->series[p->series].id;
	id.high ^= UINT64_C(0x9e3779b97f4a7c15);
	return id;
}

/* Adds one; `*keep` says whether it stays in the batch. */
static bool add_exponential(struct delta_sums *sums, const struct metric_batch *in,
			    struct metric_batch *out, struct exponential_point *p, bool *keep,
			    uint32_t dropped[DELTA_DROP_COUNT])
{
	struct series_id id = histogram_id(in, p);
	bool is_new, no_memory = false;
	enum delta_drop drop = judge(sums, id, p->start, p->time, &is_new);
	if (drop == TAKEN && is_new && !has_room(sums, 1, &no_memory))
		drop = DELTA_LIMIT;
	*keep = drop == TAKEN;
	if (!*keep) {
		dropped[drop]++;
		return !no_memory;
	}
	struct stream *stream = touch(sums, id, p->start, p->time);
	struct exponential_sum *sum = !stream             ? NULL
				      : stream->histogram ? &sums->histograms[stream->histogram - 1]
							  : new_histogram(sums, stream);
	if (!sum || !exponential_sum_add(sum, p, in->bucket_counts))
		return false;
	put_exponential(out, p, stream, sum);
	return true;
}

static bool add_exponentials(struct delta_sums *sums, const struct metric_batch *in,
			     struct metric_batch *out, uint32_t dropped[DELTA_DROP_COUNT])
{
	size_t n = in->exponential_count;
	size_t buckets = in->bucket_count_count + n * 2 * EXPONENTIAL_MAX_BUCKETS;
	if (!n)
		return true;
	struct exponential_point *points = arena_array(&sums->scratch, n, sizeof(*points));
	out->bucket_counts = arena_array(&sums->scratch, buckets + 1, sizeof(uint64_t));
	if (!points || !out->bucket_counts || buckets > UINT32_MAX)
		return false;
	if (in->bucket_count_count)
		memcpy(out->bucket_counts, in->bucket_counts,
		       in->bucket_count_count * sizeof(uint64_t));
	uint32_t kept = 0;
	for (uint32_t i = 0; i < n; i++) {
		bool keep = true;
		points[kept] = in->exponentials[i];
		if (points[kept].flags & SAMPLE_DELTA &&
		    !add_exponential(sums, in, out, &points[kept], &keep, dropped))
			return false;
		kept += keep;
	}
	out->exponentials = points;
	out->exponential_count = kept;
	return true;
}

int delta_sums_add(struct delta_sums *sums, const struct metric_batch *in, uint64_t received_time,
		   struct metric_batch *out, uint32_t dropped[DELTA_DROP_COUNT], struct error *err)
{
	*out = *in;
	if (!has_deltas(in))
		return 0;
	int64_t now = (int64_t)(received_time / NS_PER_MILLISECOND);
	if (now > sums->now)
		sums->now = now;
	sums->changes++;
	arena_clear(&sums->scratch);
	if (!add_samples(sums, in, out, dropped) || !add_exponentials(sums, in, out, dropped))
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	return 0;
}

/* --- as bytes ------------------------------------------------------------------------------- */

struct saved_header {
	int64_t now;
	uint64_t count;
};

void delta_sums_save(struct delta_sums *sums, struct buf *out)
{
	if (!sweep(sums)) {
		out->failed = true;
		return;
	}
	struct saved_header header = {sums->now, sums->count};
	buf_append(out, &header, sizeof(header));
	for (uint32_t i = 0; i < sums->count; i++) {
		const struct stream *stream = &sums->streams[i];
		buf_append(out, stream, sizeof(*stream));
		if (stream->histogram)
			exponential_sum_save(&sums->histograms[stream->histogram - 1], out);
	}
}

static bool load_stream(struct delta_sums *sums, struct slice *from, bool *no_memory)
{
	struct stream saved;
	if (from->len < sizeof(saved))
		return false;
	memcpy(&saved, from->ptr, sizeof(saved));
	from->ptr += sizeof(saved);
	from->len -= sizeof(saved);
	struct stream *stream = insert(sums, saved.id);
	if (!stream) {
		*no_memory = true;
		return false;
	}
	*stream = saved;
	stream->histogram = 0;
	if (!saved.histogram)
		return true;
	struct exponential_sum *sum = new_histogram(sums, stream);
	*no_memory = !sum;
	return sum && exponential_sum_load(sum, from);
}

int delta_sums_load(struct delta_sums *sums, struct slice from, struct error *err)
{
	struct saved_header header;
	bool no_memory = false, ok = from.len >= sizeof(header);
	delta_sums_clear(sums);
	if (ok) {
		memcpy(&header, from.ptr, sizeof(header));
		from.ptr += sizeof(header);
		from.len -= sizeof(header);
		sums->now = header.now;
		for (uint64_t i = 0; ok && i < header.count; i++)
			ok = load_stream(sums, &from, &no_memory);
	}
	if (ok && from.len == 0)
		return 0;
	delta_sums_clear(sums);
	return no_memory ? error_set(err, STATUS_NO_MEMORY, "out of memory")
			 : error_set(err, STATUS_CORRUPT, "the sums of deltas do not read back");
}
