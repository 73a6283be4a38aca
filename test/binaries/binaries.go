// Package binaries builds the programs that black-box tests run: the real ones, as "make build" does, or instrumented for
// coverage when BROKER_COVERDIR names a folder. For tests only.
package binaries

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// programs maps the name of each binary to its package.
var programs = map[string]string{
	"broker":                  "./host/broker",
	"broker-connector-csv":    "./plugins/connector/csv",
	"broker-connector-sample": "./plugins/connector/sample",
}

// Build builds every program into dir. root is the root of the module. The returned environment is what programs run
// with, to leave their coverage where "make cover" collects it.
func Build(root, dir string) (env []string, err error) {
	args := []string{"build"}
	if into := os.Getenv("BROKER_COVERDIR"); into != "" {
		args = append(args, "-cover", "-coverpkg=github.com/ai-data-analyst/broker/...")
		env = append(env, "GOCOVERDIR="+into)
	}
	for name, pkg := range programs {
		build := exec.Command("go", append(append([]string{}, args...), "-o", filepath.Join(dir, name), pkg)...)
		build.Dir = root
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build %s: %w\n%s", name, err, strings.TrimSpace(string(out)))
		}
	}
	hello := exec.Command("go", "build", "-o", filepath.Join(dir, "examples", "broker-connector-hello"), ".")
	hello.Dir = filepath.Join(root, "examples", "connector-hello")
	hello.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := hello.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the hello connector: %w\n%s", err, strings.TrimSpace(string(out)))
	}
	return env, nil
}

// linked maps the programs that link DuckDB, which is C++, to their packages.
var linked = map[string]string{"analyst": "./web/analyst", "broker-service-duckdb": "./plugins/service/duckdb"}

// Link builds programs that link C++ into dir.
func Link(root, dir string, names ...string) error {
	for _, name := range names {
		args := []string{"build", "-o", filepath.Join(dir, name)}
		if os.Getenv("BROKER_COVERDIR") != "" {
			args = append(args, "-cover", "-coverpkg=github.com/ai-data-analyst/broker/...")
		}
		build := exec.Command("go", append(args, linked[name])...)
		build.Dir = root
		build.Env = append(os.Environ(), "CGO_ENABLED=1")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", name, err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}
