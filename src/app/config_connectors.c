#include "app/config_int.h"

enum colour { WHITE, GREY, BLACK };

struct walk {
	struct config *config;
	unsigned char *colours; /* of each pipeline */
	size_t *trail; /* pipelines from the start to here */
	size_t depth;
};

static const struct connector_type *connector_of(const struct pipeline_step *step)
{
	if (!step->is_connector || !step->component->type)
		return NULL;
	return (const struct connector_type *)step->component->type;
}

static const struct pipeline_step *step_with(const struct pipeline_steps *steps,
					     const struct component_config *component)
{
	for (size_t i = 0; i < steps->count; i++) {
		if (steps->items[i].component == component)
			return &steps->items[i];
	}
	return NULL;
}

/* The step of `from` by which it feeds `to`: that of `only`, or any when it is NULL. NULL: it does not. */
static const struct pipeline_step *link_between(const struct pipeline_config *from,
						const struct pipeline_config *to,
						const struct component_config *only)
{
	for (size_t i = 0; i < from->exporters.count; i++) {
		const struct pipeline_step *step = &from->exporters.items[i];
		const struct connector_type *type = connector_of(step);
		if (type && (!only || step->component == only) &&
		    type->gives[from->signal] & SIGNAL_BIT(to->signal) &&
		    step_with(&to->receivers, step->component))
			return step;
	}
	return NULL;
}

static void report_circle(struct walk *walk, size_t back_to)
{
	struct buf text = BUF_INIT;
	const struct pipeline_config *pipelines = walk->config->pipelines;
	size_t start = 0;
	while (walk->trail[start] != back_to)
		start++;
	const struct pipeline_step *first = NULL;
	for (size_t i = start; i < walk->depth; i++) {
		const struct pipeline_config *from = &pipelines[walk->trail[i]];
		size_t next = i + 1 < walk->depth ? walk->trail[i + 1] : back_to;
		const struct pipeline_step *step = link_between(from, &pipelines[next], NULL);
		if (!first)
			first = step;
		buf_appendf(&text, "%s -> %s -> ", from->id, step->component->id);
	}
	config_wrong(walk->config, first ? first->node : NULL, "service.pipelines",
		     "the pipelines feed themselves in a circle: %s%s", buf_cstr(&text),
		     pipelines[back_to].id);
	buf_release(&text);
}

/* Depth is bounded by the number of pipelines, CONFIG_MOST. */
static void visit(struct walk *walk, size_t at)
{
	const struct config *config = walk->config;
	walk->colours[at] = GREY;
	walk->trail[walk->depth++] = at;
	for (size_t next = 0; next < config->pipeline_count; next++) {
		if (walk->colours[next] == BLACK ||
		    !link_between(&config->pipelines[at], &config->pipelines[next], NULL))
			continue;
		if (walk->colours[next] == GREY)
			report_circle(walk, next);
		else
			visit(walk, next);
	}
	walk->depth--;
	walk->colours[at] = BLACK;
}

static void append_gives(struct buf *out, const char *signal, unsigned gives)
{
	const char *between = "it makes ";
	for (enum signal s = 0; s < SIGNAL_COUNT; s++) {
		if (!(gives & SIGNAL_BIT(s)))
			continue;
		buf_appendf(out, "%s%s", between, signal_name(s));
		between = " and ";
	}
	buf_appendf(out, " of %s, and no pipeline of that kind begins with it", signal);
}

/* A connector at a pipeline's end must lead into another one, and the other way round. */
static void check_end(struct config *config, const struct pipeline_config *pipeline,
		      const struct pipeline_step *step, bool at_start)
{
	const struct connector_type *type = connector_of(step);
	const char *path = diagnostics_text(&config->diagnostics, "service.pipelines.%s.%s",
					    pipeline->id, at_start ? "receivers" : "exporters");
	bool elsewhere = false;
	if (!type)
		return;
	for (size_t i = 0; i < config->pipeline_count; i++) {
		const struct pipeline_config *other = &config->pipelines[i];
		elsewhere |= step_with(at_start ? &other->exporters : &other->receivers,
				       step->component) != NULL;
		if (at_start ? link_between(other, pipeline, step->component) != NULL
			     : link_between(pipeline, other, step->component) != NULL)
			return;
	}
	const char *id = step->component->id, *signal = signal_name(pipeline->signal);
	unsigned gives = type->gives[pipeline->signal];
	struct buf text = BUF_INIT;
	if (!elsewhere)
		buf_appendf(&text, "%s, and no pipeline has it among its %s",
			    at_start ? "nothing comes from it" : "it leads nowhere",
			    at_start ? "exporters" : "receivers");
	else if (at_start)
		buf_appendf(&text, "it makes no %s of what it is given", signal);
	else if (!gives)
		buf_appendf(&text, "it does not take %s", signal);
	else
		append_gives(&text, signal, gives);
	config_wrong(config, step->node, path, "the connector %s: %s", id, buf_cstr(&text));
	buf_release(&text);
}

void config_check_connectors(struct config *config)
{
	size_t count = config->pipeline_count;
	if (!config->components[COMPONENT_CONNECTOR].count)
		return;
	struct walk walk = {.config = config,
			    .colours = arena_alloc(&config->arena, count),
			    .trail = arena_array(&config->arena, count, sizeof(size_t))};
	if (!walk.colours || !walk.trail) {
		config_wrong(config, NULL, "service.pipelines", "too large");
		return;
	}
	memset(walk.colours, WHITE, count);
	for (size_t i = 0; i < count; i++) {
		const struct pipeline_config *pipeline = &config->pipelines[i];
		for (size_t j = 0; j < pipeline->exporters.count; j++)
			check_end(config, pipeline, &pipeline->exporters.items[j], false);
		for (size_t j = 0; j < pipeline->receivers.count; j++)
			check_end(config, pipeline, &pipeline->receivers.items[j], true);
		if (walk.colours[i] == WHITE)
			visit(&walk, i);
	}
}
