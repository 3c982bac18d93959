/** What the demo shows: a question for elfgate, and the run that proves its answer. */

import { readFileSync } from 'node:fs';
import type { Finding } from '../../src/findings/finding.ts';
import { type Happening, type Judgement, noRootChange, open, start, startInRoot } from './commands.ts';
import type { DemoFile } from './files.ts';

export interface Scene {
  readonly title: string;
  readonly needs: readonly DemoFile[];
  /** Arguments of `elfgate check`. */
  readonly check: readonly string[];
  /** What elfgate predicts, in the words of the table. */
  readonly says: (judgement: Judgement) => string;
  /** Why it cannot be run on this machine; null when it can. */
  readonly notRunBecause: string | null;
  /** Runs the real thing. */
  readonly run: (judgement: Judgement) => Promise<Reality>;
}

export interface Reality {
  readonly happenings: readonly Happening[];
  /** What happened, in the words of the table. */
  readonly happened: string;
  readonly agrees: boolean;
}

export const scenes: readonly Scene[] = [
  {
    title: 'a plugin that fits its host',
    needs: ['gateway', 'plugins/audit.so'],
    check: ['--host', 'gateway', '--plugin', 'plugins/audit.so'],
    says: ({ findings }) => (errorsIn(findings).length === 0 ? 'no objection' : 'objects'),
    notRunBecause: null,
    async run({ findings }) {
      const opened = await open('gateway', 'plugins/audit.so');
      const loads = opened.outcome === 'loads';
      return {
        happenings: [opened],
        happened: loads ? 'loads and answers' : opened.outcome,
        agrees: loads === (errorsIn(findings).length === 0),
      };
    },
  },
  opening({
    title: 'a plugin of another Go toolchain',
    host: 'gateway',
    plugin: 'plugins/audit-go1.25.so',
    rule: 'plugin/go-version-match',
  }),
  opening({
    title: 'a plugin with another dependency version',
    host: 'gateway',
    plugin: 'plugins/audit-dep-1.1.so',
    rule: 'plugin/package-hash-match',
  }),
  opening({
    title: 'a host built without cgo',
    host: 'gateway-without-cgo',
    plugin: 'plugins/audit.so',
    rule: 'plugin/host-can-load',
  }),
  opening({
    title: 'a host linked statically',
    host: 'gateway-static',
    plugin: 'plugins/audit.so',
    rule: 'plugin/host-can-load',
  }),
  {
    title: 'two plugins with one C function name',
    needs: ['gateway', 'plugins/first.so', 'plugins/second.so'],
    check: ['--host', 'gateway', '--plugin', 'plugins/first.so', '--plugin', 'plugins/second.so'],
    says: ({ findings }) => `${sharedNames(findings).join(', ') || 'nothing'} can be replaced`,
    notRunBecause: null,
    async run({ findings }) {
      const second = await open('gateway', 'plugins/first.so', 'plugins/second.so');
      const replaced = second.line.includes('the first plugin');
      return {
        happenings: [second],
        happened: replaced ? "second calls first's code" : 'each calls its own',
        agrees: replaced === sharedNames(findings).includes('hello_impl'),
      };
    },
  },
  {
    title: 'a library that leaks its bundled zlib',
    needs: ['opener', 'lib/libcompressor.so', 'lib/libcompressor-fixed.so'],
    check: ['lib/libcompressor.so', 'lib/libcompressor-fixed.so'],
    says: ({ findings }) => {
      const leaks = findings.filter(({ rule }) => rule === 'visibility/no-leaked-dependency');
      return leaks.length === 0
        ? 'nothing leaks'
        : `${leaks.map(({ subject }) => fileOf(subject.path)).join(', ')} leaks`;
    },
    notRunBecause: null,
    async run({ findings }) {
      // A function of zlib's that has no parameters; nobody outside of the library should reach it.
      const leaking = await open('opener', '--call', 'zlibCompileFlags', 'lib/libcompressor.so');
      const fixed = await open('opener', '--call', 'zlibCompileFlags', 'lib/libcompressor-fixed.so');
      const reached = ({ line }: Happening): boolean => !line.includes('undefined symbol');
      const warned = (path: string): boolean =>
        findings.some(({ rule, subject }) => rule === 'visibility/no-leaked-dependency' && subject.path === path);
      return {
        happenings: [leaking, fixed],
        happened: reached(leaking) ? 'strangers reach its zlib' : 'nobody reaches its zlib',
        agrees:
          reached(leaking) === warned('lib/libcompressor.so') &&
          reached(fixed) === warned('lib/libcompressor-fixed.so'),
      };
    },
  },
  {
    title: 'a library that needs RTLD_GLOBAL',
    needs: ['opener', 'lib/libprovider.so', 'lib/libneedy.so'],
    check: ['lib/libneedy.so', 'lib/libprovider.so'],
    says: ({ findings }) => (has(findings, 'linkage/rtld-global') ? 'needs RTLD_GLOBAL' : 'no objection'),
    notRunBecause: null,
    async run({ findings }) {
      const objects = ['lib/libprovider.so', '--call', 'needy_fn', 'lib/libneedy.so'];
      const local = await open('opener', '--local', ...objects);
      const global = await open('opener', '--global', ...objects);
      const needsGlobal = local.outcome === 'fails' && global.outcome === 'loads';
      return {
        happenings: [local, global],
        happened: `RTLD_LOCAL ${local.outcome}, _GLOBAL ${global.outcome}`,
        agrees: needsGlobal === has(findings, 'linkage/rtld-global'),
      };
    },
  },
  {
    title: 'an image whose static program uses NSS',
    needs: ['images/resolver'],
    check: ['images/resolver'],
    says: ({ findings }) => find(findings, 'libc/static-nss')?.message.match(/SIG[A-Z]+/)?.[0] ?? 'no objection',
    notRunBecause: noRootChange,
    async run({ findings }) {
      const started = await startInRoot('images/resolver', '/usr/bin/resolver-static');
      const signal = started.ending.match(/SIG[A-Z]+/)?.[0] ?? null;
      return {
        happenings: [started],
        happened: started.ending,
        agrees: signal !== null && (find(findings, 'libc/static-nss')?.message.includes(signal) ?? false),
      };
    },
  },
  {
    title: "an image without the program's loader",
    needs: ['images/scratch'],
    check: ['images/scratch'],
    says: ({ findings }) => (has(findings, 'linkage/interpreter') ? 'no such file or directory' : 'no objection'),
    notRunBecause: noRootChange,
    async run({ findings }) {
      const started = await startInRoot('images/scratch', '/hello');
      const absent = started.line.includes('No such file or directory');
      return {
        happenings: [started],
        happened: absent ? `no such file, ${started.ending}` : started.ending,
        agrees: absent === has(findings, 'linkage/interpreter'),
      };
    },
  },
  {
    title: 'a program that calls the vsyscall page',
    needs: ['clock'],
    check: ['clock'],
    says: ({ findings }) => (has(findings, 'libc/vsyscall') ? 'dies where vsyscall=none' : 'no objection'),
    notRunBecause: null,
    async run({ findings }) {
      const mode = vsyscallMode();
      const started = await start('clock');
      const dies = started.ending === 'killed by SIGSEGV';
      return {
        happenings: [{ ...started, line: `this kernel: vsyscall=${mode}` }],
        happened: `vsyscall=${mode}: ${dies ? 'dies' : started.ending}`,
        agrees: has(findings, 'libc/vsyscall') && dies === (mode === 'none'),
      };
    },
  },
];

