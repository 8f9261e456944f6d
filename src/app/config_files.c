#include "app/config_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, struct buf *out)
{
	ssize_t n;
	for (;;) {
		if (!buf_reserve(out, 65536))
			return EFBIG;
		n = read(fd, out->data + out->len, out->capacity - out->len);
		if (n == 0)
			return 0;
		if (n > 0)
			out->len += (size_t)n;
		else if (errno != EINTR)
			return errno;
	}
}

/* The file's text in the arena of `config`; a message when it cannot be read. */
static int read_file(struct config *config, const char *path, struct config_text *out)
{
	bool standard_input = !strcmp(path, "-");
	struct buf text;
	buf_init_limited(&text,
			 YAML_MAX_BYTES + 131072); /* larger than that is refused by yaml_parse */
	int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	int problem = fd < 0 ? errno : read_all(fd, &text);
	if (fd >= 0 && !standard_input)
		close(fd);
	*out = (struct config_text){standard_input ? "standard input" : path, {"", 0}};
	char *copy = problem ? NULL : arena_strdup(&config->arena, buf_slice(&text));
	if (copy)
		out->text = (struct slice){copy, text.len};
	buf_release(&text);
	if (copy)
		return 0;
	struct source *source = arena_alloc(&config->arena, sizeof(*source));
	if (source)
		*source = (struct source){out->name, {"", 0}, false};
	diagnostics_add(&config->diagnostics, SEVERITY_ERROR, (struct position){source, 0, 0}, "",
			"%s",
			problem == EFBIG ? "too large for a configuration"
					 : strerror(problem ? problem : ENOMEM));
	return STATUS_INVALID;
}

static int load(struct config *config, const struct command_line *line, const char *const *files,
		size_t file_count)
{
	struct config_text *texts = arena_array(&config->arena, file_count + 1, sizeof(*texts));
	const char **sets = arena_array(&config->arena, line->argument_count + 1, sizeof(*sets));
	if (!texts || !sets)
		return STATUS_NO_MEMORY;
	struct config_request request = {.texts = texts,
					 .sets = sets,
					 .variables = &environment_variables,
					 .registry = &builtin_components};
	int rc = 0;
	for (size_t i = 0; i < file_count; i++) {
		if (read_file(config, files[i], &texts[request.text_count++]) < 0)
			rc = STATUS_INVALID;
	}
	const char *set, *data = command_value(line, "data");
	while ((set = command_nth(line, "set", request.set_count)))
		sets[request.set_count++] = set;
	if (data) {
		struct buf text = BUF_INIT;
		buf_append_cstr(&text, "storage.data_dir=");
		yaml_append_text(&text, slice_of(data));
		sets[request.set_count] = arena_strdup(&config->arena, buf_slice(&text));
		buf_release(&text);
		if (!sets[request.set_count++])
			return STATUS_NO_MEMORY;
	}
	return rc < 0 ? rc : config_load(config, &request);
}

void config_complain(const struct config *config)
{
	struct buf text = BUF_INIT;
	diagnostics_print(&config->diagnostics, &text, command_colour(STDERR_FILENO));
	command_complain(&text);
	buf_release(&text);
}

int config_from_file(struct config *config, const struct command_line *line, const char *file)
{
	return load(config, line, &file, 1);
}

static int load_command_line(struct config *config, const struct command_line *line)
{
	const char **files = arena_array(&config->arena, line->argument_count + 1, sizeof(*files));
	if (!files)
		return STATUS_NO_MEMORY;
	size_t count = 0;
	const char *file;
	while ((file = command_nth(line, "config", count)))
		files[count++] = file;
	return load(config, line, files, count);
}

int config_check_command_line(struct config *config, const struct command_line *line,
			      struct buf *messages)
{
	int rc = load_command_line(config, line);
	if (rc == 0)
		rc = config_check_certificates(config);
	diagnostics_print(&config->diagnostics, messages, false);
	return rc;
}

int config_from_command_line(struct config *config, const struct command_line *line)
{
	int rc = load_command_line(config, line);
	config_complain(config);
	return rc;
}
