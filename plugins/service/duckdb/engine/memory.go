//go:build cgo

package engine

// DuckDB's allocator (jemalloc) keeps address space that it has freed. Under limitMemory that would be memory which no
// later query gets: a few greedy ones would end the engine for everybody. The variable is jemalloc's own place for
// options of a program; where the library has no jemalloc nothing reads it.

// const char *duckdb_je_malloc_conf_2_conf_harder = "retain:false,dirty_decay_ms:0,muzzy_decay_ms:0";
import "C"
