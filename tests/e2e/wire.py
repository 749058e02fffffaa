"""Octets on a socket: sends what no HTTP library would, and takes the answers apart."""

import re
import socket

PATIENCE = 30.0  # for an end that must come
QUIET = 0.15  # after which an open connection is taken to have said all, and gets our FIN; what is still on its way is waited for


class Reply:
    def __init__(self, status, fields, body):
        self.status = status
        self.fields = fields
        self.body = body

    def __repr__(self):
        return f"<{self.status} {self.fields} {self.body[:200]!r}>"


class Outcome:
    """What came back for some octets: the answers in order, and whether the server ended the connection by itself, or said that it would: an answer
    that took longer than QUIET cannot show it otherwise."""

    def __init__(self, replies, closed, leftover):
        self.replies = replies
        self.closed = closed
        self.leftover = leftover  # octets that are no whole answer

    @property
    def statuses(self):
        return [reply.status for reply in self.replies]

    def __repr__(self):
        return f"<{self.replies} {'closed' if self.closed else 'open'} leftover {self.leftover[:100]!r}>"


def take_apart(octets, head=False):
    replies = []
    while octets:
        end = octets.find(b"\r\n\r\n")
        first = re.match(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n", octets)
        if end < 0 or not first:
            break
        status = int(first.group(1))
        fields = {}
        for line in octets[first.end():end].split(b"\r\n"):
            name, _, value = line.partition(b":")
            fields.setdefault(name.decode("latin-1").lower(), []).append(value.strip().decode("latin-1"))
        assert len(fields.get("content-length", [])) <= 1, "two lengths"
        size = int(fields.get("content-length", ["0"])[0])
        if status in (204, 304) or status < 200 or (head and not replies):
            size = 0
        if len(octets) < end + 4 + size:
            break
        if status >= 200:
            replies.append(Reply(status, fields, octets[end + 4:end + 4 + size]))
        octets = octets[end + 4 + size:]
    return replies, octets


def read_reply(connection):
    """The one answer that is due, from a connection that stays open."""
    received = b""
    while True:
        piece = connection.recv(65536)
        assert piece, f"closed in the middle of an answer: {received!r}"
        received += piece
        replies, leftover = take_apart(received)
        if replies:
            assert len(replies) == 1 and leftover == b"", received
            return replies[0]


def exchange(connection, octets, must_close=False, head=False):
    """Sends `octets`, collects all that comes back, then says FIN and collects the rest."""
    received = b""
    closed = False
    reset = False
    try:
        connection.settimeout(PATIENCE)
        connection.sendall(octets)
    except (BrokenPipeError, ConnectionResetError):
        pass  # refused before the last octet was sent: the answer may still be there to read
    connection.settimeout(PATIENCE if must_close else QUIET)
    try:
        while piece := connection.recv(65536):
            received += piece
        closed = True
    except TimeoutError:
        pass
    except ConnectionResetError:
        closed = reset = True
    if not closed:
        connection.settimeout(PATIENCE)
        try:
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                received += piece
        except (ConnectionResetError, OSError):
            reset = True
    connection.close()
    replies, leftover = take_apart(received, head)
    closed = closed or not must_close and bool(replies) and replies[-1].fields.get("connection") == ["close"]
    outcome = Outcome(replies, closed, leftover)
    outcome.reset = reset
    return outcome
