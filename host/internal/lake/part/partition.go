package part

import (
	"fmt"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/host/internal/lake/version"
)

// Group is the rows of a batch that go to one partition.
type Group struct {
	Partition *int32 // nil = NULL
	Rows      []int
}

// Split groups the rows of a column by partition, in the order in which partitions appear.
func Split(values arrow.Array, granularity string) ([]Group, error) {
	number, err := partitioner(values, granularity)
	if err != nil {
		return nil, err
	}
	var groups []Group
	places := map[int32]int{}
	null := -1
	for i := range values.Len() {
		if values.IsNull(i) {
			if null < 0 {
				null = len(groups)
				groups = append(groups, Group{})
			}
			groups[null].Rows = append(groups[null].Rows, i)
			continue
		}
		n := number(i)
		place, ok := places[n]
		if !ok {
			place = len(groups)
			places[n] = place
			groups = append(groups, Group{Partition: &n})
		}
		groups[place].Rows = append(groups[place].Rows, i)
	}
	return groups, nil
}

// CheckPartition says whether a column of this type can be partitioned so.
func CheckPartition(p version.Partition, t arrow.DataType) error {
	_, err := partitioner(array.MakeArrayOfNull(memory.DefaultAllocator, t, 0), p.Granularity)
	return err
}

const dayMicros = 86_400_000_000

// partitioner returns Iceberg's partition value of a row: days, months or years since 1970-01-01 in UTC.
func partitioner(values arrow.Array, granularity string) (func(i int) int32, error) {
	var day func(i int) int64
	switch values := values.(type) {
	case *array.Date32:
		day = func(i int) int64 { return int64(values.Value(i)) }
	case *array.Timestamp:
		day = func(i int) int64 { return floorDiv(int64(values.Value(i)), dayMicros) }
	default:
		return nil, fmt.Errorf("a column of type %s cannot be partitioned by time", values.DataType())
	}
	switch granularity {
	case "day":
		return func(i int) int32 { return int32(day(i)) }, nil
	case "month":
		return func(i int) int32 { y, m := civil(day(i)); return int32((y-1970)*12 + m - 1) }, nil
	case "year":
		return func(i int) int32 { y, _ := civil(day(i)); return int32(y - 1970) }, nil
	}
	return nil, fmt.Errorf("granularity %q is not day, month or year", granularity)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func civil(day int64) (year, month int) {
	t := time.Unix(day*86400, 0).UTC()
	return t.Year(), int(t.Month())
}
