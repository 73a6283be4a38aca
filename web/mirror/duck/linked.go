//go:build cgo && !lite

package duck

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// Default is the engine of this program.
func Default() Engine { return linked{} }

// linked is DuckDB inside this program.
type linked struct{}

func (linked) Kind() string { return "linked" }

func (linked) Version(ctx context.Context) (string, error) {
	var version string
	err := within(ctx, "", func(db *sql.DB) error { return db.QueryRowContext(ctx, "SELECT version()").Scan(&version) })
	return version, fault.Wrap(fault.Bug, err, "ask DuckDB for its version")
}

// within opens a database for one thing.
func within(ctx context.Context, dsn string, do func(*sql.DB) error) error {
	connector, err := duckdb.NewConnector(dsn, nil)
	if err != nil {
		return unreadable(dsn, err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	return errors.Join(do(db), db.Close())
}

func (linked) Build(ctx context.Context, path string, statements []string) error {
	err := within(ctx, path, func(db *sql.DB) error {
		for _, s := range append(append([]string{"BEGIN"}, statements...), "COMMIT", "CHECKPOINT") {
			if _, err := db.ExecContext(ctx, s); err != nil {
				return fault.Wrap(fault.Data, err, "make the database of views")
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return syncFile(path)
}

func (linked) OwnTables(ctx context.Context, path string) ([]string, error) {
	var names []string
	err := within(ctx, path+"?access_mode=READ_ONLY", func(db *sql.DB) error {
		rows, err := db.QueryContext(ctx, ownTables)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				return err
			}
			names = append(names, name)
		}
		return rows.Err()
	})
	return names, err
}

func (linked) Open(ctx context.Context, s Session) (Conn, error) {
	dsn := ""
	switch {
	case s.Mine != "":
		dsn = s.Mine
	case s.Database != "":
		dsn = s.Database + "?access_mode=READ_ONLY"
	}
	connector, err := duckdb.NewConnector(dsn, func(conn driver.ExecerContext) error {
		for _, statement := range s.opening() {
			if _, err := conn.ExecContext(ctx, statement, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, unreadable(dsn, err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(unreadable(dsn, err), db.Close())
	}
	return &linkedConn{db: db, conn: conn}, nil
}

// unreadable says what is the matter with a database file (Y6).
func unreadable(dsn string, err error) error {
	path, _, _ := strings.Cut(dsn, "?")
	text := err.Error()
	switch {
	case path == "":
		return fault.Wrap(fault.Bug, err, "open DuckDB")
	case strings.Contains(text, "lock"):
		return &fault.Fault{Code: fault.Transient, What: path + " is in use by another program", Help: "Close it there, or open it read-only.", Err: err}
	case strings.Contains(text, "version"), strings.Contains(text, "not a valid DuckDB"), strings.Contains(text, "newer"):
		return &fault.Fault{Code: fault.Data, What: path + " cannot be read: it is damaged or of a newer DuckDB", Err: err,
			Help: "The views are made anew by: analyst doctor --fix. Your own database is never touched."}
	}
	return fault.Wrap(fault.Data, err, "open "+path)
}

type linkedConn struct {
	db   *sql.DB
	conn *sql.Conn
}

// Query implements Conn: the columns of the relation are asked for first, then its rows as texts.
func (c *linkedConn) Query(ctx context.Context, text string, limit int64, params []Param) (Rows, error) {
	args, err := arguments(params)
	if err != nil {
		return nil, err
	}
	columns, err := c.describe(ctx, text, args)
	if err != nil {
		return nil, err
	}
	rows, err := c.conn.QueryContext(ctx, texts(text, columns, limit), args...)
	if err != nil {
		return nil, wrongSQL(ctx, err)
	}
	return &linkedRows{ctx: ctx, rows: rows, columns: columns}, nil
}

func (c *linkedConn) describe(ctx context.Context, text string, args []any) ([]api.TypedName, error) {
	rows, err := c.conn.QueryContext(ctx, "SELECT column_name, column_type FROM (DESCRIBE (SELECT * FROM (\n"+text+"\n)))", args...)
	if err != nil {
		return nil, wrongSQL(ctx, err)
	}
	defer rows.Close()
	var columns []api.TypedName
	for rows.Next() {
		var name, typ string
		if err := rows.Scan(&name, &typ); err != nil {
			return nil, wrongSQL(ctx, err)
		}
		columns = append(columns, api.TypedName{Name: name, Type: typ})
	}
	return columns, wrongSQL(ctx, rows.Err())
}

// Run implements Conn.
func (c *linkedConn) Run(ctx context.Context, text string) (Rows, error) {
	rows, err := c.conn.QueryContext(ctx, text)
	if err != nil {
		return nil, wrongSQL(ctx, err)
	}
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, errors.Join(wrongSQL(ctx, err), rows.Close())
	}
	out := &linkedRows{ctx: ctx, rows: rows}
	for _, t := range types {
		out.columns = append(out.columns, api.TypedName{Name: t.Name(), Type: t.DatabaseTypeName()})
	}
	return out, nil
}

func (c *linkedConn) Close() error { return errors.Join(c.conn.Close(), c.db.Close()) }

func arguments(params []Param) ([]any, error) {
	args := make([]any, len(params))
	for i, p := range params {
		var value any = p.Value
		var err error
		switch p.Type {
		case "", "VARCHAR":
		case "BIGINT", "INTEGER":
			value, err = strconv.ParseInt(p.Value, 10, 64)
		case "DOUBLE":
			value, err = strconv.ParseFloat(p.Value, 64)
		case "BOOLEAN":
			value, err = strconv.ParseBool(p.Value)
		default:
			err = errors.New("types of parameters are VARCHAR, BIGINT, DOUBLE and BOOLEAN")
		}
		if err != nil {
			return nil, fault.Wrap(fault.Config, err, "read the parameter "+p.Name)
		}
		args[i] = sql.Named(p.Name, value)
	}
	return args, nil
}

type linkedRows struct {
	ctx     context.Context
	rows    *sql.Rows
	columns []api.TypedName
}

func (r *linkedRows) Columns() []api.TypedName { return r.columns }

func (r *linkedRows) Next() ([]*string, error) {
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return nil, wrongSQL(r.ctx, err)
		}
		return nil, io.EOF
	}
	values, into := make([]any, len(r.columns)), make([]any, len(r.columns))
	for i := range values {
		into[i] = &values[i]
	}
	if err := r.rows.Scan(into...); err != nil {
		return nil, wrongSQL(r.ctx, err)
	}
	row := make([]*string, len(values))
	for i, v := range values {
		row[i] = textOf(v)
	}
	return row, nil
}

func (r *linkedRows) Close() error { return r.rows.Close() }
