"""Runs one torchrun on each of N nodes of Ray, all of one training.

    python ray_torchrun.py --nodes 16 --processes 8 [--gpus] -- python -m torch.distributed.run ... is what each node starts

The words behind -- are the Python of the trainer, then what torchrun starts. When one node fails or is lost all are ended
and begun again, up to three times: the trainer goes on from its last checkpoint.
"""

import argparse
import ctypes
import os
import signal
import socket
import subprocess
import sys

import ray
from ray.util.placement_group import placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

TRIES = 4


def die_with_parent() -> None:
    """In the child: a task that Ray ends takes its command with it (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


@ray.remote(num_cpus=0, max_retries=0)
def meeting_place() -> tuple[str, int]:
    """An address of the first node, and a port of it that is free."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return ray.util.get_node_ip_address(), probe.getsockname()[1]


@ray.remote(max_retries=0)
def torchrun(command: list[str], cwd: str, env: dict[str, str]) -> int:
    folder = cwd if os.path.isdir(cwd) else None
    # Ray sets it to the processors a task asks for; how many threads there are the trainer decides.
    own = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    return subprocess.Popen(command, cwd=folder, env={**own, **env}, preexec_fn=die_with_parent).wait()


def train(args: argparse.Namespace) -> int:
    """One try: the first exit code that is not 0, or 1 when a node is lost."""
    bundle = {"CPU": args.cpus, **({"GPU": args.processes} if args.gpus else {})}
    group = placement_group([bundle] * args.nodes, strategy="STRICT_SPREAD")
    print(f"waiting for {args.nodes} nodes with {bundle}", flush=True)
    ray.get(group.ready())
    try:
        place = [PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=i) for i in range(args.nodes)]
        address, port = ray.get(meeting_place.options(scheduling_strategy=place[0]).remote())
        python, *program = args.command
        meeting = ["--nnodes", str(args.nodes), "--nproc-per-node", str(args.processes), "--master-addr", address, "--master-port", str(port)]
        running = []
        for rank in range(args.nodes):
            command = [python, "-m", "torch.distributed.run", *meeting, "--node-rank", str(rank), *program]
            task = torchrun.options(num_cpus=args.cpus, num_gpus=args.processes if args.gpus else 0, scheduling_strategy=place[rank])
            running.append(task.remote(command, os.getcwd(), {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}))
        while running:
            ended, running = ray.wait(running)
            try:
                code = ray.get(ended[0])
            except ray.exceptions.RayError as error:
                print(str(error).splitlines()[0], flush=True)
                code = 1
            if code != 0:
                return code
        return 0
    finally:
        # Ends what still runs, too: the others would wait for the one that is lost.
        remove_placement_group(group)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", type=int, required=True)
    parser.add_argument("--processes", type=int, required=True)
    parser.add_argument("--cpus", type=int, default=1)
    parser.add_argument("--gpus", action="store_true")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    ray.init(address=os.environ.get("RAY_ADDRESS", "auto"), logging_level="warning")
    for tried in range(1, TRIES + 1):
        code = train(args)
        if code in (0, 2):  # Done, or wrong use: trying again does not help.
            return code
        print(f"a node ended with code {code}, try {tried} of {TRIES}", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
