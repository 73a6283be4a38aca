package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ai-data-analyst/broker/sdk"
)

// Select returns the sets that the patterns ask for, in the order of sets: a source, a published name, SOURCE.TABLE or
// SOURCE.STREAM. Where a text is both a published name and SOURCE.TABLE, the published name is meant. A child selects its
// whole set. No patterns select everything. A pattern that matches nothing is a problem.
func Select(sets []Set, patterns []string) ([]Set, []Problem) {
	if len(patterns) == 0 {
		return sets, nil
	}
	chosen := make([]bool, len(sets))
	var problems []Problem
	for _, pattern := range patterns {
		hits := match(sets, pattern)
		if len(hits) == 0 {
			problems = append(problems, Problem{Summary: fmt.Sprintf("there is no source or table %q", clip(pattern)), Help: suggest(pattern, names(sets), "sources and tables")})
		}
		for _, i := range hits {
			chosen[i] = true
		}
	}
	var out []Set
	for i, set := range sets {
		if chosen[i] {
			out = append(out, set)
		}
	}
	return out, problems
}

func match(sets []Set, pattern string) []int {
	rules := []func(Set, Table) bool{
		func(set Set, _ Table) bool { return set.Source == pattern },
		func(_ Set, t Table) bool { return string(t.Name) == pattern },
		func(set Set, t Table) bool {
			rest, ok := strings.CutPrefix(pattern, set.Source+".")
			return ok && (rest == string(t.Name) || rest == t.Name.Table() || rest == t.Stream || sdk.NormalName(rest) == t.Stream)
		},
	}
	for _, rule := range rules {
		var hits []int
		for i, set := range sets {
			if slices.ContainsFunc(set.Tables, func(t Table) bool { return rule(set, t) }) {
				hits = append(hits, i)
			}
		}
		if len(hits) > 0 {
			return hits
		}
	}
	return nil
}

func names(sets []Set) []string {
	var out []string
	for _, set := range sets {
		if !slices.Contains(out, set.Source) {
			out = append(out, set.Source)
		}
	}
	for _, set := range sets {
		for _, t := range set.Tables {
			out = append(out, string(t.Name))
		}
	}
	return out
}

func clip(s string) string {
	if len(s) > 100 {
		return s[:100] + "…"
	}
	return s
}

// suggest offers the nearest known name, else the first few.
func suggest(given string, known []string, what string) string {
	best, least := "", 3
	if len(given) <= 3 {
		least = 2
	}
	for _, name := range known {
		if d := distance(clip(given), name); d < least {
			best, least = name, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("did you mean %q?", best)
	case len(known) == 0:
		return "there are no " + what
	case len(known) > 20:
		return fmt.Sprintf("%s: %s and %d more", what, strings.Join(known[:20], ", "), len(known)-20)
	}
	return what + ": " + strings.Join(known, ", ")
}

// distance counts the letters to insert, delete or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
