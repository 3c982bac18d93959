import type { Request, Response } from 'express';
import type { Logger } from 'pino';
import { withinTime } from '../src/admission/within-time.ts';
import { limits } from '../src/limits.ts';
import { elementsOf, fieldsOf } from '../src/workload/fields.ts';
import { podSpecOf } from '../src/workload/pod-spec.ts';
import { withoutSecrets } from './decision-log.ts';
import { oneLine } from './message-text.ts';
import type { Bench } from './validate.ts';

const providerVersion = 'externaldata.gatekeeper.sh/v1beta1';

/** Milliseconds for one request: Gatekeeper's own default for a provider is 3 s (Provider, spec.timeout). */
const providerTime = 2_700;

/**
 * Answers Gatekeeper's external data protocol: the keys of a ProviderRequest are images, and each gets the findings of all
 * rules about it. A key `HOST PLUGIN…` asks what happens when the plugins' images are mounted into the host's.
 *
 * The value of an item is `{ "findings": [ { rule, severity, path, message, help } ], "deny": boolean }`; an item that cannot
 * be decided has an error and no value, so that a constraint cannot take it for a pass.
 */
export function gatekeeperProvider(
  bench: () => Bench | null,
  log: Logger,
): (request: Request, response: Response) => Promise<void> {
  return async (request, response) => {
    const keys = keysOf(request.body);
    if (keys === null) {
      response.status(400).json(providerResponse([], `the body is not a ProviderRequest of ${providerVersion}`));
      return;
    }
    const present = bench();
    if (present === null) {
      response.status(503).json(providerResponse([], 'the policies are not loaded yet'));
      return;
    }
    const items = await withinTime(providerTime, (deadline) =>
      Promise.all(keys.map((key) => itemFor(key, present, deadline))),
    );
    log.info({
      event: 'provider',
      keys: keys.length,
      errors: items.filter(({ error }) => error !== undefined).length,
      policy: present.judge.bundle.revision,
    });
    response.json(providerResponse(items, null));
  };
}

/** Keys, or null for what is no ProviderRequest. */
function keysOf(body: unknown): readonly string[] | null {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.isBuffer(body) ? body.toString('utf8') : '');
  } catch {
    return null;
  }
  const { apiVersion, kind, request } = fieldsOf(document);
  const keys = elementsOf(fieldsOf(request).keys);
  const isRequest = apiVersion === providerVersion && kind === 'ProviderRequest' && keys.length <= limits.providerKeys;
  return isRequest && keys.every((key) => typeof key === 'string') ? (keys as readonly string[]) : null;
}

interface ProviderItem {
  readonly key: string;
  readonly value?: unknown;
  readonly error?: string;
}

function providerResponse(items: readonly ProviderItem[], systemError: string | null): object {
  return {
    apiVersion: providerVersion,
    kind: 'ProviderResponse',
    response: { idempotent: true, items, ...(systemError === null ? {} : { systemError }) },
  };
}

async function itemFor(key: string, bench: Bench, deadline: AbortSignal): Promise<ProviderItem> {
  try {
    const [host = '', ...plugins] = key.trim().split(/\s+/);
    const spec = podSpecOf({
      containers: [
        {
          name: 'host',
          image: host,
          volumeMounts: plugins.map((_, index) => ({ name: `${index}`, mountPath: `/plugins/${index}` })),
        },
      ],
      volumes: plugins.map((reference, index) => ({ name: `${index}`, image: { reference } })),
    });
    const templates = [{ at: '', annotations: {}, spec }];
    const credentials = bench.credentialsFor(null, templates);
    const images = new Map();
    for (const image of new Set([host, ...plugins])) {
      const outcome = await bench.facts.factsOf(image, credentials, deadline);
      if (outcome.outcome !== 'known') {
        const reason =
          outcome.outcome === 'failed' ? outcome.error.message : 'it is being inspected; try again in a moment';
        return { key, error: oneLine(withoutSecrets(`${image}: ${reason}`), 500) };
      }
      images.set(image, outcome.image);
    }
    const { findings, problems } = await bench.judge.judgeImages(templates, images, bench.today);
    const [unread] = problems;
    if (unread !== undefined) {
      return { key, error: oneLine(`${unread.target} ${unread.path} cannot be read: ${unread.message}`, 500) };
    }
    return {
      key,
      value: {
        deny: findings.some(
          ({ severity, enforcement, exception }) =>
            severity === 'error' && enforcement === 'deny' && exception === null,
        ),
        findings: findings.map(({ rule, severity, target, path, message, help, exception }) => ({
          rule,
          severity,
          image: oneLine(target, 300),
          path: oneLine(path, 300),
          message: oneLine(message, 500),
          help: help === null ? null : oneLine(help, 500),
          excepted: exception !== null,
        })),
      },
    };
  } catch (error) {
    return { key, error: oneLine(withoutSecrets(error instanceof Error ? error.message : String(error)), 500) };
  }
}
