//go:build race

package share_test

const underRace = true // everything is some ten times as slow
