import type { Command } from 'commander';
import { collect, withNamespaceOptions, withPolicyOptions, withSharedOptions } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

/** Adds a command below `elfgate policy`; `exit` takes the code that the run is to end with. */
type AddPolicyCommand = (policy: Command, surroundings: Surroundings, exit: (code: ExitCode) => void) => void;

/** In the order in which help lists them. */
export const policyCommands: ReadonlyMap<string, AddPolicyCommand> = new Map([
  ['list', addList],
  ['check', addCheck],
  ['test', addTest],
  ['fmt', addFmt],
  ['eval', addEval],
  ['build', addBuild],
  ['push', addPush],
  ['import', addImport],
  ['new', addNew],
]);

function addList(policy: Command, surroundings: Surroundings, exit: (code: ExitCode) => void): void {
  withSharedOptions(withPolicyOptions(policy.command('list').description('list the rules')), ['text', 'json']).action(
    async (options) => {
      const { policyListCommand } = await import('./policy-list.ts');
      exit(await policyListCommand(options, surroundings));
    },
  );
}

function addCheck(policy: Command, surroundings: Surroundings, exit: (code: ExitCode) => void): void {
  withSharedOptions(
    withNamespaceOptions(
      policy
        .command('check')
        .description('compile policies and say what is wrong with them')
        .argument('[directory...]', 'own rules next to the built-in ones'),
    ),
    ['text', 'json'],
  ).action(async (directories: string[], options) => {
    const { policyCheckCommand } = await import('./policy-check.ts');
    exit(await policyCheckCommand(directories, options, surroundings));
  });
}

function addTest(policy: Command, surroundings: Surroundings, exit: (code: ExitCode) => void): void {
  withSharedOptions(
    policy
      .command('test')
      .description('run the Rego tests of policies')
      .argument('[directory...]', 'own rules next to the built-in ones')
      .option('--coverage', 'say which lines the tests reach')
      .option('--watch', 'run again whenever a file changes'),
    ['text', 'json', 'junit', 'lcov'],
  ).action(async (directories: string[], options) => {
    const { policyTestCommand } = await import('./policy-test.ts');
    exit(await policyTestCommand(directories, options, surroundings));
  });
}

function addFmt(policy: Command, surroundings: Surroundings, exit: (code: ExitCode) => void): void {
  withSharedOptions(
    policy
      .command('fmt')
      .description('format Rego')
      .argument('<path...>', 'directories and files')
      .option('--write', 'write what differs back')
      .option('--check', 'name the files that differ, and exit with 1 if there are any'),
    ['text', 'json'],
  ).action(async (paths: string[], options) => {
    const { policyFormatCommand } = await import('./policy-fmt.ts');
    exit(await policyFormatCommand(paths, options, surroundings));
  });
}

function addEval(policy: Command, surroundings: Surroundings, exit: (code: ExitCode) => void): void {
  withSharedOptions(
    policy
      .command('eval')
      .description('answer a query')
      .argument('<query>', 'as data.elfgate.verdict = x')
      .option('-d, --data <path>', 'policies (directory or .rego) or base data (.json, .yaml); repeatable', collect)
      .option('-i, --input <file>', 'the input; undefined without it')
      .option('--explain', 'say which rules fired, and where the others stopped'),
    ['text', 'json'],
  ).action(async (query: string, options) => {
    const { policyEvalCommand } = await import('./policy-eval.ts');
    exit(await policyEvalCommand(query, options, surroundings));
  });
}

function addBuild(policy: Command, surroundings: Surroundings, exit: (code: ExitCode) => void): void {
  withSharedOptions(
    withNamespaceOptions(
      policy
        .command('build')
        .description('compile policies into a bundle')
        .argument('[directory...]', 'own rules, or oci:REFERENCE; the built-in ones when none are given'),
    ),
    ['text', 'json'],
  ).action(async (directories: string[], options) => {
    const { policyBuildCommand } = await import('./policy-build.ts');
    exit(await policyBuildCommand(directories, options, surroundings));
  });
}

function addPush(policy: Command, surroundings: Surroundings, exit: (code: ExitCode) => void): void {
  withSharedOptions(
    withNamespaceOptions(
      policy
        .command('push')
        .description('push a bundle of policies to a registry, as an OCI artifact')
        .argument('<reference>', 'as registry.example.com/policies/house:1.0')
        .argument('[directory...]', 'own rules; the built-in ones when none are given')
        .option('--plain-http <host>', 'registry that is asked without TLS (repeatable)', collect),
    ),
    ['text', 'json'],
  ).action(async (reference: string, directories: string[], options) => {
    const { policyPushCommand } = await import('./policy-build.ts');
    exit(await policyPushCommand(reference, directories, options, surroundings));
  });
}

function addImport(policy: Command, surroundings: Surroundings, exit: (code: ExitCode) => void): void {
  withSharedOptions(
    policy
      .command('import')
      .description('make folders of rules of constraints of Gatekeeper and their templates')
      .argument('<path...>', 'manifests, or directories of them')
      .option('--directory <directory>', 'policies that they are to belong to', 'policies'),
    ['text'],
  ).action(async (paths: string[], options) => {
    const { policyImportCommand } = await import('./policy-import.ts');
    exit(await policyImportCommand(paths, options, surroundings));
  });
}

function addNew(policy: Command, surroundings: Surroundings, exit: (code: ExitCode) => void): void {
  withSharedOptions(
    policy
      .command('new')
      .description('make the folder of a rule, with its METADATA and a test')
      .argument('<rule>', 'its id, FAMILY/NAME')
      .option('--directory <directory>', 'policies that it is to belong to', 'policies'),
    ['text'],
  ).action(async (rule: string, options) => {
    const { policyNewCommand } = await import('./policy-new.ts');
    exit(await policyNewCommand(rule, options, surroundings));
  });
}
