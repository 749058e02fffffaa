#!/usr/bin/python3
"""control.py KIND FOLDER - one server at the end of a pipe, for test programs that are not written in Python (test_server.h).

Prints `url URL` or `missing REASON`; then reads one word a line (start, stop, kill, pause, resume) and prints `ok` or `failed REASON` for each.
Ends the server when its own input ends.
"""

import sys

import server


def main():
    _, kind, folder = sys.argv
    try:
        running = server.start(kind, folder)
    except server.Unavailable as why:
        print("missing", why.reason, flush=True)
        return
    with running:
        print("url", running.url, flush=True)
        for line in sys.stdin:
            word = line.strip()
            try:
                if word not in ("start", "stop", "kill", "pause", "resume"):
                    raise ValueError(f"unknown word: {word}")
                getattr(running, word)()
                print("ok", flush=True)
            except Exception as why:  # pylint: disable=broad-except
                print("failed", str(why).replace("\n", " "), flush=True)


if __name__ == "__main__":
    main()
