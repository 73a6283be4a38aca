package frame

import (
	"bytes"
	"testing"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/ai-data-analyst/broker/sdk/internal/pb"
)

// FuzzUnmarshal holds our reader of batches against protobuf's own: whatever the bytes and however they are cut into
// pieces, both see the same message or both refuse it.
func FuzzUnmarshal(f *testing.F) {
	batch := &pb.Batch{Stream: "orders", Epoch: 1, Op: pb.Op_OP_UPSERT, Rows: 3, Crc32C: 7, Ipc: bytes.Repeat([]byte("row"), 700)}
	for _, m := range []*pb.FromPlugin{
		{Seq: 1, Message: &pb.FromPlugin_Batch{Batch: batch}},
		{Seq: 2, Message: &pb.FromPlugin_Batch{Batch: &pb.Batch{Stream: "x", Ipc: []byte{1}}}},
		{Seq: 300, Message: &pb.FromPlugin_Batch{Batch: &pb.Batch{}}},
		{Seq: 3, Message: &pb.FromPlugin_Issue{Issue: &pb.Issue{Stream: "orders", Code: "bad"}}},
		{Seq: 4, Message: &pb.FromPlugin_TaskDone{TaskDone: &pb.TaskDone{Rows: map[string]uint64{"orders": 3}}}},
		{Seq: 5},
	} {
		bytes, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes, uint16(7))
		f.Add(protowire.AppendVarint(protowire.AppendTag(bytes, 77, protowire.VarintType), 1), uint16(1)) // a field of the future
		f.Add(append(bytes, bytes...), uint16(100))                                                       // merged
	}
	c := NewCodec()
	f.Fuzz(func(t *testing.T, message []byte, piece uint16) {
		var want pb.FromPlugin
		wantErr := proto.Unmarshal(message, &want)
		in := &In{Pool: &Pool{}}
		err := c.Unmarshal(cut(message, int(piece)+1), in)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("error %v, protobuf says %v", err, wantErr)
		}
		if err != nil {
			return
		}
		if in.IPC != nil {
			in.Message.GetBatch().Ipc = bytes.Clone(in.IPC.Bytes())
			in.IPC.Release()
		}
		if wantBatch := want.GetBatch(); wantBatch != nil && len(wantBatch.Ipc) == 0 {
			wantBatch.Ipc = []byte{}
			in.Message.GetBatch().Ipc = []byte{}
		}
		if !proto.Equal(&want, &in.Message) {
			t.Errorf("message %v, protobuf says %v", &in.Message, &want)
		}
	})
}

func cut(message []byte, piece int) mem.BufferSlice {
	var slices mem.BufferSlice
	for len(message) > piece {
		slices = append(slices, mem.SliceBuffer(message[:piece]))
		message = message[piece:]
	}
	return append(slices, mem.SliceBuffer(message))
}
