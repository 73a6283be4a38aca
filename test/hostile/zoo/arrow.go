//go:build unix

package main

import (
	"bytes"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// numbered is batch with a name for each of n rows.
func numbered(first int64, n int) []byte {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("number %d", first+int64(i))
	}
	return batch(first, names...)
}

// batch encodes rows (first, first+1, …) with these names as one record-batch message.
func batch(first int64, names ...string) []byte {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64}, {Name: "name", Type: arrow.BinaryTypes.String},
	}, nil)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	for i, name := range names {
		builder.Field(0).(*array.Int64Builder).Append(first + int64(i))
		builder.Field(1).(*array.StringBuilder).Append(name)
	}
	record := builder.NewRecord()
	defer record.Release()

	var whole bytes.Buffer
	writer := ipc.NewWriter(&whole, ipc.WithSchema(schema))
	check(writer.Write(record))
	return bytes.Clone(whole.Bytes()[schemaBytes(schema):])
}

// schemaBytes is how many bytes of a stream come before its first batch.
func schemaBytes(schema *arrow.Schema) int {
	var whole bytes.Buffer
	writer := ipc.NewWriter(&whole, ipc.WithSchema(schema))
	check(writer.Close())
	return whole.Len() - 8 // without the end mark
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
