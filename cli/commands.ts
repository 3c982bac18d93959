import { type Command, Option } from 'commander';
import { reportFormatNames } from '../src/findings/formats.ts';
import { type OwnPredicateName, ownPredicateNames } from '../src/trust/predicates/predicate-names.ts';
import { policyCommands } from './policy-commands.ts';
import { collect, withPolicyOptions, withSharedOptions } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

/**
 * Adds a command to the program; `exit` takes the code that the run is to end with. `next` is the argument behind the
 * command's name: of commands that consist of others, it may name the only one that is needed.
 */
type AddCommand = (program: Command, surroundings: Surroundings, exit: (code: ExitCode) => void, next: string) => void;

/**
 * All commands in the order in which help lists them. What a command runs is loaded when it is called: what one of them
 * needs does not slow the others.
 */
export const commands: ReadonlyMap<string, AddCommand> = new Map([
  ['inspect', addInspect],
  ['check', addCheck],
  ['predict', addPredict],
  ['resolve', addResolve],
  ['scan', addScan],
  ['verify', addVerify],
  ['attest', addAttest],
  ['schema', addSchema],
  ['policy', addPolicy],
  ['explain', addExplain],
  ['serve', addServe],
  ['audit', addAudit],
  ['node-profile', addNodeProfile],
]);

const targetsHelp =
  'a file, a directory taken as a root file system, an image (oci:DIR, oci-archive:FILE, docker-archive:FILE, registry:REFERENCE), pid:N, manifest:FILE, or objects:FILE for a manifest without its images';
const platformHelp = 'of an image with several: linux/arm64 (default: all)';
const plainHttpHelp = 'registry that is asked without TLS (repeatable)';

function addInspect(program: Command, surroundings: Surroundings, exit: (code: ExitCode) => void): void {
  withSharedOptions(
    program
      .command('inspect')
      .description('state the facts about binaries')
      .argument('<target...>', targetsHelp)
      .option('--symbols', 'list imported and exported symbols')
      .option('--platform <platform>', platformHelp)
      .option('--plain-http <host>', plainHttpHelp, collect),
    ['text', 'json'],
  ).action(async (targets: string[], options) => {
    const { inspectCommand } = await import('./inspect.ts');
    exit(await inspectCommand(targets, options, surroundings));
  });
}

function addCheck(program: Command, surroundings: Surroundings, exit: (code: ExitCode) => void): void {
  withSharedOptions(
    withPolicyOptions(
      program
        .command('check')
        .description('judge binaries by the policies')
        .argument('[target...]', targetsHelp)
        .option('--host <target>', 'the program that opens the plugins (repeatable)', collect)
        .option('--plugin <target>', 'a plugin that a host opens (repeatable)', collect)
        .option('--platform <platform>', platformHelp)
        .option('--plain-http <host>', plainHttpHelp, collect)
        .addOption(failOnOption()),
    ),
    reportFormatNames,
  ).action(async (targets: string[], options) => {
    const { checkCommand } = await import('./check.ts');
    exit(await checkCommand(targets, options, surroundings));
  });
}

function failOnOption(): Option {
  return new Option('--fail-on <severity>', 'lowest severity that makes the exit code 1')
    .choices(['error', 'warning', 'never'])
    .default('error');
}

function addPredict(program: Command, surroundings: Surroundings, exit: (code: ExitCode) => void): void {
  withSharedOptions(
    program
      .command('predict')
      .description(
        'predict what plugin.Open or dlopen does with objects, opened in this order in one process of a host',
      )
      .argument('<host>', 'the program that opens them')
      .argument('<plugin...>', 'plugins or libraries, in the order in which they are opened')
      .option('--root <directory>', 'root file system that libraries are taken from (default: /)')
      .addOption(
        new Option('--mode <loader>', 'how the host opens them').choices(['plugin', 'dlopen']).default('plugin'),
      )
      .addOption(new Option('--scope <scope>', 'of dlopen: RTLD_LOCAL or RTLD_GLOBAL').choices(['local', 'global']))
      .addOption(new Option('--bind <binding>', 'of dlopen: RTLD_NOW or RTLD_LAZY').choices(['now', 'lazy']))
      .option('--library-path <directories>', 'directories of the root to look in first, as LD_LIBRARY_PATH')
      .option('--preload <library>', 'a library that is loaded first, as LD_PRELOAD (repeatable)', collect),
    ['text', 'json'],
  ).action(async (host: string, plugins: string[], options) => {
    const { predictCommand } = await import('./predict.ts');
    exit(await predictCommand(host, plugins, options, surroundings));
  });
}

