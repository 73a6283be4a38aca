// Package channel carries the bodies of batches beside gRPC: one way of the system's own per plugin process, from the
// plugin to the host, on a descriptor that the plugin inherits. Nobody else can reach it.
//
// It knows frames of bytes: which read and which message they belong to and how many there are. The message itself,
// with rows and checksum, goes over gRPC and comes first; what the bytes mean is for guard and the ledger to say. The
// host reads them into a buffer of its own, so that nothing can change after it has looked.
package channel

import (
	"encoding/binary"
	"fmt"
	"time"
)

const (
	headBytes = 16
	maxBody   = 64 << 20    // the cap of a batch, guard's too, held before a buffer is taken
	least     = 64 << 10    // bytes of a body that is worth the second way
	room      = 1 << 20     // of the channel, and read at once: as much as a Linux pipe of any user may have
	roomLess  = 256 << 10   // when the user has many pipes
	patience  = time.Minute // of a Receiver
)

// head stands before every body: little-endian, seq (8 bytes), read (4), length (4).
type head struct {
	seq    uint64 // of the message
	read   uint32 // number that the host gave the read
	length uint32 // of the body
}

func (h head) bytes() []byte {
	b := make([]byte, headBytes)
	binary.LittleEndian.PutUint64(b, h.seq)
	binary.LittleEndian.PutUint32(b[8:], h.read)
	binary.LittleEndian.PutUint32(b[12:], h.length)
	return b
}

func headOf(b []byte) head {
	return head{seq: binary.LittleEndian.Uint64(b), read: binary.LittleEndian.Uint32(b[8:]), length: binary.LittleEndian.Uint32(b[12:])}
}

func (h head) String() string {
	return fmt.Sprintf("%d bytes of message %d of read %d", h.length, h.seq, h.read)
}
