"""Real servers for one measurement: own ports, own folders, ended for sure.

Every measurement gets a fresh Redis and a fresh origin, so that none inherits the heap that another left; what takes
long to fill (a database, an HTTP cache) is kept for all rounds of a work.
"""
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

READY_WITHIN = 20  # seconds
PR_SET_PDEATHSIG = 1


class ServerError(Exception):
    """A server did not start or gave up; the message has the end of its log."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def busy_seconds(pid):
    """CPU seconds of a process's threads; the kernel counts them in nanoseconds."""
    threads = pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) * 1e-9


def wait_for(condition, what, alive, log):
    deadline = time.monotonic() + READY_WITHIN
    while not condition():
        if not alive() or time.monotonic() > deadline:
            tail = log.read_text(errors="replace")[-600:] if log.exists() else ""
            raise ServerError(f"{what} did not start: {tail}")
        time.sleep(0.005)


def can_connect(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """A process in the foreground that listens on `port` of 127.0.0.1."""

    name = "?"
    user = None  # whoever runs the harness

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.log = folder / f"{self.name}.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log,
                                             stderr=subprocess.STDOUT, user=self.user, cwd=folder,
                                             preexec_fn=die_with_parent)
        self.pid = self._process.pid
        try:
            wait_for(self.ready, self.name, lambda: self._process.poll() is None, self.log)
        except ServerError:
            self.stop()
            raise

    def command(self):
        raise NotImplementedError

    def ready(self):
        return can_connect(self.port)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Redis(Server):
    """redis-server without persistence, as a cache is run."""

    name = "redis-server"

    def command(self):
        return ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                "--appendonly", "no", "--dir", str(self.folder)]

    def ready(self):
        return can_connect(self.port) and self.ask("PING") == ["PONG"]

    def ask(self, *lines):
        """Replies to commands, a line each."""
        done = subprocess.run(["redis-cli", "-p", str(self.port), "--raw"], input="\n".join(lines) + "\n",
                              text=True, capture_output=True, timeout=60, check=True)
        return done.stdout.splitlines()

    def size(self):
        return int(self.ask("DBSIZE")[0])

    def values(self, keys):
        return self.ask(*(f"GET {key}" for key in keys))

    def ttls(self, keys):
        return [int(ttl) for ttl in self.ask(*(f"TTL {key}" for key in keys))]


