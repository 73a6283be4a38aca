package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// How much may gather before a safe checkpoint is published in the middle of a run (decision 1).
const (
	gatherFor   = 5 * time.Minute
	gatherRows  = 1_000_000
	gatherBytes = 512 << 20
)

// Longest wait for a message, by default and at a connector's word.
const (
	defaultStall = 5 * time.Minute
	longestQuiet = time.Hour
)

// filling is the stream of one attempt on its way into the draft.
type filling struct {
	*attempt
	draft    Draft
	messages connector.Messages
	verdict  *verdict
	quietFor time.Duration // the connector's word for the next wait

	watermark string
	marked    bool   // a checkpoint had a state
	newest    uint64 // checkpoint to acknowledge at the next publication
	since     time.Time
	rows      int64 // since the last publication
	bytes     int64
}

// fill copies the stream into the draft and publishes it. Only a stream that says it is complete, with counts equal to
// ours, ends a run well: one that merely ends is a failure, whatever its rows (I9).
func (a *attempt) fill(ctx context.Context, draft Draft, messages connector.Messages) error {
	f := &filling{attempt: a, draft: draft, messages: messages, verdict: newVerdict(a.set), since: a.runner.now()}
	a.tell("reading", "")
	for {
		message, err := f.next(ctx)
		if err != nil {
			return err
		}
		done, err := f.take(ctx, message)
		if err != nil {
			return err
		}
		if done {
			return f.finish(ctx)
		}
	}
}

// next waits for a message, but not for ever.
func (f *filling) next(ctx context.Context) (connector.Message, error) {
	stall := f.runner.Stall
	if stall <= 0 {
		stall = defaultStall
	}
	stall = max(stall, min(f.quietFor, longestQuiet))
	waiting, cancel := context.WithTimeoutCause(ctx, stall, errStalled)
	defer cancel()
	if f.messages.Next(waiting) {
		f.quietFor = 0
		return f.messages.Message(), nil
	}
	if ctx.Err() == nil && errors.Is(context.Cause(waiting), errStalled) {
		f.final = true
		return nil, fault.Newf(fault.Transient, "the source %s sent nothing for %s", f.set.Source, stall).
			WithHelp("See whether the source itself hangs; broker sources shows what it said last.")
	}
	if err := f.messages.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.set.Source, err)
	}
	return nil, fault.Newf(fault.Transient, "the stream of %s ended without saying that it is complete", f.set.Source)
}

var errStalled = errors.New("no message came in time")

// take deals with one message. It releases a batch when it is in the draft.
func (f *filling) take(ctx context.Context, message connector.Message) (done bool, err error) {
	switch m := message.(type) {
	case connector.Schema:
		return false, f.schema(m)
	case connector.Batch:
		defer m.Record.Release()
		return false, f.batch(m)
	case connector.Checkpoint:
		return false, f.checkpoint(ctx, m)
	case connector.Boundary:
		table, err := f.verdict.boundary(m)
		if err == nil {
			err = f.draft.Boundary(table, m.Complete)
		}
		return false, err
	case connector.Status:
		f.status(m)
	case connector.Issue:
		return false, f.issue(m)
	case connector.StreamDone:
		return false, f.verdict.streamDone(m)
	case connector.Done:
		return true, f.done(m)
	default:
		return false, fault.Newf(fault.Bug, "a message of unknown kind %T", message)
	}
	return false, nil
}

func (f *filling) schema(m connector.Schema) error {
	table, err := f.verdict.schema(m)
	if err != nil {
		return err
	}
	f.progress.Stream = m.Stream
	return f.draft.Schema(table, m.Columns, m.Key)
}

func (f *filling) batch(m connector.Batch) error {
	table, err := f.verdict.batch(m)
	if err != nil {
		return err
	}
	if err := f.draft.Append(table, string(m.Op), m.Record); err != nil {
		return fmt.Errorf("write rows of %s: %w", table, err)
	}
	size := sizeOf(m.Record)
	f.quiet = f.quiet && m.Record.NumRows() == 0
	f.rows, f.bytes = f.rows+m.Record.NumRows(), f.bytes+size
	f.progress.Stream, f.progress.Rows, f.progress.Bytes = m.Stream, f.progress.Rows+m.Record.NumRows(), f.progress.Bytes+size
	f.tell("reading", "")
	return nil
}

