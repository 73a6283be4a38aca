//go:build !linux

package gate

import (
	"context"
	"io/fs"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// run refuses: nothing here keeps rsync inside one folder.
func run(context.Context, job) error {
	return fault.New(fault.Config, "the rsync door is served by Linux only").WithHelp(`Use "analyst pull" and "analyst push".`)
}

func flush(string) error { return nil }

func lonely(fs.FileInfo) bool { return false }

func changed(info fs.FileInfo) time.Time { return info.ModTime() }
