package diag

import (
	"slices"
	"strings"
)

// Suggest returns the known name that given was probably meant to be, "" if none is near.
func Suggest(given string, known []string) string {
	best, bestDistance := "", 3
	if len(given) <= 3 {
		bestDistance = 2
	}
	if len(given) > 100 {
		return ""
	}
	sorted := slices.Clone(known)
	slices.Sort(sorted)
	for _, name := range sorted {
		if d := distance(given, name); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}

// DidYouMean returns ` Did you mean "x"?`, or "" when nothing is near.
func DidYouMean(given string, known []string) string {
	if name := Suggest(given, known); name != "" {
		return `did you mean "` + name + `"?`
	}
	return ""
}

// distance counts insertions, deletions, replacements and swaps of neighbours.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(s); i++ {
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(s)][len(t)]
}

// Suggestion returns DidYouMean, else what there is, e.g. "attributes here: …".
func Suggestion(given string, known []string, what string) string {
	if near := DidYouMean(given, known); near != "" {
		return near
	}
	if len(known) == 0 {
		return "there are no " + what + " here"
	}
	return what + " here: " + strings.Join(known, ", ")
}
