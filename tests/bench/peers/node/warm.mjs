// Warms a Redis as a good Node script would: an undici pool, ioredis pipelines, no more in flight than can be held.
//
// The command line is the one that all peers share; tests/bench/README.md has it.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import Redis from 'ioredis';
import postgres from 'postgres';
import { Pool } from 'undici';

const text = { type: 'string' };
const { values: flags } = parseArgs({
  options: {
    source: text, redis: text, origin: text, ca: text, dsn: text, first: text, count: text, bytes: text,
    ttl: { ...text, default: '3600' }, batch: { ...text, default: '256' },
    writers: { ...text, default: '2' }, connections: { ...text, default: '64' },
  },
});
const first = Number(flags.first);
const count = Number(flags.count);
const batchSize = Number(flags.batch);
const [host, port] = flags.redis.split(':');
const redis = new Redis({ host, port: Number(port), enableReadyCheck: false, noDelay: true });

// Each pipeline is one write to the socket; a failed command fails the program.
async function write(batch) {
  const pipeline = redis.pipeline();
  for (const [key, value] of batch) pipeline.set(key, value, 'EX', flags.ttl, 'NX');
  for (const [error] of await pipeline.exec()) if (error) throw error;
}

async function generate() {
  let next = first;
  const end = first + count;
  const filler = 'v'.repeat(Number(flags.bytes) - String(first).length);
  const writer = async () => {
    while (next < end) {
      const batch = [];
      for (; next < end && batch.length < batchSize; ++next) batch.push([`item:${next}`, next + filler]);
      await write(batch);
    }
  };
  await Promise.all(Array.from({ length: Number(flags.writers) }, writer));
}

async function fetchAll() {
  const origin = new URL(flags.origin);
  const pool = new Pool(origin.origin, {
    connections: Number(flags.connections), pipelining: 1,
    connect: flags.ca ? { ca: readFileSync(flags.ca) } : {},
  });
  let next = first;
  const end = first + count;
  let batch = [];
  const writing = new Set();
  const flush = () => {
    const written = write(batch).finally(() => writing.delete(written));
    writing.add(written);
    batch = [];
  };
  const worker = async () => {
    while (next < end) {
      const number = next++;
      const { statusCode, body } = await pool.request({ path: origin.pathname + number, method: 'GET' });
      const value = Buffer.from(await body.arrayBuffer());
      if (statusCode !== 200) throw new Error(`${flags.origin}${number} answered ${statusCode}`);
      batch.push([`item:${number}`, value]);
      if (batch.length >= batchSize) {
        flush();
        if (writing.size > 4) await Promise.race(writing);
      }
    }
  };
  await Promise.all(Array.from({ length: Number(flags.connections) }, worker));
  if (batch.length > 0) flush();
  await Promise.all(writing);
  await pool.close();
}

async function copyRows() {
  const sql = postgres(flags.dsn, { max: 1 });
  const writing = new Set();
  for await (const rows of sql`SELECT key, value FROM items`.cursor(batchSize)) {
    const written = write(rows.map(({ key, value }) => [key, value])).finally(() => writing.delete(written));
    writing.add(written);
    if (writing.size > 4) await Promise.race(writing);
  }
  await Promise.all(writing);
  await sql.end();
}

await { generated: generate, http: fetchAll, sql: copyRows }[flags.source]();
redis.disconnect();
