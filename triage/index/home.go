package index

import (
	"context"
	"database/sql"
	"errors"
)

// Home is where reports are kept: the store of a host. The zero one is the store
// that the index itself is in.
type Home struct{ Host, Dir string }

// stranger is the number of a home that no batch has brought anything from.
const stranger = -1

// settle finds the number of this host's store, or gives it one.
func (x *Index) settle(ctx context.Context, h Home, o Options) error {
	if h == (Home{}) {
		return nil
	}
	h.Host, h.Dir = storable(h.Host), storable(h.Dir)
	find := func(q querier) error {
		return q.QueryRowContext(ctx, "SELECT id FROM homes WHERE host = $1 AND dir = $2", h.Host, h.Dir).Scan(&x.home)
	}
	err := find(x.db)
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if o.ReadOnly || o.MustExist {
		x.home = stranger
		return nil
	}
	return x.write(ctx, "home", func(tx *sql.Tx) error {
		if err := find(tx); !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		var last sql.NullInt64
		if err := tx.QueryRowContext(ctx, "SELECT max(id) FROM homes").Scan(&last); err != nil {
			return err
		}
		x.home = last.Int64 + 1
		_, err := tx.ExecContext(ctx, "INSERT INTO homes (id, host, dir) VALUES ($1, $2, $3)", x.home, h.Host, h.Dir)
		return err
	})
}
