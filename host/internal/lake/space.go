package lake

import "github.com/ai-data-analyst/broker/host/internal/lake/disk"

// Space returns the free bytes of the file system that holds the lake's folder, and whether a new run may begin there.
func (l *Lake) Space() (free uint64, enough bool, err error) { return disk.Space(l.options.Dir) }
