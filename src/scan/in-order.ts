/**
 * Does work on items, several at once, and gives the results in the order of the items. At most `ahead` of them are under
 * way or wait for an earlier one, so that memory does not grow with their number.
 *
 * @throws what the items or the work throw, at the place of that item; what is under way then is waited for.
 */
export async function* inOrder<Item, Result>(
  items: AsyncIterable<Item> | Iterable<Item>,
  ahead: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const begun: Promise<Result>[] = [];
  try {
    for await (const item of items) {
      const result = work(item);
      // Whoever comes to its place sees the failure; until then it is no unhandled one.
      result.catch(() => {});
      begun.push(result);
      const first = begun.length >= ahead ? begun.shift() : undefined;
      if (first !== undefined) {
        yield await first;
      }
    }
    for (let next = begun.shift(); next !== undefined; next = begun.shift()) {
      yield await next;
    }
  } finally {
    await Promise.allSettled(begun);
  }
}
