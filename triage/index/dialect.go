package index

import (
	"context"
	"database/sql"
)

// dialect is what SQLite and PostgreSQL do differently. All other SQL is the
// same for both: its parameters are $1, $2, which SQLite takes, too.
type dialect struct {
	// name is that of the schema's files that only it has.
	name string
	// version reads the version of the schema, 0 when there is none.
	version func(ctx context.Context, q querier) (int, error)
	// setVersion is a statement for fmt, with a number.
	setVersion string
	// begin begins a transaction that writes: one at a time.
	begin func(ctx context.Context, db *sql.DB) (*sql.Tx, error)
	// matches is the condition that a row of a table of full text has the words
	// in a parameter.
	matches func(table string, param string) string
	// document is a text as the full text takes it, words what a search wants of it.
	document, words func(text string) string
	// turn waits until no other host has its turn at what only one does at a
	// time, and holds it until done.
	turn func(ctx context.Context, db *sql.DB) (done func(), err error)
}

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}
