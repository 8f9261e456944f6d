#include "base/yaml.h"

#include <strings.h>
#include <yaml.h>

#include "base/yaml_expand.h"

#define MAX_ANCHORS 1000

struct anchor {
	struct anchor *next;
	const char *name;
	struct yaml_node *node;
	bool open; /* its node is not complete yet */
};

struct frame {
	struct yaml_node *node;
	const struct yaml_node *key; /* of a mapping whose next value is awaited */
	struct anchor *anchor;
};

struct builder {
	const struct source *source;
	const struct yaml_variables *variables;
	struct diagnostics *diagnostics;
	struct arena *arena;
	struct anchor *anchors;
	unsigned anchor_count, node_count, depth;
	bool wrong; /* a mistake was found that does not keep us from reading on */
	struct yaml_node *root;
	struct frame frames[YAML_MAX_DEPTH];
};

static struct position position_of(const struct builder *b, const yaml_mark_t *mark)
{
	return (struct position){b->source, (unsigned)mark->line + 1, (unsigned)mark->column + 1};
}

__attribute__((format(printf, 3, 4))) static int fail(struct builder *b, struct position at,
						      const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	diagnostics_vadd(b->diagnostics, SEVERITY_ERROR, at, "", fmt, args);
	va_end(args);
	return STATUS_INVALID;
}

/* The same, and goes on: all mistakes of a text are told at once. */
__attribute__((format(printf, 3, 4))) static void fail_later(struct builder *b, struct position at,
							     const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	diagnostics_vadd(b->diagnostics, SEVERITY_ERROR, at, "", fmt, args);
	va_end(args);
	b->wrong = true;
}

/* --- nodes ------------------------------------------------------------------------ */

static struct yaml_node *node_new(struct arena *arena, enum yaml_kind kind, struct position at)
{
	struct yaml_node *node = arena_alloc(arena, sizeof(*node));
	if (node)
		*node = (struct yaml_node){.kind = kind, .at = at, .weight = 1, .text = {"", 0}};
	return node;
}

static bool entry_add(struct arena *arena, struct yaml_node *parent, const struct yaml_node *key,
		      const struct yaml_node *value)
{
	struct yaml_entry *entry = arena_alloc(arena, sizeof(*entry));
	if (!entry)
		return false;
	*entry = (struct yaml_entry){.key = key, .value = value};
	if (parent->last)
		parent->last->next = entry;
	else
		parent->first = entry;
	parent->last = entry;
	parent->count++;
	if (__builtin_add_overflow(parent->weight, value->weight + (key ? 1 : 0), &parent->weight))
		parent->weight = YAML_MAX_NODES + 1;
	return true;
}

bool yaml_is_null(const struct yaml_node *node)
{
	if (!node)
		return true;
	if (node->kind != YAML_SCALAR || node->quoted)
		return false;
	const char *s = node->text.ptr;
	return !*s || !strcmp(s, "~") || !strcmp(s, "null") || !strcmp(s, "Null") ||
	       !strcmp(s, "NULL");
}

const struct yaml_entry *yaml_find(const struct yaml_node *node, const char *key)
{
	if (!node || node->kind != YAML_MAPPING)
		return NULL;
	for (const struct yaml_entry *e = node->first; e; e = e->next) {
		if (slice_eq_cstr(e->key->text, key))
			return e;
	}
	return NULL;
}

const struct yaml_node *yaml_get(const struct yaml_node *node, const char *key)
{
	const struct yaml_entry *entry = yaml_find(node, key);
	return entry ? entry->value : NULL;
}

const struct yaml_node *yaml_item(const struct yaml_node *node, size_t index)
{
	const struct yaml_entry *e = node ? node->first : NULL;
	for (; e && index; index--)
		e = e->next;
	return e ? e->value : NULL;
}

/* --- keys: unique, and merged ----------------------------------------------------- */

static size_t hash(struct slice s)
{
	size_t h = 14695981039346656037U; /* FNV-1a */
	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)s.ptr[i]) * 1099511628211U;
	return h ^ h >> 29;
}

struct key_slot {
	const struct yaml_entry *entry; /* NULL: free */
};

struct key_set {
	struct key_slot *slots;
	size_t mask;
};

