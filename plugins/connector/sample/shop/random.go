package shop

import "math/bits"

// stream is a random stream of one row: SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators",
// OOPSLA 2014).
type stream uint64

// Numbers of the streams, one for each kind of row.
const (
	ofCustomer = iota + 1
	ofProduct
	ofCampaign
	ofSession
	ofLead
	ofWeight
	ofOrder
	ofItem
	ofPayment
	ofTicket
)

func (s *Shop) stream(kind, row int64) stream {
	x := stream(s.Seed*0x9E3779B97F4A7C15 ^ uint64(kind)*0xD1B54A32D192ED03 ^ uint64(row)*0x8CB92BA72F3D8DD7)
	x.next()
	return stream(x.next())
}

func (x *stream) next() uint64 {
	*x += 0x9E3779B97F4A7C15
	z := uint64(*x)
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// below returns a number in 0..n-1.
func (x *stream) below(n int64) int64 {
	hi, _ := bits.Mul64(x.next(), uint64(n))
	return int64(hi)
}

// between returns a number in low..high.
func (x *stream) between(low, high int64) int64 { return low + x.below(high-low+1) }

// chance is true in percent of 100 cases.
func (x *stream) chance(percent int64) bool { return x.below(100) < percent }

// unit returns a number in (0, 1].
func (x *stream) unit() float64 { return float64(x.next()>>11+1) / (1 << 53) }

// weighted is a table of a hundred places: each value stands in as many as its weight in percent.
type weighted [100]uint8

// weigh makes the table of weights in percent, which sum to 100.
func weigh(percents ...int) weighted {
	var w weighted
	at := 0
	for value, n := range percents {
		for range n {
			w[at] = uint8(value)
			at++
		}
	}
	if at != len(w) {
		panic("shop: weights do not sum to 100")
	}
	return w
}

func (x *stream) pick(w *weighted) uint8 { return w[x.below(100)] }
