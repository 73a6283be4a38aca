//go:build unix

package channel

import (
	"os"

	"golang.org/x/sys/unix"
)

// SocketPair is Pair of systems with narrow pipes.
var SocketPair = socketPair

// Patience is how long a body may take to come on.
const Patience = patience

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
