"""An operator's own URL, to which callbacks are forwarded."""

import http.server
import threading


class OperatorUrl:
    """Listens on a free port until close(). A subclass says what it makes of a delivery."""

    def __init__(self):
        operator = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                status = operator.received(self.headers, self.rfile.read(int(self.headers["content-length"])))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128  # jwtd connects for many deliveries at the same time

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"

    def received(self, fields, body):
        """The status to answer with. Called on a thread of its own; what it raises cuts the connection."""
        raise NotImplementedError

    def close(self):
        self.server.shutdown()
        self.server.server_close()
