/** Some rows of a list, column by column, in the list's order. */
export interface Rows {
  /** The columns of the whole list, also those that were not asked for. */
  names: readonly string[];
  /** Number of the first row, from 0; rows that cannot be read count too. */
  first: number;
  count: number;
  /** A column's values; missing ones are undefined or null. */
  column(name: string): ArrayLike<unknown>;
  /** Where row `i` of these stands, for messages. */
  place(i: number): string;
  /** Whether row `i` of these could not be read. */
  bad(i: number): boolean;
}

/**
 * Says which columns will be asked for, once the list's own are known: reading others would cost time.
 * @param typeOf the type of a column where it holds no text, in words.
 */
export type ChooseColumns = (names: readonly string[], typeOf: TypeOf) => readonly string[];
export type TypeOf = (name: string) => string | undefined;

/** Rows from objects; a missing object is a row that could not be read. */
export function rowsFromObjects(
  objects: readonly (Record<string, unknown> | undefined)[],
  names: readonly string[],
  first: number,
  place: (i: number) => string,
): Rows {
  return rowsFrom(objects, names, first, place, (name) => (row) => row?.[name]);
}

/** Rows from their fields in the order of `names`; missing fields are a row that could not be read. */
export function rowsFromFields(
  rows: readonly (readonly string[] | undefined)[],
  names: readonly string[],
  first: number,
  place: (i: number) => string,
): Rows {
  return rowsFrom(rows, names, first, place, (name) => {
    const column = names.lastIndexOf(name);
    return (fields) => fields?.[column];
  });
}

function rowsFrom<T>(
  rows: readonly (T | undefined)[],
  names: readonly string[],
  first: number,
  place: (i: number) => string,
  reader: (name: string) => (row: T | undefined) => unknown,
): Rows {
  const columns = new Map<string, unknown[]>();
  const made = (name: string) => {
    const values = rows.map(reader(name));
    columns.set(name, values);
    return values;
  };
  return {
    names,
    first,
    count: rows.length,
    column: (name) => columns.get(name) ?? made(name),
    place,
    bad: (i) => rows[i] === undefined,
  };
}
