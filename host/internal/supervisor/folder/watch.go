// Package folder tells when the plugin folder may have changed. Only the supervisor imports it.
package folder

import (
	"context"
	"log/slog"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	scanEvery = time.Minute
	debounce  = 2 * time.Second
)

// Watch calls look at once, on change (after 2 s of quiet) and each 60 s, until ctx ends. The scan stands in where
// changes are not told, as on network disks.
func Watch(ctx context.Context, dir string, log *slog.Logger, look func()) {
	var events chan fsnotify.Event
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		defer watcher.Close()
		if err = watcher.Add(dir); err == nil {
			events = watcher.Events
		}
	}
	if err != nil {
		log.Warn("changes of the plugin folder are seen once a minute only", "error", err)
	}
	scan := time.NewTicker(scanEvery)
	defer scan.Stop()
	quiet := time.NewTimer(0) // the first look comes at once
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-events:
			if !ok {
				events = nil
			}
			quiet.Reset(debounce)
		case <-quiet.C:
			look()
		case <-scan.C:
			look()
		}
	}
}
