"""PowerDNS (its server with SQLite) as a secondary and as a primary, for the tests of transfers."""
import pathlib

SCHEMAS = [pathlib.Path(folder) / "schema.sqlite3.sql"
           for folder in ("/usr/share/pdns-backend-sqlite3/schema", "/usr/share/doc/pdns-backend-sqlite3")]
NOISE = "query-logging=no\nlog-dns-queries=no\nloglevel=5\ndistributor-threads=1\nreceiver-threads=1\nretrieval-threads=1\n"  # SQLite locks the zones of two transfers against each other


class PowerDns:
    """One server in a folder of its own. It compares serials, sends NOTIFYs and asks for transfers every second."""

    def __init__(self, lab, port, more=""):
        self.lab, self.folder = lab, lab.folder / f"pdns-{port}"
        self.folder.mkdir()
        schema = next(path for path in SCHEMAS if path.exists())
        self._good(["sqlite3", self.folder / "zones.sqlite"], input=schema.read_text())
        (self.folder / "pdns.conf").write_text(f"""
launch=gsqlite3
gsqlite3-database={self.folder}/zones.sqlite
gsqlite3-dnssec=yes
socket-dir={self.folder}
local-address=127.0.0.1
local-port={port}
daemon=no
guardian=no
xfr-cycle-interval=1
allow-axfr-ips=127.0.0.1
zone-cache-refresh-interval=0
query-cache-ttl=0
negquery-cache-ttl=0
cache-ttl=0
{NOISE}{more}
""")
        self.command = ["/usr/sbin/pdns_server", f"--config-dir={self.folder}"]

    def _good(self, command, **more):
        status, out, err = self.lab.run(command, **more)
        if status != 0:
            raise RuntimeError(f"{' '.join(map(str, command))}: {out}{err}")
        return out

    def util(self, *words):
        return self._good(["pdnsutil", f"--config-dir={self.folder}", *words])

    def control(self, *words):
        return self._good(["pdns_control", f"--config-dir={self.folder}", *words])


def secondary(lab, port, primary, plain, signed, key, secret):
    server = PowerDns(lab, port, "secondary=yes\n")
    server.util("import-tsig-key", key, "hmac-sha256", secret)
    for zone in (plain, signed):
        server.util("create-secondary-zone", zone, primary)
        server.util("set-meta", zone, "IXFR", "1")
    server.util("activate-tsig-key", signed, key, "secondary")
    return server.command


def primary(lab, port, to, files, signed, key, secret):
    server = PowerDns(lab, port, f"primary=yes\nalso-notify=127.0.0.1:{to}\nonly-notify=127.0.0.1\n")
    server.util("import-tsig-key", key, "hmac-sha256", secret)
    for zone, file in files.items():
        server.util("load-zone", zone, file)
        server.util("set-kind", zone, "primary")
    server.util("activate-tsig-key", signed, key, "primary")

    def reload():
        for zone, file in files.items():
            server.util("load-zone", zone, file)
            server.control("notify-host", zone, f"127.0.0.1:{to}")
    return server.command, reload
