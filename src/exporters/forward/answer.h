/* Reading what a peer answers to an OTLP request. */
#ifndef TRIPOD_EXPORTERS_FORWARD_ANSWER_H
#define TRIPOD_EXPORTERS_FORWARD_ANSWER_H

#include "exporters/forward/transport.h"

/* An Export…Response: its partial_success. One that cannot be read says nothing. */
void answer_read_protobuf(struct forward_answer *answer, struct slice response);
/* The same in JSON. */
void answer_read_json(struct forward_answer *answer, enum signal signal, struct slice response);
/* Sets the message, control characters left out. */
void answer_say(struct forward_answer *answer, const char *prefix, struct slice text);

#endif
