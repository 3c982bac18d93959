import { spawn } from 'node:child_process';
import { type FileHandle, mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ElfgateError } from '../errors.ts';
import { parseExactly, stringifyExactly } from './exact-json.ts';
import { type OpaOptions, opaProgram } from './opa-program.ts';

/** A place in a Rego file. */
export interface Place {
  readonly file: string;
  /** 1 is the first line. */
  readonly row: number;
  /** 1 is the first character of the line. */
  readonly col: number;
}

/** One thing that OPA or elfgate finds wrong with a Rego source. */
export interface PolicyProblem extends Place {
  /** `rego_parse_error`, `rego_type_error`, … of OPA; `built_in_refused`, `rule_convention` of elfgate. */
  readonly code: string;
  readonly message: string;
  /** What could stand at the place instead. */
  readonly known?: readonly string[];
}

/** Rego sources: the path of each file, as problems are to name it, and its text. */
export type RegoSources = Readonly<Record<string, string>>;

/** Files whose packages, and what they read of data, are moved below a path of `data`. */
type RegoRoots = Readonly<Record<string, readonly string[]>>;

/** What one Rego file declares. */
export interface ModuleOutline {
  readonly file: string;
  /** `['data', 'elfgate', …]`. */
  readonly package: readonly string[];
  readonly place: Place;
  /** Names, without those of functions. */
  readonly rules: readonly string[];
}

/** One METADATA block. */
export interface Annotation {
  /** The document that it describes: `['data', 'elfgate', …]`. */
  readonly path: readonly string[];
  readonly place: Place;
  readonly metadata: {
    readonly scope: string;
    readonly title?: string;
    readonly description?: string;
    readonly related_resources?: readonly { readonly ref: string; readonly description?: string }[];
    readonly custom?: Readonly<Record<string, unknown>>;
  };
}

/** The outcome of one Rego test. */
export interface RegoTest {
  readonly package: string;
  readonly name: string;
  readonly outcome: 'pass' | 'fail' | 'error' | 'skip';
  readonly error?: string;
  readonly durationNs: number;
  readonly place: Place;
  /** What the test wrote with `print()`. */
  readonly printed?: string;
  /** The failed cases of a test that has several: `test_x[case] if …`. */
  readonly cases?: readonly string[];
  readonly failure?: RuleFailure;
}

/** The expression at which a rule stopped. */
export interface RuleFailure {
  readonly place: Place;
  /** The line of Rego with the values of its variables written below it. */
  readonly text: string;
  /** Both sides where the expression says that they are equal. */
  readonly compared?: { readonly left: unknown; readonly right: unknown };
}

/** A rule that OPA tried while it answered a query. */
export interface TriedRule {
  /** `data.p.q`. */
  readonly rule: string;
  readonly place: Place;
  /** How many answers its body had. */
  readonly fired: number;
  /** The furthest expression that it did not get beyond; absent when it fired. */
  readonly stopped?: RuleFailure;
}

/** Lines of a file, the first and the last among them; 1 is the first. */
export interface LineRange {
  readonly start: { readonly row: number };
  readonly end: { readonly row: number };
}

export interface FileCoverage {
  readonly covered?: readonly LineRange[];
  readonly not_covered?: readonly LineRange[];
  /** Percent. */
  readonly coverage?: number;
}

/** Lines that tests reached, as `opa test --coverage` reports them. */
export interface CoverageReport {
  readonly files: Readonly<Record<string, FileCoverage>>;
  /** Percent. */
  readonly coverage: number;
  readonly [total: string]: unknown;
}

