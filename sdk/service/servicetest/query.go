package servicetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/service"
)

// endless never ends by itself, in any dialect with recursion.
const endless = `WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t`

// querier gives use the ability to query of a fresh session.
func (in *inspection) querier(ctx context.Context, use func(service.Querier) error) error {
	return in.session(ctx, func(s service.Session) error {
		q, ok := s.(service.Querier)
		if !ok {
			return skip("the service cannot be queried")
		}
		return use(q)
	})
}

// answer is a whole result, values as Arrow writes them.
type answer struct {
	columns   []service.Column
	rows      int64
	first     []string
	truncated bool
}

func collect(ctx context.Context, q service.Querier, request service.QueryRequest) (a answer, err error) {
	rows, err := q.Query(ctx, request)
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	a.columns = rows.Columns()
	for rows.Next(ctx) {
		record := rows.Record()
		if a.first == nil && record.NumRows() > 0 {
			for _, c := range record.Columns() {
				a.first = append(a.first, c.ValueStr(0))
			}
		}
		a.rows += record.NumRows()
		record.Release()
	}
	a.truncated = rows.Truncated()
	return a, rows.Err()
}

func (in *inspection) queryValues(ctx context.Context) error {
	return in.querier(ctx, func(q service.Querier) error {
		a, err := collect(ctx, q, service.QueryRequest{SQL: `SELECT 42 AS n, 'ž' AS "Two words", NULL AS nothing`})
		if err != nil {
			return err
		}
		if len(a.columns) != 3 || a.columns[0].Name != "n" || a.columns[1].Name != "Two words" || a.rows != 1 || a.truncated {
			return fmt.Errorf("one row of n, Two words, nothing: got %+v", a)
		}
		if a.first[0] != "42" || a.first[1] != "ž" || a.first[2] != "(null)" {
			return fmt.Errorf("values %q, want 42, ž, NULL", a.first)
		}
		return nil
	})
}

func (in *inspection) queryEmpty(ctx context.Context) error {
	return in.querier(ctx, func(q service.Querier) error {
		a, err := collect(ctx, q, service.QueryRequest{SQL: `SELECT 1 AS n WHERE 1 = 0`})
		if err == nil && (len(a.columns) != 1 || a.rows != 0 || a.truncated) {
			err = fmt.Errorf("no rows, one column: got %+v", a)
		}
		return err
	})
}

func (in *inspection) queryLimit(ctx context.Context) error {
	const three = `SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3`
	return in.querier(ctx, func(q service.Querier) error {
		for _, c := range []struct {
			limit, rows int64
			truncated   bool
		}{{2, 2, true}, {3, 3, false}, {4, 3, false}} {
			a, err := collect(ctx, q, service.QueryRequest{SQL: three, Limit: c.limit})
			if err != nil {
				return err
			}
			if a.rows != c.rows || a.truncated != c.truncated {
				return fmt.Errorf("limit %d of 3 rows: got %d, truncated %t", c.limit, a.rows, a.truncated)
			}
		}
		return nil
	})
}

func (in *inspection) queryTable(ctx context.Context) error {
	t := in.subject.Table
	if len(t.Parts) == 0 {
		return skip("no table was given")
	}
	return in.querier(ctx, func(q service.Querier) error {
		for _, name := range []string{t.Namespace + "." + t.Name, t.Name} {
			a, err := collect(ctx, q, service.QueryRequest{SQL: `SELECT count(*) AS n FROM ` + name, Tables: []service.Table{t}})
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if a.rows != 1 || a.first[0] != fmt.Sprint(in.subject.Rows) {
				return fmt.Errorf("%s counts %v rows, want %d", name, a.first, in.subject.Rows)
			}
		}
		return nil
	})
}

// refusal wants a statement to be refused as the asker's mistake.
func refusal(ctx context.Context, q service.Querier, request service.QueryRequest) error {
	a, err := collect(ctx, q, request)
	f, ok := fault.As(err)
	if err == nil {
		return fmt.Errorf("%q is answered: %+v", request.SQL, a)
	}
	if !ok || f.Code != fault.Config || f.Path != "sql" {
		return fmt.Errorf(`%q: want a fault of class config with path "sql", got %w`, request.SQL, err)
	}
	return nil
}

