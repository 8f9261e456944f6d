#include "telemetry/log_stream.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "telemetry/value_text.h"
#include "wire/native_column.h"

struct label_source {
	struct slice attribute, label;
};

/* Sorted by label. */
static const struct label_source sources[LOG_STREAM_LABELS] = {
	{SLICE("cloud.availability_zone"), SLICE("cloud_availability_zone")},
	{SLICE("cloud.region"), SLICE("cloud_region")},
	{SLICE("container.name"), SLICE("container_name")},
	{SLICE("deployment.environment"), SLICE("deployment_environment")},
	{SLICE("deployment.environment.name"), SLICE("deployment_environment_name")},
	{SLICE("k8s.cluster.name"), SLICE("k8s_cluster_name")},
	{SLICE("k8s.container.name"), SLICE("k8s_container_name")},
	{SLICE("k8s.cronjob.name"), SLICE("k8s_cronjob_name")},
	{SLICE("k8s.daemonset.name"), SLICE("k8s_daemonset_name")},
	{SLICE("k8s.deployment.name"), SLICE("k8s_deployment_name")},
	{SLICE("k8s.job.name"), SLICE("k8s_job_name")},
	{SLICE("k8s.namespace.name"), SLICE("k8s_namespace_name")},
	{SLICE("k8s.pod.name"), SLICE("k8s_pod_name")},
	{SLICE("k8s.replicaset.name"), SLICE("k8s_replicaset_name")},
	{SLICE("k8s.statefulset.name"), SLICE("k8s_statefulset_name")},
	{SLICE("service.instance.id"), SLICE("service_instance_id")},
	{SLICE("service.name"), SLICE("service_name")},
	{SLICE("service.namespace"), SLICE("service_namespace")},
};

unsigned log_stream_labels(const struct batch_common *batch, const struct resource *resource,
			   struct log_stream_label labels[LOG_STREAM_LABELS])
{
	unsigned count = 0;
	for (unsigned i = 0; i < LOG_STREAM_LABELS; i++) {
		const struct attr *found = NULL;
		for (uint32_t j = 0; j < resource->attrs.count && !found; j++) {
			const struct attr *attr = &batch->attrs[resource->attrs.first + j];
			if (slice_eq(batch->keys[attr->key], sources[i].attribute))
				found = attr;
		}
		struct log_stream_label label = {.name = sources[i].label};
		if (found)
			label.value = found->value;
		else if (slice_eq_cstr(sources[i].attribute, "service.name"))
			label.value = (struct value){
				.ptr = "unknown_service", .len = 15, .type = VALUE_STRING};
		else
			continue;
		labels[count++] = label;
	}
	return count;
}

uint64_t log_stream_id(const struct log_stream_label *labels, unsigned count, struct buf *scratch)
{
	struct buf text = BUF_INIT;
	buf_clear(scratch);
	for (unsigned i = 0; i < count; i++) {
		buf_clear(&text);
		value_text(&text, labels[i].value);
		native_append_string(scratch, labels[i].name);
		native_append_string(scratch, buf_slice(&text));
	}
	buf_release(&text);
	return XXH3_64bits(scratch->data, scratch->len);
}
