"""Processes on this machine that are workers of each other, as machines would be."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time


def start_workers(command, n_workers=2):
    """Start a Python script by each worker; `{i}` in it is the worker's number."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in _free_ports(n_workers)]}
    processes = []
    for i in range(n_workers):
        task = {"type": "worker", "index": i}
        config = json.dumps({"cluster": cluster, "task": task})
        arguments = [str(part).replace("{i}", str(i)) for part in command]
        processes.append(
            subprocess.Popen(
                [sys.executable, *arguments],
                env={**os.environ, "TF_CONFIG": config},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    return processes


def finish(processes):
    """Wait for workers that are to end well."""
    for process, said in zip(processes, errors(processes), strict=True):
        assert process.returncode == 0, said[-3000:]


def errors(processes):
    """Wait for workers; what each says to standard error."""
    with _none_left(processes):
        return [process.communicate()[1] for process in processes]


def kill_after_an_epoch(processes, victim, history):
    """Kill one of two workers by the system in its second epoch.

    Args:
        processes: From `start_workers`.
        victim: Number of the worker.
        history: Path of `history.csv`, which has a row after the first epoch.

    Returns:
        What the other one says to standard error before it ends with status 1.
    """
    other = processes[1 - victim]
    with _none_left(processes):
        while not (history.is_file() and history.stat().st_size):
            assert all(process.poll() is None for process in processes)
            time.sleep(0.002)
        processes[victim].send_signal(signal.SIGKILL)
        said = other.communicate()[1]
    assert other.returncode == 1, said[-3000:]
    return said


@contextlib.contextmanager
def _none_left(processes):
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def _free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
