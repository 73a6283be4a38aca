// Package duck runs SQL over a copy's files in DuckDB: linked in, or, in programs built without it, through a duckdb
// program on PATH. Both answer the same: every value as the text that DuckDB itself casts it to, beside its type.
//
// A session reads what it was given and nothing else: no other file, no network, no extension (G15). Whether a statement
// may run is ask's to say. The host never links this.
package duck
