package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/api/tools"
)

// maxMetric bounds one document of definitions, in bytes.
const maxMetric = 1 << 20

// Metrics are the definitions that somebody may see, from the documents of their own manifest.
func Metrics(ctx context.Context, manifests Manifests, who sdk.Caller) ([]tools.Metric, error) {
	signed, err := manifests.Document(ctx, who, 0)
	if err != nil {
		return nil, err
	}
	var m struct {
		Docs []api.Doc `json:"docs"`
	}
	if err := json.Unmarshal(signed.Body, &m); err != nil {
		return nil, fault.Wrap(fault.Bug, err, "read the manifest that was just made")
	}
	var metrics []tools.Metric
	for _, d := range m.Docs {
		file, ok := strings.CutPrefix(d.Path, "docs/metrics/")
		if !ok {
			continue
		}
		text, err := document(ctx, manifests, who, d.SHA256)
		if err != nil {
			return nil, err
		}
		found, err := tools.Metrics(file, text)
		if err != nil {
			return nil, fault.Wrap(fault.Data, err, "read the metrics")
		}
		metrics = append(metrics, found...)
	}
	return metrics, nil
}

func document(ctx context.Context, manifests Manifests, who sdk.Caller, hash string) ([]byte, error) {
	content, err := manifests.Content(ctx, who, hash)
	if err != nil {
		return nil, err
	}
	file, err := content.Open(ctx)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(file, maxMetric))
	return text, errors.Join(err, file.Close())
}
