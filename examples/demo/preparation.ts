/** Tells what is being built: on a terminal in one line that changes, elsewhere in a line each. */

export interface Preparation {
  readonly ready: (file: string, origin: string) => void;
  readonly begun: (name: string) => void;
  readonly end: () => void;
}

export function preparation(stream: NodeJS.WriteStream): Preparation {
  const say = (text: string, stays: boolean): void => {
    stream.write(stream.isTTY ? `\r\x1b[K${text}${stays ? '\n' : ''}` : `${text}\n`);
  };
  return {
    ready(file, origin) {
      // What takes time or fails is worth a line of its own; what was there already is not.
      say(`preparing ${file}: ${origin}`, origin !== 'cached');
    },
    begun(name) {
      say(`preparing ${name} …`, false);
    },
    end() {
      if (stream.isTTY) {
        stream.write('\r\x1b[K');
      }
    },
  };
}
