package distinct

import "slices"

// Limits of a Counter.
const (
	MostTop   = 50   // different values that are counted one by one
	MostExact = 1000 // different values that are counted exactly
	MostFirst = 5    // values that are kept as an example
)

// Value is a value of a column, as text, with the hash that stands for it.
type Value struct {
	Hash  uint64
	Text  string
	Count int64
}

// Counter counts the values of a column: one by one while there are few different ones, then the different ones exactly,
// then by estimate. The zero value is an empty column. Not for concurrent use.
type Counter struct {
	N     int64   // values
	Top   []Value // in order of appearance, while they are all
	Few   bool    // Top is all there is
	First []Value // the first different ones; counts are meaningless
	set   *Set    // once not Few, as long as it is exact or no value in it came twice
	many  LogLog  // once there are more than set can hold

	slots [128]uint8 // place in Top + 1, by hash
}

// NewCounter returns an empty counter.
func NewCounter() *Counter { return &Counter{Few: true} }

// Add adds values by their hashes. text is the value at a place, for those that are kept.
func (c *Counter) Add(hashes []uint64, text func(i int) string) {
	c.N += int64(len(hashes))
	if c.Few {
		hashes = hashes[c.few(hashes, text):]
	}
	if len(hashes) == 0 {
		return
	}
	c.add(hashes)
}

// few counts values one by one and returns how many, all unless there are too many different ones.
func (c *Counter) few(hashes []uint64, text func(i int) string) int {
	for i := 0; i < len(hashes); {
		h := hashes[i]
		run := i + 1
		for run < len(hashes) && hashes[run] == h {
			run++
		}
		at := c.slot(h)
		if c.slots[at] == 0 {
			if !c.newTop(Value{Hash: h, Text: text(i)}, at) {
				return i
			}
		}
		c.Top[c.slots[at]-1].Count += int64(run - i)
		i = run
	}
	return len(hashes)
}

func (c *Counter) slot(h uint64) int {
	i := int(h>>40) & 127
	for c.slots[i] != 0 && c.Top[c.slots[i]-1].Hash != h {
		i = (i + 1) & 127
	}
	return i
}

// newTop takes a new value in; false = there are too many, and they are counted otherwise from here on.
func (c *Counter) newTop(v Value, at int) bool {
	if len(c.First) < MostFirst {
		c.First = append(c.First, Value{Hash: v.Hash, Text: v.Text})
	}
	if len(c.Top) == MostTop {
		c.spill()
		return false
	}
	c.Top = append(c.Top, v)
	c.slots[at] = uint8(len(c.Top))
	return true
}

func (c *Counter) spill() {
	c.set = setOf(c.Top)
	c.set.whole = &c.many
	c.Few, c.Top, c.slots = false, nil, [128]uint8{}
}

func setOf(values []Value) *Set {
	s := &Set{Most: MostExact}
	for _, v := range values {
		s.insert(v.Hash, uint32(min(v.Count, 1<<32-1)))
	}
	return s
}

func (c *Counter) add(hashes []uint64) {
	if c.set != nil {
		c.set.Add(hashes)
	}
	if !c.exact() {
		c.many.Add(hashes) // those from before were handed over by the set
		c.relieve()
	}
}

func (c *Counter) exact() bool { return c.set != nil && c.set.Exact() }

// relieve lets go of a set that has nothing more to tell.
func (c *Counter) relieve() {
	if c.set != nil && !c.set.Exact() && c.set.Repeats() > 0 {
		c.set = nil
	}
}

// Merge adds the values of another column that come after those of c.
func (c *Counter) Merge(o *Counter) {
	c.N += o.N
	for _, v := range o.First {
		if len(c.First) < MostFirst && !slices.ContainsFunc(c.First, func(have Value) bool { return have.Hash == v.Hash }) {
			c.First = append(c.First, v)
		}
	}
	if c.Few && o.Few && c.mergeTop(o.Top) {
		return
	}
	if c.Few {
		c.spill()
	}
	other := o.set
	if o.Few {
		other = setOf(o.Top)
	}
	if c.set != nil && other != nil {
		c.set.Merge(other)
	} else if c.set != nil {
		c.set.tell()
		c.set = nil
	}
	if !c.exact() {
		if other != nil {
			other.whole = &c.many
			other.tell()
		}
		c.many.Merge(o.many)
		c.relieve()
	}
}

// mergeTop adds values with their counts; false = there are too many, and none was added.
func (c *Counter) mergeTop(top []Value) bool {
	fresh := 0
	for _, v := range top {
		if c.slots[c.slot(v.Hash)] == 0 {
			fresh++
		}
	}
	if len(c.Top)+fresh > MostTop {
		return false
	}
	for _, v := range top {
		at := c.slot(v.Hash)
		if c.slots[at] == 0 {
			c.Top = append(c.Top, v)
			c.slots[at] = uint8(len(c.Top))
			continue
		}
		c.Top[c.slots[at]-1].Count += v.Count
	}
	return true
}

// Distinct is how many different values there are, and whether that is exact.
func (c *Counter) Distinct() (int64, bool) {
	switch {
	case c.Few:
		return int64(len(c.Top)), true
	case c.exact():
		return c.set.Count(), true
	default:
		return min(max(c.many.Count(), MostExact+1), c.N), false
	}
}

// Unique says whether no value comes twice: certain while the count is exact. Then it is an estimate from a sample of 500
// to 1,000 different values, of which none came twice, and from the count, which would miss values that came very often.
func (c *Counter) Unique() bool {
	if c.Few {
		return int64(len(c.Top)) == c.N
	}
	if c.set == nil || c.set.Repeats() > 0 {
		return false
	}
	const near = 0.97 // five standard errors
	return c.exact() || float64(c.many.Count()) >= near*float64(c.N)
}

// Size is about how many bytes the counter holds.
func (c *Counter) Size() int64 {
	n := int64(256 + len(c.many))
	if c.set != nil {
		n += c.set.Size()
	}
	for _, values := range [][]Value{c.Top, c.First} {
		for _, v := range values {
			n += int64(len(v.Text)) + 32
		}
	}
	return n
}

// StoredCounter is a Counter as it lies on disk.
type StoredCounter struct {
	N          int64
	Few        bool
	Top, First []Value
	Set        *Stored
	Many       []uint8
}

// Store returns the counter as it lies on disk.
func (c *Counter) Store() StoredCounter {
	out := StoredCounter{N: c.N, Few: c.Few, Top: c.Top, First: c.First, Many: c.many}
	if c.set != nil {
		kept := c.set.Store()
		out.Set = &kept
	}
	return out
}

// RestoreCounter is the counter that was stored.
func RestoreCounter(in StoredCounter) *Counter {
	c := &Counter{N: in.N, Few: in.Few, First: in.First, many: in.Many}
	if !in.Few && in.Set != nil {
		c.set = Restore(MostExact, *in.Set)
		c.set.whole = &c.many
		return c
	}
	if in.Few && !c.mergeTop(in.Top) { // more than any counter stores
		c.spill()
	}
	return c
}