class Memcached(Server):
    """memcached with one worker thread and room for all."""

    name = "memcached"

    def command(self):
        user = ["-u", "nobody"] if os.getuid() == 0 else []
        return ["memcached", "-l", "127.0.0.1", "-p", str(self.port), "-m", "8192", "-t", "1", *user]

    def _ask(self, *lines, last):
        """What it answers, up to a line that is `last`."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall("".join(f"{line}\r\n" for line in lines).encode())
            with connection.makefile("r", newline="\r\n") as replies:
                return list(iter(lambda: replies.readline().rstrip("\r\n"), last))

    def size(self):
        return next(int(line.split()[2]) for line in self._ask("stats", last="END") if "curr_items" in line)

    def values(self, keys):
        return self._ask(*(f"mg {key} v" for key in keys), "mn", last="MN")[1::2]

    def ttls(self, keys):
        return [int(line.split()[1][1:]) for line in self._ask(*(f"mg {key} t" for key in keys), "mn", last="MN")]


class Nginx(Server):
    """nginx with one worker, all in one process, and no access log: the cheapest origin there is.

    Every path answers 200 with a body of `body_bytes`: the path and a filler where that fits into nginx's
    configuration, else a file, the same for all.
    """

    name = "nginx"
    LARGEST_INLINE = 3000  # nginx refuses configuration parameters of more than 4096 bytes

    def __init__(self, folder, path_bytes, body_bytes, certificate=None, gzip=False):
        self._path_bytes, self._body_bytes = path_bytes, body_bytes
        self._certificate, self._gzip = certificate, gzip
        self._asked = 0
        super().__init__(folder)

    def body_of(self, path):
        if self._body_bytes > self.LARGEST_INLINE:
            return "v" * self._body_bytes
        return path + "v" * (self._body_bytes - self._path_bytes)

    def http_lines(self):
        return "gzip on; gzip_types *; gzip_min_length 1;" if self._gzip else ""

    def location(self):
        if self._body_bytes > self.LARGEST_INLINE:
            return "rewrite ^ /value break;"
        return f'return 200 "${{uri}}{"v" * (self._body_bytes - self._path_bytes)}";'

    def command(self):
        www = self.folder / "www"
        www.mkdir(exist_ok=True)
        (www / "value").write_text("v" * self._body_bytes)
        temp = " ".join(f"{kind}_temp_path {self.folder}/{kind};"
                        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        tls = self._certificate
        ssl = f"ssl_certificate {tls.cert}; ssl_certificate_key {tls.key};" if tls else ""
        config = self.folder / "nginx.conf"
        config.write_text(f"""
            daemon off; master_process off; pid {self.folder}/pid; error_log {self.folder}/error.log;
            events {{ worker_connections 1024; }}
            http {{
              {temp}
              access_log off; keepalive_requests 1000000000; default_type text/plain; sendfile on;
              open_file_cache max=16; {self.http_lines()}
              server {{
                listen 127.0.0.1:{self.port} {"ssl" if tls else ""}; root {www}; {ssl}
                location = /status {{ stub_status; }}
                location / {{ {self.location()} }}
              }}
            }}""")
        return ["/usr/sbin/nginx", "-p", str(self.folder), "-c", str(config), "-e", f"{self.folder}/error.log"]

    @property
    def url(self):
        return f"{'https' if self._certificate else 'http'}://{self.address}"

    def requests(self):
        """How many requests it has answered, these questions not counted."""
        page = subprocess.run(["curl", "-sk", f"{self.url}/status"], text=True, capture_output=True, timeout=20,
                              check=True).stdout
        self._asked += 1
        return int(page.split("requests")[1].split()[2]) - self._asked


class NginxCache(Nginx):
    """An nginx that caches what another one answers."""

    name = "nginx-cache"

    def __init__(self, folder, origin):
        self._origin = origin
        super().__init__(folder, 0, 0)

    def http_lines(self):
        return f"proxy_cache_path {self.folder}/cache levels=1:2 keys_zone=all:128m max_size=8g inactive=1h;"

    def location(self):
        return f"proxy_pass {self._origin.url}; proxy_cache all; proxy_cache_valid 200 1h; add_header X-Cache-Status $upstream_cache_status;"


class Postgres(Server):
    """PostgreSQL with the table items(key, value). It refuses to run as root, so then it runs as postgres."""

    name = "postgres"
    BIN = pathlib.Path("/usr/lib/postgresql/15/bin")

    def __init__(self, folder):
        self.user = "postgres" if os.getuid() == 0 else None
        folder.mkdir(parents=True, exist_ok=True)
        if self.user:
            shutil.chown(folder, self.user)
        done = subprocess.run([self.BIN / "initdb", "-D", folder / "data", "-A", "trust", "-U", "bench", "-E", "UTF8",
                               "--locale=C", "-N"], text=True, capture_output=True, user=self.user, cwd=folder)
        if done.returncode != 0:
            raise ServerError(f"initdb: {done.stderr[-600:]}")
        super().__init__(folder)

    def command(self):
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "fsync": "off",
                    "shared_buffers": "2GB", "max_wal_size": "8GB", "autovacuum": "off"}
        return [str(self.BIN / "postgres"), "-D", str(self.folder / "data"),
                *(word for name, value in settings.items() for word in ("-c", f"{name}={value}"))]

    def ready(self):
        return subprocess.run([self.BIN / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)],
                              capture_output=True).returncode == 0

    @property
    def url(self):
        return f"postgresql://bench@{self.address}/postgres?sslmode=disable"

    def fill(self, first, count, value_bytes):
        filler = "v" * (value_bytes - len(str(first)))
        for statement in (
                "CREATE TABLE items (id bigint PRIMARY KEY, key text NOT NULL, value text NOT NULL)",
                f"INSERT INTO items SELECT n, 'item:' || n, n || '{filler}' "
                f"FROM generate_series({first}, {first + count - 1}) n",
                "VACUUM (FREEZE, ANALYZE) items"):
            subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-d", self.url, "-c", statement], check=True,
                           capture_output=True, text=True)


class Certificate:
    """A CA and a certificate for 127.0.0.1 that it issued, as PEM files."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.ca, self.cert, self.key = folder / "ca.pem", folder / "cert.pem", folder / "key.pem"
        ca_key, request, names = folder / "ca-key.pem", folder / "request.pem", folder / "names"
        names.write_text("subjectAltName=IP:127.0.0.1\n")
        new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        for command in (
                ["req", "-x509", *new_key, "-days", "2", "-subj", "/CN=Bench CA", "-keyout", ca_key, "-out", self.ca],
                ["req", *new_key, "-subj", "/CN=bench", "-keyout", self.key, "-out", request],
                ["x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2",
                 "-extfile", names, "-out", self.cert]):
            subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True)
