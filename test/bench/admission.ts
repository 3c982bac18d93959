import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { pushImage } from '../lab/pushed-images.ts';
import { type AdmissionServer, startElfgate, startGatekeeperServer, startOpa } from './admission-servers.ts';
import { type AdmissionSetting, admissionSetting, review } from './admission-setting.ts';
import { generate, type Load, type LoadFigures } from './load.ts';
import { promise } from './promises.ts';

/**
 * Proves how many reviews the webhook answers, against `opa run --server` and against Gatekeeper: the same bytes over TLS,
 * the same policies with the same parameters, the same facts about the images, turn by turn, on the same processors, which
 * the load generator takes its part of as well.
 *
 * What is not equal, each time in favour of the peers: they are given the facts, where elfgate asks its cache for the
 * images of each review; they judge the pod itself by three rules that read the object, where elfgate states the facts of
 * it and judges them by all rules. What is not equal the other way: Gatekeeper asks its own cache for the namespace of the
 * pod, and an API server with nothing to do runs beside it. All servers deny a pod whose plugin would kill its host before
 * anything is measured, and none writes a log of its decisions.
 *
 * Then what happens to images that nobody has seen: 500 at once, and 200 reviews of one.
 *
 * `SOAK_SECONDS=600 npm run bench -- admission` measures the load of 70 % for so long instead, with memory watched.
 */
const soakSeconds = Number(process.env.SOAK_SECONDS ?? 0);
const turns = 3;
/** Milliseconds of one turn. */
const turnTime = 4_000;
const connections = 16;

const found = await admissionSetting();
if (typeof found === 'string') {
  process.stderr.write(`${found}\n`);
  process.exit(2);
}
const setting: AdmissionSetting = found;
const { images, registry, proxy } = setting;
const agent = new Agent({ keepAlive: true, maxSockets: 600, ca: setting.authority });
const reviewFile = fileOf('review.json', review(images.gateway, images.audit));
const brokenFile = fileOf('broken.json', review(images.gateway, images.broken));

const elfgate = await started(startElfgate(setting));
if (soakSeconds > 0) {
  await soak();
} else {
  const opa = await started(startOpa(setting));
  await compare('opa run --server', opa);
  await opa.stop();
  const gatekeeper = await startGatekeeperServer(setting);
  if (typeof gatekeeper === 'string') {
    process.stderr.write(`Gatekeeper is not compared: ${gatekeeper}\n`);
    process.exitCode = 2;
  } else {
    await compare('Gatekeeper', await started(Promise.resolve(gatekeeper)));
    await gatekeeper.stop();
  }
  await coldImages();
  await burst();
}
await elfgate.stop();
await setting.stop();
agent.destroy();

function fileOf(name: string, content: object): string {
  const file = join(setting.directory, name);
  writeFileSync(file, JSON.stringify(content));
  return file;
}

function loadOf(server: AdmissionServer, further: Partial<Load> = {}): Load {
  const { port, path, authorityFile } = server;
  return {
    ...{ port, path, authorityFile, connections },
    ...{ bodyFile: reviewFile, milliseconds: turnTime, perSecond: null, expected: '"allowed":true' },
    ...further,
  };
}

/** A server that judges: images are known, code is compiled, and what must be denied is. */
async function started(starting: Promise<AdmissionServer>): Promise<AdmissionServer> {
  const server = await starting;
  const denials: Partial<Load> = { bodyFile: brokenFile, expected: '"allowed":false' };
  // Gatekeeper takes a constraint into use some time after it was made.
  for (
    const end = Date.now() + 60_000;
    (await generate(loadOf(server, { ...denials, milliseconds: 500 }))).wrong > 0;
  ) {
    if (Date.now() > end) {
      throw new Error('a server admits a plugin that kills its host');
    }
  }
  await answered(loadOf(server));
  return server;
}

async function answered(load: Load): Promise<LoadFigures> {
  const figures = await generate(load);
  if (figures.wrong > 0) {
    throw new Error(`a server answers something else: ${figures.firstWrong}`);
  }
  return figures;
}

async function compare(name: string, peer: AdmissionServer): Promise<void> {
  const inTurn = async (perSecond: number | null, figure: (figures: LoadFigures) => number) => {
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let turn = 0; turn < turns; turn++) {
      ours.push(figure(await answered(loadOf(elfgate, { perSecond }))));
      theirs.push(figure(await answered(loadOf(peer, { perSecond }))));
    }
    return { ours, theirs };
  };
  const throughput = await inTurn(null, ({ perSecond }) => perSecond);
  const [most, theirMost] = [Math.max(...throughput.ours), Math.max(...throughput.theirs)];
  const size = Buffer.byteLength(JSON.stringify(review(images.gateway, images.audit)));
  promise(
    `reviews of ${(size / 1000).toFixed(1)} KB over TLS against ${name}`,
    `${most.toFixed(0)} against ${theirMost.toFixed(0)} a second: ${(most / theirMost).toFixed(1)} ×`,
    'at least 2.5 ×',
    most >= 2.5 * theirMost,
  );
  // Under a load that both bear: seven tenths of what the peer can do.
  const bearable = theirMost * 0.7;
  const slowest = await inTurn(bearable, ({ p99 }) => p99);
  const [p99, theirP99] = [Math.min(...slowest.ours), Math.min(...slowest.theirs)];
  promise(
    `slowest of a hundred at ${bearable.toFixed(0)} reviews a second`,
    `${p99.toFixed(2)} ms against ${theirP99.toFixed(2)} ms: ${(p99 / theirP99).toFixed(2)} ×`,
    'at most 0.25 ×',
    p99 <= theirP99 / 4,
  );
}

