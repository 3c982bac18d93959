import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { renderSarif } from '../../src/findings/sarif.ts';
import { context, hostileSample, sample } from '../findings/sample-report.ts';

/**
 * Validates reports in SARIF against the schema of the standard, which OASIS publishes and whose file is given:
 * `node test/conformance/sarif-schema.ts sarif-schema-2.1.0.json`.
 */
const [file] = process.argv.slice(2);
if (file === undefined) {
  process.stderr.write('usage: node test/conformance/sarif-schema.ts sarif-schema-2.1.0.json\n');
  process.exit(2);
}
// Keywords that the standard's draft-07 schema shares with the newest are all that it uses.
const { $schema: _dialect, $id: _id, id: _oldId, ...schema } = JSON.parse(readFileSync(file, 'utf8'));
const validate = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(schema);

let failed = 0;
for (const [name, report] of Object.entries({ sample, hostileSample })) {
  const valid = validate(JSON.parse(renderSarif(report, context)));
  failed += valid ? 0 : 1;
  process.stdout.write(
    valid ? `✔ ${name} follows the schema\n` : `✘ ${name}: ${JSON.stringify(validate.errors, null, 2)}\n`,
  );
}
process.stdout.write(`${2 - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
