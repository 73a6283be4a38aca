//go:build !cgo || lite

package duck

// Default is the engine of this program: a duckdb on PATH, where there is one.
func Default() Engine {
	if p, ok := onPath(); ok {
		return p
	}
	return none{}
}