/* Room for `count` keys; its memory stays in the arena, a few bytes a key. */
static int key_set_init(struct key_set *set, struct arena *arena, size_t count)
{
	size_t size = 8;
	while (size < count * 2)
		size *= 2;
	set->slots = arena_array(arena, size, sizeof(*set->slots));
	if (!set->slots)
		return STATUS_NO_MEMORY;
	memset(set->slots, 0, size * sizeof(*set->slots));
	set->mask = size - 1;
	return 0;
}

/* The entry that has this key already, or NULL, and then `entry` is in the set. */
static const struct yaml_entry *key_set_add(struct key_set *set, const struct yaml_entry *entry)
{
	size_t i = hash(entry->key->text) & set->mask;
	for (; set->slots[i].entry; i = (i + 1) & set->mask) {
		if (slice_eq(set->slots[i].entry->key->text, entry->key->text))
			return set->slots[i].entry;
	}
	set->slots[i].entry = entry;
	return NULL;
}

static bool is_merge(const struct yaml_entry *entry)
{
	return !entry->key->quoted && slice_eq_cstr(entry->key->text, "<<");
}

/* Adds the entries of `from` whose keys are not there yet. */
static int merge_from(struct builder *b, struct yaml_node *node, struct key_set *keys,
		      const struct yaml_node *from)
{
	for (const struct yaml_entry *e = from->first; e; e = e->next) {
		if (key_set_add(keys, e))
			continue;
		if (!entry_add(b->arena, node, e->key, e->value))
			return STATUS_NO_MEMORY;
	}
	return 0;
}

