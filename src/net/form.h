/* application/x-www-form-urlencoded text: a query string, or the body of a form. */
#ifndef TRIPOD_NET_FORM_H
#define TRIPOD_NET_FORM_H

#include "base/arena.h"

/*
 * The decoded value of the `index`th (from 0) parameter `name`, in `arena`; ptr NULL when
 * there is none. '+' is a space; a '%' that encodes nothing stands for itself.
 */
struct slice form_value(struct slice form, const char *name, size_t index, struct arena *arena);

/* Undoes the encoding of a name or a value; a zero byte follows. ptr NULL: the arena is full. */
struct slice form_decode(struct slice text, struct arena *arena);

#endif
