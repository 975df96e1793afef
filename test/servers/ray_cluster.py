"""A Ray cluster on this machine: a head without processors and two nodes of two, each a raylet of its own.

Says a JSON line when it runs; every line of standard input ends a node at once, as a power cut would, which is said too.
"""

import json
import sys

from ray.cluster_utils import Cluster


def main() -> None:
    node = {"object_store_memory": 80_000_000}
    cluster = Cluster(
        initialize_head=True,
        head_node_args={**node, "num_cpus": 0, "include_dashboard": "--dashboard" in sys.argv},
    )
    nodes = [cluster.add_node(num_cpus=2, **node) for _ in range(2)]
    cluster.wait_for_nodes()
    print(json.dumps({"address": cluster.address, "dashboard": cluster.head_node.address_info.get("webui_url")}), flush=True)
    for _ in sys.stdin:
        cluster.remove_node(nodes.pop(), allow_graceful=False)
        print(json.dumps({"nodes": len(nodes)}), flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
