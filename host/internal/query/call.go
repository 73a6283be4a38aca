package query

import (
	"context"
	"fmt"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/service"
)

// call is one person's statement on its way through the engine. It is used by one goroutine.
type call struct {
	room    *Room
	person  string
	request service.QueryRequest

	now   attempt
	tries int  // that an engine has ended under
	out   bool // rows of it are out: it cannot begin anew
	over  bool // it came to its end, or fell with the engine
}

// begin asks the engine, once more when it ended for another's statement.
func (c *call) begin(ctx context.Context) (service.Rows, error) {
	rows, err := c.ask(ctx)
	if err != nil {
		return c.resume(ctx, err)
	}
	return rows, nil
}

func (c *call) ask(ctx context.Context) (service.Rows, error) {
	engine := c.room.options.Engine
	c.now = attempt{person: c.person, begun: time.Now(), process: engine.Process()}
	rows, err := engine.Query(ctx, c.request)
	if err == nil {
		c.now.process = engine.Process() // it may have been started for this
	}
	return rows, err
}

// resume asks again when err is the engine's end and may be another's doing; else it returns err. Second attempts run one
// after the other: what ends the engine then too is found, and has not taken others' second attempts with it.
func (c *call) resume(ctx context.Context, err error) (service.Rows, error) {
	blame := c.room.blame
	if !blame.ended(c.now, err) {
		if ctx.Err() != nil || fault.CodeOf(err) == fault.Cancelled {
			c.leave()
		}
		c.over = true // an engine that answers has put it away
		return nil, err
	}
	c.tries++
	switch {
	case blame.outlived(c.now) || c.tries > 1:
		c.over = true
		blame.strike(c.person)
		return nil, fmt.Errorf("%w (%w)", blame.refused(c.person), err)
	case c.out:
		c.over = true
		return nil, err
	}
	select {
	case <-c.room.again:
		defer func() { c.room.again <- struct{}{} }()
	case <-ctx.Done():
		c.over = true
		return nil, fault.Wrap(fault.Cancelled, ctx.Err(), "wait for the query engine to start again")
	}
	return c.begin(ctx)
}

// leave says that nobody waits for the statement any more.
func (c *call) leave() {
	if !c.over {
		c.over = true
		if c.now.process == 0 { // the statement had it started
			c.now.process = c.room.options.Engine.Process()
		}
		c.room.blame.abandoned(c.now)
	}
}
