/**
 * The names of the elements of an XML document, in order.
 *
 * A strict reader of the part of XML 1.0 that is written here: elements, quoted attributes, text, the five named
 * references and decimal ones.
 *
 * @throws Error where the document is not well-formed.
 */
export function readMarkup(document: string): readonly string[] {
  // Characters outside the production Char of section 2.2.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  if (/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/.test(document) || !document.isWellFormed()) {
    throw new Error('holds a character that XML cannot hold');
  }
  const tag = /<(?:\?xml [^?]*\?|(\/?)([a-z-]+)((?: [a-z]+="[^"<]*")*)(\/?))>/y;
  const text = /[^<]*/y;
  const names: string[] = [];
  const open: string[] = [];
  let at = 0;
  while (at < document.length) {
    text.lastIndex = at;
    const [content = ''] = text.exec(document) ?? [];
    checkReferences(content);
    at += content.length;
    if (at === document.length) {
      break;
    }
    tag.lastIndex = at;
    const match = tag.exec(document);
    if (match === null) {
      throw new Error(`no tag at ${document.slice(at, at + 80)}`);
    }
    const [whole, closing, name, attributes = '', empty] = match;
    checkReferences(attributes);
    at += whole.length;
    if (name === undefined) {
      continue;
    }
    if (closing === '/') {
      if (open.pop() !== name) {
        throw new Error(`</${name}> closes nothing`);
      }
    } else {
      names.push(name);
      if (empty !== '/') {
        open.push(name);
      }
    }
  }
  if (open.length > 0) {
    throw new Error(`${open.join(', ')} are not closed`);
  }
  return names;
}

function checkReferences(text: string): void {
  if (/&(?!(?:amp|lt|gt|quot|apos|#\d+);)/.test(text)) {
    throw new Error(`a bare & in ${text.slice(0, 80)}`);
  }
}
