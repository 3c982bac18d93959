import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import test from 'ava';

const root = join(import.meta.dirname, '..');

// Rooms in the order in which data flows; a room may import from itself and from those before it.
const order = [
  'src/errors.ts',
  'src/limits.ts',
  'src/bytes',
  'src/image',
  'src/workload',
  'src/binary',
  'src/loader',
  'src/trust',
  'src/facts',
  'src/policy',
  'src/findings',
  'src/scan',
  'src/cluster',
  'src/admission',
];

function sources(directory: string): readonly string[] {
  return readdirSync(join(root, directory), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.[jt]s$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

function imports(file: string): readonly string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(([, path = '']) =>
    relative(root, resolve(root, dirname(file), path)),
  );
}

const roomOf = (file: string): number => order.findIndex((room) => file === room || file.startsWith(`${room}/`));

test('data flows one way: no room of the engine imports from a later one', (t) => {
  for (const file of sources('src')) {
    if (file === 'src/index.ts') {
      continue;
    }
    t.not(roomOf(file), -1, `${file} is in no room of the data flow`);
    for (const target of imports(file)) {
      t.true(roomOf(target) !== -1 && roomOf(target) <= roomOf(file), `${file} imports ${target}`);
    }
  }
});

test('the command line uses the engine, and the engine knows nothing of it', (t) => {
  for (const file of sources('cli')) {
    for (const target of imports(file)) {
      // `elfgate serve` is where the program and the webhook meet: it makes of options what the server needs.
      const allowed = file === 'cli/serve.ts' ? /^(?:cli|src|webhook)\// : /^(?:cli|src)\//;
      t.regex(target, allowed, `${file} imports ${target}`);
    }
  }
});

test('the webhook uses the engine, and knows nothing of the command line', (t) => {
  for (const file of sources('webhook')) {
    for (const target of imports(file)) {
      t.regex(target, /^(?:webhook|src)\//, `${file} imports ${target}`);
    }
  }
});

// Runs as a process of its own, whose streams and exit code are how it answers.
const ownProcesses = ['src/policy/opa-process.ts'];

test('the engine leaves process, console and exit codes to its callers', (t) => {
  for (const file of sources('src').filter((source) => !ownProcesses.includes(source))) {
    const text = readFileSync(join(root, file), 'utf8');
    t.notRegex(text, /\bprocess\.(?:exit|exitCode|argv|env|stdout|stderr|cwd)\b|\bconsole\.\w+\(/, file);
  }
});
