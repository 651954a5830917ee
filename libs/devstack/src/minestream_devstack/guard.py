"""A process that outlives its parent by a moment, to end the servers that the parent began.

The parent writes ``pid start-time signal`` lines; when the parent is gone, however it went, its
end of the pipe closes, and whatever was named and still runs is told to end, then made to.
"""

import sys

import psutil


def main() -> None:
    """Read names until the pipe closes, then end their bearers."""
    named = [line.split() for line in sys.stdin]
    alive = []
    for pid, started, sign in named:
        try:
            process = psutil.Process(int(pid))
            if process.create_time() == float(started):
                process.send_signal(int(sign))
                alive.append(process)
        except psutil.NoSuchProcess:
            continue
    for process in psutil.wait_procs(alive, timeout=10)[1]:
        process.kill()


if __name__ == "__main__":
    main()
