"""Serves one folder on 127.0.0.1 by ranges, as a web server does; a process of its own, for GDAL may hold the GIL.

Its first line of output is its port; then a line for each range that was asked for: file name, first and last byte.
"""

import os
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER = Path(sys.argv[1])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        path = FOLDER / self.path.lstrip("/")
        data = path.read_bytes() if path.is_file() else b""
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if not path.is_file():
            self.send_response(404)
        elif wanted:
            first, last = int(wanted[1]), min(int(wanted[2]), len(data) - 1)
            # Whole lines: `print` writes the end of the line apart, and other threads' lines would come in between.
            os.write(sys.stdout.fileno(), f"{path.name} {first} {last}\n".encode())
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
            data = data[first : last + 1]
        else:
            self.send_response(200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_args):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
