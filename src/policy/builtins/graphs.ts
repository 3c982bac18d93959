import { limits } from '../../limits.ts';
import { BuiltinError, type Builtins, rego } from './builtin.ts';
import { type RegoValue, regoText } from './rego-value.ts';

export const graphs: Builtins = { 'graph.reachable_paths': rego(reachablePaths) };

/** The paths from some nodes along an object of edges, each as long as it goes without visiting a node twice. */
function reachablePaths(graph: RegoValue | undefined, initial: RegoValue | undefined): RegoValue {
  if (graph?.type !== 'object' || (initial?.type !== 'array' && initial?.type !== 'set')) {
    throw new BuiltinError('operands must be an object and a set or array');
  }
  const edges = new Map(graph.entries.map(([node, next]) => [regoText(node), next]));
  const neighbours = (node: RegoValue): readonly RegoValue[] => {
    const next = edges.get(regoText(node));
    return next?.type === 'array' || next?.type === 'set' ? next.items : [];
  };
  const paths = new Map<string, RegoValue>();
  const add = (items: readonly RegoValue[]): void => {
    const path: RegoValue = { type: 'array', items };
    paths.set(regoText(path), path);
    if (paths.size > limits.builtinItems) {
      throw new RangeError(`it would give more than ${limits.builtinItems} paths`);
    }
  };
  const walk = (node: RegoValue, path: readonly RegoValue[], visited: ReadonlySet<string>): void => {
    const name = regoText(node);
    const next = neighbours(node);
    if (!edges.has(name) || next.length === 0) {
      add(edges.has(name) ? [...path, node] : path);
      return;
    }
    const reached = new Set([...visited, name]);
    for (const neighbour of next) {
      if (reached.has(regoText(neighbour))) {
        add([...path, node]);
      } else {
        walk(neighbour, [...path, node], reached);
      }
    }
  };
  for (const node of initial.items.filter((item) => edges.has(regoText(item)))) {
    const next = neighbours(node);
    if (next.length === 0) {
      add([node]);
    }
    for (const neighbour of next) {
      walk(neighbour, [node], new Set([regoText(node)]));
    }
  }
  return { type: 'set', items: [...paths.values()] };
}