// sizeOf is what a batch takes in memory; buffers that batches share count each time.
func sizeOf(batch arrow.Record) int64 {
	var size uint64
	for _, column := range batch.Columns() {
		size += column.Data().SizeInBytes()
	}
	return int64(size)
}

// checkpoint marks the draft, and publishes what has gathered when that is enough and the run could end here.
func (f *filling) checkpoint(ctx context.Context, m connector.Checkpoint) error {
	if err := f.verdict.checkpoint(m); err != nil {
		return err
	}
	f.quiet = false
	f.watermark, f.newest = m.Watermark, m.ID
	if err := f.mark(m.State); err != nil {
		return err
	}
	enough := f.rows >= gatherRows || f.bytes >= gatherBytes || f.runner.now().Sub(f.since) >= gatherFor
	if !m.SafeToStop || !enough || !f.verdict.publishesOnTheWay() {
		return nil
	}
	return f.publish(ctx, false)
}

// mark tells the draft where the next run goes on, if everything up to here is published.
func (f *filling) mark(state sdk.Cursor) error {
	if state.IsZero() {
		return nil
	}
	f.marked = true
	if err := f.draft.Checkpoint(state, f.watermark); err != nil {
		return fmt.Errorf("mark the draft of %s: %w", f.set.Root(), err)
	}
	return nil
}

// publish commits what has gathered and acknowledges it afterwards. An acknowledgement that fails changes nothing of
// what is published: the source will send again what the cursor already covers.
func (f *filling) publish(ctx context.Context, final bool) error {
	f.tell("publishing", "")
	publication, err := f.draft.Publish(ctx, final)
	if err == nil || publication.Seq > 0 {
		f.result.add(publication)
	}
	if err != nil {
		return fmt.Errorf("publish %s: %w", f.set.Root(), err)
	}
	f.rows, f.bytes, f.since = 0, 0, f.runner.now()
	f.progress.Phase = "reading"
	if f.newest == 0 || publication.Status == Held {
		return nil
	}
	if err := f.messages.Ack(ctx, f.newest); err != nil {
		f.runner.log().WarnContext(ctx, "ingest: a published checkpoint was not acknowledged", "run", f.result.Run, "checkpoint", f.newest, "error", err)
	}
	return nil
}

func (f *filling) status(m connector.Status) {
	f.quietFor = m.QuietFor
	f.progress.Done, f.progress.Total = m.Done, m.Total
	f.tell(m.Phase, m.Note)
}

// issue counts rows that the source left out, and keeps what people should know.
func (f *filling) issue(m connector.Issue) error {
	table, err := f.verdict.issue(m)
	if err != nil {
		return err
	}
	f.result.Issues = addIssue(f.result.Issues, m)
	if !m.Rejected || m.Count == 0 {
		return nil
	}
	reason := m.Code
	for _, part := range []string{m.Key, m.Sample} {
		if part != "" {
			reason += ": " + part
		}
	}
	if err := f.draft.Reject(table, int64(m.Count), m.Column, reason); err != nil {
		return fmt.Errorf("count rejected rows of %s: %w", table, err)
	}
	return nil
}

// mostIssues bounds what a run keeps of issues: kinds of them, not occurrences.
const mostIssues = 100

// addIssue adds the counts of one kind up and keeps its first example.
func addIssue(issues []connector.Issue, m connector.Issue) []connector.Issue {
	for i := range issues {
		if issues[i].Stream == m.Stream && issues[i].Column == m.Column && issues[i].Code == m.Code && issues[i].Rejected == m.Rejected {
			issues[i].Count += m.Count
			return issues
		}
	}
	if len(issues) < mostIssues {
		issues = append(issues, m)
	}
	return issues
}

// done judges the end and notes the final state.
func (f *filling) done(m connector.Done) error {
	if err := f.verdict.done(m); err != nil {
		return err
	}
	if !f.marked && m.State.IsZero() {
		return f.verdict.stateless()
	}
	return f.mark(m.State)
}

// finish is the last publication of a run that went well.
func (f *filling) finish(ctx context.Context) error {
	for i, t := range f.set.Tables {
		f.result.Tables[i].Read = int64(f.verdict.streams[t.Stream].rows)
	}
	return f.publish(ctx, true)
}