interface OpeningScene {
  readonly title: string;
  readonly host: DemoFile;
  readonly plugin: DemoFile;
  /** The rule whose finding holds the text that will be printed. */
  readonly rule: string;
}

/** A plugin that its host cannot open: the text which elfgate predicts must be the text that is printed. */
function opening({ title, host, plugin, rule }: OpeningScene): Scene {
  const predicted = ({ findings }: Judgement): string | null => predictedText(find(findings, rule));
  return {
    title,
    needs: [host, plugin],
    check: ['--host', host, '--plugin', plugin],
    says: (judgement) => brief(predicted(judgement) ?? 'no objection'),
    notRunBecause: null,
    async run(judgement) {
      const opened = await open(host, plugin);
      const text = predicted(judgement);
      return {
        happenings: [opened],
        happened: brief(opened.line),
        agrees: text !== null && opened.line.endsWith(text),
      };
    },
  };
}

/** The line that a finding says Go will print. */
function predictedText(finding: Finding | undefined): string | null {
  const note = (start: string): string | undefined =>
    finding?.notes.find((text) => text.startsWith(start))?.slice(start.length);
  const outcome = note('outcome: ')?.replace(' (recover() cannot catch it)', '');
  const firstChecked = note('first checked: ');
  const quoted = finding?.message.match(/"(.+)"/)?.[1];
  return (
    outcome ??
    (firstChecked === undefined ? null : `plugin was built with a different version of package ${firstChecked}`) ??
    quoted ??
    null
  );
}

/** As much of Go's line as a table has room for. */
function brief(line: string): string {
  return line
    .replace(/^.*different version of package /, 'other build of ')
    .replace('fatal error: runtime: ', 'fatal: ');
}

function find(findings: readonly Finding[], rule: string): Finding | undefined {
  return findings.find((finding) => finding.rule === rule && finding.evidence.length > 0);
}

function has(findings: readonly Finding[], rule: string): boolean {
  return find(findings, rule) !== undefined;
}

function errorsIn(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(({ severity }) => severity === 'error');
}

/** Names that more than one file exports. */
function sharedNames(findings: readonly Finding[]): readonly string[] {
  const names = findings
    .filter(({ rule }) => rule === 'visibility/hidden-by-default')
    .flatMap(({ evidence }) => evidence.map(({ value }) => value));
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}

function fileOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** How this kernel treats the vsyscall page, as the process's own memory map shows it. */
function vsyscallMode(): 'none' | 'xonly' | 'emulate' {
  const line = readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .find((each) => each.endsWith('[vsyscall]'));
  return line === undefined ? 'none' : line.includes(' --xp ') ? 'xonly' : 'emulate';
}
