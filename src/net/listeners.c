#include "net/listeners.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "net/tls.h"

struct listener {
	struct listener *next;
	char name[64];
	char address[128];
	char error[400]; /* "": it listens */
	struct http_server *server;
	struct tls_server *tls; /* NULL: cleartext */
};

struct listeners {
	struct listeners_options options;
	pthread_mutex_t lock;
	pthread_cond_t closed;
	struct listener *first, **tail;
	unsigned open;
};

int listeners_new(struct listeners **out, const struct listeners_options *options,
		  struct error *err)
{
	struct listeners *listeners = calloc(1, sizeof(*listeners));
	if (!listeners)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	listeners->options = *options;
	listeners->tail = &listeners->first;
	pthread_mutex_init(&listeners->lock, NULL);
	pthread_cond_init(&listeners->closed, NULL);
	*out = listeners;
	return 0;
}

static void on_closed(void *arg)
{
	struct listeners *listeners = arg;
	pthread_mutex_lock(&listeners->lock);
	listeners->open--;
	pthread_cond_broadcast(&listeners->closed);
	pthread_mutex_unlock(&listeners->lock);
}

void listeners_stop(struct listeners *listeners, unsigned grace_ms)
{
	for (struct listener *listener = listeners->first; listener; listener = listener->next) {
		if (listener->server)
			http_server_stop(listener->server, grace_ms, on_closed, listeners);
		listener->server = NULL;
	}
	pthread_mutex_lock(&listeners->lock);
	while (listeners->open)
		pthread_cond_wait(&listeners->closed, &listeners->lock);
	pthread_mutex_unlock(&listeners->lock);
}

void listeners_free(struct listeners *listeners)
{
	if (!listeners)
		return;
	while (listeners->first) {
		struct listener *listener = listeners->first;
		listeners->first = listener->next;
		tls_server_free(listener->tls);
		free(listener);
	}
	pthread_mutex_destroy(&listeners->lock);
	pthread_cond_destroy(&listeners->closed);
	free(listeners);
}

static void copy(char *to, size_t size, const char *from)
{
	size_t len = strnlen(from, size - 1);
	memcpy(to, from, len);
	to[len] = '\0';
}

static int start(struct listeners *listeners, struct listener *listener,
		 const struct http_server_options *wanted, const struct tls_listen_options *tls,
		 struct error *err)
{
	const struct listeners_options *common = &listeners->options;
	struct http_server_options options = *wanted;
	options.pool = common->chunks;
	options.max_pool_use = common->max_pool_use;
	options.allowed_hosts = common->allowed_hosts;
	options.allowed_host_count = common->allowed_host_count;
	if (common->guard)
		common->guard(common->access, &options);
	if (tls) {
		struct tls_server_options files = {.cert_file = tls->cert_file,
						   .key_file = tls->key_file,
						   .client_ca_file = tls->client_ca_file};
		int rc = tls_server_new(&listener->tls, &files, err);
		if (rc < 0)
			return rc;
		options.tls = listener->tls;
	}
	return http_server_start(&listener->server, common->loops, common->loop_count, &options,
				 err);
}

int listeners_add(struct listeners *listeners, const struct http_server_options *options,
		  const struct tls_listen_options *tls, const char *setting)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	if (!listener)
		return STATUS_NO_MEMORY;
	struct error err = {0};
	int rc = start(listeners, listener, options, tls, &err);
	copy(listener->name, sizeof(listener->name), options->name);
	if (rc < 0) {
		copy(listener->address, sizeof(listener->address), options->address);
		copy(listener->error, sizeof(listener->error), err.message);
		log_error("a listener could not be started; its option moves it elsewhere",
			  LOG_STR("listener", options->name), LOG_STR("option", setting),
			  LOG_STR("error", err.message));
	} else {
		copy(listener->address, sizeof(listener->address),
		     http_server_address(listener->server));
	}
	pthread_mutex_lock(&listeners->lock);
	listeners->open += rc == 0;
	*listeners->tail = listener;
	listeners->tail = &listener->next;
	pthread_mutex_unlock(&listeners->lock);
	return rc;
}

bool listeners_get(struct listeners *listeners, size_t index, struct listener_info *out)
{
	pthread_mutex_lock(&listeners->lock);
	struct listener *listener = listeners->first;
	for (; listener && index; index--)
		listener = listener->next;
	pthread_mutex_unlock(&listeners->lock);
	if (!listener)
		return false;
	*out = (struct listener_info){.name = listener->name,
				      .address = listener->address,
				      .error = *listener->error ? listener->error : NULL,
				      .tls = listener->tls};
	return true;
}

/* "4317" of "127.0.0.1:4317"; of a Unix socket all of it. */
static const char *end_of(const char *address)
{
	const char *colon = strrchr(address, ':');
	return colon && strncmp(address, "unix:", 5) ? colon + 1 : address;
}

int listeners_probe(struct listeners *listeners, const char *address, struct error *err)
{
	struct listener_info info;
	for (size_t i = 0; listeners_get(listeners, i, &info); i++) {
		if (!info.error && !strcmp(end_of(info.address), end_of(address)))
			return 0;
	}
	return http_address_probe(address, err);
}
