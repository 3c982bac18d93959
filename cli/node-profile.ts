import { readFileSync } from 'node:fs';
import { setInterval } from 'node:timers/promises';
import { type NodeFacts, nodeAnnotations, nodeFacts, publishNodeFacts } from '../src/cluster/node-profile.ts';
import { directoryTree } from '../src/image/directory.ts';
import { writeOutput } from './output.ts';
import { type SharedOptions, usageError } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

export interface NodeProfileOptions extends SharedOptions {
  readonly root: string;
  readonly publish?: string;
  readonly every?: string;
  readonly kubeconfig?: string;
}

/** `elfgate node-profile`: what this node is, as annotations for the webhook to read. */
export async function nodeProfileCommand(options: NodeProfileOptions, surroundings: Surroundings): Promise<ExitCode> {
  const seconds = options.every === undefined ? null : Number(options.every);
  if (seconds !== null && (!/^\d+$/.test(options.every ?? '') || seconds < 60 || options.publish === undefined)) {
    throw usageError('--every takes seconds, 60 at least, and --publish', 'as --publish NODE --every 86400');
  }
  const facts = nodeFacts(process.arch, readFileSync('/proc/self/maps', 'utf8'), directoryTree(options.root));
  const annotations = nodeAnnotations(facts);
  await writeOutput(
    options.output === 'json'
      ? `${JSON.stringify({ ...facts, annotations }, null, 2)}\n`
      : Object.entries(annotations)
          .map(([annotation, value]) => `${annotation}=${value}\n`)
          .join(''),
    options,
    surroundings,
  );
  if (options.publish !== undefined) {
    await publish(options.publish, facts, options, surroundings, seconds);
  }
  return 0;
}

async function publish(
  node: string,
  facts: NodeFacts,
  { kubeconfig }: NodeProfileOptions,
  { env }: Surroundings,
  seconds: number | null,
): Promise<void> {
  const [{ clusterConnection }, { CoreV1Api }] = await Promise.all([
    import('../src/cluster/connection.ts'),
    import('@kubernetes/client-node'),
  ]);
  const api = clusterConnection(kubeconfig ?? null, env).makeApiClient(CoreV1Api);
  await publishNodeFacts(api, node, facts);
  if (seconds === null) {
    return;
  }
  const ended = new AbortController();
  process.once('SIGTERM', () => ended.abort());
  process.once('SIGINT', () => ended.abort());
  // A node that was made anew has lost its annotations.
  try {
    for await (const _ of setInterval(seconds * 1_000, null, { signal: ended.signal })) {
      await publishNodeFacts(api, node, facts);
    }
  } catch (error) {
    if (!ended.signal.aborted) {
      throw error;
    }
  }
}
