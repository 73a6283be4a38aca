//go:build !linux

package disk

import "os"

// Begin does nothing where there is no way to begin writing without waiting.
func Begin(*os.File, int64, int64) {}

// Block is what direct writes would be multiples of.
const Block = 4096

// Direct says that there are no direct writes here.
func Direct(*os.File, bool) bool { return false }

// IsUnfit is false: nothing is written directly.
func IsUnfit(error) bool { return false }
