/**
 * bzip2 block by block, without a dependency: what a dump of Wikipedia is packed in. A block is found by its 48-bit mark
 * at any bit, so blocks can be decoded by many workers, and a broken one can be passed over.
 */

/** The first bytes of a block and of the end of a stream: the digits of pi and of its square root. */
const BLOCK_MARK = [0x314159, 0x265359] as const;
const END_MARK = [0x177245, 0x385090] as const;
/** 900,000 bytes before the first run-length coding, the most a block holds. */
const MAX_BLOCK = 900_000;
/** Codes up to this long are looked up in one step, longer ones bit by bit. */
const FAST_BITS = 10;
const MAX_CODE = 20;
const GROUP = 50;
/** Four bytes are read at once, also where the last one lies. */
export const SLACK = 4;

/** A block that cannot be decoded: cut short, or its checksum is wrong. */
export class Bzip2Error extends Error {}

const CRC_TABLE = new Uint32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc < 0 ? 0x04c11db7 : 0);
  CRC_TABLE[byte] = crc;
}

/** Where a mark begins, in bits. */
export interface Mark {
  bit: number;
  kind: "block" | "end";
}

/**
 * The next mark of a block or of a stream's end at or after bit `from`; undefined when there is none that lies wholly in
 * `bytes`. A mark can turn up by chance inside a block once in 2^48 bits: its checksum would be wrong.
 */
export function findMark(bytes: Uint8Array, from: number): Mark | undefined {
  let high = 0;
  let low = 0;
  let bits = 0;
  const start = from >>> 3;
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    const first = at === start ? from & 7 : 0;
    // Two 24-bit halves of the last 48 bits, a bit at a time; the first byte of either mark decides quickly.
    for (let bit = first; bit < 8; bit++) {
      high = ((high << 1) | (low >>> 23)) & 0xffffff;
      low = ((low << 1) | ((byte >>> (7 - bit)) & 1)) & 0xffffff;
      if (++bits < 48) continue;
      if (high === BLOCK_MARK[0] && low === BLOCK_MARK[1]) return { bit: at * 8 + bit - 47, kind: "block" };
      if (high === END_MARK[0] && low === END_MARK[1]) return { bit: at * 8 + bit - 47, kind: "end" };
    }
  }
  return undefined;
}

/** Decodes blocks; holds the tables that every block needs, so one decoder a worker is enough. */
export class BlockDecoder {
  /** The bytes of the last block, valid until the next is decoded. */
  readonly #output: { bytes: Uint8Array } = { bytes: new Uint8Array(MAX_BLOCK * 4) };
  readonly #tt = new Uint32Array(MAX_BLOCK);
  readonly #selectors = new Uint8Array(18_002);
  readonly #fast = Array.from({ length: 6 }, () => new Uint16Array(1 << FAST_BITS));
  readonly #limit = Array.from({ length: 6 }, () => new Int32Array(MAX_CODE + 2));
  readonly #base = Array.from({ length: 6 }, () => new Int32Array(MAX_CODE + 2));
  readonly #perm = Array.from({ length: 6 }, () => new Uint16Array(258));
  readonly #lengths = new Uint8Array(258);
  readonly #mtf = new Uint8Array(256);
  readonly #starts = new Uint32Array(256);

  // The bit reader: `#window` holds the next `#have` bits, right-aligned.
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;
  #window = 0;
  #have = 0;
  /** The checksum of the last block's text. */
  #check = 0;

  /** The bit after the last block. */
  get position(): number {
    return this.#at * 8 - this.#have;
  }

  #bits(count: number): number {
    while (this.#have < count) {
      this.#window = (this.#window << 8) | (this.#bytes[this.#at++] ?? 0);
      this.#have += 8;
    }
    this.#have -= count;
    return (this.#window >>> this.#have) & ((1 << count) - 1);
  }

