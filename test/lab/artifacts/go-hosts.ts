/** Go programs that open plugins, or that look as if they could. */

import type { Recipe } from '../recipe.ts';
import { stripped, withoutSectionHeaders } from './derived.ts';
import { type GoBuild, goBuild } from './go-build.ts';

function host(variant: Partial<GoBuild> = {}): Recipe {
  return goBuild({ output: 'host', sources: 'go-plugins', package: './host', ...variant });
}

const standard = host();
const static_ = host({ flags: ['-ldflags=-linkmode=external -extldflags=-static'] });

export const goHosts = {
  /** Opens every plugin of its command line in order and prints one line of JSON for each. */
  'go/host': standard,
  'go/host-stripped': stripped(standard),
  'go/host-without-sections': withoutSectionHeaders(standard),
  'go/host-ldflags-s-w': host({ flags: ['-ldflags=-s -w'] }),
  'go/host-without-cgo': host({ cgo: 'off' }),
  'go/host-static': static_,
  'go/host-static-stripped': stripped(static_),
  'go/host-pie': host({ mode: 'pie' }),
  'go/host-trimpath': host({ flags: ['-trimpath'] }),
  'go/host-race': host({ flags: ['-race'] }),
  'go/host-no-optimization': host({ flags: ['-gcflags=all=-N -l'] }),
  'go/host-dependency-1.1.0': host({ flags: ['-modfile=dependency-1.1.0.mod'] }),
  'go/host-musl': host({ compiler: 'musl-gcc' }),
  /** An ordinary Go program that does not import `plugin`. */
  'go/no-plugin-import': goBuild({ output: 'plain', sources: 'go-plugins', package: './plain' }),

  'go/host@1.19': host({ toolchain: '1.19.13' }),
  'go/host@1.20': host({ toolchain: '1.20.14' }),
  'go/host@1.21': host({ toolchain: '1.21.13' }),
  'go/host@1.22': host({ toolchain: '1.22.12' }),
  'go/host@1.23': host({ toolchain: '1.23.12' }),
  'go/host@1.24': host({ toolchain: '1.24.11' }),
  'go/host@1.25': host({ toolchain: '1.25.5' }),
  'go/host@1.26': standard,
} satisfies Record<string, Recipe>;
