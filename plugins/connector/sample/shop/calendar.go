package shop

import (
	"time"

	"github.com/ai-data-analyst/broker/plugins/connector/sample/shop/table"
)

const daySeconds = 86_400

// none is the number that stands for NULL.
const none = -1

var seasons = [12]float64{.70, .75, .85, .90, .95, 1.00, .90, .85, 1.00, 1.10, 1.30, 1.50}
var weekdays = [7]float64{time.Monday: 1, time.Tuesday: 1, time.Wednesday: 1, time.Thursday: 1.05, time.Friday: 1.15, time.Saturday: .8, time.Sunday: .6}
var hours = [24]int{2, 1, 1, 1, 1, 2, 4, 8, 14, 18, 20, 19, 18, 17, 16, 15, 14, 12, 10, 8, 6, 5, 4, 3}

// places is the resolution of the table of days.
const places = 1 << 16

// calendar draws days and times with the reference's weights: growth over the whole span × season × weekday.
type calendar struct {
	first int64 // days since 1970-01-01
	days  int64
	day   [places]uint16 // day at each place of the cumulated weight
	place []int32        // first place of each day
	hour  []uint8        // an hour for each unit of weight
	texts table.Days
}

func newCalendar(end time.Time, days int) calendar {
	c := calendar{days: int64(days), place: make([]int32, days+1)}
	c.first = end.Unix()/daySeconds - c.days
	c.texts = table.NewDays(c.first, c.days)
	total, sums := 0.0, make([]float64, days+1)
	for i := range days {
		at := time.Unix((c.first+int64(i))*daySeconds, 0).UTC()
		total += (1 + 0.5*float64(i)/float64(days)) * seasons[at.Month()-1] * weekdays[at.Weekday()]
		sums[i+1] = total
	}
	day := 0
	for p := range places {
		for float64(p)*total/places >= sums[day+1] {
			day++
			c.place[day] = int32(p)
		}
		c.day[p] = uint16(day)
	}
	c.place[days] = places
	for hour, weight := range hours {
		for range weight {
			c.hour = append(c.hour, uint8(hour))
		}
	}
	return c
}

// on draws a day (0 = the first) with the weights, not before from.
func (c *calendar) on(x *stream, from int64) int64 {
	low := int64(c.place[from])
	return int64(c.day[low+x.below(places-low)])
}

// at draws a time of day and returns seconds since 1970-01-01.
func (c *calendar) at(x *stream, day int64) int64 {
	bits := x.next()
	hour := int64(c.hour[bits%uint64(len(c.hour))])
	second := int64(bits>>32) * 3600 >> 32
	return (c.first+day)*daySeconds + hour*3600 + second
}

// end is the first second after the span.
func (c *calendar) end() int64 { return (c.first + c.days) * daySeconds }

// moment appends a time in seconds since 1970-01-01, nothing for none.
func (c *calendar) moment(b []byte, seconds int64) []byte {
	if seconds == none {
		return table.Null(b)
	}
	return c.texts.Moment(b, seconds)
}