func (in *inspection) refusals(ctx context.Context, statements ...string) error {
	return in.querier(ctx, func(q service.Querier) error {
		var errs []error
		for _, sql := range statements {
			errs = append(errs, refusal(ctx, q, service.QueryRequest{SQL: sql}))
		}
		return errors.Join(errs...)
	})
}

// queryUnknownTable asks for a table of an earlier query too: nothing of one is seen by the next.
func (in *inspection) queryUnknownTable(ctx context.Context) error {
	return in.querier(ctx, func(q service.Querier) error {
		t := in.subject.Table
		if len(t.Parts) == 0 {
			return refusal(ctx, q, service.QueryRequest{SQL: `SELECT * FROM nowhere.nothing`})
		}
		name := t.Namespace + "." + t.Name
		if _, err := collect(ctx, q, service.QueryRequest{SQL: `SELECT * FROM ` + name, Tables: []service.Table{t}, Limit: 1}); err != nil {
			return err
		}
		return refusal(ctx, q, service.QueryRequest{SQL: `SELECT * FROM ` + name})
	})
}

func (in *inspection) queryWrong(ctx context.Context) error {
	return in.refusals(ctx, ``, `   `, `-- nothing`, `SELEC 1`, `SELECT FROM WHERE`, `SELECT no_such_column`)
}

func (in *inspection) queryReadsOnly(ctx context.Context) error {
	return in.refusals(ctx, `CREATE TABLE t (n INTEGER)`, `INSERT INTO t VALUES (1)`, `DELETE FROM t`, `DROP VIEW t`, `BEGIN`)
}

func (in *inspection) queryOneStatement(ctx context.Context) error {
	return in.refusals(ctx, `SELECT 1; SELECT 2`, `SELECT 1; DROP VIEW t`)
}

func (in *inspection) queryTimeout(ctx context.Context) error {
	return in.querier(ctx, func(q service.Querier) error {
		_, err := collect(ctx, q, service.QueryRequest{SQL: endless, Timeout: 200 * time.Millisecond})
		if f, ok := fault.As(err); !ok || f.Code != fault.Transient || f.Path != service.TimeoutPath {
			return fmt.Errorf("want a transient fault with the path %q, got %w", service.TimeoutPath, err)
		}
		return nil
	})
}

func (in *inspection) queryCancelled(ctx context.Context) error {
	return in.querier(ctx, func(q service.Querier) error {
		cancelled, cancel := context.WithCancel(ctx)
		time.AfterFunc(200*time.Millisecond, cancel)
		if _, err := collect(cancelled, q, service.QueryRequest{SQL: endless}); fault.CodeOf(err) != fault.Cancelled {
			return fmt.Errorf("want a fault of class cancelled, got %w", err)
		}
		return nil
	})
}

// queryBeside wants a query to be answered while another one runs.
func (in *inspection) queryBeside(ctx context.Context) error {
	return in.querier(ctx, func(q service.Querier) error {
		running, cancel := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() {
			_, err := collect(running, q, service.QueryRequest{SQL: endless})
			ended <- err
		}()
		_, err := collect(ctx, q, service.QueryRequest{SQL: `SELECT 1 AS n`})
		cancel()
		if first := <-ended; fault.CodeOf(first) != fault.Cancelled {
			err = errors.Join(err, fmt.Errorf("the query beside it: %w", first))
		}
		return err
	})
}

func (in *inspection) queryClosedEarly(ctx context.Context) error {
	return in.querier(ctx, func(q service.Querier) error {
		rows, err := q.Query(ctx, service.QueryRequest{SQL: `WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 100000) SELECT n FROM t`, Limit: 1_000_000})
		if err != nil {
			return err
		}
		if err := rows.Close(); err != nil {
			return err
		}
		_, err = collect(ctx, q, service.QueryRequest{SQL: `SELECT 1 AS n`})
		return err
	})
}
