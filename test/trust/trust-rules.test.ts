import test from 'ava';
import { inspect } from '../../src/facts/inspect.ts';
import type { FactsDocument } from '../../src/facts/schema.ts';
import { artifacts } from '../lab/lab.ts';
import { findingsOfRule } from '../policies/judge-case.ts';
import { claims } from './claims.ts';
import { type Claim, type SignedLayoutOptions, type SignerKind, trustDocument } from './signed-layout.ts';

/** What a rule says about facts: severity and message, and what it shows. */
async function told(
  rule: string,
  documents: readonly FactsDocument[],
  parameters: Readonly<Record<string, unknown>> = {},
): Promise<readonly string[]> {
  const findings = await findingsOfRule(rule, documents, parameters);
  return findings.map(
    ({ severity, message, evidence }) => `${severity}: ${message} [${evidence.map(({ value }) => value).join('; ')}]`,
  );
}

async function toldOf(
  rule: string,
  options: SignedLayoutOptions,
  parameters?: Readonly<Record<string, unknown>>,
): Promise<readonly string[]> {
  return told(rule, [await trustDocument(options)], parameters);
}

const digest = 'c5c3090c78a69c23565353b874b43eda3ad7c4cfcb855e839f3908ac5a11a9e6';

/** Why an attestation is not accepted, by what is wrong about its signer. */
const refused: Readonly<Record<Exclude<SignerKind, 'right'>, string>> = {
  unsigned: 'none is attached',
  'wrongly-signed': 'no chain leads from the certificate CN=release, O=Lab, ST=Berlin, C=DE to a root of lab',
  expired:
    'the certificate CN=release, O=Lab, ST=Berlin, C=DE expired on 2024-02-01T00:00:00.000Z, and nothing proves that the signature is older',
  'wrong-identity': 'the signer is intern@example.com, and trusted is release@example.com',
  'wrong-digest': `the statement is about sha256:${'b'.repeat(64)}, not about sha256:${digest}`,
};

const rules: readonly (readonly [rule: string, claims: readonly Claim[], message: string])[] = [
  ['trust/provenance', [claims.provenance], 'image has no trusted provenance; nothing tells who built it from what'],
  ['trust/vulnerabilities', [claims.cleanScan], 'image has no trusted scan for vulnerabilities'],
  ['trust/fips', [claims.fipsReport], 'image has no trusted FIPS 140 audit report'],
  [
    'trust/service-levels',
    claims.serviceLevels,
    '0 trusted service level records are within the limits, and 3 required',
  ],
];

for (const [rule, attested, message] of rules) {
  test(`${rule}: only what a trusted signer attests about this image counts`, async (t) => {
    t.deepEqual(await toldOf(rule, { signer: 'right', claims: attested }), []);
    for (const [signer, reason] of Object.entries(refused) as [Exclude<SignerKind, 'right'>, string][]) {
      const reasons = signer === 'unsigned' ? [reason] : attested.map(() => reason);
      t.deepEqual(
        await toldOf(rule, { signer, claims: attested }),
        [`error: ${message} [${reasons.join('; ')}]`],
        signer,
      );
    }
    const [unknown, ...further] = await toldOf(rule, { signer: 'right', claims: attested, attached: 'nowhere' });
    t.regex(
      unknown ?? '',
      /^info: cannot tell because who made it could not be found out: lab\/image: there is no manifest/,
    );
    t.deepEqual(further, []);
  });
}

test('trust/facts-attested: only facts of a trusted inspector about this image count', async (t) => {
  const message = 'error: no trusted inspector signed the facts about this image; its layers were read to find them';
  t.deepEqual(await toldOf('trust/facts-attested', { signer: 'right', attestsFacts: true }), []);
  for (const [signer, reason] of Object.entries(refused) as [Exclude<SignerKind, 'right'>, string][]) {
    if (signer !== 'unsigned') {
      t.deepEqual(
        await toldOf('trust/facts-attested', { signer, attestsFacts: true }),
        [`${message} [${reason}]`],
        signer,
      );
    }
  }
  t.deepEqual(await toldOf('trust/facts-attested', { signer: 'unsigned' }), [`${message} [none is attached]`]);
});

test('trust/signed: only the signature of a trusted signer about this image counts', async (t) => {
  t.deepEqual(await toldOf('trust/signed', { signer: 'right' }), []);
  const message = 'error: image is not signed by anybody who is trusted';
  t.deepEqual(await toldOf('trust/signed', { signer: 'unsigned' }), [`${message}: there is no signature [none]`]);
  const reasons = {
    ...refused,
    'wrong-digest': `the signature is for sha256:${'b'.repeat(64)}, not for sha256:${digest}`,
  };
  for (const signer of ['wrongly-signed', 'expired', 'wrong-identity', 'wrong-digest'] as const) {
    t.deepEqual(
      await toldOf('trust/signed', { signer }),
      [`${message}: 1 signature, none of them accepted [${reasons[signer]}]`],
      signer,
    );
  }
});

test('trust/signed: attestations that the configuration requires have to be there, by somebody who is trusted', async (t) => {
  const required = ['https://spdx.dev/Document'];
  t.deepEqual(await toldOf('trust/signed', { signer: 'right', claims: [claims.spdx], required }), []);
  t.deepEqual(await toldOf('trust/signed', { signer: 'right', claims: [claims.cycloneDx], required }), [
    'error: image lacks a trusted attestation of type https://spdx.dev/Document [none is attached]',
  ]);
});

