package app

import (
	"context"

	"github.com/ai-data-analyst/broker/host/internal/app/sample"
)

// What writes the demo shop's tables as files, named here for the verb.
type (
	// SampleOptions say which demo tables to write where.
	SampleOptions = sample.Options
	// SampleReport is the manifest that stands beside the files.
	SampleReport = sample.Report
)

// Sample writes the nine demo tables and their manifest; progress gets a table's name, its rows so far and in all.
func Sample(ctx context.Context, o SampleOptions, progress func(table string, rows, total int64)) (SampleReport, error) {
	return sample.Write(ctx, o, progress)
}

// SampleSizes lists the presets with their row counts.
func SampleSizes() ([]sample.Size, error) { return sample.Sizes() }
