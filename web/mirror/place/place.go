// Package place says which folders may become a workspace.
//
// It makes nothing. Imported by mirror.
package place

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Real is the absolute name of a folder, there or not, without links where it is there.
func Real(dir string) (string, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return "", fault.Wrap(fault.Config, err, "find the folder")
	}
	if resolved, err := filepath.EvalSymlinks(absolute); err == nil {
		return resolved, nil
	}
	return absolute, nil
}

// systemFolders hold programs and settings; nothing in them becomes a workspace. crowded ones do not themselves.
var (
	systemFolders = []string{"/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/usr", "/System", "/Library", "/Applications"}
	crowded       = []string{"/", "/home", "/media", "/mnt", "/opt", "/private", "/root", "/run", "/srv", "/tmp", "/Users", "/var", "/var/tmp", "/Volumes"}
)

// Fit refuses folders that must not become a workspace: a home, a root, a system's own.
func Fit(dir string) error {
	dir, err := Real(dir)
	if err != nil {
		return err
	}
	home, err := os.UserHomeDir()
	if err == nil {
		if home, err = Real(home); err != nil {
			return err
		}
	}
	parent := home != "" && strings.HasPrefix(home+string(filepath.Separator), strings.TrimSuffix(dir, string(filepath.Separator))+string(filepath.Separator))
	if parent || dir == filepath.Dir(dir) || isSystem(dir) {
		return fault.Newf(fault.Config, "%s is your home or a folder of the system, and cannot be a workspace", dir).
			WithHelp("Choose a folder of its own: analyst init ~/data")
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return fault.Newf(fault.Config, "%s is not a folder", dir)
	}
	return nil
}

func isSystem(dir string) bool {
	if runtime.GOOS == "windows" {
		for _, name := range []string{"SystemRoot", "ProgramFiles", "ProgramFiles(x86)", "ProgramData"} {
			if own := os.Getenv(name); own != "" && strings.HasPrefix(strings.ToLower(dir)+`\`, strings.ToLower(own)+`\`) {
				return true
			}
		}
		return false
	}
	for _, name := range crowded {
		if dir == name {
			return true
		}
	}
	if strings.HasPrefix(dir, "/dev/shm/") { // memory that people may use
		return false
	}
	for _, name := range systemFolders {
		if strings.HasPrefix(dir+"/", name+"/") {
			return true
		}
	}
	return false
}
