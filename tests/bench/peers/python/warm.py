"""Warms a Redis as a good Python script would: aiohttp on uvloop, redis-py with hiredis, pipelines.

The command line is the one that all peers share; tests/bench/README.md has it.
"""
import argparse
import asyncio
import ssl

import aiohttp
import asyncpg
import redis
import redis.asyncio
import uvloop


def parse():
    parser = argparse.ArgumentParser()
    for name in ("source", "redis", "origin", "ca", "dsn"):
        parser.add_argument(f"--{name}")
    for name, default in (("first", 0), ("count", 0), ("bytes", 0), ("ttl", 3600), ("batch", 256),
                          ("writers", 2), ("connections", 64)):
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args()


def generate(options):
    """One thread that blocks: quicker here than asyncio, and no less busy."""
    host, port = options.redis.split(":")
    client = redis.Redis(host=host, port=int(port))
    filler = "v" * (options.bytes - len(str(options.first)))
    end = options.first + options.count
    for start in range(options.first, end, options.batch):
        pipe = client.pipeline(transaction=False)
        for number in range(start, min(start + options.batch, end)):
            pipe.set(f"item:{number}", f"{number}{filler}", ex=options.ttl, nx=True)
        pipe.execute()


async def fetch_all(options):
    host, port = options.redis.split(":")
    client = redis.asyncio.Redis(host=host, port=int(port))
    numbers = iter(range(options.first, options.first + options.count))
    fetched = asyncio.Queue(4 * options.batch)
    tls = ssl.create_default_context(cafile=options.ca) if options.ca else False
    connector = aiohttp.TCPConnector(limit=options.connections, ssl=tls)

    async def worker(session):
        for number in numbers:
            async with session.get(f"{options.origin}{number}") as response:
                response.raise_for_status()
                await fetched.put((f"item:{number}", await response.read()))

    async def writer():
        while (first := await fetched.get()) is not None:
            batch = [first]
            while len(batch) < options.batch and not fetched.empty():
                batch.append(fetched.get_nowait())
            last = batch[-1] is None
            pipe = client.pipeline(transaction=False)
            for key, value in batch[:-1] if last else batch:
                pipe.set(key, value, ex=options.ttl, nx=True)
            await pipe.execute()
            if last:
                return

    async with aiohttp.ClientSession(connector=connector) as session:
        async with asyncio.TaskGroup() as group:
            group.create_task(writer())
            async with asyncio.TaskGroup() as workers:
                for _ in range(options.connections):
                    workers.create_task(worker(session))
            await fetched.put(None)
    await client.aclose()


async def copy_rows(options):
    host, port = options.redis.split(":")
    client = redis.asyncio.Redis(host=host, port=int(port))
    database = await asyncpg.connect(options.dsn)
    async with database.transaction(readonly=True):
        pipe, writing = client.pipeline(transaction=False), None
        async for key, value in database.cursor("SELECT key, value FROM items", prefetch=4 * options.batch):
            pipe.set(key, value, ex=options.ttl, nx=True)
            if len(pipe) == options.batch:
                if writing:
                    await writing
                writing = asyncio.create_task(pipe.execute())
                pipe = client.pipeline(transaction=False)
        if writing:
            await writing
        await pipe.execute()
    await database.close()
    await client.aclose()


def main():
    options = parse()
    if options.source == "generated":
        generate(options)
    else:
        uvloop.run({"http": fetch_all, "sql": copy_rows}[options.source](options))


main()
