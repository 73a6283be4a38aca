// Package crash kills the real binaries at any moment and compares what readers see with a source whose rows are known
// in advance. It holds only tests.
package crash
