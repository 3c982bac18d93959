/**
 * Does work on items, several at once, and gives the results in the order of the items, each as soon as it and all before it
 * are there. At most `ahead` of them are under way or wait for an earlier one, so that memory does not grow with their
 * number.
 *
 * @throws what the items or the work throw, at the place of that item; what is under way then is waited for.
 */
export async function* inOrder<Item, Result>(
  items: AsyncIterable<Item> | Iterable<Item>,
  ahead: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const source = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  const begun: Promise<Result>[] = [];
  let ended = false;
  let closed = false;
  const begin = (result: Promise<Result>): void => {
    // Whoever comes to its place sees the failure; until then it is no unhandled one.
    result.catch(() => {});
    begun.push(result);
  };
  const beginNext = async (): Promise<void> => {
    try {
      const { done, value } = await source.next();
      if (done === true) {
        ended = true;
      } else if (!closed) {
        begin(work(value));
      }
    } catch (error) {
      ended = true;
      begin(Promise.reject(error));
    }
  };
  let beginning: Promise<void> | null = null;
  try {
    while (!ended || begun.length > 0) {
      if (beginning === null && !ended && begun.length < ahead) {
        beginning = beginNext().finally(() => {
          beginning = null;
        });
      }
      const [first] = begun;
      const isReady = first !== undefined && (await isThereBefore(first, beginning));
      if (isReady) {
        begun.shift();
        yield await first;
      } else {
        await beginning;
      }
    }
  } finally {
    closed = true;
    await Promise.allSettled(begun);
    const returned = Promise.resolve(source.return?.()).catch(() => {});
    // One that is just asked for its next item would answer only after that, and a list that somebody types has none for long.
    if (beginning === null) {
      await returned;
    }
  }
}

/** Whether a result is there, or has failed, before something else has happened; where nothing else can, it is waited for. */
async function isThereBefore(result: Promise<unknown>, other: Promise<void> | null): Promise<boolean> {
  const there = result.then(
    () => true,
    () => true,
  );
  return other === null ? there : Promise.race([there, other.then(() => false)]);
}
