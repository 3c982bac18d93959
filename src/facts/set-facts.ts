import { dynamicValue } from '../binary/elf/dynamic.ts';
import type { ElfFile } from '../binary/elf/elf-file.ts';
import { isProgram } from '../binary/elf/hardening.ts';
import { DT } from '../binary/elf/names.ts';
import { limits } from '../limits.ts';
import { answersTo, findGlobalScopeNeeds, type SetMember } from '../loader/global-scope.ts';
import { findInitialiserCycles } from '../loader/initialiser-cycles.ts';
import { neededCycles } from '../loader/library-closure/cycles.ts';
import { hiddenReferencesInSet } from './hidden-reference-facts.ts';
import type { InspectedTarget } from './inspected-target.ts';
import { interposedIn } from './interposed-facts.ts';
import { opensOf } from './linkage-facts.ts';
import type { CycleFacts, FactsDocument, LinkageFacts } from './schema.ts';

/** What files that were named together do to each other in one process. */
export type SetFacts = Pick<
  FactsDocument['predictions'],
  'globalScope' | 'linkage' | 'cycles' | 'interposed' | 'hiddenReferences'
>;

/** For each target, what its files do to the others. */
export function factsOfSet(targets: readonly InspectedTarget[]): readonly SetFacts[] {
  const members: SetMember[] = [];
  for (const { binaries } of targets) {
    for (const { facts, elf } of binaries) {
      if (facts.named && elf?.dynamic != null) {
        members.push({ name: facts.path, elf });
      }
    }
  }
  const needs = findGlobalScopeNeeds(members);
  const versions = missingVersions(members);
  const cycles = [...cyclesOf(members), ...initialiserCyclesOf(members)];
  const interposed = interposedIn(members);
  const goFiles = new Set(
    targets.flatMap(({ binaries }) => binaries.filter(({ facts }) => facts.go !== null).map(({ facts }) => facts.path)),
  );
  const hidden = members
    .filter(({ name }) => goFiles.has(name))
    .flatMap((member) => hiddenReferencesInSet(member, members));
  return targets.map(({ binaries }) => {
    const paths = new Set(binaries.map(({ facts }) => facts.path));
    return {
      globalScope: needs
        .filter(({ member }) => paths.has(member.name))
        .map(({ member, symbols, certain }) => ({
          path: member.name,
          symbols: symbols.slice(0, limits.listedLinkage).map((symbol) => ({ ...symbol })),
          count: symbols.length,
          certain,
        })),
      linkage: versions.filter(({ path }) => paths.has(path)),
      cycles: cycles.filter(({ paths: [first = ''] }) => paths.has(first)),
      // Told of the one that loses, which has to be mended.
      interposed: interposed.filter(({ shadowed: [first] }) => first !== undefined && paths.has(first.path)),
      hiddenReferences: hidden.filter(({ path }) => paths.has(path)),
    };
  });
}

/** Versions that one of the set asks another for, and that this one lacks. */
function missingVersions(members: readonly SetMember[]): readonly LinkageFacts[] {
  return members.flatMap((member) => {
    const versions = (member.elf.symbolVersions?.needed ?? []).flatMap(({ library, version, weak }) => {
      const provider = members.find((other) => other !== member && answersTo(other, library));
      return provider === undefined || weak || hasVersion(provider.elf, version)
        ? []
        : [{ library, version, neededBy: member.name, provider: provider.name }];
    });
    return versions.length === 0
      ? []
      : [
          {
            path: member.name,
            program: isProgram(member.elf),
            undecided: null,
            missing: [],
            versions: versions.slice(0, limits.listedLinkage),
            unresolved: [],
            unresolvedCount: 0,
          },
        ];
  });
}

// A library without any version definition satisfies every version (glibc elf/dl-version.c).
function hasVersion({ dynamic, symbolVersions }: ElfFile, version: string): boolean {
  return (
    dynamic === null ||
    dynamicValue(dynamic, DT.versionDefinitions) === null ||
    symbolVersions?.defined.some((defined) => defined.version === version) === true
  );
}

interface Node {
  readonly member: SetMember;
  readonly needs: Node[];
}

function cyclesOf(members: readonly SetMember[]): readonly CycleFacts[] {
  const nodes = members.map((member): Node => ({ member, needs: [] }));
  for (const { member, needs } of nodes) {
    for (const needed of member.elf.dynamic?.needed ?? []) {
      needs.push(...nodes.filter((other) => other.member !== member && answersTo(other.member, needed)));
    }
  }
  return neededCycles(nodes).map((group) => {
    const inGroup = new Set(group);
    return {
      paths: group.map(({ member }) => member.name),
      kind: 'needed',
      evidence: group.flatMap(({ member, needs }) =>
        needs
          .filter((other) => inGroup.has(other))
          .map((other) => ({ path: member.name, at: 'DT_NEEDED', value: other.member.name })),
      ),
    };
  });
}

function initialiserCyclesOf(members: readonly SetMember[]): readonly CycleFacts[] {
  const found = findInitialiserCycles(
    members
      .filter(({ elf }) => !isProgram(elf))
      .map(({ name, elf }) => ({
        path: name,
        needed: elf.dynamic?.needed ?? [],
        names: [name.slice(name.lastIndexOf('/') + 1), ...(elf.dynamic?.soname == null ? [] : [elf.dynamic.soname])],
        opens: opensOf(elf),
      })),
  );
  return found.map(({ paths, evidence }) => ({
    paths: [...paths],
    kind: 'initialiser',
    evidence: evidence.map((each) => ({ ...each })),
  }));
}
