package engine

import "syscall"

// rlimitData is Linux's RLIMIT_DATA (asm-generic/resource.h); package syscall names it on some platforms only.
const rlimitData = 2

// room is what the process needs beside its queries: Go, the library, stacks of threads.
const room = 1 << 30

// limitMemory bounds what the process can write to. DuckDB keeps to its own limit where it counts; single functions
// allocate beside it, and then fail with an error of that query.
func limitMemory(bytes int64) error {
	limit := syscall.Rlimit{Cur: uint64(bytes + room), Max: uint64(bytes + room)}
	var now syscall.Rlimit
	if err := syscall.Getrlimit(rlimitData, &now); err != nil {
		return err
	}
	limit.Cur, limit.Max = min(limit.Cur, now.Max), now.Max
	return syscall.Setrlimit(rlimitData, &limit)
}
