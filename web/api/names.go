package api

import (
	"fmt"
	"strings"
)

// Characters of names. Plain loops: a manifest has thousands of names, and the program starts for every hook.
const (
	lower   = "abcdefghijklmnopqrstuvwxyz"
	digits  = "0123456789"
	letters = lower + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// CheckTableName refuses what is no published name: <namespace>.<table>, both [a-z][a-z0-9_]{0,62}, and device names of
// Windows, since names become files (Y1).
func CheckTableName(name string) error {
	namespace, table, ok := strings.Cut(name, ".")
	if !ok || !isName(namespace) || !isName(table) {
		return fmt.Errorf("%q is no table name", name)
	}
	if isDevice(namespace) || isDevice(table) {
		return fmt.Errorf("%q is a name that some systems keep for devices", name)
	}
	return nil
}

func isName(text string) bool {
	return len(text) >= 1 && len(text) <= 63 && strings.Contains(lower, text[:1]) && strings.Trim(text, lower+digits+"_") == ""
}

// isDevice says whether Windows keeps a name for a device, in any case: CON, PRN, AUX, NUL, COM0–9, LPT0–9.
func isDevice(name string) bool {
	switch name = strings.ToLower(name); {
	case name == "con", name == "prn", name == "aux", name == "nul":
		return true
	case len(name) == 4 && (strings.HasPrefix(name, "com") || strings.HasPrefix(name, "lpt")):
		return strings.Contains(digits, name[3:])
	}
	return false
}

// CheckDocPath refuses what is no path of a document: below docs/, at most four deep, plain names of at most 100
// characters (Y1).
func CheckDocPath(path string) error {
	parts := strings.Split(path, "/")
	if len(parts) < 2 || len(parts) > 5 || parts[0] != "docs" || strings.Contains(path, "..") {
		return fmt.Errorf("%q is no path of a document", path)
	}
	for _, part := range parts[1:] {
		if len(part) < 1 || len(part) > 100 || !strings.Contains(letters+digits, part[:1]) || strings.Trim(part, letters+digits+"_.-") != "" {
			return fmt.Errorf("%q is no path of a document", path)
		}
		if stem, _, _ := strings.Cut(part, "."); isDevice(stem) || strings.HasSuffix(part, ".") {
			return fmt.Errorf("%q is a name that some systems do not allow", path)
		}
	}
	return nil
}

// IsHash says whether text is a SHA-256 in lower-case hex.
func IsHash(text string) bool { return len(text) == 64 && strings.Trim(text, digits+"abcdef") == "" }
