package main

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// copyRows streams a table by one query on one connection, values as the driver has them in its buffer, into the
// writers.
func copyRows(ctx context.Context, o options, c *cache) error {
	connection, err := pgx.Connect(ctx, o.dsn)
	if err != nil {
		return err
	}
	defer connection.Close(ctx)
	free := &sync.Pool{New: func() any { buffer := make([]byte, 0, o.bytes); return &buffer }}
	entries := make(chan entry, 8*o.batch)
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error {
		defer close(entries)
		rows, err := connection.Query(ctx, "SELECT key, value FROM items")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			raw := rows.RawValues()
			value := free.Get().(*[]byte)
			*value = append((*value)[:0], raw[1]...)
			select {
			case entries <- entry{string(raw[0]), value}:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return rows.Err()
	})
	for range o.writers {
		all.Go(func() error { return c.drain(ctx, entries, free) })
	}
	return all.Wait()
}
