"""Runs commands as tasks of Ray: the ranks of a build of webimagetext.

Reads orders, a JSON line each: {"commands": [[word, ...], ...], "workers": most at a time, or null, "cwd": the
folder to run them in, where a node has it}. Writes a JSON line
for each command that has ended, {"error": null or what happened}, and {"end": true} after the last one of an order.
What commands write goes to Ray's logs. Ray starts a command again, up to three times, on another node if need be, when
its node is lost or it fails; whether a rank is done only its marker tells.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys

import ray

WRONG_USE = 2


def die_with_parent() -> None:
    """In the child: a task that Ray ends takes its command with it (Linux; elsewhere it runs to its end)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


@ray.remote(num_cpus=1, max_retries=3, retry_exceptions=True, scheduling_strategy="SPREAD")
def run(command: list[str], cwd: str) -> str | None:
    folder = cwd if os.path.isdir(cwd) else None
    code = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent).wait()
    if code == WRONG_USE:  # Trying again does not help.
        return f"exit code {code}: {' '.join(command)}"
    if code != 0:
        raise RuntimeError(f"exit code {code}: {' '.join(command)}")
    return None


def error_of(task: ray.ObjectRef) -> str | None:
    try:
        return ray.get(task)
    except ray.exceptions.RayError as error:
        return str(getattr(error, "cause", None) or error).strip().splitlines()[-1]


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # What Ray itself prints is not an answer.

    def say(answer: dict) -> None:
        print(json.dumps(answer), file=answers, flush=True)

    ray.init(address=os.environ.get("RAY_ADDRESS", "auto"), logging_level="warning", log_to_driver=False)
    for line in sys.stdin:
        order = json.loads(line)
        waiting = order["commands"]
        room = order["workers"] or len(waiting)
        running: list[ray.ObjectRef] = []
        while waiting or running:
            while waiting and len(running) < room:
                running.append(run.remote(waiting.pop(0), order["cwd"]))
            ended, running = ray.wait(running)
            for task in ended:
                say({"error": error_of(task)})
        say({"end": True})


if __name__ == "__main__":
    main()
