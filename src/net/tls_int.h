/* TLS on a transport. Private to net/. */
#ifndef TRIPOD_NET_TLS_INT_H
#define TRIPOD_NET_TLS_INT_H

#include "net/tls.h"
#include "net/transport.h"

/*
 * Puts TLS on a transport on which nothing was sent or received. The handshake happens
 * within reading and flushing. Returns 0 or STATUS_NO_MEMORY.
 */
int transport_start_tls_server(struct transport *t, struct tls_server *tls);
/* `host` is verified and sent as SNI, unless the options name another. */
int transport_start_tls_client(struct transport *t, struct tls_client *tls, const char *host);
bool transport_is_handshaking(const struct transport *t);
/* After the handshake: what ALPN chose ("h2"), or "". */
struct slice transport_alpn(const struct transport *t);
/* Why TLS failed, for a message; "" when it did not. */
void transport_tls_error(const struct transport *t, char *text, size_t size);

#endif
