import { limits } from '../limits.ts';
import { canMeet, type InspectedTarget } from './inspected-target.ts';
import type { BinaryFacts, PluginPairFacts, SecondRuntimeFacts } from './schema.ts';

/**
 * Objects that bring a Go runtime of their own into the process of a Go program: libraries of -buildmode=c-shared, and
 * plugins whose runtime is not that of their host. For each target, those that it holds.
 */
export function secondRuntimes(
  targets: readonly InspectedTarget[],
  pairs: readonly (readonly PluginPairFacts[])[],
): readonly SecondRuntimeFacts[][] {
  const holdsLibraries = targets.some((target) => factsOf(target).some(isGoLibrary));
  const needed = holdsLibraries ? groupsOf(targets).flatMap(neededIn) : [];
  return targets.map((target, index) => {
    const known = [
      ...(pairs[index] ?? []).flatMap((pair) => openedBy(pair, factsOf(target))),
      ...needed.filter(({ holder }) => holder === target).map(({ facts }) => facts),
      ...factsOf(target).flatMap((library) => preloadedBy(library, target)),
    ];
    const paths = new Set(known.map(({ path }) => path));
    const alone = factsOf(target)
      .filter((library) => isGoLibrary(library) && library.named && !paths.has(library.path))
      .map(({ path }): SecondRuntimeFacts => ({ path, by: 'unknown', process: null, at: null, value: null }));
    return [...known, ...alone].slice(0, limits.listedLinkage);
  });
}

const factsOf = ({ binaries }: InspectedTarget): readonly BinaryFacts[] => binaries.map(({ facts }) => facts);

/** A shared object with a whole Go runtime inside, which no linker made for plugin.Open. */
function isGoLibrary({ go, elf }: BinaryFacts): boolean {
  return go !== null && go.plugin === null && go.packages === null && elf?.type === 'dyn' && !elf.program;
}

/** A Go program whose process can hold libraries. */
function isGoProgram({ go, elf }: BinaryFacts): boolean {
  return go !== null && elf?.program === true && elf.interpreter !== null;
}

// What plugin.Open does with them tells that the module went to a runtime other than the host's.
const ownRuntime: ReadonlySet<string> = new Set(['not-a-plugin', 'host-static', 'bound-to-itself']);

function openedBy(
  { plugin, host, prediction }: PluginPairFacts,
  binaries: readonly BinaryFacts[],
): SecondRuntimeFacts[] {
  const isGo = binaries.some(({ path, go }) => path === plugin && go !== null);
  if (!isGo || host.goVersion === null || prediction === null || !ownRuntime.has(prediction.reason)) {
    return [];
  }
  const process = { target: host.target, path: host.path };
  return [{ path: plugin, by: 'plugin', process, at: host.goVersionAt, value: host.goVersion }];
}

/** An object, and the target that holds it. */
interface HeldObject {
  readonly target: InspectedTarget;
  readonly facts: BinaryFacts;
}

/** Objects that may meet in one process: those of a root, and all files that were named. */
function groupsOf(targets: readonly InspectedTarget[]): readonly (readonly HeldObject[])[] {
  const held = (target: InspectedTarget): readonly HeldObject[] =>
    factsOf(target).map((facts): HeldObject => ({ target, facts }));
  const isRoot = ({ kind }: InspectedTarget): boolean => kind !== 'file';
  return [...targets.filter(isRoot).map(held), targets.filter((target) => !isRoot(target)).flatMap(held)];
}

interface NeededRuntime {
  readonly holder: InspectedTarget;
  readonly facts: SecondRuntimeFacts;
}

/** What the Go programs of a group need, themselves or through others. */
function neededIn(group: readonly HeldObject[]): readonly NeededRuntime[] {
  const libraries = group.filter(({ facts: { elf } }) => elf !== null && !elf.program);
  const bySoname = Map.groupBy(libraries, ({ facts }) => facts.elf?.soname ?? fileName(facts.path));
  const byFile = Map.groupBy(libraries, ({ facts }) => fileName(facts.path));
  const answering = (name: string): readonly HeldObject[] => bySoname.get(name) ?? byFile.get(fileName(name)) ?? [];
  return group
    .filter(({ facts }) => isGoProgram(facts))
    .flatMap((program) => {
      const found: NeededRuntime[] = [];
      const reached = new Set([program]);
      // The set grows while it is walked.
      for (const { facts } of reached) {
        for (const value of facts.elf?.needed ?? []) {
          for (const object of answering(value)) {
            if (!reached.has(object) && canMeet(program.target.meeting, object.target.meeting)) {
              reached.add(object);
              if (isGoLibrary(object.facts)) {
                const process = { target: program.target.name, path: program.facts.path };
                const path = object.facts.path;
                found.push({ holder: object.target, facts: { path, by: 'needed', process, at: 'DT_NEEDED', value } });
              }
            }
          }
        }
      }
      return found;
    });
}

const fileName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** The process that an image or a process is started as, if LD_PRELOAD puts the library into it. */
function preloadedBy(library: BinaryFacts, { launch, name, binaries }: InspectedTarget): SecondRuntimeFacts[] {
  if (launch === null || !isGoLibrary(library)) {
    return [];
  }
  const value = launch.preload.find((entry) => fileName(entry) === fileName(library.path));
  const program = binaries.find(({ facts }) => facts.path === launch.executable)?.facts;
  return value === undefined || program === undefined || !isGoProgram(program)
    ? []
    : [{ path: library.path, by: 'preload', process: { target: name, path: program.path }, at: 'LD_PRELOAD', value }];
}