interface Conversation {
  readonly build: {
    readonly question: {
      readonly sources: RegoSources;
      readonly roots?: RegoRoots;
      /** `a/b` for the document `data.a.b`. */
      readonly entrypoint: string;
    };
    readonly answer: {
      /** Base64. Its one entrypoint gives the document as `{"result": …}`. */
      readonly wasm: string;
      readonly modules: readonly ModuleOutline[];
      readonly annotations: readonly Annotation[];
      /** The first call of each built-in function. */
      readonly calls: Readonly<Record<string, Place>>;
    };
  };
  readonly check: {
    /** `schema` is the JSON Schema of the input. */
    readonly question: { readonly sources: RegoSources; readonly roots?: RegoRoots; readonly schema?: object };
    readonly answer: { readonly modules: readonly ModuleOutline[]; readonly annotations: readonly Annotation[] };
  };
  readonly outline: {
    readonly question: { readonly sources: RegoSources };
    readonly answer: readonly ModuleOutline[];
  };
  readonly test: {
    /** Without `data`, every parameter of a rule has its declared default. */
    readonly question: { readonly sources: RegoSources; readonly data?: object; readonly coverage: boolean };
    readonly answer: { readonly tests: readonly RegoTest[]; readonly coverage?: CoverageReport };
  };
  readonly fmt: {
    readonly question: { readonly sources: RegoSources };
    readonly answer: readonly { readonly file: string; readonly text: string; readonly changed: boolean }[];
  };
  readonly modernise: {
    readonly question: { readonly sources: RegoSources; readonly roots: RegoRoots };
    /** Each file as Rego v1. */
    readonly answer: readonly { readonly file: string; readonly text: string }[];
  };
  readonly eval: {
    /** Without `input`, the input is undefined. */
    readonly question: {
      readonly sources: RegoSources;
      readonly query: string;
      readonly data: object;
      readonly input?: unknown;
      readonly explain?: boolean;
    };
    readonly answer: {
      /** One object of variable bindings for each answer to the query. */
      readonly result: readonly Readonly<Record<string, unknown>>[];
      readonly explanation?: readonly TriedRule[];
    };
  };
  readonly queries: {
    readonly question: { readonly queries: readonly RegoQuery[] };
    /** In the order of the queries. */
    readonly answer: readonly RegoQueryResult[];
  };
}

/** One of many queries that are compiled, each on its own, by one run of the program. */
export interface RegoQuery {
  readonly sources: RegoSources;
  readonly query: string;
  /** Asks for the answers of OPA's interpreter, too, for this data and input. */
  readonly evaluate: boolean;
  readonly data?: object;
  readonly input?: unknown;
}

export interface RegoQueryResult {
  readonly errors?: readonly PolicyProblem[];
  /** Base64. Its one entrypoint gives the answers to the query, as a set of objects of variable bindings. */
  readonly wasm?: string;
  readonly answers?: readonly Readonly<Record<string, unknown>>[];
  /** The code of what ended the interpreter: `eval_conflict_error` and the like. */
  readonly failure?: string;
}

/** What the program writes: see `response` in `opa/main.go`. */
type Response<Command extends OpaCommand> =
  | { readonly errors: readonly PolicyProblem[] }
  | { readonly [Answered in Command]: Conversation[Answered]['answer'] };

export type OpaCommand = keyof Conversation;
export type OpaQuestion<Command extends OpaCommand> = Conversation[Command]['question'];
export type OpaAnswer<Command extends OpaCommand> =
  | { readonly outcome: 'answered'; readonly answer: Conversation[Command]['answer'] }
  | { readonly outcome: 'rejected'; readonly problems: readonly PolicyProblem[] };

/** Milliseconds. Compiling sixty rules takes one second; a thousand tests take ten. */
const patience = 120_000;
/** Pages of 64 KiB: 1 GiB. Compiling sixty rules takes 50 MB. */
const memoryPages = 16_384;
/** Bytes. A test report with a thousand failures is about 2 MB. */
const responseBytes = 256 * 1024 * 1024;

/**
 * Asks OPA about Rego sources. It runs as WebAssembly in a process of its own that sees no file, no environment and
 * no network, with bounded time and memory.
 *
 * @param timeLimit milliseconds.
 * @returns what was asked for, or what is wrong with the sources.
 * @throws ElfgateError `missing-tool` when the opa program cannot be had, `limit` when it takes too long, `policy`
 * when it fails in a way that names no source.
 */
