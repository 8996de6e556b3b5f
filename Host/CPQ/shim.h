#include <libpq-fe.h>

static inline void cpq_ignore(void *unused, const PGresult *notice) { (void)unused; (void)notice; }

/* Notices (a table that exists already, a long query) go nowhere: libpq would write them to standard error. */
static inline void cpq_hush(PGconn *connection) { PQsetNoticeReceiver(connection, cpq_ignore, (void *)0); }

/* What PQnotifies returns, whose fields Swift reads through here because it must be freed with PQfreemem. */
static inline const char *cpq_channel(const PGnotify *notice) { return notice->relname; }
static inline const char *cpq_payload(const PGnotify *notice) { return notice->extra; }

/* The characters of PG_DIAG_*, which are character literals that Swift does not import. */
static inline const char *cpq_state(const PGresult *result) { return PQresultErrorField(result, PG_DIAG_SQLSTATE); }
static inline const char *cpq_primary(const PGresult *result) { return PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY); }
static inline const char *cpq_detail(const PGresult *result) { return PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL); }
static inline const char *cpq_table(const PGresult *result) { return PQresultErrorField(result, PG_DIAG_TABLE_NAME); }
static inline const char *cpq_column(const PGresult *result) { return PQresultErrorField(result, PG_DIAG_COLUMN_NAME); }
static inline const char *cpq_constraint(const PGresult *result) { return PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME); }
