import { type Paint, painter } from '../src/findings/paint.ts';
import { printable } from '../src/findings/printable.ts';
import type { Resolution } from '../src/loader/library-closure/resolution.ts';

/** Results as people read them: libraries indented below what needs them, and what is wrong in red. */
export function renderResolutions(results: readonly Resolution[], options: { readonly color: boolean }): string {
  const paint = painter(options.color);
  return results.map((result) => render(result, paint)).join('\n');
}

// A Python extension on its own misses hundreds; the JSON output has all of them.
const mostListed = 20;

function render(result: Resolution, paint: Paint): string {
  const lines = [paint('bold', printable(result.file)), ...tree(result, result.file, 1, paint)];
  if (result.loader === null) {
    lines.push('  no libraries: a static program');
  }
  for (const name of result.ignoredPreloads) {
    lines.push(paint('yellow', `  preload ${printable(name)} is not found and ignored`));
  }
  for (const { library, version, neededBy, provider, kind } of result.versionErrors.slice(0, mostListed)) {
    const text = `  version ${printable(version)} of ${printable(library)} is ${kind === 'no-versions' ? 'not checked: the library has no versions' : 'not found'} (needed by ${printable(neededBy)}, library is ${printable(provider ?? 'absent')})`;
    lines.push(kind === 'absent' ? paint('red', text) : paint('yellow', text));
  }
  lines.push(...more(result.versionErrors.length, 'versions'));
  const strong = result.unresolved.filter(({ weak }) => !weak);
  for (const { symbol, version, neededBy, lazy, library } of strong.slice(0, mostListed)) {
    const name = version === null ? symbol : `${symbol}@${version}`;
    const where = library === null ? '' : `, version of ${library}`;
    const when = lazy ? ', fails when called' : '';
    lines.push(paint('red', `  undefined symbol ${printable(`${name} (needed by ${neededBy}${where}${when})`)}`));
  }
  lines.push(...more(strong.length, 'undefined symbols'));
  for (const cycle of result.cycles) {
    lines.push(paint('yellow', `  need each other: ${printable(cycle.join(', '))}`));
  }
  for (const { entry, of } of result.unsearched.slice(0, mostListed)) {
    lines.push(
      paint(
        'yellow',
        `  not searched, depends on the process: "${printable(entry)}" of ${printable(of ?? 'the library path')}`,
      ),
    );
  }
  return `${lines.join('\n')}\n`;
}

function tree(result: Resolution, parent: string, depth: number, paint: Paint): readonly string[] {
  const lines: string[] = [];
  // Members are in load order, so that what needs one comes before it: the tree has no loops, and a walk with a stack
  // of its own is as deep as it likes.
  const children = Map.groupBy(result.libraries, ({ neededBy }) => neededBy);
  const missing = Map.groupBy(result.missing, ({ neededBy }) => neededBy);
  const pending = [{ label: parent, depth: depth - 1, line: null as string | null }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { label, depth: level, line } = next;
    if (line !== null) {
      lines.push(line);
    }
    const indent = '  '.repeat(Math.min(level + 1, deepestIndent));
    for (const { name, optional, refused } of missing.get(label) ?? []) {
      const why = refused === null ? 'not found' : `${refused.path}: ${refused.reason}`;
      lines.push(paint(optional ? 'yellow' : 'red', `${indent}${printable(`${name} => ${why}`)}`));
    }
    for (const { name, path } of (children.get(label) ?? []).toReversed()) {
      const text = name === path ? path : `${name} => ${path}`;
      pending.push({ label: path, depth: level + 1, line: `${indent}${printable(text)}` });
    }
    children.delete(label);
    missing.delete(label);
  }
  return lines;
}

const deepestIndent = 40;

function more(count: number, what: string): readonly string[] {
  return count > mostListed ? [`  … ${count} ${what} in all; -o json lists them`] : [];
}
