import type { BinaryFacts, ElfFacts, FactsDocument, GoFacts, LibcFacts, PluginPairFacts } from '../src/facts/schema.ts';
import { type Paint, painter } from '../src/findings/paint.ts';
import { allPrintable } from '../src/findings/printable.ts';

export interface FactsTextOptions {
  readonly color: boolean;
  readonly symbols: boolean;
}

type Row = readonly [label: string, text: string];

/** Facts for people: a card for each binary, what was predicted, and the root. */
export function renderFacts(inspected: readonly FactsDocument[], options: FactsTextOptions): string {
  const documents = allPrintable(inspected);
  const paint = painter(options.color);
  const blocks = documents.flatMap((document) => [
    ...rootBlock(document, paint),
    ...document.binaries.map((binary) => binaryBlock(binary, options, paint)),
    ...document.predictions.plugins.map((pair) => pairBlock(pair, paint)),
  ]);
  return blocks.length === 0 ? 'no binaries found\n' : `${blocks.join('\n\n')}\n`;
}

function card(title: string, rows: readonly Row[], paint: Paint): string {
  const width = Math.max(...rows.map(([label]) => label.length));
  return [title, ...rows.map(([label, text]) => `  ${paint('dim', label.padEnd(width))}  ${text}`)].join('\n');
}

function rootBlock({ subject, root, binaries }: FactsDocument, paint: Paint): string[] {
  if (root === null) {
    return [];
  }
  const services = Object.entries(root.nsswitch?.databases ?? {}).map(([name, list]) => `${name}: ${list.join(' ')}`);
  const rows: Row[] = [
    ['binaries', String(binaries.length)],
    ['c library', root.libc === null ? 'none' : `${root.libc.kind} ${root.libc.version ?? ''} (${root.libc.path})`],
    ['platform', root.platform === null ? 'unknown' : `${root.platform.machine}, ${root.platform.class}-bit`],
    ['system', root.osRelease?.name ?? root.osRelease?.id ?? 'unknown'],
    ...(services.length === 0 ? [] : [['name service', services.join('; ')] as const]),
  ];
  return [card(`${paint(['bold', 'cyan'], subject.name)}  root file system`, rows, paint)];
}

function binaryBlock(binary: BinaryFacts, options: FactsTextOptions, paint: Paint): string {
  const { elf, go, libc } = binary;
  const title = `${paint(['bold', 'cyan'], binary.path)}  ${headline(binary)}`;
  const rows: Row[] = [
    ...(elf === null ? [] : elfRows(elf)),
    ...(libc === null ? [] : [['c library', libcText(libc)] as const]),
    ...(go === null ? [] : goRows(go)),
    ['sha256', binary.sha256],
    ...(elf !== null && options.symbols ? symbolRows(elf) : []),
  ];
  return card(title, rows, paint);
}

function headline({ format, elf, size, role }: BinaryFacts): string {
  const parts = [format === 'elf' ? 'ELF' : format, role, bytesText(size)];
  if (elf !== null) {
    parts.splice(1, 0, `${elf.class}-bit ${elf.endian}-endian ${elf.machine}`, elf.program ? 'program' : kindOf(elf));
  }
  return parts.filter((part) => part !== null).join(', ');
}

function kindOf({ type }: ElfFacts): string {
  return type === 'dyn' ? 'shared object' : type === 'rel' ? 'object file' : type;
}

function elfRows(elf: ElfFacts): Row[] {
  const rows: Row[] = [];
  const add = (label: string, text: string | null): void => {
    if (text !== null && text !== '') {
      rows.push([label, text]);
    }
  };
  add('loader', elf.interpreter);
  add('soname', elf.soname);
  add('needs', elf.needed.join(', '));
  add('rpath', elf.rpath.map(shownEntry).join(':'));
  add('runpath', elf.runpath.map(shownEntry).join(':'));
  add('symbols', `${elf.importCount} imported, ${elf.exportCount} exported${elf.stripped ? ', stripped' : ''}`);
  add('protection', protection(elf));
  add('flags', elf.flags.join(' '));
  add('build id', elf.buildId);
  add('tools', elf.comment.join('; '));
  return rows;
}

function shownEntry(entry: string): string {
  return entry === '' ? '(empty)' : entry;
}

function protection(elf: ElfFacts): string {
  return [
    elf.relro === 'none' ? 'no RELRO' : `${elf.relro} RELRO`,
    elf.executableStack ? 'executable stack' : null,
    elf.positionIndependent === false ? 'fixed addresses' : null,
    elf.stackProtector === true ? 'stack canaries' : null,
    elf.fortified === true ? 'fortified' : null,
    ...elf.processorFeatures,
  ]
    .filter((part) => part !== null)
    .join(', ');
}

function libcText(libc: LibcFacts): string {
  return [
    libc.kind === 'unknown' ? 'unknown library' : libc.kind,
    libc.version,
    libc.linkage === 'none' ? null : libc.linkage,
    libc.minimum === null ? null : `at least glibc ${libc.minimum}`,
    libc.usesNss === true
      ? `looks names up${libc.nssFunctions.length === 0 ? '' : ` (${libc.nssFunctions.slice(0, 3).join(', ')})`}`
      : null,
    libc.usesVsyscall === true ? `calls the vsyscall page (${libc.vsyscalls[0]?.at})` : null,
  ]
    .filter((part) => part !== null)
    .join(', ');
}

function goRows(go: GoFacts): Row[] {
  const toolchain = go.version ?? 'toolchain not stated';
  const settings = Object.entries(go.settings)
    .filter(([name, value]) => shownSettings.has(name) && value !== '')
    .map(([name, value]) => `${name}=${value}`);
  return [
    ['go', go.path === null ? toolchain : `${toolchain}, ${go.path}`],
    ...(settings.length === 0 ? [] : [['settings', settings.join(' ')] as const]),
    ...(go.deps.length === 0 ? [] : [['modules', `${go.deps.length} dependencies`] as const]),
    ...(go.plugin === null ? [] : [['plugin', `${go.plugin.path}: ${go.plugin.exports.join(', ')}`] as const]),
    ...(go.packages === null ? [] : [['packages', `${go.packages} with a link-time hash`] as const]),
  ];
}

// What decides about plugins; the others are in the JSON.
const shownSettings = new Set([
  '-buildmode',
  '-race',
  '-trimpath',
  '-tags',
  '-gcflags',
  'CGO_ENABLED',
  'GOARCH',
  'GOAMD64',
]);

function symbolRows(elf: ElfFacts): Row[] {
  return [
    ...(elf.imports ?? []).map(({ name, version }): Row => ['imports', version === null ? name : `${name}@${version}`]),
    ...(elf.exports ?? []).map(
      ({ name, version, default: isDefault }): Row => [
        'exports',
        version === null ? name : `${name}${isDefault ? '@@' : '@'}${version}`,
      ],
    ),
  ];
}

function pairBlock(pair: PluginPairFacts, paint: Paint): string {
  const rows: Row[] = [
    ['machine', pair.sameMachine ? 'same' : 'different'],
    ['module data', pair.moduleData],
    [
      'packages',
      pair.packages === null
        ? 'no hashes to compare'
        : `${pair.packages.differing} of ${pair.packages.shared} shared ones differ`,
    ],
    ['certain', pair.outcome === null ? 'nothing' : `${pair.outcome}: ${pair.message}`],
  ];
  return card(`${paint(['bold', 'cyan'], pair.plugin)} in ${paint('cyan', pair.host.path)}`, rows, paint);
}

function bytesText(bytes: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
