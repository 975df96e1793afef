/**
 * Runs iterators side by side and yields what they yield, first come first served. An iterator goes on only after the
 * consumer has dealt with its last item, so each can rely on what the consumer wrote.
 * @param next gives another iterator to run, if there is one now; asked while fewer than `width` are running.
 */
export async function* merge<T>(next: () => AsyncIterator<T> | undefined, width: number): AsyncGenerator<T> {
  const ready: { source: AsyncIterator<T>; result: Promise<IteratorResult<T>> }[] = [];
  let running = 0;
  let wake = () => {};
  const advance = (source: AsyncIterator<T>) => {
    const result = source.next();
    // Handled where it is awaited; until then it is no unhandled rejection.
    result
      .catch(() => {})
      .finally(() => {
        ready.push({ source, result });
        wake();
      });
  };
  for (;;) {
    while (running < width) {
      const source = next();
      if (!source) break;
      advance(source);
      running++;
    }
    if (running === 0) return;
    if (ready.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    // By index, and all at once: with thousands of sources a shift for each would be a walk over all.
    for (const { source, result } of ready.splice(0)) {
      const { value, done } = await result;
      if (done) {
        running--;
      } else {
        yield value;
        advance(source);
      }
    }
  }
}
