import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';
import { defaultNamespaces, type Namespaces } from './adopted/namespaces.ts';
import { makeRoom, noteUse } from './cache-room.ts';
import type { OpaAnswer, PolicyProblem } from './opa.ts';
import type { OpaOptions } from './opa-program.ts';
import { opaSourcesHash } from './opa-sources.ts';
import { bundleFormat, type PolicyBundle, readBundle, writeBundle } from './policy-bundle.ts';
import { type PolicyDirectory, type PolicySources, readPolicySources } from './policy-sources.ts';

/** What compiling needs. `namespaces` are the packages of Conftest that are evaluated. */
export type CompileOptions = OpaOptions & { readonly namespaces?: Namespaces };

/**
 * Compiles the policies of one or several directories. The first to come with new sources takes about a second; after
 * that the bundle is read from the cache, where it lies under the hash of everything it was made of.
 *
 * @throws ElfgateError `policy` when a source does not compile or breaks the rule convention; the message shows each
 * place. `missing-tool` when the compiler itself has to be built and cannot be. `unreadable` and `limit` as
 * {@link readPolicySources}.
 */
export async function compilePolicies(
  directories: readonly PolicyDirectory[],
  options: CompileOptions,
): Promise<PolicyBundle> {
  const sources = readPolicySources(directories, { tests: false });
  const { namespaces = defaultNamespaces } = options;
  const revision = revisionOf(sources, namespaces);
  const part = join(options.cacheDirectory, 'policies');
  const directory = join(part, revision);
  const kept = keptBundle(directory);
  if (kept !== null) {
    noteUse(directory);
    return kept;
  }
  // What only compiling needs is loaded here and below: most runs find a bundle in the cache.
  const { withAdoptedPolicies } = await import('./adopted/adopted-policies.ts');
  const bundle = await compile(await withAdoptedPolicies(sources, namespaces, options), revision, options);
  // Another process may have written it meanwhile. What is there and damaged has to give way.
  if (existsSync(directory) && keptBundle(directory) === null) {
    const { rm } = await import('node:fs/promises');
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
  await writeBundle(directory, bundle);
  makeRoom(part, limits.cachedPolicyBytes);
  return bundle;
}

/**
 * What is wrong with the policies of some directories, their tests included, in the order of the places. Directories that
 * hold `main.rego` must keep the rule convention and name no fact that the facts document cannot have; others may hold
 * any Rego.
 *
 * @throws ElfgateError as {@link compilePolicies}, but not for what is wrong with a source.
 */
export async function checkPolicies(
  directories: readonly PolicyDirectory[],
  options: CompileOptions,
): Promise<{ readonly sources: PolicySources; readonly problems: readonly PolicyProblem[] }> {
  const { askOpa } = await import('./opa.ts');
  const { withAdoptedPolicies } = await import('./adopted/adopted-policies.ts');
  const { namespaces = defaultNamespaces } = options;
  const read = readPolicySources(directories);
  const sources = isComplete(read) ? await withAdoptedPolicies(read, namespaces, options) : read;
  const everything = { ...sources.policies, ...sources.tests };
  // Rego of another purpose reads another input than facts.
  const schema = isComplete(sources) ? { schema: (await import('../facts/schema.ts')).FactsDocument } : {};
  const checked = await askOpa('check', { sources: everything, roots: sources.roots, ...schema }, options);
  if (checked.outcome === 'rejected') {
    return { sources, problems: checked.problems };
  }
  if (!isComplete(sources)) {
    return { sources, problems: [] };
  }
  const built = await build(sources, options);
  const problems = built.outcome === 'rejected' ? built.problems : await conventionProblems(built.answer);
  return { sources, problems };
}

/** The text of every file as `opa fmt` writes it, and whether that differs from what is there. */
export async function formatPolicies(
  directories: readonly PolicyDirectory[],
  options: OpaOptions,
): Promise<readonly { readonly location: string; readonly text: string; readonly changed: boolean }[]> {
  const { askOpa } = await import('./opa.ts');
  const sources = readPolicySources(directories);
  const files = { ...sources.policies, ...sources.tests };
  if (Object.keys(files).length === 0) {
    return [];
  }
  const formatted = await askOpa('fmt', { sources: files }, options);
  if (formatted.outcome === 'rejected') {
    const { policyError } = await import('./policy-problems.ts');
    throw policyError(formatted.problems, sources);
  }
  return formatted.answer.map(({ file, text, changed }) => ({
    location: sources.locations.get(file) ?? file,
    text,
    changed,
  }));
}

function revisionOf({ policies, dataFiles, manifests }: PolicySources, namespaces: Namespaces): string {
  const hash = createHash('sha256').update(`${bundleFormat}\n${opaSourcesHash()}\n${JSON.stringify(namespaces)}\n`);
  for (const [path, text] of [policies, dataFiles, manifests].flatMap(Object.entries<string>)) {
    hash.update(`${path}\n${text.length}\n${text}`);
  }
  return hash.digest('hex');
}

/** The bundle in the cache, or null when there is none or what is there is damaged. */
function keptBundle(directory: string): PolicyBundle | null {
  if (!existsSync(directory)) {
    return null;
  }
  try {
    return readBundle(directory);
  } catch (error) {
    if (error instanceof ElfgateError) {
      return null;
    }
    throw error;
  }
}

async function compile(sources: PolicySources, revision: string, options: OpaOptions): Promise<PolicyBundle> {
  const { policyError } = await import('./policy-problems.ts');
  const { rulesOf } = await import('./rule-metadata.ts');
  const built = await build(sources, options);
  if (built.outcome === 'rejected') {
    throw policyError(built.problems, sources);
  }
  const problems = await conventionProblems(built.answer);
  if (problems.length > 0) {
    throw policyError(problems, sources);
  }
  const { modules, annotations, wasm } = built.answer;
  return {
    revision,
    wasm: new Uint8Array(Buffer.from(wasm, 'base64')),
    rules: rulesOf(modules, annotations).rules,
    data: await bundleData(sources),
  };
}

/** Base data of a bundle: what the sources bring along, which may not stand where parameters do. */
async function bundleData(sources: PolicySources): Promise<object> {
  if (Object.keys(sources.dataFiles).length === 0) {
    return {};
  }
  const { dataOf, mergedData } = await import('./base-data.ts');
  const documents = await dataOf(sources);
  const reserved = documents.find(({ data }) => typeof data === 'object' && data !== null && 'elfgate' in data);
  if (reserved !== undefined) {
    throw new ElfgateError('policy', `${reserved.location}: data.elfgate belongs to elfgate's own parameters`, {
      hint: 'put the file into a folder of another name',
    });
  }
  return mergedData(documents);
}

async function build(sources: PolicySources, options: OpaOptions): Promise<OpaAnswer<'build'>> {
  if (!isComplete(sources)) {
    throw new ElfgateError('policy', 'the policies have no main.rego, which gathers the findings of all rules', {
      hint: "give the directory of elfgate's own policies, too",
    });
  }
  const { askOpa } = await import('./opa.ts');
  const { entrypoint } = await import('./wasm-policy.ts');
  return askOpa('build', { sources: sources.policies, roots: sources.roots, entrypoint }, options);
}

/** Whether the sources are what `elfgate check` runs, and not only a part of it, or Rego of another purpose. */
function isComplete({ policies }: PolicySources): boolean {
  return Object.hasOwn(policies, 'main.rego');
}

type Built = Extract<OpaAnswer<'build'>, { readonly outcome: 'answered' }>['answer'];

/** What OPA has no objection to, and elfgate has. */
async function conventionProblems({ wasm, modules, annotations, calls }: Built): Promise<readonly PolicyProblem[]> {
  const { missingBuiltins } = await import('./wasm-policy.ts');
  const { defaultProblems } = await import('./parameter-defaults.ts');
  const { rulesOf } = await import('./rule-metadata.ts');
  const missing = await missingBuiltins(new Uint8Array(Buffer.from(wasm, 'base64')));
  const nowhere = { file: 'main.rego', row: 1, col: 1 };
  const { rules, problems } = rulesOf(modules, annotations);
  return [
    ...missing.map((name) => ({
      ...(calls[name] ?? nowhere),
      code: 'built_in_missing',
      message: `built-in function ${name} is not offered to policies`,
    })),
    ...problems,
    ...defaultProblems(rules, annotations),
  ].sort((a, b) => (a.file === b.file ? a.row - b.row || a.col - b.col : a.file < b.file ? -1 : 1));
}
