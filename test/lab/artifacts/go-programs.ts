/** Go programs and libraries that are neither host nor plugin. */

import { directoryOf, joined, pathOf, type Recipe } from '../recipe.ts';
import { stripped } from './derived.ts';
import { type GoBuild, goBuild } from './go-build.ts';

const staticLink = '-ldflags=-linkmode=external -extldflags=-static';

function resolver(variant: Partial<GoBuild>): Recipe {
  return goBuild({ output: 'resolver', sources: 'go-programs', package: './resolver', ...variant });
}

function probeTarget(variant: Partial<GoBuild> = {}): Recipe {
  return goBuild({ output: 'probe-target', sources: 'go-programs', package: './probe-target', cgo: 'off', ...variant });
}

const cShared = goBuild({
  output: 'libanswer.so',
  sources: 'go-programs',
  package: './c-shared',
  mode: 'c-shared',
  flags: ['-ldflags=-extldflags=-Wl,-soname,libanswer.so'],
});

function digest(environment: Readonly<Record<string, string>>): Recipe {
  return goBuild({ output: 'digest', sources: 'go-programs', package: './digest', environment });
}

const staticCgo = resolver({ flags: [staticLink] });
const staticNetgo = resolver({ flags: [staticLink, '-tags=netgo,osusergo'] });
const withoutCgo = resolver({ cgo: 'off' });
const probe = probeTarget();

export const goPrograms = {
  // Resolve the host name and the user name of their command line.
  'go/resolver': resolver({}),
  'go/resolver-static-cgo': staticCgo,
  'go/resolver-static-cgo-stripped': stripped(staticCgo),
  'go/resolver-static-netgo': staticNetgo,
  'go/resolver-static-netgo-stripped': stripped(staticNetgo),
  'go/resolver-without-cgo': withoutCgo,
  'go/resolver-without-cgo-stripped': stripped(withoutCgo),

  /** A second Go runtime for whoever loads it; exports GoAnswer to C. */
  'go/c-shared': cShared,
  /** Calls into it: two Go runtimes in one process. */
  'go/second-runtime': goBuild({
    output: 'second-runtime',
    sources: 'go-programs',
    package: './second-runtime',
    environment: { CGO_LDFLAGS: joined(pathOf(cShared), directoryOf(cShared, ' -Wl,-rpath,')) },
  }),

  // Cryptographic modules: Go's own, its FIPS 140 snapshot, BoringCrypto.
  'go/digest': digest({}),
  'go/digest-fips140': digest({ GOFIPS140: 'v1.0.0' }),
  'go/digest-boringcrypto': digest({ GOEXPERIMENT: 'boringcrypto' }),

  // Functions with known numbers of return instructions: main.oneReturn, main.manyReturns, main.noReturn.
  'go/probe-target': probe,
  'go/probe-target-stripped': stripped(probe),
  'go/probe-target-pie': probeTarget({ mode: 'pie' }),
  'go/probe-target-pie-stripped': stripped(probeTarget({ mode: 'pie' })),
  'go/probe-target-external-pie-stripped': stripped(
    probeTarget({ mode: 'pie', cgo: 'on', flags: ['-ldflags=-linkmode=external'] }),
  ),
  'go/probe-target@1.25': probeTarget({ toolchain: '1.25.5' }),
  'go/probe-target-arm64': probeTarget({ environment: { GOARCH: 'arm64' } }),
} satisfies Record<string, Recipe>;
