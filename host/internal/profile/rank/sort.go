package rank

import "slices"

// fewItems are sorted by comparing.
const fewItems = 128

// sortItems sorts by digits of eight bits, the lowest first. Digits that all items share cost nothing.
func sortItems(items []int64) {
	if len(items) <= fewItems {
		slices.Sort(items)
		return
	}
	var counts [8][256]int32
	for _, v := range items {
		u := uint64(v) ^ 1<<63 // negative numbers first
		for d := range counts {
			counts[d][byte(u>>(8*d))]++
		}
	}
	from, to := items, make([]int64, len(items))
	for d := range counts {
		count := &counts[d]
		if int(count[byte((uint64(from[0])^1<<63)>>(8*d))]) == len(items) {
			continue
		}
		at := int32(0)
		for digit, n := range count {
			count[digit], at = at, at+n
		}
		for _, v := range from {
			digit := byte((uint64(v) ^ 1<<63) >> (8 * d))
			to[count[digit]] = v
			count[digit]++
		}
		from, to = to, from
	}
	copy(items, from)
}
