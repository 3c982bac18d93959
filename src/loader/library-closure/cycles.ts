/**
 * Groups of objects that need each other, directly or through others: the strongly connected components of the graph of
 * DT_NEEDED with more than one object. Loaders initialise such a group in an order that its authors did not choose.
 *
 * Tarjan's algorithm with a stack of its own, because the graph may be as deep as it is large.
 *
 * @returns each group in load order, the groups by their first object.
 */
export function neededCycles<Node extends { readonly needs: readonly Node[] }>(
  members: readonly Node[],
): readonly (readonly Node[])[] {
  const positions = new Map(members.map((member, position) => [member, position]));
  const numbers = new Map<Node, number>();
  const lowest = new Map<Node, number>();
  const open: Node[] = [];
  const isOpen = new Set<Node>();
  const groups: (readonly Node[])[] = [];

  const enter = (member: Node): { readonly member: Node; next: number } => {
    numbers.set(member, numbers.size);
    lowest.set(member, numbers.size - 1);
    open.push(member);
    isOpen.add(member);
    return { member, next: 0 };
  };
  const lower = (member: Node, to: number | undefined): void => {
    lowest.set(member, Math.min(lowest.get(member) ?? 0, to ?? 0));
  };
  const close = (member: Node): void => {
    const group = open.splice(open.lastIndexOf(member));
    for (const each of group) {
      isOpen.delete(each);
    }
    if (group.length > 1) {
      groups.push(group.sort((left, right) => (positions.get(left) ?? 0) - (positions.get(right) ?? 0)));
    }
  };

  for (const start of members) {
    if (numbers.has(start)) {
      continue;
    }
    const path = [enter(start)];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const { member } = top;
      const needed = member.needs[top.next];
      if (needed === undefined) {
        path.pop();
        if (lowest.get(member) === numbers.get(member)) {
          close(member);
        }
        const above = path.at(-1);
        if (above !== undefined) {
          lower(above.member, lowest.get(member));
        }
        continue;
      }
      top.next += 1;
      if (!numbers.has(needed)) {
        path.push(enter(needed));
      } else if (isOpen.has(needed)) {
        lower(member, numbers.get(needed));
      }
    }
  }
  const firstOf = (group: readonly Node[]): number => {
    const [first] = group;
    return first === undefined ? 0 : (positions.get(first) ?? 0);
  };
  return groups.sort((left, right) => firstOf(left) - firstOf(right));
}
