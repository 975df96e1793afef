"""What bench/dump.ts compares with: gensim's WikiCorpus, wikiextractor and the bz2 module, on one dump file.

Prints one JSON object: seconds of CPU time of this process, and what was counted. `text` prints wikiextractor's text of
each article instead, a JSON object a line.
"""

import bz2
import collections
import html
import json
import re
import sys
import time
from importlib.metadata import version

PAGE = re.compile(r"<page>(.*?)</page>", re.S)
TEXT = re.compile(r"<text[^>]*>(.*?)</text>", re.S)
TITLE = re.compile(r"<title>(.*?)</title>")


def opened(path):
    return bz2.open(path, "rb") if path.endswith(".bz2") else open(path, "rb")


def pages(path):
    """(title, wikitext) of every article that is no redirect."""
    with opened(path) as file:
        rest = ""
        for chunk in iter(lambda: file.read(1 << 22), b""):
            rest += chunk.decode("utf-8", "replace")
            end = 0
            for page in PAGE.finditer(rest):
                end = page.end()
                body = page.group(1)
                text = TEXT.search(body)
                if text and "<ns>0</ns>" in body and "<redirect " not in body:
                    yield html.unescape(TITLE.search(body).group(1)), html.unescape(text.group(1))
            rest = rest[end:]


def cleaned(path):
    """wikiextractor's text, templates left out and lists kept: its own output drops every list item."""
    from wikiextractor import extract

    for number, (title, text) in enumerate(pages(path)):
        extractor = extract.Extractor(str(number), "", "", title, [])
        yield title, extract.clean(extractor, text, expand_templates=False, html_safe=False)


def count(words):
    counts = collections.Counter(words)
    return {"tokens": sum(counts.values()), "words": len(counts)}


def gensim(path):
    from gensim.corpora.wikicorpus import WikiCorpus

    # WikiCorpus only reads bz2; its limits on words and articles are opened as far as it allows.
    corpus = WikiCorpus(path, processes=1, dictionary={}, article_min_tokens=0, token_min_len=1, token_max_len=200)
    return count(word for text in in_process(corpus) for word in text)


def in_process(corpus):
    """WikiCorpus.get_texts without its pool of processes, whose CPU time would not be seen here."""
    from gensim.corpora import wikicorpus

    for title, text, pageid in wikicorpus.extract_pages(opened(corpus.fname), corpus.filter_namespaces):
        yield wikicorpus.process_article(
            (text, title, pageid),
            tokenizer_func=wikicorpus.tokenize,
            token_min_len=corpus.token_min_len,
            token_max_len=corpus.token_max_len,
            lower=True,
        )[0]


def wikiextractor(path):
    word = re.compile(r"\w+")
    return count(found for _, text in cleaned(path) for found in word.findall(text.lower()))


def bzip2(path):
    size = 0
    with bz2.open(path) as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            size += len(chunk)
    return {"tokens": size, "words": 0}


def main():
    what, path = sys.argv[1:3]
    if what == "text":
        for title, text in cleaned(path):
            print(json.dumps({"title": title, "text": text}))
        return
    if what == "versions":
        print(json.dumps({name: version(name) for name in ("gensim", "wikiextractor")} | {"python": sys.version.split()[0]}))
        return
    started = time.process_time()
    result = {"gensim": gensim, "wikiextractor": wikiextractor, "bz2": bzip2}[what](path)
    print(json.dumps({"seconds": time.process_time() - started} | result))


main()
