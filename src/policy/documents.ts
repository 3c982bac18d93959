import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';
import { parseExactly } from './exact-json.ts';

/**
 * The documents of a JSON file, which holds one, or of a YAML file, which may hold several.
 *
 * Integers that a double cannot hold are `bigint`.
 *
 * @throws ElfgateError `unreadable`, `malformed` or `limit`; the message names the file.
 */
export async function readDocuments(location: string): Promise<readonly unknown[]> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(location);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new ElfgateError('unreadable', `${location}: cannot be read (${code})`, { cause });
  }
  return parseDocuments(bytes, location);
}

/** {@link readDocuments} of bytes that are at hand; the end of `location` tells the format. */
export async function parseDocuments(bytes: Uint8Array, location: string): Promise<readonly unknown[]> {
  if (bytes.length > limits.documentBytes) {
    throw new ElfgateError(
      'limit',
      `${location}: has ${bytes.length} bytes, above the limit of ${limits.documentBytes} of a document`,
    );
  }
  if (!isUtf8(bytes)) {
    throw new ElfgateError('malformed', `${location}: is not UTF-8 text`);
  }
  const text = new TextDecoder().decode(bytes);
  const documents = /\.ya?ml$/i.test(location) ? await parseYaml(text, location) : [parseJson(text, location)];
  for (const document of documents) {
    assertBounded(document, location);
  }
  return documents;
}

/** The one document of a file. @throws ElfgateError `malformed` when it holds several. */
export async function readDocument(location: string): Promise<unknown> {
  const [document, ...others] = await readDocuments(location);
  if (others.length > 0) {
    throw new ElfgateError('malformed', `${location}: holds ${others.length + 1} documents, and one is needed`);
  }
  return document;
}

function parseJson(text: string, location: string): unknown {
  try {
    return parseExactly(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ElfgateError('malformed', `${location}: is not JSON: ${reason}`, { cause });
  }
}

async function parseYaml(text: string, location: string): Promise<readonly unknown[]> {
  const { loadAll } = await import('js-yaml');
  try {
    // Between two `---` may be nothing but comments.
    return loadAll(text).filter((document) => document !== null && document !== undefined);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new ElfgateError('malformed', `${location}: is not YAML: ${reason}`, { cause });
  }
}

/** Aliases of a few lines of YAML unfold to more than fits in memory: what they stand for counts each time. */
function assertBounded(document: unknown, location: string): void {
  let values = 0;
  const visit = (value: unknown, level: number): void => {
    values += 1;
    if (values > limits.documentValues || level > limits.evaluationInputDepth) {
      throw new ElfgateError(
        'limit',
        `${location}: holds more than ${limits.documentValues} values, or is nested deeper than ${limits.evaluationInputDepth} levels`,
      );
    }
    if (typeof value === 'object' && value !== null) {
      for (const item of Object.values(value)) {
        visit(item, level + 1);
      }
    }
  };
  visit(document, 0);
}
