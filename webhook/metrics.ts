import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ImageFacts, ImageFactsEvents } from '../src/admission/image-facts.ts';
import type { AdmissionJudge } from '../src/admission/judge.ts';
import type { Decision } from './decision.ts';

/** Where the time of a review goes. */
export type Stage = 'read' | 'decide' | 'answer';

/** What is read again while the webhook runs. */
export type Reloaded = 'configuration' | 'certificate' | 'nodes';

/** What the webhook counts, in Prometheus' text format. Names and labels are documented and kept. */
export interface Metrics {
  readonly registry: Registry;
  readonly factsEvents: ImageFactsEvents;
  review(path: string, decision: Decision, seconds: number): void;
  stage(stage: Stage, seconds: number): void;
  reload(what: Reloaded, succeeded: boolean): void;
  /** @param status of an answer of a registry; null for none. */
  registryAnswer(status: number | null): void;
  /** What is in force now. */
  inForce(judge: AdmissionJudge): void;
}

// Reviews of known images take about a millisecond; the API server waits for 30 s at most.
const seconds = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** @param version of elfgate, for `elfgate_build_info`. */
export function metrics(version: string, facts: () => ImageFacts, inFlight: () => number): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const reviews = new Counter({
    name: 'elfgate_reviews_total',
    help: 'Admission reviews by outcome',
    labelNames: ['path', 'outcome'] as const,
    registers,
  });
  const findings = new Counter({
    name: 'elfgate_findings_total',
    help: 'Findings of reviews by rule and enforcement',
    labelNames: ['rule', 'enforcement', 'severity'] as const,
    registers,
  });
  const failures = new Counter({
    name: 'elfgate_evaluation_errors_total',
    help: 'Reviews that ended in an error, or of which an image could not be judged',
    registers,
  });
  const duration = new Histogram({
    name: 'elfgate_review_duration_seconds',
    help: 'From the last byte of the request to the answer',
    labelNames: ['path'] as const,
    buckets: seconds,
    registers,
  });
  const stages = new Histogram({
    name: 'elfgate_stage_duration_seconds',
    help: 'Parts of a review',
    labelNames: ['stage'] as const,
    buckets: seconds,
    registers,
  });
  const lookups = new Counter({
    name: 'elfgate_facts_lookups_total',
    help: 'Where facts of images came from',
    labelNames: ['from'] as const,
    registers,
  });
  const inspections = new Histogram({
    name: 'elfgate_image_inspection_seconds',
    help: 'Fetching and inspecting an image',
    labelNames: ['result'] as const,
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
    registers,
  });
  const registryRequests = new Counter({
    name: 'elfgate_registry_requests_total',
    help: 'Requests to registries and their token services, by status; none when there was no answer',
    labelNames: ['status'] as const,
    registers,
  });
  const reloads = new Counter({
    name: 'elfgate_reloads_total',
    help: 'Files that changed and were read again; a rejected one leaves what was in force before',
    labelNames: ['what', 'result'] as const,
    registers,
  });
  const build = new Gauge({
    name: 'elfgate_build_info',
    help: 'Always 1; the labels say what is running',
    labelNames: ['version', 'node', 'policy_revision'] as const,
    registers,
  });
  new Gauge({
    name: 'elfgate_reviews_in_flight',
    help: 'Reviews that are not answered yet',
    registers,
    collect() {
      this.set(inFlight());
    },
  });
  new Gauge({
    name: 'elfgate_inspection_queue',
    help: 'Images by what happens to them',
    labelNames: ['state'] as const,
    registers,
    collect() {
      const { inspecting, waiting } = facts().statistics();
      this.set({ state: 'inspecting' }, inspecting);
      this.set({ state: 'waiting' }, waiting);
    },
  });
  new Gauge({
    name: 'elfgate_facts_memory_bytes',
    help: 'Facts of images in memory, estimated',
    registers,
    collect() {
      this.set(facts().statistics().bytes);
    },
  });
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  return {
    registry,
    factsEvents: {
      onLookup: (from) => lookups.inc({ from }),
      onInspected: (took, error) => inspections.observe({ result: error === null ? 'inspected' : error.code }, took),
    },
    review(path, decision, took) {
      reviews.inc({ path, outcome: decision.outcome });
      duration.observe({ path }, took);
      if (decision.outcome.startsWith('undecided')) {
        failures.inc();
      }
      for (const { rule, enforcement, severity } of decision.findings) {
        findings.inc({ rule, enforcement, severity });
      }
    },
    stage: (stage, took) => stages.observe({ stage }, took),
    reload: (what, succeeded) => reloads.inc({ what, result: succeeded ? 'accepted' : 'rejected' }),
    registryAnswer: (status) => registryRequests.inc({ status: status === null ? 'none' : String(status) }),
    inForce({ bundle }) {
      build.reset();
      build.set({ version, node: process.versions.node, policy_revision: bundle.revision.slice(0, 16) }, 1);
    },
  };
}
