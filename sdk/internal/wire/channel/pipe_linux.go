package channel

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Pair opens a channel: the host's end, and the plugin's, which is to be handed down and then closed. On Linux it is a
// pipe, to which a process can lend its memory instead of copying it.
func Pair() (*Receiver, *os.File, error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, nil, os.NewSyscallError("pipe2", err)
	}
	if _, err := unix.FcntlInt(uintptr(ends[0]), unix.F_SETPIPE_SZ, room); err != nil {
		_, _ = unix.FcntlInt(uintptr(ends[0]), unix.F_SETPIPE_SZ, roomLess) // a narrow one works too
	}
	return newReceiver(os.NewFile(uintptr(ends[0]), "channel")), os.NewFile(uintptr(ends[1]), "channel"), nil
}

// open opens an inherited pipe or, from a host of another make, a socket.
func open(number int) (*Sender, error) {
	if kindOf(number) != unix.S_IFIFO {
		return openSocket(number)
	}
	unix.CloseOnExec(number)
	size, err := unix.FcntlInt(uintptr(number), unix.F_GETPIPE_SZ, 0)
	if err == nil {
		err = unix.SetNonblock(number, true)
	}
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(uintptr(number), "channel")
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &Sender{sink: &pipe{File: file, raw: raw, size: uint64(size)}}, nil
}

// pipe lends the memory of what it writes to the kernel, from where the host's reading copies it: once in all.
type pipe struct {
	*os.File
	raw    syscall.RawConn
	size   uint64
	copies bool // this system does not lend
}

// unread implements sink: no more than fits can be unread.
func (p *pipe) unread() uint64 { return p.size }

// maxParts is how many parts one call of the system takes.
const maxParts = 1024

// write implements sink.
func (p *pipe) write(parts [][]byte) error {
	for len(parts) > 0 {
		var n int
		var err error
		waitErr := p.raw.Write(func(descriptor uintptr) bool {
			n, err = p.push(int(descriptor), parts[:min(len(parts), maxParts)])
			return !errors.Is(err, unix.EAGAIN)
		})
		if waitErr != nil {
			return waitErr
		}
		if err != nil {
			return err
		}
		parts = after(parts, n)
	}
	return nil
}

// after is what is left of parts when n bytes of them are written.
func after(parts [][]byte, n int) [][]byte {
	for len(parts) > 0 && n >= len(parts[0]) {
		n -= len(parts[0])
		parts = parts[1:]
	}
	if len(parts) > 0 {
		parts[0] = parts[0][n:]
	}
	return parts
}

// push writes once, and lends where the system can.
func (p *pipe) push(descriptor int, parts [][]byte) (n int, err error) {
	for {
		if p.copies {
			n, err = unix.Writev(descriptor, parts)
		} else {
			n, err = unix.Vmsplice(descriptor, vectors(parts), unix.SPLICE_F_NONBLOCK)
		}
		switch {
		case errors.Is(err, unix.EINTR):
		case !p.copies && (errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL)):
			p.copies = true
		default:
			return n, os.NewSyscallError("write", err)
		}
	}
}

func vectors(parts [][]byte) []unix.Iovec {
	v := make([]unix.Iovec, 0, len(parts))
	for _, part := range parts {
		if len(part) > 0 {
			v = append(v, unix.Iovec{Base: &part[0]})
			v[len(v)-1].SetLen(len(part))
		}
	}
	return v
}