static int merge_entry(struct builder *b, struct yaml_node *node, struct key_set *keys,
		       const struct yaml_entry *merge)
{
	const struct yaml_node *from = merge->value;
	if (from->kind == YAML_MAPPING)
		return merge_from(b, node, keys, from);
	bool fits = from->kind == YAML_SEQUENCE;
	for (const struct yaml_entry *e = fits ? from->first : NULL; e; e = e->next)
		fits &= e->value->kind == YAML_MAPPING;
	if (!fits)
		return fail(b, from->at, "<< takes a mapping, or a list of them, such as *anchor");
	for (const struct yaml_entry *e = from->first; e; e = e->next) {
		int rc = merge_from(b, node, keys, e->value);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* How many keys the mapping has with those that merges may bring. */
static size_t count_keys(const struct yaml_node *node)
{
	size_t count = node->count;
	for (const struct yaml_entry *e = node->first; e; e = e->next) {
		if (is_merge(e))
			count += e->value->weight;
	}
	return count;
}

/* Checks the keys of a complete mapping and resolves its merge keys. */
static int finish_mapping(struct builder *b, struct yaml_node *node)
{
	struct key_set keys;
	if (key_set_init(&keys, b->arena, count_keys(node)) < 0)
		return STATUS_NO_MEMORY;
	struct yaml_entry *entries = node->first, *next;
	size_t merges = 0;
	for (const struct yaml_entry *e = entries; e; e = e->next) {
		const struct yaml_entry *before = key_set_add(&keys, e);
		if (before)
			fail_later(b, e->key->at, "%s is there twice: first in line %u",
				   e->key->text.ptr, before->key->at.line);
		merges += is_merge(e);
	}
	if (!merges)
		return 0;
	unsigned weight = node->weight;
	node->first = node->last = NULL;
	node->count = 0;
	for (struct yaml_entry *e = entries; e; e = e->next) {
		if (!is_merge(e) && !entry_add(b->arena, node, e->key, e->value))
			return STATUS_NO_MEMORY;
	}
	for (struct yaml_entry *e = entries; e; e = next) {
		next = e->next;
		int rc = is_merge(e) ? merge_entry(b, node, &keys, e) : 0;
		if (rc < 0)
			return rc;
	}
	node->weight = weight; /* already counts what was merged, under << */
	return 0;
}

/* --- events ----------------------------------------------------------------------- */

/* Gives a complete node to its parent; `at` is where it, or its alias, stands. */
static int attach(struct builder *b, struct yaml_node *node, struct position at)
{
	if (!b->depth) {
		b->root = node;
		return 0;
	}
	struct frame *parent = &b->frames[b->depth - 1];
	if (parent->node->kind == YAML_MAPPING && !parent->key) {
		if (node->kind != YAML_SCALAR)
			return fail(b, at, "a key must be a word, not a list or a mapping");
		parent->key = node;
		return 0;
	}
	if (!entry_add(b->arena, parent->node, parent->key, node))
		return STATUS_NO_MEMORY;
	parent->key = NULL;
	if (parent->node->weight > YAML_MAX_NODES)
		return fail(b, at, "more than %d values, aliases written out", YAML_MAX_NODES);
	return 0;
}

static bool awaits_key(const struct builder *b)
{
	const struct frame *top = b->depth ? &b->frames[b->depth - 1] : NULL;
	return top && top->node->kind == YAML_MAPPING && !top->key;
}

static int anchor_add(struct builder *b, const char *name, struct yaml_node *node, bool open,
		      struct anchor **out)
{
	if (!name)
		return 0;
	if (b->anchor_count++ == MAX_ANCHORS)
		return fail(b, node->at, "more than %d anchors", MAX_ANCHORS);
	struct anchor *anchor = arena_alloc(b->arena, sizeof(*anchor));
	char *copy = arena_strdup(b->arena, slice_of(name));
	if (!anchor || !copy)
		return STATUS_NO_MEMORY;
	*anchor = (struct anchor){b->anchors, copy, node, open};
	b->anchors = anchor;
	if (out)
		*out = anchor;
	return 0;
}

static int on_alias(struct builder *b, const char *name, struct position at)
{
	for (const struct anchor *a = b->anchors; a; a = a->next) {
		if (strcmp(a->name, name) != 0)
			continue;
		if (a->open)
			return fail(b, at, "*%s stands inside what it names", name);
		return attach(b, a->node, at);
	}
	fail_later(b, at, "no anchor &%s stands above", name);
	struct yaml_node *nothing = node_new(b->arena, YAML_SCALAR, at);
	return nothing ? attach(b, nothing, at) : STATUS_NO_MEMORY;
}

/* A ${…} as a whole scalar may hold a list or a mapping, as in the collector. */
static int parse_structure(struct builder *b, struct yaml_node *node)
{
	const char *first = node->text.ptr + strspn(node->text.ptr, " \t\r\n");
	if (*first != '[' && *first != '{')
		return 0;
	struct source *source = arena_alloc(b->arena, sizeof(*source));
	struct diagnostics *ignored = arena_alloc(b->arena, sizeof(*ignored));
	if (!source || !ignored)
		return STATUS_NO_MEMORY;
	*source = (struct source){b->source->name, node->text, true};
	diagnostics_init(ignored, b->arena);
	const struct yaml_node *structure;
	int rc = yaml_parse(&structure, source, NULL, ignored);
	if (rc == 0 && structure->kind != YAML_SCALAR) {
		node->structure = structure;
		node->weight += structure->weight;
	}
	return rc == STATUS_NO_MEMORY ? rc : 0;
}

static int fill_scalar(struct builder *b, struct yaml_node *node, const yaml_event_t *event)
{
	struct slice text = {(const char *)event->data.scalar.value, event->data.scalar.length};
	if (memchr(text.ptr, '\0', text.len))
		return fail(b, node->at, "a zero byte cannot be part of a value");
	const char *tag = (const char *)event->data.scalar.tag;
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE ||
		       (tag && !strcmp(tag, YAML_STR_TAG));
	if (b->variables && !awaits_key(b) && memchr(text.ptr, '$', text.len)) {
		struct yaml_expansion expansion;
		int rc = yaml_expand(&expansion, text, node->at, b->variables, b->diagnostics);
		if (rc == STATUS_INVALID)
			b->wrong = true;
		if (rc < 0)
			return rc == STATUS_INVALID ? 0 : rc;
		node->text = expansion.text;
		if (expansion.whole) {
			node->quoted = false;
			return parse_structure(b, node);
		}
		return 0;
	}
	node->text = (struct slice){arena_strdup(b->arena, text), text.len};
	return node->text.ptr ? 0 : STATUS_NO_MEMORY;
}

static int check_tag(struct builder *b, const char *tag, struct position at)
{
	if (!tag || !strncmp(tag, "tag:yaml.org,2002:", 18) || !strcmp(tag, "!"))
		return 0;
	return fail(b, at, "the tag %s means nothing here", tag);
}

static int node_begin(struct builder *b, enum yaml_kind kind, const yaml_event_t *event,
		      struct yaml_node **out)
{
	struct position at = position_of(b, &event->start_mark);
	if (++b->node_count > YAML_MAX_NODES)
		return fail(b, at, "more than %d values", YAML_MAX_NODES);
	*out = node_new(b->arena, kind, at);
	return *out ? 0 : STATUS_NO_MEMORY;
}

static int on_scalar(struct builder *b, const yaml_event_t *event)
{
	struct yaml_node *node = NULL;
	int rc = node_begin(b, YAML_SCALAR, event, &node);
	if (rc == 0)
		rc = check_tag(b, (const char *)event->data.scalar.tag, node->at);
	if (rc == 0)
		rc = fill_scalar(b, node, event);
	if (rc == 0)
		rc = anchor_add(b, (const char *)event->data.scalar.anchor, node, false, NULL);
	return rc == 0 ? attach(b, node, node->at) : rc;
}

static int on_start(struct builder *b, enum yaml_kind kind, const yaml_event_t *event,
		    const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct yaml_node *node = NULL;
	int rc = node_begin(b, kind, event, &node);
	if (!node)
		return rc;
	if (b->depth == YAML_MAX_DEPTH)
		return fail(b, node->at, "nested more than %d levels deep", YAML_MAX_DEPTH);
	if (awaits_key(b))
		return fail(b, node->at, "a key must be a word, not a list or a mapping");
	rc = check_tag(b, (const char *)tag, node->at);
	if (rc < 0)
		return rc;
	struct frame *frame = &b->frames[b->depth++];
	*frame = (struct frame){.node = node};
	return anchor_add(b, (const char *)anchor, node, true, &frame->anchor);
}

static int on_end(struct builder *b)
{
	struct frame *frame = &b->frames[--b->depth];
	if (frame->anchor)
		frame->anchor->open = false;
	int rc = frame->node->kind == YAML_MAPPING ? finish_mapping(b, frame->node) : 0;
	return rc == 0 ? attach(b, frame->node, frame->node->at) : rc;
}

static int on_event(struct builder *b, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return b->root ? fail(b, position_of(b, &event->start_mark),
				      "a second document begins: only one is read")
			       : 0;
	case YAML_ALIAS_EVENT:
		return on_alias(b, (const char *)event->data.alias.anchor,
				position_of(b, &event->start_mark));
	case YAML_SCALAR_EVENT:
		return on_scalar(b, event);
	case YAML_SEQUENCE_START_EVENT:
		return on_start(b, YAML_SEQUENCE, event, event->data.sequence_start.anchor,
				event->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return on_start(b, YAML_MAPPING, event, event->data.mapping_start.anchor,
				event->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_end(b);
	default:
		return 0;
	}
}

/* --- syntax errors ---------------------------------------------------------------- */

/* libyaml's wording assumes that one knows its grammar; these say what to look for. */
static const struct {
	const char *problem, *context, *message;
	enum { AT_PROBLEM, NAMES_CONTEXT, AT_CONTEXT } where; /* NAMES: by %u, its line */
} translations[] = {
	{"mapping values are not allowed in this context", NULL,
	 "\": \" is not possible here: check the indentation, or put the value in quotes",
	 AT_PROBLEM},
	{"did not find expected key", "while parsing a block mapping",
	 "expected a key with the same indentation as in line %u", NAMES_CONTEXT},
	{"did not find expected '-' indicator", NULL,
	 "expected \"- \" with the same indentation as in line %u", NAMES_CONTEXT},
	{"did not find expected ',' or ']'", NULL,
	 "the list that begins in line %u is not closed: expected \",\" or \"]\"", NAMES_CONTEXT},
	{"did not find expected ',' or '}'", NULL,
	 "the mapping that begins in line %u is not closed: expected \",\" or \"}\"",
	 NAMES_CONTEXT},
	{"could not find expected ':'", NULL, "expected \": \" after the key in line %u",
	 NAMES_CONTEXT},
	{"found unexpected end of stream", "while scanning a quoted scalar",
	 "the quotes that open here are not closed", AT_CONTEXT},
	{"block sequence entries are not allowed in this context", NULL,
	 "\"- \" is not possible here: a list begins on a line of its own", AT_PROBLEM},
};

static bool is_tab_at(const struct source *source, size_t offset)
{
	return offset < source->text.len && source->text.ptr[offset] == '\t';
}

static struct position position_of_offset(const struct builder *b, size_t offset)
{
	struct position at = {b->source, 1, 1};
	const struct slice text = b->source->text;
	for (size_t i = 0; i < offset && i < text.len; i++) {
		bool newline = text.ptr[i] == '\n';
		at.line += newline;
		at.column = newline ? 1 : at.column + 1;
	}
	return at;
}

static int syntax_error(struct builder *b, const yaml_parser_t *parser)
{
	if (parser->error == YAML_MEMORY_ERROR)
		return STATUS_NO_MEMORY;
	const char *problem = parser->problem ? parser->problem : "not YAML";
	if (parser->error == YAML_READER_ERROR) {
		diagnostics_add(b->diagnostics, SEVERITY_ERROR,
				position_of_offset(b, parser->problem_offset), "", "%s",
				strstr(problem, "control characters")
					? "a control character cannot stand here"
					: "this is not UTF-8 text")
			->unquoted = true;
		return STATUS_INVALID;
	}
	struct position at = position_of(b, &parser->problem_mark);
	if (is_tab_at(b->source, parser->problem_mark.index))
		return fail(b, at, "a tab cannot be used here: indent with spaces");
	for (size_t i = 0; i < sizeof(translations) / sizeof(translations[0]); i++) {
		const char *context = translations[i].context;
		if (strcmp(problem, translations[i].problem) != 0)
			continue;
		if (context && (!parser->context || strcmp(parser->context, context) != 0))
			continue;
		const char *message = translations[i].message;
		const char *number = strstr(message, "%u");
		if (translations[i].where == AT_CONTEXT)
			return fail(b, position_of(b, &parser->context_mark), "%s", message);
		if (translations[i].where == AT_PROBLEM || !number)
			return fail(b, at, "%s", message);
		return fail(b, at, "%.*s%u%s", (int)(number - message), message,
			    (unsigned)parser->context_mark.line + 1, number + 2);
	}
	return fail(b, at, "%s", problem);
}

static int run(struct builder *b, yaml_parser_t *parser)
{
	for (;;) {
		yaml_event_t event;
		if (!yaml_parser_parse(parser, &event))
			return syntax_error(b, parser);
		bool end = event.type == YAML_STREAM_END_EVENT;
		int rc = on_event(b, &event);
		yaml_event_delete(&event);
		if (rc < 0 || end)
			return rc == 0 && b->wrong ? STATUS_INVALID : rc;
	}
}

int yaml_parse(const struct yaml_node **out, const struct source *source,
	       const struct yaml_variables *variables, struct diagnostics *diagnostics)
{
	struct position start = {source, 0, 0};
	yaml_parser_t parser;
	struct builder *b = arena_alloc(diagnostics->arena, sizeof(*b));
	int rc = STATUS_NO_MEMORY;
	if (!b || !yaml_parser_initialize(&parser))
		goto out;
	*b = (struct builder){.source = source,
			      .variables = variables,
			      .diagnostics = diagnostics,
			      .arena = diagnostics->arena};
	if (source->text.len > YAML_MAX_BYTES) {
		rc = fail(b, start, "larger than %zu MiB", YAML_MAX_BYTES >> 20);
	} else {
		yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
		yaml_parser_set_input_string(&parser, (const unsigned char *)source->text.ptr,
					     source->text.len);
		rc = run(b, &parser);
	}
	yaml_parser_delete(&parser);
	if (rc == 0 && !b->root)
		b->root = node_new(b->arena, YAML_SCALAR, (struct position){source, 1, 1});
	if (rc == 0 && !b->root)
		rc = STATUS_NO_MEMORY;
	if (rc == 0)
		*out = b->root;
out:
	if (rc == STATUS_NO_MEMORY)
		diagnostics_add(diagnostics, SEVERITY_ERROR, start, "",
				"needs more memory than a configuration may");
	return rc;
}

/* --- laying trees over each other -------------------------------------------------- */

const struct yaml_node *yaml_merge(struct arena *arena, const struct yaml_node *base,
				   const struct yaml_node *over)
{
	if (yaml_is_null(over))
		return base ? base : over;
	if (yaml_is_null(base) || base->kind != YAML_MAPPING || over->kind != YAML_MAPPING)
		return over;
	struct yaml_node *merged = node_new(arena, YAML_MAPPING, over->at);
	if (!merged)
		return NULL;
	for (const struct yaml_entry *e = base->first; e; e = e->next) {
		const struct yaml_entry *mine = yaml_find(over, e->key->text.ptr);
		const struct yaml_node *value =
			mine ? yaml_merge(arena, e->value, mine->value) : e->value;
		if (!value || !entry_add(arena, merged, mine ? mine->key : e->key, value))
			return NULL;
	}
	for (const struct yaml_entry *e = over->first; e; e = e->next) {
		if (!yaml_find(base, e->key->text.ptr) &&
		    !entry_add(arena, merged, e->key, e->value))
			return NULL;
	}
	return merged;
}

const struct yaml_node *yaml_nest(struct arena *arena, struct slice path,
				  const struct yaml_node *value)
{
	while (value) {
		const char *dot = memrchr(path.ptr, '.', path.len);
		const char *name = dot ? dot + 1 : path.ptr;
		struct slice key_text = {name, (size_t)(path.ptr + path.len - name)};
		struct yaml_node *key = node_new(arena, YAML_SCALAR, value->at);
		struct yaml_node *node = node_new(arena, YAML_MAPPING, value->at);
		const char *copy = arena_strdup(arena, key_text);
		if (!key || !node || !copy)
			return NULL;
		key->text = (struct slice){copy, key_text.len};
		if (!entry_add(arena, node, key, value))
			return NULL;
		value = node;
		if (!dot)
			return value;
		path.len = (size_t)(dot - path.ptr);
	}
	return NULL;
}

/* --- writing ----------------------------------------------------------------------- */

static bool reads_as_text(struct slice text)
{
	static const char *const words[] = {"true", "false", "null", "yes", "no",
					    "on",   "off",   "y",    "n",   "~"};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i]) == text.len && !strncasecmp(words[i], text.ptr, text.len))
			return false;
	}
	/* A number has one point at most: 10.0.0.0/8 is text. */
	unsigned points = 0;
	for (size_t i = 0; i < text.len; i++)
		points += text.ptr[i] == '.';
	char c = text.ptr[0];
	bool digit = c >= '0' && c <= '9';
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' || c == '_' ||
	       (digit && points > 1);
}

