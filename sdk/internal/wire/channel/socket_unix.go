//go:build unix

package channel

import (
	"errors"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// kindOf says what a descriptor is; 0 if it is not there.
func kindOf(number int) uint32 {
	var stat unix.Stat_t
	if unix.Fstat(number, &stat) != nil {
		return 0
	}
	return uint32(stat.Mode) & unix.S_IFMT //nolint:unconvert // 16 bits elsewhere
}

// readable says whether bytes wait that nobody has read. It takes one.
func readable(descriptor uintptr) bool {
	n, err := unix.Read(int(descriptor), make([]byte, 1))
	return err == nil && n > 0
}

// socketRoom is asked for each way. Systems give less, as they are set up.
const socketRoom = 4 << 20

// socketPair opens a channel over a pair of sockets, for systems whose pipes are narrow.
func socketPair() (*Receiver, *os.File, error) {
	syscall.ForkLock.RLock() // no process may be started before both are marked
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(ends[0])
		unix.CloseOnExec(ends[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	_ = unix.SetsockoptInt(ends[0], unix.SOL_SOCKET, unix.SO_RCVBUF, socketRoom) // less is slower, no more
	_ = unix.SetsockoptInt(ends[1], unix.SOL_SOCKET, unix.SO_SNDBUF, socketRoom)
	host, err := conn(ends[0])
	plugin := os.NewFile(uintptr(ends[1]), "channel")
	if err != nil {
		return nil, nil, errors.Join(err, plugin.Close())
	}
	return newReceiver(host), plugin, nil
}

// conn takes over a descriptor.
func conn(number int) (*net.UnixConn, error) {
	file := os.NewFile(uintptr(number), "channel")
	c, err := net.FileConn(file) // has a descriptor of its own
	err = errors.Join(err, file.Close())
	if err != nil {
		return nil, err
	}
	s, ok := c.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errors.New("the channel is no socket of this machine"), c.Close())
	}
	return s, nil
}

// openSocket opens an inherited socket. What is no socket is none of ours.
func openSocket(number int) (*Sender, error) {
	if kindOf(number) != unix.S_IFSOCK {
		return nil, nil
	}
	unix.CloseOnExec(number)
	c, err := conn(number)
	if err != nil {
		return nil, err
	}
	return &Sender{sink: socket{c}}, nil
}

// socket copies what is written into the kernel.
type socket struct{ *net.UnixConn }

// unread implements sink: nothing is lent.
func (socket) unread() uint64 { return 0 }

// write implements sink.
func (s socket) write(parts [][]byte) error {
	buffers := net.Buffers(parts)
	_, err := buffers.WriteTo(s.UnixConn)
	return err
}
