"""The peer of match.ts: MetaCLIP's matching, written anew from its description with the library it uses, pyahocorasick.

A text gets a space at both ends, its punctuation , . ; : ? ! ` is set apart by spaces, tabs and line ends become spaces;
a term matches when it stands in it between two spaces. Reads terms and captions, one a line; prints CPU seconds as JSON
and writes the ids found, a line a caption.
"""

import json
import sys
import time

import ahocorasick


def spaced(text: str) -> str:
    text = " " + text + " "
    for mark in ",.;:?!`":
        text = text.replace(mark, " " + mark + " ")
    for white in "\t\n\r":
        text = text.replace(white, " ")
    return text


def main() -> None:
    terms_file, captions_file, found_file = sys.argv[1:]
    terms = open(terms_file, encoding="utf8").read().split("\n")
    captions = open(captions_file, encoding="utf8").read().split("\n")
    start = time.process_time()
    automaton = ahocorasick.Automaton()
    for i, term in enumerate(terms):
        automaton.add_word(" " + term + " ", i)
    automaton.make_automaton()
    built = time.process_time()
    found = [set(i for _, i in automaton.iter(spaced(caption))) for caption in captions]
    matched = time.process_time()
    with open(found_file, "w", encoding="utf8") as out:
        for ids in found:
            out.write(" ".join(map(str, sorted(ids))) + "\n")
    print(json.dumps({"build": built - start, "match": matched - built, "bytes": automaton.get_stats()["total_size"]}))


main()
