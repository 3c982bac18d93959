import { readFileSync } from 'node:fs';
import { nodeAnnotations, nodeFacts, publishNodeFacts } from '../src/cluster/node-profile.ts';
import { directoryTree } from '../src/image/directory.ts';
import { writeOutput } from './output.ts';
import type { SharedOptions } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

export interface NodeProfileOptions extends SharedOptions {
  readonly root: string;
  readonly publish?: string;
  readonly kubeconfig?: string;
}

/** `elfgate node-profile`: what this node is, as annotations for the webhook to read. */
export async function nodeProfileCommand(options: NodeProfileOptions, surroundings: Surroundings): Promise<ExitCode> {
  const facts = nodeFacts(process.arch, readFileSync('/proc/self/maps', 'utf8'), directoryTree(options.root));
  const annotations = nodeAnnotations(facts);
  if (options.publish !== undefined) {
    const [{ clusterConnection }, { CoreV1Api }] = await Promise.all([
      import('../src/cluster/connection.ts'),
      import('@kubernetes/client-node'),
    ]);
    const connection = clusterConnection(options.kubeconfig ?? null, surroundings.env);
    await publishNodeFacts(connection.makeApiClient(CoreV1Api), options.publish, facts);
  }
  await writeOutput(
    options.output === 'json'
      ? `${JSON.stringify({ ...facts, annotations }, null, 2)}\n`
      : Object.entries(annotations)
          .map(([annotation, value]) => `${annotation}=${value}\n`)
          .join(''),
    options,
    surroundings,
  );
  return 0;
}