/* Letters, digits and marks that are plain anywhere, so also in a flow list. */
static bool is_plain(struct slice text)
{
	if (!text.len || !reads_as_text(text))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || strchr("_-./+@%=*$", c);
		bool colon = c == ':' && i + 1 < text.len;
		if (!c || (!word && !colon))
			return false;
	}
	return true;
}

/* The length of a character at `at` that YAML takes for a line break, a mark or no text; 0: of none. */
static size_t special_length(struct slice text, size_t at)
{
	const unsigned char *c = (const unsigned char *)text.ptr + at;
	size_t left = text.len - at;
	if (left >= 2 && c[0] == 0xc2 && c[1] < 0xa0)
		return 2;
	if (left >= 3 && ((c[0] == 0xe2 && c[1] == 0x80 && (c[2] == 0xa8 || c[2] == 0xa9)) ||
			  (c[0] == 0xef && c[1] == 0xbb && c[2] == 0xbf)))
		return 3;
	return 0;
}

static void append_special(struct buf *out, const char *text, size_t len)
{
	const unsigned char *c = (const unsigned char *)text;
	unsigned code = len == 2 ? (c[0] & 0x1fu) << 6 | (c[1] & 0x3fu)
				 : (c[0] & 0x0fu) << 12 | (c[1] & 0x3fu) << 6 | (c[2] & 0x3fu);
	buf_appendf(out, "\\u%04x", code);
}

void yaml_append_text(struct buf *out, struct slice text)
{
	bool plain = is_plain(text);
	if (!plain)
		buf_append_byte(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		size_t special = special_length(text, i);
		if (special) {
			append_special(out, text.ptr + i, special);
			i += special - 1;
		} else if (c == '$') {
			buf_append_cstr(out, "$$");
		} else if (c == '"' || c == '\\') {
			buf_appendf(out, "\\%c", c);
		} else if (c == '\n') {
			buf_append_cstr(out, "\\n");
		} else if (c < 0x20 || c == 0x7f) {
			buf_appendf(out, "\\x%02x", c);
		} else {
			buf_append_byte(out, c);
		}
	}
	if (!plain)
		buf_append_byte(out, '"');
}
