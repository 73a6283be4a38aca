//go:build !windows

package credential

import "io/fs"

// onlyOwner says whether nobody but the owner may touch the file.
func onlyOwner(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 == 0 }
