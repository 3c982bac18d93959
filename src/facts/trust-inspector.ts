import { readFileSync } from 'node:fs';
import { ElfgateError } from '../errors.ts';
import type { Patience } from '../image/content-store.ts';
import type { Image } from '../image/image.ts';
import { isEmpty, type TrustAnchors } from '../trust/anchors.ts';
import { loadAnchors } from '../trust/load-anchors.ts';
import { signerName } from '../trust/rejection.ts';
import { type SecondVerifier, withSecondOpinion } from '../trust/second-opinion.ts';
import type { TrustSettings } from '../trust/trust-settings.ts';
import { verifyFile } from '../trust/verify-file.ts';
import { attachedTo, judgeAttached } from '../trust/verify-image.ts';
import { trustedFacts } from './attested-facts.ts';
import type { ImageTrustReport, TrustInspector } from './inspected-target.ts';
import type { ProblemFacts } from './schema.ts';
import { fileTrustFacts, imageTrustFacts, type TrustContext, undecidedTrust } from './trust-facts.ts';

/** What somebody decided to trust for an image or file. */
export interface TrustChoice {
  /** Null when no pattern matches and nobody is trusted. */
  readonly pattern: string | null;
  readonly settings: TrustSettings;
}

export interface TrustInspectorOptions {
  /** @param name registry and repository of an image, or the path of a file. */
  choose(name: string): TrustChoice;
  /** Asked besides or instead of elfgate itself; null for the engine `native`. */
  readonly secondVerifier: ((repository: string) => Promise<SecondVerifier>) | null;
  /** Names the code that states facts: attested ones of other code are not taken. */
  readonly revision: string;
  readonly now: () => Date;
}

/**
 * Tells who made images and files. Settings are read once.
 *
 * Trust that cannot be told is a problem of the document, which must not look like trust that nobody has.
 */
export function trustInspector(options: TrustInspectorOptions): TrustInspector {
  const { choose, secondVerifier, revision, now } = options;
  const loaded = new Map<TrustSettings, Promise<TrustAnchors>>();
  const anchorsOf = (settings: TrustSettings): Promise<TrustAnchors> => {
    const known = loaded.get(settings) ?? loadAnchors(settings, secondVerifier === null ? 'native' : 'with-cosign');
    loaded.set(settings, known);
    return known;
  };

  return {
    async ofImage(image, patience) {
      const { pattern, settings } = choose(image.store?.name ?? image.reference);
      const context = contextOf(now(), pattern, settings, isPinned(image));
      if (pattern === null) {
        return { trust: undecidedTrust(context, null), problem: null, attested: null };
      }
      const anchors = await anchorsOf(settings);
      const inspectors = settings.inspectors === null ? null : await anchorsOf(settings.inspectors);
      try {
        return await imageTrust(image, patience, { settings, anchors, inspectors, context });
      } catch (error) {
        if (!(error instanceof ElfgateError)) {
          throw error;
        }
        const problem = { path: image.reference, code: error.code, message: error.message };
        return { trust: undecidedTrust(context, error.message), problem, attested: null };
      }
    },
    async ofFile(path) {
      const { pattern, settings } = choose(path);
      const anchors = await anchorsOf(settings);
      return fileTrustFacts(
        verifyFile(path, readFileSync(path), anchors, now()),
        contextOf(now(), pattern, settings, null),
      );
    },
  };

  async function imageTrust(image: Image, patience: Patience, question: ImageQuestion): Promise<ImageTrustReport> {
    const { settings, anchors, inspectors, context } = question;
    if (image.store === null) {
      throw new ElfgateError('unsupported-format', `${image.reference}: an archive of docker cannot hold signatures`);
    }
    const { store, digest, indexDigest } = image;
    const named = { store, repository: store.name, digests: indexDigest === null ? [digest] : [digest, indexDigest] };
    const found = await attachedTo(named, patience);
    const native = judgeAttached(found, store.name, anchors, now());
    const trust =
      secondVerifier === null
        ? native
        : await withSecondOpinion(native, named, settings, await secondVerifier(store.name));
    const attested =
      inspectors === null || isEmpty(inspectors)
        ? null
        : trustedFacts(found, image, { anchors: inspectors, revision, now: now() });
    const problem: ProblemFacts | null =
      trust.undecided === null
        ? null
        : { path: image.reference, code: 'limit', message: `${image.reference}: ${trust.undecided}` };
    const signer = attested === null ? null : signerName(attested.signer);
    return { trust: imageTrustFacts(trust, context, signer), problem, attested: attested?.contents ?? null };
  }
}

interface ImageQuestion {
  readonly settings: TrustSettings;
  readonly anchors: TrustAnchors;
  readonly inspectors: TrustAnchors | null;
  readonly context: TrustContext;
}

function contextOf(
  judgedAt: Date,
  decidedBy: string | null,
  settings: TrustSettings,
  pinned: boolean | null,
): TrustContext {
  return { judgedAt, decidedBy, pinned, requiredAttestations: settings.attestations };
}

/** Whether the reference names a digest; null for what is not taken from a registry, whose bytes are at hand. */
function isPinned({ reference, store }: Image): boolean | null {
  return store === null || /^oci(?:-archive)?:/.test(store.name) ? null : reference.includes('@');
}