/** 500 images that nobody has seen, at once. */
async function coldImages(): Promise<void> {
  const count = 500;
  const names: string[] = [];
  for (let index = 0; index < count; index++) {
    const digest = await pushImage(registry.host, `cold/image-${index}`, '1', {
      README: Buffer.from(`image ${index}`),
    });
    names.push(`${proxy.host}/cold/image-${index}@${digest}`);
  }
  proxy.fetched.clear();
  const cold = await startElfgate(setting);
  const deadline = 10_000;
  const first = await Promise.all(names.map((name) => ask(cold, review(name, null), deadline)));
  const latest = Math.max(...first.map(({ milliseconds }) => milliseconds));
  promise(
    '500 images at once that nobody has seen',
    `${first.filter(({ allowed }) => allowed).length} judged; the last answer after ${(latest / 1_000).toFixed(1)} s`,
    'every answer within 10 s',
    latest < deadline,
  );
  // Those that were told to come again find the facts.
  let open = names.filter((_, index) => first[index]?.allowed !== true);
  for (const end = Date.now() + 120_000; open.length > 0 && Date.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const again = await Promise.all(open.map((name) => ask(cold, review(name, null), deadline)));
    open = open.filter((_, index) => again[index]?.allowed !== true);
  }
  const layers = [...proxy.fetched].filter(([address]) => address.includes('/cold/') && address.includes('/blobs/'));
  const repeated = layers.filter(([, times]) => times > 1).length;
  promise(
    'how often each blob of them was fetched',
    `${layers.length} blobs, ${repeated} more than once, ${open.length} images never judged`,
    '1,000 blobs, each once',
    layers.length === 2 * count && repeated === 0 && open.length === 0,
  );
  await cold.stop();
}

/** 200 reviews of one image that nobody has seen. */
async function burst(): Promise<void> {
  const digest = await pushImage(registry.host, 'burst/gateway', '1', setting.gatewayFiles);
  proxy.fetched.clear();
  const cold = await startElfgate(setting);
  const name = `${proxy.host}/burst/gateway@${digest}`;
  const answers = await Promise.all(Array.from({ length: 200 }, () => ask(cold, review(name, null), 10_000)));
  const fetches = [...proxy.fetched].filter(([address]) => address.includes('/burst/')).map(([, times]) => times);
  promise(
    '200 reviews at once of an image that nobody has seen',
    `${answers.filter(({ allowed }) => allowed).length} admitted, ${Math.max(...fetches)} fetch of each of its parts`,
    'one fetch',
    answers.every(({ allowed }) => allowed) && fetches.length >= 3 && fetches.every((times) => times === 1),
  );
  await cold.stop();
}

/** Seven tenths of the most, for long. */
async function soak(): Promise<void> {
  const { perSecond: most } = await answered(loadOf(elfgate));
  const perSecond = most * 0.7;
  const samples: { readonly at: number; readonly bytes: number }[] = [];
  const start = Date.now();
  const watch = setInterval(async () => {
    samples.push({ at: Date.now() - start, bytes: await residentBytes(elfgate) });
  }, 5_000);
  const figures = await generate(loadOf(elfgate, { perSecond, milliseconds: soakSeconds * 1_000 }));
  clearInterval(watch);
  promise(
    `${soakSeconds} s at ${perSecond.toFixed(0)} reviews a second`,
    `${figures.answered} answered, ${figures.wrong} wrong, p99 ${figures.p99.toFixed(1)} ms`,
    'none wrong',
    figures.wrong === 0,
  );
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
  process.stdout.write(`  memory: ${samples.map(({ bytes }) => megabytes(bytes)).join(', ')}\n`);
  const settled = samples.filter(({ at }) => at > 60_000).map(({ bytes }) => bytes);
  if (settled.length >= 4) {
    // Garbage comes and goes: halves are compared and not moments.
    const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1] ?? 0;
    const early = median(settled.slice(0, settled.length >> 1));
    const late = median(settled.slice(settled.length >> 1));
    const change = (late / early - 1) * 100;
    promise(
      'memory after the first minute',
      `${megabytes(early)}, then ${megabytes(late)}: ${change.toFixed(1)} %`,
      'within 5 %',
      Math.abs(change) <= 5,
    );
  }
}

interface Answer {
  readonly allowed: boolean;
  readonly milliseconds: number;
}

function ask({ port }: AdmissionServer, asked: object, timeout: number): Promise<Answer> {
  const body = JSON.stringify(asked);
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const sending = request(
      { host: '127.0.0.1', port, agent, method: 'POST', path: `/validate?timeout=${timeout / 1_000}s` },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const answer = JSON.parse(Buffer.concat(chunks).toString());
          resolve({ allowed: answer.response?.allowed === true, milliseconds: performance.now() - start });
        });
      },
    );
    sending.on('error', reject);
    sending.end(body);
  });
}

async function residentBytes({ port }: AdmissionServer): Promise<number> {
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(await get(port, '/metrics'))?.[1] ?? 0);
}

function get(port: number, where: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sending = request({ host: '127.0.0.1', port, agent, path: where }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(Buffer.concat(chunks).toString()));
    });
    sending.on('error', reject);
    sending.end();
  });
}
