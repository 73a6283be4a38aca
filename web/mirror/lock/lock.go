// Package lock lets one process at a time change a workspace. The system gives a lock back when its process dies.
//
// Imported by mirror.
package lock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Held is the error of a lock that another process has. PID is 0 where it cannot be told.
type Held struct{ PID int }

// Error implements error.
func (h *Held) Error() string {
	if h.PID == 0 {
		return "another pull of this workspace is running"
	}
	return fmt.Sprintf("another pull of this workspace is running: process %d", h.PID)
}

// Take takes a lock; another holder is waited for so long. The pid lies beside it: some systems let nobody read a locked
// file.
func Take(ctx context.Context, path string, wait time.Duration) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	file := flock.New(path)
	got, err := file.TryLock()
	if err == nil && !got && wait > 0 {
		waiting, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		got, err = file.TryLockContext(waiting, 100*time.Millisecond)
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			err = nil
		}
	}
	if err != nil {
		return nil, err
	}
	if !got {
		return nil, &Held{holder(path)}
	}
	if err := os.WriteFile(path+".pid", []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
		return nil, errors.Join(err, file.Unlock())
	}
	return func() {
		os.Remove(path + ".pid")
		file.Close() //nolint:errcheck // the process's end would release it too
	}, nil
}

func holder(path string) int {
	text, err := os.ReadFile(path + ".pid")
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}
