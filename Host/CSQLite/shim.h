#include <sqlite3.h>

/* Settings behind SQLite's variadic sqlite3_db_config: no writes to internal tables, no trust in functions and virtual tables that a schema names unless the
 * caller says so, no double-quoted strings that fall back from identifiers. Returns an SQLite result code. */
static inline int csqlite_harden(sqlite3 *db, int trusts_schema) {
    int code = sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
    if (code == SQLITE_OK) code = sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, trusts_schema, (int *)0);
    if (code == SQLITE_OK) code = sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, (int *)0);
    if (code == SQLITE_OK) code = sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, (int *)0);
    return code;
}
