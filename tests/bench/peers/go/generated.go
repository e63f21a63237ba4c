package main

import (
	"bytes"
	"context"
	"strconv"

	"golang.org/x/sync/errgroup"
)

// generate writes entries that need no origin: the value is the entry's number and a filler. Every writer has
// a part of the numbers and one set of values, of which only the digits change.
func generate(ctx context.Context, o options, c *cache) error {
	group, ctx := errgroup.WithContext(ctx)
	for w := range o.writers {
		from := o.first + o.count*w/o.writers
		to := o.first + o.count*(w+1)/o.writers
		group.Go(func() error { return c.generatePart(ctx, from, to) })
	}
	return group.Wait()
}

func (c *cache) generatePart(ctx context.Context, from, to int) error {
	batch := make([]entry, c.options.batch)
	for i := range batch {
		value := bytes.Repeat([]byte{'v'}, c.options.bytes)
		batch[i].value = &value
	}
	for from < to {
		batch = batch[:min(len(batch), to-from)]
		for i := range batch {
			batch[i].key = keyOf(from)
			strconv.AppendInt((*batch[i].value)[:0], int64(from), 10)
			from++
		}
		if err := c.write(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}
