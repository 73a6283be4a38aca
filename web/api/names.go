package api

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	tableName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}$`)
	hash      = regexp.MustCompile(`^[0-9a-f]{64}$`)
	docPath   = regexp.MustCompile(`^docs(/[A-Za-z0-9][A-Za-z0-9_.-]{0,99}){1,4}$`)
	reserved  = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])$`) // file names that Windows keeps for devices
)

// CheckTableName refuses what is no published name: <namespace>.<table>, both [a-z][a-z0-9_]{0,62}, and device names of
// Windows, since names become files (Y1).
func CheckTableName(name string) error {
	if !tableName.MatchString(name) {
		return fmt.Errorf("%q is no table name", name)
	}
	for part := range strings.SplitSeq(name, ".") {
		if reserved.MatchString(part) {
			return fmt.Errorf("%q is a name that some systems keep for devices", name)
		}
	}
	return nil
}

// CheckDocPath refuses what is no path of a document: below docs/, at most four deep, plain names (Y1).
func CheckDocPath(path string) error {
	if !docPath.MatchString(path) || strings.Contains(path, "..") {
		return fmt.Errorf("%q is no path of a document", path)
	}
	for part := range strings.SplitSeq(path, "/") {
		stem, _, _ := strings.Cut(part, ".")
		if reserved.MatchString(stem) || strings.HasSuffix(part, ".") {
			return fmt.Errorf("%q is a name that some systems do not allow", path)
		}
	}
	return nil
}

// IsHash says whether text is a SHA-256 in lower-case hex.
func IsHash(text string) bool { return hash.MatchString(text) }