function addResolve(program: Command, surroundings: Surroundings, exit: (code: ExitCode) => void): void {
  withSharedOptions(
    program
      .command('resolve')
      .description('find the libraries that a loader would map, and what it would miss; nothing is run')
      .argument('<file...>', 'programs and shared libraries')
      .option('--root <directory>', 'root file system that holds the libraries', '/')
      .option('--library-path <directories>', 'directories of the root to look in first, as LD_LIBRARY_PATH')
      .option('--preload <library>', 'a library that is loaded first, as LD_PRELOAD (repeatable)', collect)
      .option('--hwcaps <names>', 'glibc-hwcaps of the processor, best first: x86-64-v3,x86-64-v2 (default: none)'),
    ['text', 'json'],
  ).action(async (files: string[], options) => {
    const { resolveCommand } = await import('./resolve.ts');
    exit(await resolveCommand(files, options, surroundings));
  });
}

function addVerify(program: Command, surroundings: Surroundings, exit: (code: ExitCode) => void): void {
  withSharedOptions(
    program
      .command('verify')
      .description('verify who signed an image, or a file by what lies next to it')
      .argument('<image>', 'an image, as registry.example.com/app:1.2 or oci:DIR, or a file')
      .option('--key <file>', 'public keys that are trusted (repeatable)', collect)
      .option('--certificate-identity <text>', 'whose certificates are trusted: a mail address or URI, met exactly')
      .option('--certificate-identity-regexp <pattern>', 'the same by a pattern that covers the whole text')
      .option('--certificate-oidc-issuer <url>', 'who vouched for the identity, met exactly')
      .option('--certificate-oidc-issuer-regexp <pattern>', 'the same by a pattern that covers the whole text')
      .option('--trusted-root <file>', "Sigstore's trusted root (repeatable)", collect)
      .option('--ca-roots <file>', 'root certificates of an own authority')
      .option('--ca-intermediates <file>', 'certificates between these roots and the signers')
      .option('--revocation-list <file>', 'certificates that this authority took back (repeatable)', collect)
      .option('--notation-policy <file>', 'trust policy of the Notary Project')
      .option('--notation-store <directory>', 'trust store of the Notary Project')
      .addOption(
        new Option(
          '--engine <verifier>',
          'who verifies (default: trust.engine of the configuration, or native)',
        ).choices(['native', 'cosign', 'both']),
      )
      .option('--platform <platform>', platformHelp)
      .option('--plain-http <host>', plainHttpHelp, collect)
      .option('--explain', 'show which part of the configuration decides, and verify nothing'),
    ['text', 'json'],
  ).action(async (image: string, options) => {
    const { verifyCommand } = await import('./verify.ts');
    exit(await verifyCommand(image, options, surroundings));
  });
}

function addAttest(program: Command, surroundings: Surroundings, exit: (code: ExitCode) => void): void {
  withSharedOptions(
    program
      .command('attest')
      .description('sign what is found in an image, or another claim about it, and attach that to it')
      .argument('<image>', 'an image of a registry, as registry.example.com/app:1.2')
      .option('--key <key>', 'private key: a PEM file, a key file of cosign, or a KMS that cosign knows (awskms://…)')
      .option('--keyless', 'sign with an identity that cosign finds or asks for')
      .option('--signing-config <file>', 'authorities and logs that cosign signs with')
      .option('--identity-token <token>', 'proves the identity to cosign; the token or a file that holds it')
      .option('--type <type>', `of another claim: ${ownPredicateNames.join(', ')}, or a URI`)
      .option('--predicate <file>', 'the other claim, JSON')
      .option('--platform <platform>', platformHelp)
      .option('--plain-http <host>', plainHttpHelp, collect),
    ['text', 'json'],
  ).action(async (image: string, options) => {
    const { attestCommand } = await import('./attest.ts');
    exit(await attestCommand(image, options, surroundings));
  });
}

function addScan(program: Command, surroundings: Surroundings, exit: (code: ExitCode) => void): void {
  withSharedOptions(
    withPolicyOptions(
      program
        .command('scan')
        .description('judge the images of registries, reading each digest once')
        .argument(
          '[target...]',
          'REGISTRY, REGISTRY/REPOSITORY[:TAG|@DIGEST], or - for a list of them on standard input',
        )
        .option('--tags <pattern>', 'only tags that match, * stands for anything (repeatable)', collect)
        .option('--state <file>', "keeps what is done (default: in the user's cache directory)")
        .option('--concurrency <number>', 'images that are scanned at the same time', '4')
        .option('--rate <number>', 'requests a second to each registry, at most')
        .option('--platform <platform>', platformHelp)
        .option('--plain-http <host>', plainHttpHelp, collect)
        .option('--queue <url>', 'Redis that hands the images to workers: redis://HOST:PORT')
        .option('--worker', 'scan what others hand out by --queue, until told to stop')
        .option('--lease <seconds>', 'after which the images of a silent worker go to another one', '60')
        .addOption(failOnOption()),
    ),
    ['text', 'jsonl'],
  ).action(async (targets: string[], options) => {
    if (options.worker === true) {
      const { scanWorkerCommand } = await import('./scan-worker.ts');
      exit(await scanWorkerCommand(targets, options, surroundings));
      return;
    }
    const { scanCommand } = await import('./scan.ts');
    exit(await scanCommand(targets, options, surroundings));
  });
}

