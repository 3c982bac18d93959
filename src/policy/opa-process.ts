/**
 * A program of its own, started by `opa.ts` with everything it may touch as open files: the request on 0, the
 * response on 1, the compiled opa program on 3. It opens nothing, reads no argument and no environment.
 *
 * Go collects no garbage until there is half of the memory that `opa.ts` allows: a policy's compilation leaves a tenth
 * of that behind and then ends, and collecting it took 40 % of the time.
 *
 * A process and not a worker thread, because only a process can be given V8's bound on WebAssembly memory, and
 * because ending it leaves nothing behind.
 */
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

const programDescriptor = 3;

const environment = { GOGC: 'off', GOMEMLIMIT: '512MiB' };

const wasi = new WASI({ version: 'preview1', args: ['opa'], env: environment, preopens: {}, returnOnExit: true });
const module = new WebAssembly.Module(readFileSync(programDescriptor));
const instance = new WebAssembly.Instance(module, wasi.getImportObject() as WebAssembly.Imports);
wasi.initialize(instance);
try {
  process.exitCode = (instance.exports as unknown as { serve(): number }).serve();
} catch (cause) {
  if (!(cause instanceof RangeError)) {
    throw cause;
  }
  // The parser calls itself for every level.
  process.stderr.write('the sources are nested too deeply\n');
  process.exitCode = 1;
}
