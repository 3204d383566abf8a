import type { JsonObject } from '../reflection/json.ts';

/** The kinds of resources that Outrigger asks a control plane for, in the order in which one refers to the next. */
export const resourceKinds = ['listener', 'route', 'cluster', 'endpoint', 'secret'] as const;
export type ResourceKind = (typeof resourceKinds)[number];

/** One resource as the control plane sent it. */
export interface Resource {
  readonly kind: ResourceKind;
  readonly name: string;
  /** Version of the response (state of the world) or of the resource (delta). */
  readonly version: string;
  /** The message, decoded; an Any inside is `{ '@type': URL, …its fields }`. */
  readonly message: JsonObject;
  /** Bytes on the wire. */
  readonly bytes: number;
}

/** What is wrong with a resource, for the reason of a NACK. */
export interface ResourceProblem {
  readonly kind: ResourceKind;
  readonly name: string;
  /** Path of the field in the message: `filter_chains[0].filters[1]`; '' for the resource itself. */
  readonly path: string;
  /** What is wrong and what to do, in plain words. */
  readonly message: string;
}
