package cast

import (
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/sdk"
)

const (
	dayMicros = 86_400_000_000
	mostDays  = 1<<63/dayMicros - 1 // whole days that fit microseconds of 64 bits

	firstDay, lastDay = -719_162, 2_932_896 // 0001-01-01 and 9999-12-31, since 1970-01-01
)

// toDate makes dates of texts, and of timestamps at midnight.
func toDate(from sdk.Type) build {
	if from.ID == sdk.Timestamp {
		return func(in arrow.Array) ([]*memory.Buffer, []Bad, error) {
			return values(each(in, in.(*array.Timestamp).TimestampValues(), func(v arrow.Timestamp) (arrow.Date32, string) {
				if v%dayMicros != 0 {
					return 0, "timestamp is not midnight, so that it is no date"
				}
				return arrow.Date32(v / dayMicros), ""
			}))
		}
	}
	return parsing(from, fixed(parseDate))
}

// toTimestamp makes timestamps of texts and of dates, whose midnight they are. Between a timestamp without zone and one
// in UTC nothing changes but what the type says.
func toTimestamp(from sdk.Type, zone string) (check, build) {
	switch from.ID {
	case sdk.Timestamp:
		return nothing, nil
	case sdk.Date:
		return nil, func(in arrow.Array) ([]*memory.Buffer, []Bad, error) {
			return values(each(in, in.(*array.Date32).Date32Values(), func(v arrow.Date32) (arrow.Timestamp, string) {
				if int64(v) > mostDays || int64(v) < -mostDays {
					return 0, "date is beyond what timestamps can show"
				}
				return arrow.Timestamp(int64(v) * dayMicros), ""
			}))
		}
	}
	return nil, parsing(from, fixed(stamps(zone)))
}

// appendDate writes YYYY-MM-DD.
func appendDate(dst []byte, v arrow.Date32) ([]byte, string) {
	if v < firstDay || v > lastDay {
		return dst, "date is outside of the years 1 to 9999"
	}
	return time.Unix(int64(v)*86_400, 0).UTC().AppendFormat(dst, time.DateOnly), ""
}

// appendTime writes HH:MM:SS, with a fraction if there is one.
func appendTime(dst []byte, v arrow.Time64) ([]byte, string) {
	if v < 0 || v >= dayMicros {
		return dst, "time is outside of a day"
	}
	return time.UnixMicro(int64(v)).UTC().AppendFormat(dst, "15:04:05.999999"), ""
}

// appendStamp returns how timestamps are written: as ISO 8601, with a Z in UTC.
func appendStamp(zone string) func(dst []byte, v arrow.Timestamp) ([]byte, string) {
	layout := "2006-01-02T15:04:05.999999"
	if zone != "" {
		layout += "Z"
	}
	return func(dst []byte, v arrow.Timestamp) ([]byte, string) {
		if v < firstDay*dayMicros || v >= (lastDay+1)*dayMicros {
			return dst, "timestamp is outside of the years 1 to 9999"
		}
		return time.UnixMicro(int64(v)).UTC().AppendFormat(dst, layout), ""
	}
}
