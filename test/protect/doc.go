// Package protect starts the real broker without one protection at a time: each start must be refused, with the place and
// the fix (G18).
package protect
