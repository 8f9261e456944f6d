#include "app/components.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "app/config.h"
#include "app/known_components.h"

/* Defaults are text and are parsed like a user's: all must be right. */
static void check_defaults(const struct option_table *table, const char *path)
{
	struct arena arena;
	struct diagnostics diagnostics;
	arena_init(&arena, 1 << 20);
	diagnostics_init(&diagnostics, &arena);
	void *value = arena_alloc(&arena, table->size);
	assert_non_null(value);
	options_parse(table, NULL, path, value, &diagnostics);
	for (const struct diagnostic *d = diagnostics.first; d; d = d->next) {
		bool about_default = strstr(d->message, "found \"") != NULL;
		if (about_default)
			fail_msg("%s: %s", d->path, d->message);
	}
	arena_release(&arena);
}

static void check_rows(const struct option_table *table, const char *path)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct option *o = &table->options[i];
		if (!o->doc && !o->ignored && !o->missing)
			fail_msg("%s.%s has no documentation", path, o->name);
		if (o->type == OPTION_ENUM)
			assert_non_null(o->choices);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(o->name, table->options[j].name);
		if (o->table) {
			char below[200];
			snprintf(below, sizeof(below), "%s.%s", path, o->name);
			check_rows(o->table, below);
		}
	}
}

static void test_tables(void **state)
{
	for (enum component_kind kind = 0; kind < COMPONENT_KIND_COUNT; kind++) {
		const struct component_type *type;
		for (size_t i = 0; (type = registry_get(&builtin_components, kind, i)); i++) {
			assert_true(type->signals);
			assert_non_null(type->summary);
			check_rows(type->options, type->name);
			check_defaults(type->options, type->name);
		}
	}
	for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++) {
		check_rows(config_sections[i].table, config_sections[i].name);
		check_defaults(config_sections[i].table, config_sections[i].name);
	}
	check_rows(&service_option_table, "service");
	check_defaults(&service_option_table, "service");
}

static void test_registry(void **state)
{
	const struct component_registry *r = &builtin_components;
	const struct component_type *otlp = registry_find(r, COMPONENT_EXPORTER, "otlp");
	assert_non_null(otlp);
	assert_ptr_equal(registry_find(r, COMPONENT_EXPORTER, "otlp_grpc"), otlp);
	assert_ptr_not_equal(registry_find(r, COMPONENT_RECEIVER, "otlp"), otlp);
	assert_null(registry_find(r, COMPONENT_RECEIVER, "prometheus"));
	assert_true(is_known_component(COMPONENT_RECEIVER, "prometheus"));
	assert_false(is_known_component(COMPONENT_EXPORTER, "hostmetrics"));
	assert_non_null(extension_replacement("health_check"));
	assert_null(extension_replacement("basicauth"));
	assert_string_equal(component_successor(COMPONENT_EXPORTER, "logging"),
			    "its successor is debug");
	assert_null(component_successor(COMPONENT_RECEIVER, "logging"));
}

/* Nothing is called "not built" that is. */
static void test_known_are_not_built(void **state)
{
	for (enum component_kind kind = 0; kind < COMPONENT_KIND_COUNT; kind++) {
		const struct component_type *type;
		for (size_t i = 0; (type = registry_get(&builtin_components, kind, i)); i++)
			assert_false(is_known_component(kind, type->name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_registry),
		cmocka_unit_test(test_known_are_not_built),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
