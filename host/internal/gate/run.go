package gate

import "context"

// job is one rsync.
type job struct {
	args    []string
	dir     string // where it runs, and all that it may touch
	writes  bool   // it may write there
	streams Streams
	watch   func(context.Context) error // asked every lookEvery; an error ends rsync
}
