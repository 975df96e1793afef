"""The Python side of bench/fetch.ts. Each mode prints the CPU seconds of the whole process and how many pictures it got."""

import json
import resource
import ssl
import sys
import urllib.request
from multiprocessing.pool import ThreadPool


def report(ok):
    """Prints the result the benchmark reads."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(usage.ru_utime + usage.ru_stime for usage in used)
    print("\n" + json.dumps({"cpu": cpu, "ok": ok}), flush=True)


def img2dataset(base, count):
    """img2dataset's own fetching function in its thread pool, without decoding."""
    from img2dataset.downloader import download_image_with_retry

    def fetch(number):
        row = (number, f"{base}{number}.jpg")
        _, stream, error = download_image_with_retry(row, 10, 0, None, ["noai", "noimageai", "noindex", "noimageindex"])
        if error:
            print(error, file=sys.stderr)
        return stream is not None and len(stream.read()) > 1000

    with ThreadPool(64) as pool:
        report(sum(pool.map(fetch, range(int(count)))))


def shared_context(base, count):
    """The same with one TLS context for all connections: what Python can do at best."""
    context = ssl.create_default_context()

    def fetch(number):
        with urllib.request.urlopen(f"{base}{number}.jpg", timeout=10, context=context) as response:
            return len(response.read()) > 1000

    with ThreadPool(32) as pool:
        report(sum(pool.map(fetch, range(int(count)))))


def dataset(urls, folder, resize, quality):
    """img2dataset as a whole: webdataset shards, short side brought down to `resize`, one process."""
    import glob

    from img2dataset import download

    download(
        url_list=urls,
        input_format="csv",
        url_col="url",
        caption_col="caption",
        output_format="webdataset",
        output_folder=folder,
        image_size=int(resize),
        resize_mode="keep_ratio",
        resize_only_if_bigger=True,
        encode_quality=int(quality),
        processes_count=1,
        thread_count=64,
        number_sample_per_shard=10000,
        enable_wandb=False,
    )
    stats = [json.load(open(name, encoding="utf8")) for name in glob.glob(f"{folder}/*_stats.json")]
    report(sum(stat["successes"] for stat in stats))


if __name__ == "__main__":
    modes = {"img2dataset": img2dataset, "shared-context": shared_context, "dataset": dataset}
    modes[sys.argv[1]](*sys.argv[2:])
