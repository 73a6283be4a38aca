package ingest

import (
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// verdict holds the stream of one attempt against what it says of itself: order, counts, completeness. The wire checks
// its own end too; this one is between the run and any session, near or far.
type verdict struct {
	set     Set
	streams map[string]*account
	last    uint64 // id of the newest checkpoint
}

// account is what has come of one stream.
type account struct {
	table    Table
	epoch    uint32
	rows     uint64
	begun    bool   // a boundary is open
	from     uint64 // rows when it began
	complete bool   // a boundary was completed
	ended    bool
}

func newVerdict(set Set) *verdict {
	v := &verdict{set: set, streams: map[string]*account{}}
	for _, t := range set.Tables {
		v.streams[t.Stream] = &account{table: t}
	}
	return v
}

// publishesOnTheWay says whether the set may be published before its end: only when every table merely gains (decision 1).
func (v *verdict) publishesOnTheWay() bool {
	for _, s := range v.streams {
		if s.table.Write != writeAppend && s.table.Write != writeMerge {
			return false
		}
	}
	return true
}

func lie(format string, args ...any) error {
	return fault.Newf(fault.Bug, "the connector contradicts itself: "+format, args...).WithHelp("This is a defect of the connector; tell its author.")
}

func incomplete(stream, format string, args ...any) error {
	return fault.Newf(fault.Transient, "stream "+stream+" is incomplete: "+format, args...).WithScope(stream)
}

func (v *verdict) find(stream string) (*account, error) {
	s, ok := v.streams[stream]
	if !ok {
		return nil, lie("it speaks of the stream %.80q, which was not asked for", stream)
	}
	return s, nil
}

func (v *verdict) schema(m connector.Schema) (sdk.TableName, error) {
	s, err := v.find(m.Stream)
	switch {
	case err != nil:
		return "", err
	case s.ended:
		return "", lie("stream %s goes on after its end", m.Stream)
	case m.Epoch <= s.epoch:
		return "", lie("the schema of stream %s has epoch %d after epoch %d", m.Stream, m.Epoch, s.epoch)
	}
	s.epoch = m.Epoch
	return s.table.Name, nil
}

func (v *verdict) batch(m connector.Batch) (sdk.TableName, error) {
	s, err := v.find(m.Stream)
	switch {
	case err != nil:
		return "", err
	case s.epoch == 0 || m.Epoch != s.epoch:
		return "", lie("rows of stream %s come under schema %d, the newest is %d", m.Stream, m.Epoch, s.epoch)
	case s.ended || s.complete && !s.begun && s.table.Write == writeReplace:
		return "", lie("stream %s has rows after its end", m.Stream)
	case m.Op != connector.Append && m.Op != connector.Upsert && m.Op != connector.DeleteKeys:
		return "", lie("stream %s has rows with the operation %.40q", m.Stream, m.Op)
	case !s.begun && s.table.Write == writeReplace:
		return "", lie("stream %s has rows before its delivery began", m.Stream)
	}
	s.rows += uint64(m.Record.NumRows())
	return s.table.Name, nil
}

func (v *verdict) boundary(m connector.Boundary) (sdk.TableName, error) {
	s, err := v.find(m.Stream)
	switch {
	case err != nil:
		return "", err
	case s.ended || m.Complete != s.begun || !m.Complete && s.complete && s.table.Write == writeReplace:
		return "", lie("the delivery of stream %s begins or ends twice", m.Stream)
	case m.Complete && m.Rows != s.rows-s.from:
		return "", incomplete(m.Stream, "its delivery counts %d rows, %d arrived", m.Rows, s.rows-s.from)
	}
	s.begun, s.from = !m.Complete, s.rows
	s.complete = s.complete || m.Complete
	return s.table.Name, nil
}

func (v *verdict) checkpoint(m connector.Checkpoint) error {
	if m.ID <= v.last {
		return lie("checkpoint %d comes after checkpoint %d", m.ID, v.last)
	}
	v.last = m.ID
	if m.State.IsZero() && m.SafeToStop {
		return lie("checkpoint %d is a place to stop but has no state to go on from", m.ID)
	}
	if err := v.sizeOf(m.State); err != nil {
		return err
	}
	return v.count(m.Rows, "a checkpoint")
}

func (v *verdict) sizeOf(state sdk.Cursor) error {
	if len(state.Data) > sdk.MaxCursorBytes {
		return lie("its state has %d bytes, the limit is %d", len(state.Data), sdk.MaxCursorBytes)
	}
	return nil
}

// count compares what the connector says to have sent with what arrived. A stream it does not name has no rows.
func (v *verdict) count(said map[string]uint64, by string) error {
	for name := range said {
		if _, err := v.find(name); err != nil {
			return err
		}
	}
	for _, t := range v.set.Tables {
		if s := v.streams[t.Stream]; said[t.Stream] != s.rows {
			return incomplete(t.Stream, "%s counts %d rows, %d arrived", by, said[t.Stream], s.rows)
		}
	}
	return nil
}

func (v *verdict) issue(m connector.Issue) (sdk.TableName, error) {
	if m.Stream == "" && !m.Rejected {
		return v.set.Root(), nil
	}
	s, err := v.find(m.Stream)
	if err != nil {
		return "", err
	}
	return s.table.Name, nil
}

func (v *verdict) streamDone(m connector.StreamDone) error {
	s, err := v.find(m.Stream)
	switch {
	case err != nil:
		return err
	case s.ended:
		return lie("stream %s ends twice", m.Stream)
	case m.Rows != s.rows:
		return incomplete(m.Stream, "its end counts %d rows, %d arrived", m.Rows, s.rows)
	case !m.Complete:
		return incomplete(m.Stream, "the connector says so")
	}
	s.ended = true
	return nil
}

// done is the verdict on a whole attempt: counts are equal, nothing is open, and what replaces a table was delivered
// from its begin to its end (decision 10).
func (v *verdict) done(m connector.Done) error {
	if err := v.sizeOf(m.State); err != nil {
		return err
	}
	if err := v.count(m.Rows, "the end"); err != nil {
		return err
	}
	for _, t := range v.set.Tables {
		s := v.streams[t.Stream]
		if s.begun {
			return incomplete(t.Stream, "its delivery has begun and not ended")
		}
		if t.Write == writeReplace && !s.complete {
			return incomplete(t.Stream, "it was to be delivered in full, and the connector does not say that it was")
		}
	}
	return nil
}

// stateless judges a run without any state: rows of an incremental read must come with a place to go on from, or
// the next run would repeat them.
func (v *verdict) stateless() error {
	root := v.streams[v.set.Tables[0].Stream]
	if root.table.Mode != sdk.Incremental {
		return nil
	}
	for _, s := range v.streams {
		if s.rows > 0 {
			return lie("an incremental read of stream %s brought rows and no state to go on from", root.table.Stream)
		}
	}
	return nil
}
