package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

func newClient(o options) (*http.Client, error) {
	transport := &http.Transport{
		MaxIdleConns: o.connections, MaxIdleConnsPerHost: o.connections, MaxConnsPerHost: o.connections,
		ReadBufferSize: 16 << 10,
	}
	if o.ca != "" {
		pem, err := os.ReadFile(o.ca)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	return &http.Client{Transport: transport, Timeout: 5 * time.Second}, nil
}

// fetchAll gets every entry from the origin with a pool of workers, and hands the values to the writers.
func fetchAll(ctx context.Context, o options, c *cache) error {
	client, err := newClient(o)
	if err != nil {
		return err
	}
	free := &sync.Pool{New: func() any { buffer := make([]byte, 0, o.bytes+512); return &buffer }}
	numbers := make(chan []int, o.connections)
	entries := make(chan entry, 4*o.batch)
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { defer close(numbers); return c.choose(ctx, numbers) })
	all.Go(func() error {
		defer close(entries)
		workers, ctx := errgroup.WithContext(ctx)
		for range o.connections {
			workers.Go(func() error { return fetchSome(ctx, client, o.origin, numbers, entries, free) })
		}
		return workers.Wait()
	})
	for range o.writers {
		all.Go(func() error { return c.drain(ctx, entries, free) })
	}
	return all.Wait()
}

// choose yields the numbers to fetch, a few at a time so that workers seldom meet at the channel.
func (c *cache) choose(ctx context.Context, numbers chan<- []int) error {
	const handed = 16
	o := c.options
	for from := o.first; from < o.first+o.count; from += o.batch {
		batch := make([]int, 0, o.batch)
		for number := from; number < min(from+o.batch, o.first+o.count); number++ {
			batch = append(batch, number)
		}
		if o.probe {
			var err error
			if batch, err = c.missing(ctx, batch); err != nil {
				return err
			}
		}
		for len(batch) > 0 {
			n := min(handed, len(batch))
			select {
			case numbers <- batch[:n:n]:
			case <-ctx.Done():
				return ctx.Err()
			}
			batch = batch[n:]
		}
	}
	return nil
}

func fetchSome(ctx context.Context, client *http.Client, origin string, numbers <-chan []int,
	entries chan<- entry, free *sync.Pool) error {
	for some := range numbers {
		for _, number := range some {
			value, err := fetch(ctx, client, origin+strconv.Itoa(number), free)
			if err != nil {
				return err
			}
			select {
			case entries <- entry{keyOf(number), value}:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

func fetch(ctx context.Context, client *http.Client, url string, free *sync.Pool) (*[]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", url, response.Status)
	}
	buffer := free.Get().(*[]byte)
	value := (*buffer)[:0]
	for {
		if len(value) == cap(value) {
			value = append(value, 0)[:len(value)]
		}
		n, err := response.Body.Read(value[len(value):cap(value)])
		value = value[:len(value)+n]
		if err == io.EOF {
			*buffer = value
			return buffer, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
