package read

import (
	"context"
	"errors"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/plugins/connector/csv/build"
	"github.com/ai-data-analyst/broker/plugins/connector/csv/scan"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
)

// parcel is what the reading side hands to the sending side.
type parcel struct {
	batch  arrow.Record // nil for issues alone
	issues []connector.Issue
	taken  uint64
}

// progressEvery is after how many batches progress is told.
const progressEvery = 8

// send reads the rows and sends them: the next batch is read while the one before it is on its way.
func (r *reading) send(ctx context.Context, sink Sink) (Result, error) {
	schema, err := sdk.ArrowSchema(r.columns)
	if err != nil {
		return Result{}, err
	}
	filters, err := r.filters()
	if err != nil {
		return Result{}, err
	}
	inner, cancel := context.WithCancel(ctx)
	p := &producer{
		reading: r, filters: filters, parcels: make(chan parcel, 1), rejects: rejects{name: r.Name},
		builder: build.New(schema, r.wanted(), r.Dialect.Quote, build.NewPool()),
	}
	ended := make(chan error, 1)
	go func() {
		defer close(p.parcels)
		defer p.builder.Release()
		ended <- p.run(inner)
	}()
	err = deliver(ctx, p.parcels, sink, uint64(r.Size))
	cancel()
	for left := range p.parcels {
		left.release()
	}
	if produced := <-ended; err == nil {
		err = produced
	}
	return Result{Rows: p.rows, Rejected: p.rejects.total}, err
}

// deliver passes parcels on to the sink.
func deliver(ctx context.Context, parcels <-chan parcel, sink Sink, size uint64) error {
	n := 0
	for p := range parcels {
		err := p.deliver(ctx, sink)
		p.release()
		if err != nil {
			return err
		}
		if n++; n%progressEvery == 0 {
			if err := sink.Progress(ctx, p.taken, size); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p parcel) deliver(ctx context.Context, sink Sink) error {
	for _, issue := range p.issues {
		if err := sink.Issue(ctx, issue); err != nil {
			return err
		}
	}
	if p.batch == nil {
		return nil
	}
	return sink.AppendRecord(ctx, p.batch)
}

func (p parcel) release() {
	if p.batch != nil {
		p.batch.Release()
	}
}

// producer is the reading side.
type producer struct {
	*reading
	builder *build.Builder
	filters []filter
	rejects rejects
	padded  connector.Issue
	rows    uint64
	parcels chan parcel
}

// errStop ends a producer whose parcels nobody takes any more.
var errStop = errors.New("the rows are no longer wanted")

func (p *producer) run(ctx context.Context) error {
	err := p.pass(ctx, p.limit, func(block *scan.Block) (bool, error) { return p.block(ctx, block) })
	if err == nil && p.builder.Rows() > 0 {
		err = p.flush(ctx)
	}
	if err != nil {
		return err
	}
	return p.hand(ctx, parcel{issues: p.closing()})
}

// limit is how many rows of the next block are wanted.
func (p *producer) limit() int {
	if p.MaxRows == 0 {
		return 0
	}
	return max(1, p.MaxRows-int(p.rows))
}

// block adds a block to the batch, and hands the batch on when it is large enough.
func (p *producer) block(ctx context.Context, block *scan.Block) (more bool, err error) {
	for _, bad := range block.Bad {
		p.rejects.add(connector.Issue{Code: string(bad.Reason), Sample: bad.What}, bad.Line)
	}
	if block.Padded > 0 {
		p.pad(block)
	}
	for _, f := range p.filters {
		block.Drop(func(row int) bool { return !f.keeps(block, row) })
	}
	if p.builder.Rows() > 0 && p.builder.Bytes()+len(block.Text) > 2*connector.DefaultBatchBytes {
		if err := p.flush(ctx); err != nil {
			return false, err
		}
	}
	if err := p.add(block); err != nil {
		return false, err
	}
	p.rows += uint64(block.Rows)
	if p.builder.Rows() >= connector.DefaultBatchRows || p.builder.Bytes() >= connector.DefaultBatchBytes {
		if err := p.flush(ctx); err != nil {
			return false, err
		}
	}
	return p.MaxRows == 0 || p.rows < uint64(p.MaxRows), nil
}

// add builds a block's rows. Rows with a value that does not fit its column are an error, or left out.
func (p *producer) add(block *scan.Block) error {
	misfits := p.builder.Add(block)
	if misfits == nil {
		return nil
	}
	if p.Ragged != Reject {
		return p.misfit(block, misfits[0])
	}
	for _, m := range misfits {
		p.rejects.add(connector.Issue{Code: "bad_value", Column: p.columns[m.Column].Name, Sample: p.unfit(block, m)}, block.Line(m.Row))
	}
	block.Drop(func(row int) bool {
		if len(misfits) == 0 || misfits[0].Row != row {
			return false
		}
		misfits = misfits[1:]
		return true
	})
	p.builder.Add(block)
	return nil
}

// flush hands the batch on.
func (p *producer) flush(ctx context.Context) error {
	issues := p.rejects.take()
	return p.hand(ctx, parcel{batch: p.builder.Take(), issues: issues, taken: p.taken})
}

func (p *producer) hand(ctx context.Context, parcel parcel) error {
	select {
	case p.parcels <- parcel:
		return nil
	case <-ctx.Done():
		parcel.release()
		return errors.Join(errStop, ctx.Err())
	}
}
