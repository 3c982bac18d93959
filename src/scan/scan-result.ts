import type { PolicyFinding } from '../policy/evaluation.ts';

/** What the rules say about one image. It is the same wherever the image lies, and whatever it is called. */
export interface ScanResult {
  /** `linux/amd64` */
  readonly platform: string;
  /** Before exceptions and enforcement, which go by the image's name and by the day. */
  readonly findings: readonly PolicyFinding[];
  /** Layer of each file that a finding is about. */
  readonly layers: Readonly<Record<string, number | null>>;
  readonly binaries: number;
  /** Files that could not be read: nothing is decided about them. */
  readonly problems: readonly { readonly path: string; readonly code: string; readonly message: string }[];
}
