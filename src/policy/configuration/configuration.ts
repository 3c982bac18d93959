import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ElfgateError } from '../../errors.ts';
import type { ConfiguredRegistry } from '../../image/registry/settings.ts';
import { limits } from '../../limits.ts';
import type { Enforcement, RuleMetadata, RuleSet } from '../rule-metadata.ts';
import { type AdmissionSettings, admissionSettings, defaultAdmission } from './admission.ts';
import type { ConfigurationDocument } from './configuration-schema.ts';
import type { Exception } from './exceptions.ts';
import { defaultTrust, type TrustConfiguration, trustConfigurationOf } from './trust-schema.ts';

/** What a user decided, with nothing left open. */
export interface Configuration {
  /** The file it was read from; null when there is none and everything is as shipped. */
  readonly file: string | null;
  readonly ruleSet: RuleSet | 'none';
  /** By rule id. `enforce` is null where the file does not say. */
  readonly rules: ReadonlyMap<string, RuleSettings>;
  readonly exceptions: readonly Exception[];
  readonly registries: readonly ConfiguredRegistry[];
  readonly admission: AdmissionSettings;
  readonly trust: TrustConfiguration;
  readonly policies: PolicySettings;
}

/** Which bundles of policies are taken. */
export interface PolicySettings {
  readonly signature: 'required' | 'when-trusted';
}

export interface RuleSettings {
  readonly enforce: Enforcement | null;
  /** The parameters that the file gives; the rest keeps its defaults. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** Where there is no `elfgate.yaml`. */
export const defaultConfiguration: Configuration = {
  file: null,
  ruleSet: 'recommended',
  rules: new Map(),
  exceptions: [],
  registries: [],
  admission: defaultAdmission,
  trust: defaultTrust,
  policies: { signature: 'when-trusted' },
};

const fileName = 'elfgate.yaml';

/** The `elfgate.yaml` of a directory or the nearest directory above it, or null. */
export function findConfiguration(directory: string): string | null {
  for (let here = resolve(directory); ; here = dirname(here)) {
    const file = join(here, fileName);
    if (existsSync(file)) {
      return file;
    }
    if (here === dirname(here)) {
      return null;
    }
  }
}

/**
 * Reads an `elfgate.yaml`.
 *
 * @param rules every rule that it may name; null before they are known, when any may be named.
 * @throws ElfgateError `unreadable` when there is no such file, `configuration` when it is not valid; the message is
 * `FILE:LINE:COLUMN: SENTENCE` for the first thing that is wrong.
 */
export async function loadConfiguration(file: string, rules: readonly RuleMetadata[] | null): Promise<Configuration> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new ElfgateError('unreadable', `${file}: cannot be read (${code})`, { cause });
  }
  if (bytes.length > limits.configurationBytes) {
    throw new ElfgateError(
      'limit',
      `${file}: has ${bytes.length} bytes, above the limit of ${limits.configurationBytes} of a configuration`,
    );
  }
  return parseConfiguration(bytes.toString(), file, rules);
}

/** {@link loadConfiguration} of text that is at hand; `file` is named in messages. */
export async function parseConfiguration(
  text: string,
  file: string,
  rules: readonly RuleMetadata[] | null,
): Promise<Configuration> {
  // Reading YAML and checking schemas costs 50 ms of loading, which users without a configuration need not wait for.
  const { validatedDocument } = await import('./validation.ts');
  return configurationOf(validatedDocument(text, file, rules), file);
}

function configurationOf(document: ConfigurationDocument, file: string): Configuration {
  const rules = Object.entries(document.rules ?? {}).map(([id, { enforce, params }]): [string, RuleSettings] => [
    id,
    { enforce: enforce ?? null, parameters: { ...params } },
  ]);
  return {
    file,
    ruleSet: document.ruleSet ?? defaultConfiguration.ruleSet,
    rules: new Map(rules),
    exceptions: (document.exceptions ?? []).map((exception) => ({ ...exception, path: exception.path ?? null })),
    registries: (document.registries ?? []).map(({ host, plainHttp, ca, mirrors }) => ({
      host,
      plainHttp: plainHttp ?? false,
      ca: ca === undefined ? null : resolve(dirname(file), ca),
      mirrors: mirrors ?? [],
    })),
    admission: admissionSettings(document.admission),
    trust: trustConfigurationOf(document.trust, file),
    policies: { ...defaultConfiguration.policies, ...document.policies },
  };
}
