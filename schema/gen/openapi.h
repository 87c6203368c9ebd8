/* SPDX-License-Identifier: Apache-2.0 */
/* The two halves of openapi.yaml. */
#ifndef SCHEMA_GEN_OPENAPI_H
#define SCHEMA_GEN_OPENAPI_H

/* A quoted scalar and the end of the line. */
void yaml_text(const char *s);

/* The object of replies.def that a request is answered with.  If there is none
 * the program ends with a message. */
const char *openapi_answer(const char *method, const char *path);

/* One line for each HTTP status of errors.def, below `responses`. */
void openapi_refer_failures(void);

void openapi_print_components(void);

#endif