export async function askOpa<Command extends OpaCommand>(
  command: Command,
  question: OpaQuestion<Command>,
  options: OpaOptions,
  timeLimit = patience,
): Promise<OpaAnswer<Command>> {
  const program = await open(await opaProgram(options));
  try {
    const response = await withUnnamedFiles(options.cacheDirectory, async (request, answer) => {
      await writeAtStart(request, Buffer.from(stringifyExactly({ command, ...question }) ?? ''));
      await run(command, program, request, answer, timeLimit);
      const { size } = await answer.stat();
      if (size > responseBytes) {
        throw new ElfgateError(
          'limit',
          `opa ${command} answered with ${size} bytes, above the limit of ${responseBytes}`,
        );
      }
      const bytes = Buffer.alloc(size);
      await answer.read(bytes, 0, size, 0);
      return parseExactly(bytes.toString()) as Response<Command>;
    });
    return 'errors' in response
      ? { outcome: 'rejected', problems: response.errors }
      : { outcome: 'answered', answer: response[command] };
  } finally {
    await program.close();
  }
}

/**
 * Lends two empty files that have no name any more, so that nothing remains of them however this process ends.
 * Pipes will not do: Node opens them non-blocking, and WASI then fails with EAGAIN instead of waiting.
 */
async function withUnnamedFiles<Result>(
  cacheDirectory: string,
  use: (first: FileHandle, second: FileHandle) => Promise<Result>,
): Promise<Result> {
  await mkdir(cacheDirectory, { recursive: true });
  const directory = await mkdtemp(join(cacheDirectory, 'opa-'));
  const files: FileHandle[] = [];
  try {
    const first = await open(join(directory, 'request'), 'wx+', 0o600);
    files.push(first);
    const second = await open(join(directory, 'response'), 'wx+', 0o600);
    files.push(second);
    await rm(directory, { recursive: true });
    return await use(first, second);
  } finally {
    await Promise.all(files.map((file) => file.close()));
    await rm(directory, { recursive: true, force: true });
  }
}

/** Writes without moving the position in the file, from which the program that inherits it will read. */
async function writeAtStart(file: FileHandle, bytes: Buffer): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    written += (await file.write(bytes, written, bytes.length - written, written)).bytesWritten;
  }
}

function run(
  command: OpaCommand,
  program: FileHandle,
  request: FileHandle,
  answer: FileHandle,
  timeLimit: number,
): Promise<void> {
  const processFile = new URL(
    import.meta.url.endsWith('.ts') ? './opa-process.ts' : './opa-process.js',
    import.meta.url,
  );
  const flags = [
    '--disable-warning=ExperimentalWarning', // node:wasi
    `--wasm-max-mem-pages=${memoryPages}`,
    // The optimising compiler costs more time than it saves, but for hundreds of tests.
    '--liftoff-only',
    // elfgate's own program, of which most functions are never called: 0.1 s.
    '--wasm-lazy-validation',
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...flags, fileURLToPath(processFile)], {
      env: {},
      stdio: [request.fd, answer.fd, 'pipe', program.fd],
    });
    let outOfTime = false;
    const timer = setTimeout(() => {
      outOfTime = true;
      child.kill('SIGKILL');
    }, timeLimit);
    const complaints: Buffer[] = [];
    child.stderr?.on('data', (chunk) => complaints.push(chunk));
    child.on('error', reject);
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      if (status === 0) {
        resolve();
      } else if (outOfTime) {
        reject(
          new ElfgateError('limit', `opa ${command} took longer than ${timeLimit / 1000} seconds and was ended`, {
            hint: 'look for a policy or a test that computes without end',
          }),
        );
      } else {
        const said = Buffer.concat(complaints).toString().trim();
        const reason = said.split('\n')[0] || `it ended with ${signal ?? `status ${status}`}`;
        reject(new ElfgateError('policy', `opa ${command} failed: ${reason}`, { cause: said }));
      }
    });
  });
}
