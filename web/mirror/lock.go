package mirror

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// lock takes the workspace for one process; another one waits so long, or leaves naming the holder (Y4). The system gives
// the lock back when a process dies. The pid lies beside it: some systems let nobody read a locked file.
func (w *Workspace) lock(ctx context.Context, wait time.Duration) (unlock func(), err error) {
	if err := os.MkdirAll(w.path(".analyst"), 0o755); err != nil {
		return nil, onDisk(err, "make .analyst")
	}
	file := flock.New(w.path(".analyst/lock"))
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
		return nil, onDisk(err, "lock the workspace")
	}
	if !got {
		return nil, wrong(locked, fault.Transient, nil, "Wait for it to end, or give a time to wait: analyst pull --wait 10m", "another pull of this workspace is running%s", w.holder())
	}
	if err := os.WriteFile(w.path(".analyst/lock.pid"), []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
		return nil, onDisk(errors.Join(err, file.Unlock()), "lock the workspace")
	}
	return func() {
		os.Remove(w.path(".analyst/lock.pid"))
		file.Close() //nolint:errcheck // the process's end would release it too
	}, nil
}

func (w *Workspace) holder() string {
	text, err := os.ReadFile(w.path(".analyst/lock.pid"))
	if err != nil {
		return ""
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(": process %d", pid)
}
