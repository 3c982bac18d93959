import type { Image } from '../image/image.ts';
import { formatPlatform } from '../image/platform.ts';
import type { TrustAnchors } from '../trust/anchors.ts';
import type { AttachedArtifacts } from '../trust/attached.ts';
import { type AttestedFacts, attestedFactsType, readAttestedFacts } from '../trust/predicates/own-predicates.ts';
import type { Signer } from '../trust/rejection.ts';
import { judgeAttached } from '../trust/verify-image.ts';
import type { InspectedContents } from './inspected-target.ts';
import { decodeContents, encodeContents } from './store/stored-contents.ts';

/** Who may attest facts, and of which code. */
export interface FactsTrust {
  readonly anchors: TrustAnchors;
  /** Names the code that states facts: those of other code are not taken for its own. */
  readonly revision: string;
  readonly now: Date;
}

/** The predicate that states what was found in an image. */
export function attestedFacts(contents: InspectedContents, revision: string, inspectedAt: Date): AttestedFacts {
  return {
    inspector: { name: 'elfgate', revision },
    inspectedAt: inspectedAt.toISOString(),
    platform: contents.meeting.platform ?? 'unknown',
    encoding: 'zstd',
    // Where the inspection ran is nobody else's business, and the next one names the image anew.
    facts: encodeContents({ ...contents, image: null }).toString('base64'),
  };
}

/**
 * Facts about an image that a trusted inspector signed, out of what is attached to it; null when there are none, so that
 * it has to be inspected.
 */
export function trustedFacts(
  { found, incomplete }: AttachedArtifacts,
  image: Pick<Image, 'digest' | 'platform' | 'store'>,
  { anchors, revision, now }: FactsTrust,
): { readonly contents: InspectedContents; readonly signer: Signer } | null {
  // Of an index nothing is taken: its facts would be about several images.
  const candidates = { found: found.filter(({ subject }) => subject === image.digest), incomplete };
  for (const attestation of judgeAttached(candidates, image.store?.name ?? '', anchors, now).attestations) {
    if (attestation.verified && attestation.statement?.predicateType === attestedFactsType) {
      const contents = contentsOf(
        readAttestedFacts(attestedFactsType, attestation.statement.predicate),
        image,
        revision,
      );
      if (contents !== null) {
        return { contents, signer: attestation.signer };
      }
    }
  }
  return null;
}

function contentsOf(
  attested: AttestedFacts | null,
  { digest, platform }: Pick<Image, 'digest' | 'platform'>,
  revision: string,
): InspectedContents | null {
  if (attested === null || attested.inspector.revision !== revision || attested.platform !== formatPlatform(platform)) {
    return null;
  }
  const contents = decodeContents(Buffer.from(attested.facts, 'base64'));
  return contents?.digest === digest ? contents : null;
}