function addSchema(program: Command, surroundings: Surroundings, exit: (code: ExitCode) => void): void {
  withSharedOptions(
    program
      .command('schema')
      .description('print a JSON Schema')
      .addArgument(program.createArgument('<name>', 'which one').choices(['facts', 'config', ...ownPredicateNames])),
    ['json'],
  ).action(async (name: 'facts' | 'config' | OwnPredicateName, options) => {
    const { schemaCommand } = await import('./schema.ts');
    exit(await schemaCommand(name, options, surroundings));
  });
}

function addPolicy(program: Command, surroundings: Surroundings, exit: (code: ExitCode) => void, next: string): void {
  const policy = program.command('policy').description('work with policies');
  const named = policyCommands.get(next);
  for (const add of named === undefined ? [...policyCommands.values(), addExplain] : [named]) {
    add(policy, surroundings, exit);
  }
}

// `elfgate policy explain` is the contract's spelling, `elfgate explain` the one that findings print.
function addExplain(parent: Command, surroundings: Surroundings, exit: (code: ExitCode) => void): void {
  withSharedOptions(
    withPolicyOptions(
      parent.command('explain').description('explain a rule').argument('<rule>', 'as plugin/go-version-match'),
    ),
    ['text', 'json'],
  ).action(async (rule: string, options) => {
    const { explainCommand } = await import('./explain.ts');
    exit(await explainCommand(rule, options, surroundings));
  });
}

function addAudit(program: Command, surroundings: Surroundings, exit: (code: ExitCode) => void): void {
  withSharedOptions(
    withPolicyOptions(
      program
        .command('audit')
        .description('judge what a cluster runs already, and write reports')
        .option('--kubeconfig <file>', 'how the API server is reached (default: the service account of this pod)')
        .option('--pull-secrets', 'read images with the pull secrets of pods and service accounts')
        .addOption(
          new Option('--reports <group>', 'custom resources that reports are written to')
            .choices(['wgpolicyk8s', 'openreports', 'none'])
            .default('none'),
        )
        .option('--page-size <number>', 'objects asked for at a time', '100')
        .addOption(
          new Option('--fail-on <severity>', 'exit with 1 at findings of this severity or above')
            .choices(['error', 'warning', 'never'])
            .default('error'),
        ),
    ),
    ['text', 'json'],
  ).action(async (options) => {
    const { auditCommand } = await import('./audit.ts');
    exit(await auditCommand(options, surroundings));
  });
}

function addNodeProfile(program: Command, surroundings: Surroundings, exit: (code: ExitCode) => void): void {
  withSharedOptions(
    program
      .command('node-profile')
      .description('state what pods must reckon with on this node: its architecture, vsyscall page and glibc')
      .option('--root <directory>', 'of the node, where a container sees it', '/')
      .option('--publish <node>', 'write them to the node of this name, as annotations')
      .option('--every <seconds>', 'publish again and again, until SIGTERM')
      .option('--kubeconfig <file>', 'how the API server is reached (default: the service account of this pod)'),
    ['text', 'json'],
  ).action(async (options) => {
    const { nodeProfileCommand } = await import('./node-profile.ts');
    exit(await nodeProfileCommand(options, surroundings));
  });
}

function addServe(program: Command, surroundings: Surroundings, exit: (code: ExitCode) => void): void {
  withSharedOptions(
    withPolicyOptions(
      program
        .command('serve')
        .description('answer admission reviews of a Kubernetes API server')
        .option('--listen <address>', 'host and port', ':8443')
        .option('--tls-cert <file>', 'certificate with its chain, PEM; read again when it changes')
        .option('--tls-key <file>', 'its private key, PEM')
        .option('--client-ca <file>', 'authorities of client certificates, PEM; reviews without one are refused')
        .option(
          '--self-signed <name>',
          'keep a certificate for this name with an authority of its own (repeatable)',
          collect,
        )
        .option('--certificate-secret <secret>', 'NAMESPACE/NAME in which replicas share that')
        .option('--webhook-configuration <name>', 'the configurations that are to trust it', 'elfgate')
        .option('--plain-http', 'no TLS: behind a proxy, and in tests')
        .option('--pull-secrets', 'read images with the pull secrets of pods and service accounts')
        .option('--node-profiles', 'reckon with what the nodes publish about themselves (elfgate node-profile)')
        .option('--kubeconfig <file>', 'how the API server is reached (default: the service account of this pod)')
        .option('--drain-delay <seconds>', 'between the end of readiness and of listening', '5')
        .addOption(
          new Option('--log-level <level>', 'of the JSON log on standard output')
            .choices(['debug', 'info', 'warn', 'error'])
            .default('info'),
        ),
    ),
    ['json'],
  ).action(async (options) => {
    const { serveCommand } = await import('./serve.ts');
    exit(await serveCommand(options, surroundings));
  });
}
