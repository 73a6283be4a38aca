//go:build unix

package channel

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// SocketPair is Pair of systems with narrow pipes.
var SocketPair = socketPair

// Hurry shortens how long a body may take to come on.
func (r *Receiver) Hurry(d time.Duration) { r.patience = d }

// Open opens the plugin's end as a process that has inherited it, and closes file.
func Open(file *os.File) (*Sender, error) {
	number, err := unix.Dup(int(file.Fd()))
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	return open(number)
}
