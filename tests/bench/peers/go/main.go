// Warms a Redis as a good Go script would: a pool of net/http workers, go-redis pipelines, buffers that are
// used again.
//
// The command line is the one that all peers share; tests/bench/README.md has it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"
)

type options struct {
	source      string
	redis       string
	memcached   string
	origin      string
	ca          string
	dsn         string
	first       int
	count       int
	bytes       int
	ttl         time.Duration
	probe       bool
	batch       int
	writers     int
	connections int
}

func parse() options {
	var o options
	var seconds int
	flag.StringVar(&o.source, "source", "", "generated, http or sql")
	flag.StringVar(&o.redis, "redis", "", "host:port; none: values are dropped")
	flag.StringVar(&o.memcached, "memcached", "", "host:port, in place of Redis")
	flag.StringVar(&o.origin, "origin", "", "the URL that an entry's number is appended to")
	flag.StringVar(&o.ca, "ca", "", "PEM file of the CA to trust")
	flag.StringVar(&o.dsn, "dsn", "", "connection string of PostgreSQL")
	flag.IntVar(&o.first, "first", 0, "number of the first entry")
	flag.IntVar(&o.count, "count", 0, "how many entries")
	flag.IntVar(&o.bytes, "bytes", 0, "size of a generated value")
	flag.IntVar(&seconds, "ttl", 3600, "seconds that an entry is kept")
	flag.BoolVar(&o.probe, "probe", false, "ask the cache first and fetch only what it lacks")
	flag.IntVar(&o.batch, "batch", 256, "commands in a pipeline")
	flag.IntVar(&o.writers, "writers", 4, "pipelines at a time")
	flag.IntVar(&o.connections, "connections", 64, "requests at a time")
	flag.Parse()
	if o.memcached != "" {
		o.writers = o.connections
	}
	o.ttl = time.Duration(seconds) * time.Second
	return o
}

func main() {
	o := parse()
	sources := map[string]func(context.Context, options, *cache) error{
		"generated": generate, "http": fetchAll, "sql": copyRows,
	}
	run, known := sources[o.source]
	if !known {
		fmt.Fprintf(os.Stderr, "no source %q\n", o.source)
		os.Exit(2)
	}
	if err := run(context.Background(), o, newCache(o)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
