import {
  EVENT_ID,
  type Event,
  getScalarValue,
  load,
  parseEvents,
  SCALAR_STYLE,
  type ScalarEvent,
  YAMLException,
} from 'js-yaml';
import { limits } from '../../limits.ts';

/** 1 is the first line and the first column. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A YAML document, and where in the text each of its parts is. */
export interface PositionedYaml {
  readonly value: unknown;
  /** Where the value at a path of keys and indices begins. */
  positionOfValue(path: readonly string[]): Position;
  /** Where the last key of a path begins; for an item of a list, the item. */
  positionOfKey(path: readonly string[]): Position;
}

/** Text that is not one plain YAML document. */
export class YamlFault extends Error {
  readonly position: Position;

  constructor(message: string, position: Position) {
    super(message);
    this.position = position;
  }
}

/**
 * Reads one YAML 1.2 document. Keys are unique; anchors and aliases are refused: a few lines of them unfold to more
 * than fits in memory, and nothing that elfgate reads needs them.
 *
 * @throws YamlFault
 */
export function readYaml(text: string): PositionedYaml {
  try {
    const events = parseEvents(text, { maxDepth: limits.configurationDepth });
    const anchored = events.find((event) => 'anchorStart' in event && event.anchorStart >= 0);
    if (anchored !== undefined && 'anchorStart' in anchored) {
      throw new YamlFault(
        'anchors and aliases are not read here; write the value out',
        positionAt(text, anchored.anchorStart - 1),
      );
    }
    const value = load(text, { maxDepth: limits.configurationDepth });
    const offsets = offsetsOf(events, text);
    const at = (path: readonly string[], part: keyof Offsets): Position => {
      const found = offsets.get(path.join('\0')) ?? offsets.get('');
      return positionAt(text, found?.[part] ?? 0);
    };
    return {
      value,
      positionOfValue: (path) => at(path, 'value'),
      positionOfKey: (path) => at(path, 'key'),
    };
  } catch (error) {
    if (error instanceof YAMLException) {
      throw new YamlFault(error.reason, { line: (error.mark?.line ?? 0) + 1, column: (error.mark?.column ?? 0) + 1 });
    }
    throw error;
  }
}

interface Offsets {
  readonly key: number;
  readonly value: number;
}

interface OpenCollection {
  readonly path: string;
  readonly kind: 'mapping' | 'sequence';
  /** The key that waits for its value. */
  key: { readonly name: string; readonly offset: number } | null;
  items: number;
}

/** Where keys and values begin, by their path: keys and indices joined by zero bytes. */
function offsetsOf(events: readonly Event[], text: string): ReadonlyMap<string, Offsets> {
  const offsets = new Map<string, Offsets>();
  const open: OpenCollection[] = [];

  /** Notes a value that begins here, and gives its path; null for a scalar that turned out to be a key. */
  const begin = (offset: number, scalar: string | null): string | null => {
    const parent = open.at(-1);
    if (parent === undefined) {
      offsets.set('', { key: offset, value: offset });
      return '';
    }
    if (parent.kind === 'mapping' && parent.key === null) {
      parent.key = { name: scalar ?? '', offset };
      return null;
    }
    const name = parent.key?.name ?? String(parent.items++);
    const path = parent.path === '' ? name : `${parent.path}\0${name}`;
    const key = parent.key?.offset ?? offset;
    // An empty value is nowhere: its key stands for it.
    offsets.set(path, { key, value: offset < 0 ? key : offset });
    parent.key = null;
    return path;
  };

  let documents = 0;
  for (const event of events) {
    switch (event.type) {
      case EVENT_ID.DOCUMENT:
        documents++;
        break;
      case EVENT_ID.MAPPING:
      case EVENT_ID.SEQUENCE: {
        const path = begin(event.start, null) ?? '';
        open.push({ path, kind: event.type === EVENT_ID.MAPPING ? 'mapping' : 'sequence', key: null, items: 0 });
        break;
      }
      case EVENT_ID.SCALAR:
        begin(startOf(event), getScalarValue(text, event));
        break;
      case EVENT_ID.POP:
        open.pop();
        break;
    }
    if (documents > 1) {
      break;
    }
  }
  return offsets;
}

/** Where a scalar begins, its opening quote included; -1 for an empty one. */
function startOf({ valueStart, style }: ScalarEvent): number {
  const quoted = style === SCALAR_STYLE.SINGLE_QUOTED || style === SCALAR_STYLE.DOUBLE_QUOTED;
  return quoted ? valueStart - 1 : valueStart;
}

function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, Math.max(0, offset));
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: before.length - lineStart + 1 };
}
