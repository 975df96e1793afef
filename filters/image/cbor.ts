/** Deeper or longer data is an attack; what is read here has four levels. */
const MAX_DEPTH = 16;
const MAX_ITEMS = 10_000;

/**
 * Reads one data item of CBOR (RFC 8949): maps become objects with their text keys, byte strings buffers; tags are passed over.
 * @throws Error for what is not CBOR, is cut, or nests too deep.
 */
export function readCbor(bytes: Buffer): unknown {
  let at = 0;
  let items = 0;

  const argument = (info: number): number => {
    if (info < 24) return info;
    const width = info <= 27 ? 2 ** (info - 24) : 0;
    if (width === 0) throw new Error(`CBOR: additional information ${info}`);
    const value = width === 8 ? Number(bytes.readBigUInt64BE(at)) : bytes.readUIntBE(at, width);
    at += width;
    return value;
  };
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new Error("CBOR: cut");
    at += length;
    return bytes.subarray(at - length, at);
  };
  /** Calls `one` as often as there are items; without a length until a break. */
  const each = (info: number, one: () => void): void => {
    if (info === 31) {
      while (bytes[at] !== 0xff) one();
      at++;
    } else {
      for (let left = argument(info); left > 0; left--) one();
    }
  };
  const item = (depth: number): unknown => {
    if (depth > MAX_DEPTH || ++items > MAX_ITEMS) throw new Error("CBOR: too deep or too long");
    const [initial = 0] = take(1);
    const info = initial & 31;
    const strings = (): Buffer => {
      if (info !== 31) return take(argument(info));
      const parts: Buffer[] = [];
      each(info, () => parts.push(item(depth + 1) as Buffer));
      return Buffer.concat(parts.map((part) => Buffer.from(part)));
    };
    switch (initial >> 5) {
      case 0:
        return argument(info);
      case 1:
        return -1 - argument(info);
      case 2:
        return strings();
      case 3:
        return strings().toString("utf8");
      case 4: {
        const list: unknown[] = [];
        each(info, () => list.push(item(depth + 1)));
        return list;
      }
      case 5: {
        const map = new Map<unknown, unknown>();
        each(info, () => {
          const key = item(depth + 1);
          map.set(key, item(depth + 1));
        });
        return Object.fromEntries([...map].filter(([key]) => typeof key === "string"));
      }
      case 6:
        argument(info);
        return item(depth + 1);
      default:
        if (info < 20 || info > 22) argument(info); // Floating-point numbers are not needed.
        return info === 20 ? false : info === 21 ? true : null;
    }
  };
  return item(0);
}
