/* resets, changes: how often something happens between one sample and the next. */
#include "query/promql/range_functions.h"

/* The samples that are looked at: the window's, and for an anchored selector the last one before. */
struct view {
	const struct samples *s;
	struct extent floats, histograms;
};

/* False: there is none within the window. */
static bool view_of(const struct call *call, const struct window *window, struct view *view)
{
	*view = (struct view){
		.s = window->samples,
		.floats = {window->first, window->end},
		.histograms = {window->histogram_first, window->histogram_end},
	};
	if (window_floats(window) + window_histograms(window) == 0)
		return false;
	if (!window->spec->anchored)
		return true;
	struct extent floats = window_extent_floats(call, window);
	struct extent histograms = window_extent_histograms(call, window);
	bool has_float = floats.first < window->first;
	bool has_histogram = histograms.first < window->histogram_first;
	if (has_float && (!has_histogram ||
			  view->s->time[floats.first] >= view->s->histogram_time[histograms.first]))
		view->floats = floats;
	else if (has_histogram)
		view->histograms = histograms;
	return true;
}

/* Floats and histograms in the order of their times. */
struct sample {
	int64_t time, start;
	double value;
	const struct float_histogram *histogram; /* NULL: a float */
};

static bool next_sample(struct view *view, struct sample *out)
{
	const struct samples *s = view->s;
	struct extent *f = &view->floats, *h = &view->histograms;
	if (f->first == f->end && h->first == h->end)
		return false;
	if (h->first == h->end ||
	    (f->first < f->end && s->time[f->first] < s->histogram_time[h->first])) {
		uint32_t i = f->first++;
		*out = (struct sample){s->time[i], s->start ? s->start[i] : 0, s->value[i], NULL};
	} else {
		uint32_t i = h->first++;
		*out = (struct sample){s->histogram_time[i],
				       s->histogram_start ? s->histogram_start[i] : 0, 0,
				       s->histogram[i]};
	}
	return true;
}

static bool is_reset(const struct sample *before, const struct sample *now)
{
	if (!before->histogram != !now->histogram)
		return true;
	const int64_t start[2] = {before->start, now->start}, time[2] = {before->time, now->time};
	if (start_is_reset(start, time, 1))
		return true;
	return now->histogram ? histogram_detect_reset(now->histogram, before->histogram)
			      : now->value < before->value;
}

static bool is_change(const struct sample *before, const struct sample *now)
{
	if (!before->histogram != !now->histogram)
		return true;
	if (now->histogram)
		return !histogram_equal(now->histogram, before->histogram);
	return now->value != before->value && !(isnan(now->value) && isnan(before->value));
}

static uint32_t count_samples(struct view view,
			      bool (*happened)(const struct sample *, const struct sample *))
{
	struct sample before, now;
	uint32_t count = 0;
	if (!next_sample(&view, &before))
		return 0;
	for (; next_sample(&view, &now); before = now)
		count += happened(&before, &now);
	return count;
}

static uint32_t count_falls(const double *value, struct extent extent)
{
	uint32_t count = 0;
	for (uint32_t i = extent.first + 1; i < extent.end; i++)
		count += value[i] < value[i - 1];
	return count;
}

static uint32_t count_changes(const double *value, struct extent extent)
{
	uint32_t count = 0;
	for (uint32_t i = extent.first + 1; i < extent.end; i++) {
		double a = value[i - 1], b = value[i];
		count += (a != b) & !((a != a) & (b != b));
	}
	return count;
}

int range_resets(struct call *call, const struct window *window, struct point *out,
		 struct error *err)
{
	struct view view;
	if (!view_of(call, window, &view))
		return STATUS_OK;
	bool plain = view.histograms.first == view.histograms.end && !view.s->start;
	return point_float(out, plain ? count_falls(view.s->value, view.floats)
				      : count_samples(view, is_reset));
}

int range_changes(struct call *call, const struct window *window, struct point *out,
		  struct error *err)
{
	struct view view;
	if (!view_of(call, window, &view))
		return STATUS_OK;
	bool plain = view.histograms.first == view.histograms.end;
	return point_float(out, plain ? count_changes(view.s->value, view.floats)
				      : count_samples(view, is_change));
}
