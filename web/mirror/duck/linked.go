//go:build cgo && !lite

package duck

import (
	"context"
	"errors"
	"os"
	"time"

	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// Default is the engine of this program.
func Default() Engine { return linked{} }

// linked is DuckDB inside this program. Every session is a database in memory of its own with one connection.
type linked struct{}

func (linked) Kind() string { return "linked" }

func (linked) Version(context.Context) (string, error) { return duckdb.LibraryVersion(), nil }

// start opens a database in memory that loads nothing.
func start() (*session, error) {
	var config duckdb.Config
	if duckdb.CreateConfig(&config) == duckdb.StateError {
		return nil, fault.New(fault.Bug, "DuckDB makes no configuration")
	}
	defer duckdb.DestroyConfig(&config)
	for _, name := range []string{"autoinstall_known_extensions", "autoload_known_extensions", "allow_persistent_secrets"} {
		if duckdb.SetConfig(config, name, "false") == duckdb.StateError {
			return nil, fault.Newf(fault.Bug, "DuckDB does not know the setting %s", name)
		}
	}
	s := &session{}
	var message string
	if duckdb.OpenExt("", &s.database, config, &message) == duckdb.StateError {
		return nil, fault.Newf(fault.Transient, "DuckDB does not start: %s", message)
	}
	if duckdb.Connect(s.database, &s.conn) == duckdb.StateError {
		duckdb.Close(&s.database)
		return nil, fault.New(fault.Transient, "DuckDB takes no connection")
	}
	return s, nil
}

// with runs statements in a session of its own and returns the rows of the last.
func with(ctx context.Context, statements []string) ([][]*string, error) {
	s, err := start()
	if err != nil {
		return nil, err
	}
	defer s.Close() //nolint:errcheck // nothing is kept in it
	return s.all(ctx, statements)
}

func (linked) Build(ctx context.Context, path string, statements []string) error {
	if _, err := with(ctx, building(path, statements)); err != nil {
		return fault.Wrap(fault.CodeOf(err), err, "make the database of views")
	}
	return syncFile(path)
}

func (linked) OwnTables(ctx context.Context, path string) ([]string, error) {
	rows, err := with(ctx, []string{attaching(path), ownTables})
	return firsts(rows), err
}

func (linked) Open(ctx context.Context, s Session) (Conn, error) {
	conn, err := start()
	if err != nil {
		return nil, err
	}
	if conn.scratch, err = os.MkdirTemp("", "analyst-"); err != nil {
		return nil, errors.Join(fault.Wrap(fault.Config, err, "make a folder for what does not fit into memory"), conn.Close())
	}
	conn.save = s.Save
	if _, err := conn.all(ctx, s.opening(conn.scratch)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// session is one database in memory with one connection.
type session struct {
	database duckdb.Database
	conn     duckdb.Connection
	scratch  string // folder of its own
	save     string
}

// Close implements Conn.
func (s *session) Close() error {
	duckdb.Disconnect(&s.conn)
	duckdb.Close(&s.database)
	if s.scratch == "" {
		return nil
	}
	return fault.Wrap(fault.Config, os.RemoveAll(s.scratch), "clear a session's folder")
}

// interruptEvery is how often DuckDB is told again: an interrupt before a statement begins is forgotten.
const interruptEvery = 20 * time.Millisecond

// during calls f, and interrupts what DuckDB does in it once ctx has ended.
func (s *session) during(ctx context.Context, f func()) {
	ended, watched := make(chan struct{}), make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(watched)
		tick := time.NewTicker(interruptEvery)
		defer tick.Stop()
		for {
			duckdb.Interrupt(s.conn)
			select {
			case <-ended:
				return
			case <-tick.C:
			}
		}
	})
	f()
	close(ended)
	if !stop() {
		<-watched // before the connection may close
	}
}

// all runs statements of our own and returns the rows of the last.
func (s *session) all(ctx context.Context, statements []string) (rows [][]*string, err error) {
	for _, statement := range statements {
		out, err := s.run(ctx, statement, nil, anything)
		if err != nil {
			return nil, err
		}
		rows, err = drain(out)
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// anything lets every statement run; reading lets those run that DuckDB itself takes for one SELECT.
func anything(duckdb.StatementType) error { return nil }

func reading(kind duckdb.StatementType) error {
	if kind != duckdb.StatementTypeSelect {
		return refused("the statement is not for reading")
	}
	return nil
}

// Describe implements Conn. The relation alone is parsed first, so that what runs is a relation and not what only reads
// like one between our parentheses.
func (s *session) Describe(ctx context.Context, sql string, params []Param) ([]api.TypedName, error) {
	text, err := relation(sql, params)
	if err != nil {
		return nil, err
	}
	return s.columns(ctx, text)
}

func (s *session) columns(ctx context.Context, relation string) ([]api.TypedName, error) {
	if err := s.parsed(ctx, relation); err != nil {
		return nil, err
	}
	rows, err := s.all(ctx, []string{describing(relation)})
	if err != nil {
		return nil, err
	}
	return typedNames(rows), nil
}

// parsed prepares a relation and looks at what DuckDB takes it for.
func (s *session) parsed(ctx context.Context, relation string) (err error) {
	s.during(ctx, func() {
		var extracted duckdb.ExtractedStatements
		n := duckdb.ExtractStatements(s.conn, relation, &extracted)
		defer duckdb.DestroyExtracted(&extracted)
		if n != 1 {
			err = refused("only one statement at a time may run")
			if n == 0 {
				err = wrongSQL(ctx, errors.New(duckdb.ExtractStatementsError(extracted)))
			}
			return
		}
		var prepared duckdb.PreparedStatement
		defer duckdb.DestroyPrepare(&prepared)
		if duckdb.PrepareExtractedStatement(s.conn, extracted, 0, &prepared) == duckdb.StateError {
			err = wrongSQL(ctx, errors.New(duckdb.PrepareError(prepared)))
			return
		}
		err = reading(duckdb.PreparedStatementType(prepared))
	})
	return err
}

// Query implements Conn.
func (s *session) Query(ctx context.Context, sql string, limit int64, params []Param) (Rows, error) {
	text, err := relation(sql, params)
	if err != nil {
		return nil, err
	}
	columns, err := s.columns(ctx, text)
	if err != nil {
		return nil, err
	}
	return s.run(ctx, texts(text, columns, limit), columns, reading)
}

// Save implements Conn.
func (s *session) Save(ctx context.Context, sql string, limit int64, params []Param) error {
	text, err := relation(sql, params)
	if err != nil {
		return err
	}
	columns, err := s.columns(ctx, text)
	if err != nil {
		return err
	}
	return saving(s.save, saved(text, columns, limit), func(copying string) error {
		_, err := s.all(ctx, []string{copying})
		return err
	})
}

// Run implements Conn: a relation comes as by Query, so that every value is DuckDB's own text.
func (s *session) Run(ctx context.Context, sql string) (Rows, error) {
	if text, err := relation(sql, nil); err == nil && s.parsed(ctx, text) == nil {
		return s.Query(ctx, text, 0, nil)
	}
	return s.run(ctx, sql, nil, anything)
}
