"""A server on this machine that serves one file, well or in every bad way."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY = bytes(range(256)) * 800
ETAG = '"one"'


class RudeServer:
    """Serves ``BODY`` at ``/model.zip``; set the attributes to make it rude.

    Attributes:
        cut_after: break the connection after so many bytes, this many times (``cuts``).
        stalls: how many requests get a few bytes and then silence.
        mutes: how many requests get nothing at all, not even a head.
        announced: a length to announce in place of the true one.
        silent: announce no length; the end of the connection is the end of the file.
        shift: serve the rest of the file from so many bytes further on than was asked for.
        resumes: whether ranges are served.
        etag: of the file.
        body: the file.
    """

    def __init__(self):
        self.cut_after, self.cuts, self.stalls, self.mutes = 0, 0, 0, 0
        self.announced, self.resumes, self.etag, self.body = None, True, ETAG, BODY
        self.silent, self.shift = False, 0
        self.ranges, self.requests = [], 0
        self._quit = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def url(self, path="model.zip"):
        return f"http://127.0.0.1:{self._server.server_address[1]}/{path}"

    def stop(self):
        self._quit.set()
        self._server.shutdown()
        self._server.server_close()


def _handler(rude):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_args):
            """Say nothing."""

        def do_HEAD(self):
            self._answer(False)

        def do_GET(self):
            self._answer(True)

        def _answer(self, with_body):
            if rude.mutes > 0:
                rude.mutes -= 1
                rude._quit.wait(30)
                return
            if self.path.startswith("/moved"):
                self.send_response(302)
                self.send_header("Location", "/model.zip")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if self.path.startswith("/catalogue"):
                self._plain(rude.catalogue)
                return
            if not self.path.startswith("/model"):
                self.send_error(404)
                return
            rude.requests += 1
            rude.ranges.append(self.headers.get("Range"))
            start = 0
            fits = self.headers.get("If-Range") in (None, rude.etag)
            if rude.resumes and fits and self.headers.get("Range"):
                start = int(self.headers["Range"][len("bytes=") : -1])
                start += rude.shift
            data = rude.body[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(rude.body) - 1}/{len(rude.body)}")
            self.send_header("ETag", rude.etag)
            if rude.silent:
                self.send_header("Connection", "close")
            else:
                self.send_header("Content-Length", str(rude.announced or len(data)))
            self.end_headers()
            if not with_body:
                return
            try:
                if rude.stalls > 0:
                    rude.stalls -= 1
                    self.wfile.write(data[:1000])
                    self.wfile.flush()
                    rude._quit.wait(30)
                elif rude.cuts > 0:
                    rude.cuts -= 1
                    self.wfile.write(data[: rude.cut_after])
                else:
                    self.wfile.write(data)
            except OSError:
                pass  # the reader has gone
            if rude.announced or rude.cut_after or rude.silent:
                self.close_connection = True

        def _plain(self, body):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