test('trust/provenance: the level is that of the configured builder, and sources are met', async (t) => {
  const right = { signer: 'right', claims: [claims.provenanceOfOtherBuilder] } as const;
  const shown = '[https://ci.example.com/runner; https://github.com/example/plugin]';
  t.deepEqual(await toldOf('trust/provenance', right), [
    `error: builder reaches SLSA level 0, and 3 is required ${shown}`,
  ]);
  const builders = [{ id: 'https://ci.example.com/*', level: 2 }];
  t.deepEqual(await toldOf('trust/provenance', right, { builders }), [
    `error: builder reaches SLSA level 2, and 3 is required ${shown}`,
  ]);
  t.deepEqual(await toldOf('trust/provenance', right, { builders, level: 2 }), []);
  t.deepEqual(
    await toldOf('trust/provenance', right, { builders, level: 2, sources: ['https://github.com/other/*'] }),
    [`error: sources are https://github.com/example/plugin, which is none of those that are allowed ${shown}`],
  );
  t.deepEqual(await toldOf('trust/provenance', { signer: 'right', claims: [claims.provenanceBefore1] }), []);
  // A builder's name is no prefix of another one's.
  t.deepEqual(await toldOf('trust/provenance', right, { builders: [{ id: 'https://ci.example.com/run', level: 3 }] }), [
    `error: builder reaches SLSA level 0, and 3 is required ${shown}`,
  ]);
});

test('trust/vulnerabilities: scans of every form are read, and trusted statements excuse with their reason', async (t) => {
  const rule = 'trust/vulnerabilities';
  const of = (...attested: readonly Claim[]) => toldOf(rule, { signer: 'right', claims: attested });
  const both =
    'error: 2 vulnerabilities of severity critical or high, above the limit of 0 [critical in zlib 1.2.11; high in zlib 1.2.11]';
  t.deepEqual(await of(claims.scan), [both]);
  t.deepEqual(await of(claims.grypeReport), [
    'error: 1 vulnerability of severity critical or high, above the limit of 0 [critical in zlib 1.2.11]',
  ]);
  t.deepEqual(await of(claims.sarifReport), [
    'error: 1 vulnerability of severity critical or high, above the limit of 0 [high]',
  ]);
  t.deepEqual(await of(claims.inTotoScan), [
    'error: 1 vulnerability of severity critical or high, above the limit of 0 [critical]',
  ]);
  t.deepEqual(await of(claims.scan, claims.openVex), [
    'info: 2 vulnerabilities that a trusted statement excuses [not_affected: vulnerable_code_not_in_execute_path; fixed]',
  ]);
  t.deepEqual(await of(claims.scan, claims.cycloneDxVex), [
    'info: 2 vulnerabilities that a trusted statement excuses [not_affected: code_not_reachable; fixed]',
  ]);
  t.deepEqual(await of(claims.scan, claims.openVexWithoutReason), [both], 'without a justification nothing is excused');
  const high = { severities: ['high'], maximum: 1 };
  t.deepEqual(await toldOf(rule, { signer: 'right', claims: [claims.scan] }, high), []);
});

test('trust/fips: build settings and a report that holds are both asked for', async (t) => {
  const lab = await artifacts(['go/digest', 'go/digest-fips140', 'go/digest-boringcrypto']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return t.pass();
  }
  const settings = { report: false };
  const of = async (name: keyof typeof lab.path) =>
    told('trust/fips', await inspect([{ name: lab.path[name], role: null }], { symbols: 'counted' }), settings);
  t.deepEqual(await of('go/digest'), [
    'error: Go program or plugin is built without a FIPS 140 module [(not set); (not set)]',
  ]);
  t.deepEqual(await of('go/digest-fips140'), []);
  t.deepEqual(await of('go/digest-boringcrypto'), []);
  t.deepEqual(await toldOf('trust/fips', { signer: 'right', claims: [claims.lapsedFipsReport] }), [
    'error: no FIPS 140 audit report holds any more, or is about a standard that counts [certificate 4407, valid until 2026-05-31]',
  ]);
});

test('trust/service-levels: only records within the limits count, each period once', async (t) => {
  const [first, second] = claims.serviceLevels;
  const of = (...attested: readonly (Claim | undefined)[]) =>
    toldOf('trust/service-levels', { signer: 'right', claims: attested.filter((claim) => claim !== undefined) });
  t.deepEqual(await of(first, first, first), [
    'error: 1 trusted service level record is within the limits, and 3 required [within the limits]',
  ]);
  t.deepEqual(await of(first, second, claims.slowServiceLevel), [
    'error: 2 trusted service level records are within the limits, and 3 required [within the limits; within the limits; P99 latency 4100 ms above 1000 ms]',
  ]);
});

test('what is attested is in the facts, and what is not signed by anybody who is trusted is not', async (t) => {
  const all = [claims.canary, claims.spdx, claims.cycloneDx];
  const { trust } = await trustDocument({ signer: 'right', claims: all });
  t.deepEqual(
    trust?.attestations.map(({ canary, materials }) => canary?.trafficPercent ?? materials),
    [5, { format: 'spdx', version: 'SPDX-2.3', components: 2 }, { format: 'cyclonedx', version: '1.6', components: 1 }],
  );
  const stranger = await trustDocument({ signer: 'wrongly-signed', claims: all });
  t.deepEqual(
    stranger.trust?.attestations.map(({ canary, materials }) => canary ?? materials),
    [null, null, null],
  );
});
