"""Starting many processes: on this machine at once, on many machines with the lines that this prints."""

from __future__ import annotations

import math
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time

MODULE = "webimagetext_train.train"
LOST = 75
"""Exit code of a process that failed because another one was gone: whatever that one said is the cause."""
_OWN = ("--nodes", "--processes", "--slurm")


def _trainer_options(arguments: list[str]) -> list[str]:
    """The command line without the options that are about starting it."""
    kept, skip = [], False
    for argument in arguments:
        name = argument.split("=")[0]
        if not skip and name not in _OWN:
            kept.append(argument)
        skip = name in ("--nodes", "--processes") and "=" not in argument
    return kept


def torchrun_line(arguments: list[str], nodes: int, processes: int, endpoint: str, more: str = "") -> str:
    """The command for each machine; `endpoint` is the first machine's HOST:PORT."""
    return (
        f"{shlex.quote(sys.executable)} -m torch.distributed.run --nnodes {nodes} --nproc-per-node {processes} {more}--rdzv-backend c10d --rdzv-endpoint {endpoint} "
        f"-m {MODULE} {shlex.join(_trainer_options(arguments))}"
    )


def sbatch_script(arguments: list[str], nodes: int, processes: int, gpus: bool = True) -> str:
    """A job of one torchrun a machine that is told two minutes before its time is up, saves, and queues itself again."""
    folder = os.environ.get("PYTHONPATH", "")
    resources = f"#SBATCH --gpus-per-node={processes}\n#SBATCH --cpus-per-task={16 * processes}" if gpus else "#SBATCH --exclusive"
    return f"""#!/bin/bash
#SBATCH --job-name=clip
#SBATCH --nodes={nodes}
#SBATCH --ntasks-per-node=1
{resources}
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --output=%x-%j.log
# Shards, --out and the Python must lie on a file system that all nodes see. Requeued or sent again, it goes on from latest.pt.
{f"export PYTHONPATH={shlex.quote(folder)}" if folder else "# The package webimagetext-train is installed in this Python."}
first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
address=$(scontrol show node "$first" | sed -n 's/.*NodeAddr=\\([^ ]*\\).*/\\1/p')
# torchrun would kill a process 30 seconds after the signal, in the middle of a checkpoint.
export TORCH_ELASTIC_SHUTDOWN_TIMEOUT=110
# Jobs may share a machine.
port=$((20000 + SLURM_JOB_ID % 10000))
# Since Slurm 22.05 srun no longer takes this from the job, and would hold all processes on one core.
export SRUN_CPUS_PER_TASK=${{SLURM_CPUS_PER_TASK:-1}}
srun --kill-on-bad-exit=1 {torchrun_line(arguments, nodes, processes, '"$address:$port"', '--rdzv-id "$SLURM_JOB_ID" ')}
"""


def nodes_text(arguments: list[str], nodes: int, processes: int) -> str:
    """What to type on each machine."""
    line = torchrun_line(arguments, nodes, processes, "FIRST_HOST:29500", "--rdzv-id clip ")
    return f"# on each of the {nodes} machines, with FIRST_HOST the name of one of them; shards and --out must lie on a file system that all see\n{line}\n"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_processes(arguments: list[str], processes: int) -> int:
    """Starts the trainer so many times on this machine, waits for all -> exit code.

    The first process speaks for all of them; what another one said is shown if the first said nothing of its own. When
    one fails the others are ended, since they would wait for it for ever.
    """
    port = str(_free_port())
    command = [sys.executable, "-m", MODULE, *_trainer_options(arguments)]
    children: list[subprocess.Popen] = []
    errors = [tempfile.TemporaryFile() for _ in range(processes)]
    try:
        for rank in range(processes):
            place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "LOCAL_WORLD_SIZE": processes, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
            environment = {**os.environ, **{name: str(value) for name, value in place.items()}}
            children.append(subprocess.Popen(command, env=environment, stderr=None if rank == 0 else errors[rank], stdout=None if rank == 0 else subprocess.DEVNULL))
        for number in (signal.SIGTERM, signal.SIGINT):
            # A terminal sends Ctrl-C to the children itself.
            signal.signal(number, lambda number, _: [child.send_signal(number) for child in children if number == signal.SIGTERM and child.poll() is None])
        while True:
            codes = [child.poll() for child in children]
            failed = [rank for rank, code in enumerate(codes) if code not in (None, 0)]
            if failed or None not in codes:
                break
            time.sleep(0.1)
        if failed:
            # A stop that was asked for ends all in the same step, but the first may write a checkpoint for minutes; an
            # error that all make is said by the first.
            asked = all(codes[rank] in (128 + signal.SIGTERM, 128 + signal.SIGINT) for rank in failed)
            deadline = math.inf if asked else time.monotonic() + 10
            while time.monotonic() < deadline and any(child.poll() is None for child in children):
                time.sleep(0.1)
        codes = [child.poll() for child in children]
        for child in children:
            if child.poll() is None:
                child.kill()
                child.wait()
        if not failed:
            return 0
        # Killed ones tell most, and those least that only lost another one.
        culprit = min((rank for rank in range(processes) if codes[rank] not in (None, 0)), key=lambda rank: (codes[rank] > 0, codes[rank] == LOST, rank))
        code = codes[culprit]
        if code < 0:
            sys.stderr.write(f"error: process {culprit} was ended by {signal.Signals(-code).name}: see what did that (full memory?), then run the same command again\n")
        elif culprit > 0:
            errors[culprit].seek(0)
            sys.stderr.write(errors[culprit].read().decode("utf-8", "replace"))
        return 128 - code if code < 0 else 1 if code == LOST else code
    finally:
        for child in children:
            if child.poll() is None:
                child.kill()
