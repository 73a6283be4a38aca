//go:build linux

// Command trial is the smallest host there can be: it lends a plugin beside a healthy one and reports what became of
// both, and of itself. test/hostile runs it; nothing else does.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/supervisor"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Plan is what to do, as JSON on standard input.
type Plan struct {
	Options  supervisor.Options // Dir, StateDir, RunDir, Trust, MTLS, Limits
	Name     string             // the plugin to try
	Settings json.RawMessage
	Secrets  []string
	Tries    int  // runs of it, one after the other, default 1
	Reads    int  // reads in one run, default 1
	Linger   bool // read nothing, but wait for the process to end
	Crowd    bool // start nothing but list, verify and examine
}

// Report is what became of it, as JSON on standard output.
type Report struct {
	Healthy   Outcome
	Tries     []Outcome
	List      []supervisor.Plugin
	Doctor    supervisor.Report
	Log       string
	PeakBytes int64    // of this host
	Processes []string // that are left
	Files     []string // descriptors that are open at the end and were not before
}

// Outcome is what became of one run.
type Outcome struct {
	Rows     int64
	Messages int
	Names    []string // of a small result
	Errors   []string // of reads, in order; "" = it ended well
	Lend     string
	Help     string
	Code     fault.Code
	Exit     string
	Close    string
}

func main() {
	var plan Plan
	if err := json.NewDecoder(os.Stdin).Decode(&plan); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	report, err := run(context.Background(), plan)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(report)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, plan Plan) (Report, error) {
	var report Report
	var log bytes.Buffer
	plan.Options.Log = slog.New(slog.NewTextHandler(&log, nil))
	host, err := supervisor.New(plan.Options)
	if err != nil {
		return report, err
	}
	if plan.Crowd {
		if report.List, err = host.List(ctx); err != nil {
			return report, err
		}
		if report.Doctor, err = host.Doctor(ctx, plan.Name); err != nil {
			return report, err
		}
	} else if err := beside(ctx, host, plan, &report); err != nil {
		return report, err
	}
	if err := host.Close(); err != nil {
		return report, err
	}
	report.Log = log.String()
	report.PeakBytes, report.Processes = peak(), descendants()
	return report, nil
}

// beside reads the first rows of the healthy plugin, tries the other one, and reads the rest.
func beside(ctx context.Context, host *supervisor.Supervisor, plan Plan, report *Report) error {
	loan, err := host.Lend(ctx, supervisor.Request{Kind: "connector", Name: "healthy", RunID: "h1", Source: "healthy", Settings: []byte("{}")})
	if err != nil {
		return fmt.Errorf("lend the healthy plugin: %w", err)
	}
	messages, err := loan.Session().Read(ctx, ask(1))
	if err != nil {
		return fmt.Errorf("read the healthy plugin: %w", err)
	}
	if !take(ctx, messages, &report.Healthy) {
		return fmt.Errorf("the healthy plugin sends nothing: %w", messages.Err())
	}
	before := descriptors()
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		drain(ctx, messages, &report.Healthy)
	}()
	for range max(plan.Tries, 1) {
		report.Tries = append(report.Tries, try(ctx, host, plan))
	}
	<-finished
	for name, target := range descriptors() {
		if before[name] != target {
			report.Files = append(report.Files, name+" "+target)
		}
	}
	report.Healthy.Exit = loan.Exit()
	return errors.Join(messages.Close(), loan.Close())
}

func try(ctx context.Context, host *supervisor.Supervisor, plan Plan) (o Outcome) {
	loan, err := host.Lend(ctx, supervisor.Request{
		Kind: "connector", Name: plan.Name, RunID: "r1", Source: "hostile", Settings: plan.Settings, Secrets: plan.Secrets,
	})
	if err != nil {
		o.Lend, o.Help, o.Code = err.Error(), fault.HelpOf(err), fault.CodeOf(err)
		return o
	}
	if plan.Linger {
		for loan.Alive() == nil {
			time.Sleep(10 * time.Millisecond)
		}
	} else {
		for attempt := range max(plan.Reads, 1) {
			messages, err := loan.Session().Read(ctx, ask(attempt+1))
			if err != nil {
				o.Errors = append(o.Errors, err.Error())
				continue
			}
			drain(ctx, messages, &o)
			_ = messages.Close()
		}
	}
	if err := loan.Close(); err != nil {
		o.Close = err.Error()
	}
	o.Exit = loan.Exit()
	return o
}

func ask(attempt int) connector.Request {
	return connector.Request{Asks: []connector.Ask{{Stream: "numbers", Mode: sdk.FullRefresh}}, Attempt: attempt}
}

// drain reads to the end and notes how it ended.
func drain(ctx context.Context, messages connector.Messages, o *Outcome) {
	for take(ctx, messages, o) {
	}
	text := ""
	if err := messages.Err(); err != nil {
		text, o.Code = err.Error(), fault.CodeOf(err)
	}
	o.Errors = append(o.Errors, text)
}

func take(ctx context.Context, messages connector.Messages, o *Outcome) bool {
	if !messages.Next(ctx) {
		return false
	}
	o.Messages++
	if batch, ok := messages.Message().(connector.Batch); ok {
		o.Rows += batch.Record.NumRows()
		if batch.Record.NumRows() < 100 && batch.Record.NumCols() > 1 {
			names := batch.Record.Column(1)
			for i := range names.Len() {
				o.Names = append(o.Names, names.ValueStr(i))
			}
		}
		batch.Record.Release()
	}
	return true
}

func descriptors() map[string]string {
	open := map[string]string{}
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, entry := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + entry.Name()); err == nil && !strings.HasPrefix(target, "/proc/") {
			open[entry.Name()] = target
		}
	}
	return open
}

func peak() int64 {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10
		}
	}
	return 0
}

// descendants lists this host's children and, since orphans of plugins fall to it, theirs.
func descendants() []string {
	var found []string
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		stat, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			found = append(found, string(stat))
		}
	}
	return found
}
