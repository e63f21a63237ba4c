package main

import (
	"context"
	"strconv"
	"sync"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/redis/go-redis/v9"
)

// cache is the Redis to fill, one pipeline a batch; or a Memcached, one command at a time on many connections, since
// its clients for Go do not pipeline. Without an address it drops what it is given.
type cache struct {
	client  *redis.Client
	mem     *memcache.Client
	options options
}

func newCache(o options) *cache {
	if o.memcached != "" {
		client := memcache.New(o.memcached)
		client.MaxIdleConns = o.connections
		return &cache{options: o, mem: client}
	}
	if o.redis == "" {
		return &cache{options: o}
	}
	return &cache{options: o, client: redis.NewClient(&redis.Options{
		Addr: o.redis, PoolSize: o.writers + 1, WriteBufferSize: 256 << 10, ReadBufferSize: 64 << 10,
		DisableIdentity: true,
	})}
}

type entry struct {
	key   string
	value *[]byte // a pointer, as sync.Pool wants it
}

func keyOf(number int) string { return "item:" + strconv.Itoa(number) }

func (c *cache) write(ctx context.Context, batch []entry) error {
	if c.mem != nil {
		return c.add(batch)
	}
	if c.client == nil {
		return nil
	}
	pipe := c.client.Pipeline()
	for i := range batch {
		pipe.SetNX(ctx, batch[i].key, *batch[i].value, c.options.ttl)
	}
	_, err := pipe.Exec(ctx)
	return err
}

func (c *cache) add(batch []entry) error {
	for i := range batch {
		item := memcache.Item{Key: batch[i].key, Value: *batch[i].value, Expiration: int32(c.options.ttl.Seconds())}
		if err := c.mem.Add(&item); err != nil && err != memcache.ErrNotStored {
			return err
		}
	}
	return nil
}

// missing says which of the numbers the cache lacks.
func (c *cache) missing(ctx context.Context, numbers []int) ([]int, error) {
	pipe := c.client.Pipeline()
	answers := make([]*redis.IntCmd, len(numbers))
	for i, number := range numbers {
		answers[i] = pipe.Exists(ctx, keyOf(number))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, err
	}
	lacking := numbers[:0]
	for i, answer := range answers {
		if answer.Val() == 0 {
			lacking = append(lacking, numbers[i])
		}
	}
	return lacking, nil
}

// drain writes what comes until the channel closes: full batches while there is much, smaller ones rather than wait.
// Each value goes back to `free` once Redis has it.
func (c *cache) drain(ctx context.Context, entries <-chan entry, free *sync.Pool) error {
	batch := make([]entry, 0, c.options.batch)
	for first := range entries {
		batch = append(batch[:0], first)
	more:
		for len(batch) < c.options.batch {
			select {
			case next, open := <-entries:
				if !open {
					break more
				}
				batch = append(batch, next)
			default:
				break more
			}
		}
		if err := c.write(ctx, batch); err != nil {
			return err
		}
		if free != nil {
			for i := range batch {
				free.Put(batch[i].value)
			}
		}
	}
	return nil
}
