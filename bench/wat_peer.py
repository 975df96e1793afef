"""The peer of wat.ts: fastwarc with orjson on WAT, with selectolax (lexbor) on WARC.

`wat_peer.py wat|warc images|all FILE` prints how many pairs were hashed, CPU seconds, pages, versions. "images": address,
alt and title of images, the address resolved, the pair hashed, and nothing else. "all": what wat.ts takes besides; of WAT
the licence link, the language, the opt-out signals; of WARC figcaption, srcset and lazy attributes, JSON-LD, preview
pictures, base, licence and opt-out signals. `wat_peer.py wat set FILE` prints a digest of the set of (url, alt).
"""

import hashlib
import json
import re
import sys
import time
from importlib.metadata import version
from urllib.parse import urljoin

import orjson
from fastwarc.warc import ArchiveIterator, WarcRecordType
from selectolax.lexbor import LexborHTMLParser

NOAI = re.compile(r"\b(?:noai|noimageai)\b", re.I)
RESERVING = {"x-robots-tag", "tdm-reservation", "content-usage", "content-signal"}
LICENCE = re.compile(r"(?:^|\s)license(?:\s|$)", re.I)
LAZY = ("data-src", "data-original", "data-lazy-src", "data-lazy", "data-hi-res-src", "data-actualsrc")
LAZY_SRCSETS = ("data-srcset", "data-lazy-srcset", "data-original-set", "srcset")


def absolute(base, url):
    return url if url.startswith("http") else urljoin(base, url)


def pair_id(url, text):
    data = url.encode("utf8", "surrogatepass") + b"\0" + text.encode("utf8", "surrogatepass")
    return hashlib.sha256(data).digest()


def wat_signals(response, html):
    """Licence, language and opt-out signals of a page."""
    headers = {name.lower(): value for name, value in response.get("Headers", {}).items()}
    language = headers.get("content-language")
    signals = [name for name in RESERVING if name in headers]
    for meta in html["Head"].get("Metas", []):
        name = meta.get("name", "").lower()
        if name == "robots" and NOAI.search(meta.get("content", "")):
            signals.append(name)
        elif name == "tdm-reservation":
            signals.append(name)
        elif language is None and meta.get("http-equiv", "").lower() == "content-language":
            language = meta.get("content")
    licence = None
    for link in html["Head"].get("Link", []) + html["Links"]:
        rel = link.get("rel")
        if rel and LICENCE.match(rel):
            licence = link.get("url")
            break
    return licence, language, signals


def wat(path, everything, seen=None):
    pairs, pages = 0, 0
    for record in ArchiveIterator(open(path, "rb"), record_types=WarcRecordType.metadata):
        data = record.reader.read()
        try:
            envelope = orjson.loads(data)["Envelope"]
        except Exception:
            continue
        response = envelope["Payload-Metadata"].get("HTTP-Response-Metadata", {})
        html = response.get("HTML-Metadata")
        if not html:
            continue
        pages += 1
        base = envelope["WARC-Header-Metadata"]["WARC-Target-URI"]
        if "Base" in html["Head"]:
            base = urljoin(base, html["Head"]["Base"])
        if everything:
            wat_signals(response, html)
        for link in html["Links"]:
            if link.get("path") != "IMG@/src":
                continue
            url, alt, title = link.get("url", ""), link.get("alt"), link.get("title")
            if not alt and not title:
                continue
            pairs += 1
            if seen is None:
                pair_id(absolute(base, url), alt or title)
            elif alt:
                seen.add(url + "\t" + alt)
    return pairs, pages


def largest_needed(srcset):
    """The smallest candidate of at least 1,024 pixels, else the largest."""
    best = None
    for candidate in srcset.split(","):
        parts = candidate.split()
        if not parts:
            continue
        width = int(parts[1][:-1]) if len(parts) > 1 and re.fullmatch(r"\d+w", parts[1]) else 1
        if best is None or (width < best[0] if best[0] >= 1024 <= width else width > best[0] and best[0] < 1024):
            best = (width, parts[0])
    return best and best[1]