  /**
   * Decodes the block whose mark begins at bit `start` of `bytes`, behind which {@link SLACK} more must lie in memory.
   * @returns its text, valid until the next call.
   * @throws Bzip2Error when the block is cut short or damaged.
   */
  decode(bytes: Uint8Array, start: number): Uint8Array {
    if (this.#bytes !== bytes) this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length + SLACK);
    this.#bytes = bytes;
    this.#at = start >>> 3;
    this.#have = 0;
    this.#window = 0;
    this.#bits(start & 7);
    if (this.#bits(24) !== BLOCK_MARK[0] || this.#bits(24) !== BLOCK_MARK[1])
      throw new Bzip2Error("no block begins here");
    const crc = (this.#bits(16) << 16) | this.#bits(16);
    if (this.#bits(1) === 1) throw new Bzip2Error("randomised blocks (bzip2 0.9.0) are not read");
    const origin = this.#bits(24);
    const count = this.#readSymbols();
    if (origin >= count) throw new Bzip2Error("damaged block");
    if (this.#at > bytes.length) throw new Bzip2Error("the block is cut short");
    const text = this.#unsort(origin, count);
    if (this.#check !== crc >> 0) throw new Bzip2Error("the block's checksum is wrong");
    return text;
  }

  /** Huffman, move-to-front and the second run-length coding: fills the low bytes of `#tt`, returns how many. */
  #readSymbols(): number {
    const used: number[] = [];
    const map = this.#bits(16);
    for (let i = 0; i < 16; i++) {
      if (!(map & (0x8000 >>> i))) continue;
      const row = this.#bits(16);
      for (let j = 0; j < 16; j++) if (row & (0x8000 >>> j)) used.push(i * 16 + j);
    }
    const alphabet = used.length + 2;
    const tables = this.#bits(3);
    const selectorCount = this.#bits(15);
    if (used.length === 0 || tables < 2 || tables > 6 || selectorCount === 0) throw new Bzip2Error("damaged block");
    this.#readSelectors(selectorCount, tables);
    for (let table = 0; table < tables; table++) this.#readTable(table, alphabet);

    const { mtf, tt, selectors } = { mtf: this.#mtf, tt: this.#tt, selectors: this.#selectors };
    for (let i = 0; i < used.length; i++) mtf[i] = used[i] ?? 0;
    const { starts } = { starts: this.#starts };
    starts.fill(0);
    // Any 25 bits in one look: four bytes from where the next bit lies, shifted to the top.
    const view = this.#view;
    const lastBit = this.#bytes.length * 8;
    let bit = this.position;
    const endSymbol = alphabet - 1;
    let count = 0;
    let run = 0;
    let runBit = 1;
    let group = 0;
    let left = 0;
    let fast: Uint16Array = this.#fast[0] as Uint16Array;
    let limit: Int32Array = this.#limit[0] as Int32Array;
    let base: Int32Array = this.#base[0] as Int32Array;
    let perm: Uint16Array = this.#perm[0] as Uint16Array;
    for (;;) {
      if (left === 0) {
        if (group >= selectorCount) throw new Bzip2Error("damaged block");
        const table = selectors[group++] ?? 0;
        left = GROUP;
        fast = this.#fast[table] as Uint16Array;
        limit = this.#limit[table] as Int32Array;
        base = this.#base[table] as Int32Array;
        perm = this.#perm[table] as Uint16Array;
      }
      left--;
      if (bit >= lastBit) throw new Bzip2Error("the block is cut short");
      const ahead = view.getInt32(bit >>> 3) << (bit & 7);
      // A code in one look: the symbol times 32 plus its length; 0 for codes that are longer.
      const entry = fast[ahead >>> (32 - FAST_BITS)] as number;
      let symbol: number;
      if (entry !== 0) {
        bit += entry & 31;
        symbol = entry >>> 5;
      } else {
        let length = FAST_BITS + 1;
        while (length <= MAX_CODE && ahead >>> (32 - length) > (limit[length] as number)) length++;
        if (length > MAX_CODE) throw new Bzip2Error("damaged block");
        bit += length;
        symbol = perm[(ahead >>> (32 - length)) - (base[length] as number)] as number;
      }
      if (symbol <= 1) {
        run += runBit << symbol;
        runBit <<= 1;
        if (run > MAX_BLOCK) throw new Bzip2Error("damaged block");
        continue;
      }
      if (run > 0) {
        if (count + run > MAX_BLOCK) throw new Bzip2Error("damaged block");
        const byte = mtf[0] as number;
        starts[byte] = (starts[byte] as number) + run;
        // Most runs are short, for which a call costs more than the bytes.
        if (run > 64) tt.fill(byte, count, count + run);
        else for (let i = count; i < count + run; i++) tt[i] = byte;
        count += run;
        run = 0;
        runBit = 1;
      }
      if (symbol === endSymbol) break;
      if (count >= MAX_BLOCK) throw new Bzip2Error("damaged block");
      const place = symbol - 1;
      const byte = mtf[place] as number;
      if (place < 16) for (let i = place; i > 0; i--) mtf[i] = mtf[i - 1] as number;
      else mtf.copyWithin(1, 0, place);
      mtf[0] = byte;
      starts[byte] = (starts[byte] as number) + 1;
      tt[count++] = byte;
    }
    this.#at = bit >>> 3;
    this.#have = 0;
    this.#bits(bit & 7);
    return count;
  }

  #readSelectors(count: number, tables: number): void {
    const order = [0, 1, 2, 3, 4, 5];
    for (let i = 0; i < count; i++) {
      let place = 0;
      while (this.#bits(1) === 1) if (++place >= tables) throw new Bzip2Error("damaged block");
      const [table = 0] = order.splice(place, 1);
      order.unshift(table);
      // Some packers write more selectors than a block can use.
      if (i < this.#selectors.length) this.#selectors[i] = table;
    }
  }

  #readTable(table: number, alphabet: number): void {
    const lengths = this.#lengths;
    let length = this.#bits(5);
    for (let symbol = 0; symbol < alphabet; symbol++) {
      while (this.#bits(1) === 1) length += this.#bits(1) === 0 ? 1 : -1;
      if (length < 1 || length > MAX_CODE) throw new Bzip2Error("damaged block");
      lengths[symbol] = length;
    }
    const [fast, limit, base, perm] = [this.#fast[table], this.#limit[table], this.#base[table], this.#perm[table]] as [
      Uint16Array,
      Int32Array,
      Int32Array,
      Uint16Array,
    ];
    fast.fill(0);
    let code = 0;
    let index = 0;
    for (let bits = 1; bits <= MAX_CODE; bits++) {
      base[bits] = code - index;
      for (let symbol = 0; symbol < alphabet; symbol++) {
        if (lengths[symbol] !== bits) continue;
        perm[index++] = symbol;
        if (bits <= FAST_BITS)
          fast.fill((symbol << 5) | bits, code << (FAST_BITS - bits), (code + 1) << (FAST_BITS - bits));
        code++;
      }
      limit[bits] = code - 1;
      code <<= 1;
    }
  }

  /**
   * Undoes the Burrows-Wheeler transform and the first run-length coding. Every step waits for memory, so the checksum is
   * taken along for nothing.
   */
  #unsort(origin: number, count: number): Uint8Array {
    const { tt, starts } = { tt: this.#tt, starts: this.#starts };
    let sum = 0;
    for (let byte = 0; byte < 256; byte++) {
      const own = starts[byte] as number;
      starts[byte] = sum;
      sum += own;
    }
    for (let i = 0; i < count; i++) {
      const byte = (tt[i] as number) & 255;
      const place = starts[byte] as number;
      starts[byte] = place + 1;
      tt[place] = ((tt[place] as number) & 255) | (i << 8);
    }
    let output = this.#output.bytes;
    let written = 0;
    let next = (tt[origin] as number) >>> 8;
    let same = 0;
    let last = -1;
    let check = -1;
    for (let i = 0; i < count; i++) {
      const entry = tt[next] as number;
      next = entry >>> 8;
      const byte = entry & 255;
      if (same === 4) {
        // Four equal bytes are followed by how many more of them there are.
        if (written + byte > output.length) output = this.#grow(written + byte);
        for (let more = 0; more < byte; more++) {
          output[written++] = last;
          check = (check << 8) ^ (CRC_TABLE[(check >>> 24) ^ last] as number);
        }
        same = 0;
        last = -1;
        continue;
      }
      if (written >= output.length) output = this.#grow(written + 1);
      output[written++] = byte;
      check = (check << 8) ^ (CRC_TABLE[(check >>> 24) ^ byte] as number);
      same = byte === last ? same + 1 : 1;
      last = byte;
    }
    this.#check = ~check;
    return output.subarray(0, written);
  }

  #grow(least: number): Uint8Array {
    const bigger = new Uint8Array(Math.max(least, this.#output.bytes.length * 2));
    bigger.set(this.#output.bytes);
    this.#output.bytes = bigger;
    return bigger;
  }
}
