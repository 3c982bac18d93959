import { runSuites } from '../policy/adopted/gatekeeper-suites.ts';

/**
 * Runs the suites of the Gatekeeper library, or of any folder of templates with suites, and prints what became of the
 * cases. The folder is a checkout of its own: `npm run conformance:gatekeeper -- ../gatekeeper-library/library`.
 */
const [directory = process.env.ELFGATE_GATEKEEPER_LIBRARY] = process.argv.slice(2);
if (directory === undefined) {
  process.stderr.write(
    'name a checkout of https://github.com/open-policy-agent/gatekeeper-library, its folder library\n',
  );
  process.exitCode = 2;
} else {
  const results = await runSuites(directory);
  for (const { name, outcome, reason } of results) {
    if (outcome !== 'as-asserted') {
      process.stdout.write(`${outcome}\t${name}\t${reason}\n`);
    }
  }
  const count = (outcome: string): number => results.filter((result) => result.outcome === outcome).length;
  process.stdout.write(
    `${results.length} cases: ${count('as-asserted')} as asserted, ${count('refused')} refused, ${count('different')} different\n`,
  );
  process.exitCode = count('different') === 0 && results.length > 0 ? 0 : 1;
}