def picture_address(image, attributes):
    sources = [attributes]
    parent = image.parent
    if parent is not None and parent.tag == "picture":
        sources = [source.attributes for source in parent.css("source")] + sources
    for source in sources:
        for name in LAZY_SRCSETS:
            if source.get(name):
                best = largest_needed(source[name])
                if best:
                    return best
    for name in LAZY:
        if attributes.get(name):
            return attributes[name]
    return attributes.get("src")


def figcaption_of(image):
    node = image.parent
    while node is not None and node.tag != "figure":
        node = node.parent
    caption = node.css_first("figcaption") if node is not None else None
    return caption.text() if caption is not None else None


def described(node):
    """The ImageObjects of JSON-LD."""
    waiting = [node]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if value.get("@type") == "ImageObject":
                yield value.get("contentUrl") or value.get("url"), value.get("caption") or value.get("name")
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def all_pairs(tree, base):
    """Every (address, text) that a page gives, and its licence and opt-out signals."""
    element = tree.css_first("base[href]")
    if element is not None:
        base = urljoin(base, element.attributes["href"] or "")
    previews = {}
    signals = []
    for meta in tree.css("meta"):
        attributes = meta.attributes
        name, content = (attributes.get("name") or attributes.get("property") or "").lower(), attributes.get("content")
        if name == "robots" and NOAI.search(content or ""):
            signals.append(name)
        elif name.startswith(("og:image", "twitter:image")):
            previews[name] = content
    link = tree.css_first("link[rel~=license], a[rel~=license]")
    licence = link.attributes.get("href") if link is not None else None
    found = {}
    for image in tree.css("img"):
        attributes = image.attributes
        url = picture_address(image, attributes)
        if not url:
            continue
        for text in (figcaption_of(image), attributes.get("alt"), attributes.get("title")):
            text = " ".join(text.split()) if text else None
            if text:
                found[(absolute(base, url), text)] = True
    for script in tree.css('script[type="application/ld+json"]'):
        try:
            data = json.loads(script.text())
        except ValueError:
            continue
        for url, text in described(data):
            if isinstance(url, str) and isinstance(text, str):
                found[(absolute(base, url), text)] = True
    for kind in ("og:image", "twitter:image"):
        if previews.get(kind) and previews.get(f"{kind}:alt"):
            found[(absolute(base, previews[kind]), previews[f"{kind}:alt"])] = True
    return found, licence and urljoin(base, licence), signals


def warc(path, everything):
    pairs, pages = 0, 0
    for record in ArchiveIterator(open(path, "rb"), record_types=WarcRecordType.response, parse_http=True):
        pages += 1
        base = record.headers["WARC-Target-URI"]
        tree = LexborHTMLParser(record.reader.read())
        if everything:
            found, _, _ = all_pairs(tree, base)
            for url, text in found:
                pair_id(url, text)
            pairs += len(found)
            continue
        for image in tree.css("img"):
            attributes = image.attributes
            src = attributes.get("src")
            if not src:
                continue
            for text in (attributes.get("alt"), attributes.get("title")):
                if text:
                    pairs += 1
                    pair_id(absolute(base, src), text)
    return pairs, pages


kind, mode, path = sys.argv[1:]
if mode == "set":
    seen = set()
    wat(path, False, seen)
    ordered = sorted(seen, key=lambda s: s.encode("utf-16-be", "surrogatepass"))
    print(len(seen), hashlib.sha256("\n".join(ordered).encode("utf8", "surrogatepass")).hexdigest())
else:
    start = time.process_time()
    pairs, pages = (wat if kind == "wat" else warc)(path, mode == "all")
    seconds = time.process_time() - start
    print(pairs, seconds, pages, " ".join(f"{name} {version(name)}" for name in ("fastwarc", "orjson", "selectolax")))
