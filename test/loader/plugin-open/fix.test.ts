import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { predictPluginOpens } from '../../../src/loader/plugin-open/predict.ts';
import type { OpenReason } from '../../../src/loader/plugin-open/prediction.ts';
import { type ArtifactName, artifacts, recipeOf } from '../../lab/lab.ts';
import { openAll } from '../../lab/run.ts';
import { stageSources } from '../../lab/source-stage.ts';
import { defaultCache } from '../../lab/workshop.ts';

// The command that a prediction prints, run as a person would paste it: then the plugin is built, opened and loads.

const directory = mkdtempSync(join(tmpdir(), 'elfgate-fix-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

/** A fix for `object`, that of its prediction, and the host that opens what it builds. */
interface FixedPair {
  readonly host: ArtifactName;
  readonly broken: ArtifactName;
  readonly reason: OpenReason;
  /** What the fix starts with. */
  readonly command: RegExp;
  /** What is built: the plugin, or the host. */
  readonly builds: './greeter' | './silent' | './host';
  /** Directory in which it is run; that of the host, unless a module file has to be edited there. */
  readonly place?: 'copy';
  /** Who opens it; the same host, unless the fix is about the host as well. */
  readonly openedBy?: ArtifactName;
}

const fixes: readonly FixedPair[] = [
  {
    host: 'go/host',
    broken: 'go/plugin@1.25',
    reason: 'module-data-size',
    command: /^GOTOOLCHAIN=go1\.26\.8 CGO_ENABLED=1 go build -buildmode=plugin …$/,
    builds: './greeter',
  },
  {
    host: 'go/host@1.24',
    broken: 'go/plugin@1.25',
    reason: 'package-hash-mismatch',
    command: /^GOTOOLCHAIN=go1\.24\.11 CGO_ENABLED=1 go build -buildmode=plugin …$/,
    builds: './greeter',
  },
  {
    host: 'go/host',
    broken: 'go/plugin-trimpath',
    reason: 'package-hash-mismatch',
    command: /^GOTOOLCHAIN=go1\.26\.8 CGO_ENABLED=1 go build -buildmode=plugin … {3}\(in the host's directory, or both/,
    builds: './greeter',
  },
  {
    host: 'go/host-trimpath',
    broken: 'go/plugin',
    reason: 'package-hash-mismatch',
    command: /go build -trimpath -buildmode=plugin …$/,
    builds: './greeter',
  },
  {
    host: 'go/host',
    broken: 'go/plugin-tags-in-shared',
    reason: 'package-hash-mismatch',
    command: /go build -buildmode=plugin …$/,
    builds: './greeter',
  },
  {
    host: 'go/host-no-optimization',
    broken: 'go/plugin',
    reason: 'package-hash-mismatch',
    command: /go build '-gcflags=all=-N -l' -buildmode=plugin …$|go build -gcflags='all=-N -l' -buildmode=plugin …$/,
    builds: './greeter',
  },
  {
    host: 'go/host',
    broken: 'go/plugin-goexperiment',
    reason: 'package-hash-mismatch',
    command: /^GOTOOLCHAIN=go1\.26\.8 CGO_ENABLED=1 go build -buildmode=plugin …$/,
    builds: './greeter',
  },
  {
    host: 'go/host',
    broken: 'go/plugin-other-directory',
    reason: 'package-hash-mismatch',
    command: /go build -trimpath -buildmode=plugin … {3}\(the host with -trimpath as well\)$/,
    builds: './greeter',
    openedBy: 'go/host-trimpath',
  },
  {
    host: 'go/host-trimpath',
    broken: 'go/plugin-dependency-1.1.0',
    reason: 'package-hash-mismatch',
    command:
      /^go mod edit .*-replace=example\.com\/dep=\.\/dependency-1\.0\.0 && GOTOOLCHAIN=go1\.26\.8 CGO_ENABLED=1 go build -trimpath /,
    builds: './greeter',
    place: 'copy',
  },
  {
    host: 'go/host',
    broken: 'go/plugin-without-greet-pluginpath',
    reason: 'plugin-path-mismatch',
    command: /go build -buildmode=plugin … {3}\(without -ldflags=-pluginpath\)$/,
    builds: './silent',
  },
  {
    host: 'go/host',
    broken: 'go/plugin-bsymbolic',
    reason: 'bound-to-itself',
    command: /go build -buildmode=plugin … {3}\(without -extldflags -Wl,-Bsymbolic\)$/,
    builds: './greeter',
  },
  {
    host: 'go/host-without-cgo',
    broken: 'go/plugin',
    reason: 'host-without-cgo',
    command: /^GOTOOLCHAIN=go1\.26\.8 CGO_ENABLED=1 go build … {3}\(the host\)$/,
    builds: './host',
  },
  {
    host: 'go/host-static',
    broken: 'go/plugin',
    reason: 'host-static',
    command: /^GOTOOLCHAIN=go1\.26\.8 CGO_ENABLED=1 go build … {3}\(the host; without -extldflags -static\)$/,
    builds: './host',
  },
];

for (const fix of fixes) {
  const { host, broken, reason, command, builds, openedBy } = fix;
  test.serial(`${broken} in ${host} (${reason}): what the fix builds loads`, async (t) => {
    t.timeout(900_000, 'a toolchain that was not used yet compiles its standard library');
    const lab = await artifacts([host, broken, openedBy ?? host]);
    if (!lab.available) {
      t.log(`not run: ${lab.reason}`);
      return t.pass();
    }
    const { path } = lab;
    const [before] = predictPluginOpens(path[host], [path[broken]], { root: null }).results;
    t.is(before?.reason, reason);
    const help = before?.help ?? '';
    t.regex(help, command);
    const built = join(directory, `${fixes.indexOf(fix)}.so`);
    await paste(help, { output: built, target: builds, place: placeOf(fix) });
    const [opener, plugin] = builds === './host' ? [built, path[broken]] : [path[openedBy ?? host], built];
    const [after] = predictPluginOpens(opener, [plugin], { root: null }).results;
    t.is(after?.outcome, 'loads', JSON.stringify(after));
    t.is((await openAll(opener, [plugin])).openings[0]?.outcome, 'loads');
  });
}

/** Without -trimpath the directory is part of the hash: what the lab built must be built where the lab builds. */
function placeOf({ host, place }: FixedPair): string {
  const staged = stageSources(defaultCache(), 'go-plugins', recipeOf(host).stagedAs);
  if (place !== 'copy') {
    return staged;
  }
  const copy = join(directory, 'copy');
  cpSync(staged, copy, { recursive: true });
  cpSync(join(staged, 'dependency-1.1.0.mod'), join(copy, 'go.mod'));
  return copy;
}

/** Runs a fix in a shell: without the note behind it, and with what the reader has to fill in. */
async function paste(
  help: string,
  {
    output,
    target,
    place,
    environment = {},
  }: { output: string; target: string; place: string; environment?: Record<string, string> },
): Promise<void> {
  const [command = ''] = help.split('   (');
  const { HOME = homedir(), PATH = '' } = process.env;
  const kept = ['GOPROXY', 'GOSUMDB', 'GOMODCACHE', 'GOCACHE', 'GOPATH', 'HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY'];
  const given = Object.fromEntries(kept.flatMap((name) => [[name, process.env[name] ?? '']]).filter(([, set]) => set));
  await new Promise<void>((resolve, reject) => {
    const child = spawn('/bin/sh', ['-ec', command.replace('…', `-buildvcs=false -p=1 -o '${output}' ${target}`)], {
      cwd: place,
      env: { HOME, PATH, GOENV: 'off', GOFLAGS: '', GOWORK: 'off', ...given, ...environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const said: Buffer[] = [];
    child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${command}\n${Buffer.concat(said).toString()}`)),
    );
  });
}

test.serial('a dependency at another version: go get of the version that the host has', async (t: ExecutionContext) => {
  t.timeout(900_000);
  const lab = await artifacts(['go/host']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return t.pass();
  }
  const proxy = join(directory, 'proxy');
  const staged = stageSources(defaultCache(), 'go-plugins', undefined);
  for (const version of ['1.0.0', '1.1.0']) {
    publishModule(proxy, 'example.com/dep', `v${version}`, join(staged, `dependency-${version}`));
  }
  const environment = { GOPROXY: `file://${proxy}`, GONOSUMDB: 'example.com', GOMODCACHE: join(directory, 'modules') };
  const workplace = (version: string): string => {
    const place = join(directory, `workplace-${version}`);
    cpSync(staged, place, { recursive: true });
    writeFileSync(join(place, 'go.mod'), `module example.com/lab\n\ngo 1.18\n\nrequire example.com/dep v${version}\n`);
    return place;
  };
  const [ours, theirs] = [workplace('1.0.0'), workplace('1.1.0')];
  const [host, plugin, fixed] = ['host', 'plugin.so', 'fixed.so'].map((name) => join(directory, `versions-${name}`));
  if (host === undefined || plugin === undefined || fixed === undefined) {
    return t.fail();
  }
  const build = (version: string, mode: string): string =>
    `go get example.com/dep@v${version} && GOTOOLCHAIN=go1.26.8 CGO_ENABLED=1 go build -trimpath ${mode} …`;
  await paste(build('1.0.0', ''), { output: host, target: './host', place: ours, environment });
  await paste(build('1.1.0', '-buildmode=plugin'), { output: plugin, target: './greeter', place: theirs, environment });
  const [before] = predictPluginOpens(host, [plugin], { root: null }).results;
  t.like(before, {
    outcome: 'fails',
    message: 'plugin was built with a different version of package example.com/dep',
    help:
      'GOTOOLCHAIN=go1.26.8 go get example.com/dep@v1.0.0 && ' +
      'GOTOOLCHAIN=go1.26.8 CGO_ENABLED=1 go build -trimpath -buildmode=plugin …',
  });
  t.is((await openAll(host, [plugin])).openings[0]?.outcome, 'fails');
  await paste(before?.help ?? '', { output: fixed, target: './greeter', place: theirs, environment });
  t.is(predictPluginOpens(host, [fixed], { root: null }).results[0]?.outcome, 'loads');
  t.is((await openAll(host, [fixed])).openings[0]?.outcome, 'loads');
});

/** Puts a version of a module where GOPROXY=file://… finds it (https://go.dev/ref/mod#goproxy-protocol). */
function publishModule(proxy: string, path: string, version: string, source: string): void {
  const place = join(proxy, path, '@v');
  mkdirSync(place, { recursive: true });
  const files = ['go.mod', 'dep.go'].map((name) => ({
    name: `${path}@${version}/${name}`,
    bytes: readFileSync(join(source, name)),
  }));
  writeFileSync(join(place, `${version}.info`), JSON.stringify({ Version: version }));
  writeFileSync(join(place, `${version}.mod`), readFileSync(join(source, 'go.mod')));
  writeFileSync(join(place, `${version}.zip`), storedZip(files));
  const list = join(place, 'list');
  writeFileSync(list, `${existsSync(list) ? readFileSync(list, 'utf8') : ''}${version}\n`);
}

/** A zip archive without compression (APPNOTE.TXT 4.3). */
function storedZip(files: readonly { readonly name: string; readonly bytes: Buffer }[]): Buffer {
  const [local, central]: [Buffer[], Buffer[]] = [[], []];
  let offset = 0;
  for (const { name, bytes } of files) {
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(bytes.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const entry = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, Buffer.from(name), bytes]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    central.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, place, Buffer.from(name)]));
    local.push(entry);
    offset += entry.length;
  }
  const directoryBytes = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(directoryBytes.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...local, directoryBytes, Buffer.from('PK\x05\x06', 'latin1'), end]);
}
