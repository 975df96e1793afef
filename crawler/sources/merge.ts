/**
 * Runs at most `width` iterators side by side and yields what they yield, first come first served. An iterator goes on
 * only after the consumer has dealt with its last item, so each can rely on what the consumer wrote.
 */
export async function* merge<T>(sources: Iterable<AsyncIterator<T>>, width: number): AsyncGenerator<T> {
  const waiting = sources[Symbol.iterator]();
  const running = new Map<AsyncIterator<T>, Promise<[AsyncIterator<T>, IteratorResult<T>]>>();
  const advance = (source: AsyncIterator<T>) => {
    running.set(
      source,
      source.next().then((result) => [source, result]),
    );
  };
  const startNext = () => {
    const { value, done } = waiting.next();
    if (!done) advance(value);
  };
  for (let i = 0; i < width; i++) startNext();
  while (running.size > 0) {
    const [source, result] = await Promise.race(running.values());
    running.delete(source);
    if (result.done) {
      startNext();
    } else {
      yield result.value;
      advance(source);
    }
  }
}
