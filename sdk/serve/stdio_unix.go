//go:build unix

package serve

import (
	"os"

	"golang.org/x/sys/unix"
)

// redirectStdout makes descriptor 1 another name of stderr, so that nothing printed by anybody can break the handshake,
// and leaves the real one in os.Stdout for go-plugin's one line.
func redirectStdout() error {
	kept, err := unix.Dup(1)
	if err != nil {
		return err
	}
	unix.CloseOnExec(kept)
	if err := unix.Dup2(2, 1); err != nil {
		return err
	}
	os.Stdout = os.NewFile(uintptr(kept), "handshake")
	return nil
}

func closeOnExec(fd int) { unix.CloseOnExec(fd) }
