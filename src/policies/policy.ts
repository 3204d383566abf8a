import type { RequestView, Stage } from '../call/stage.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Random } from '../core/random.ts';
import type { Raw } from '../schema/scalar-type.ts';
import type { Section, Shape, Value } from '../schema/shape.ts';
import type { Draft } from '../schema/typed.ts';
import type { Registry } from '../telemetry/metrics/registry.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { PolicyPart } from './parts.ts';

/**
 * One feature of a route. Everything that the rest of Outrigger knows of it is derived from this: the key in the
 * configuration, its documentation, JSON Schema, environment, checks, references to clusters, reload, metrics and what it does
 * to requests. A policy lives in a folder of its own, never imports another one, and is registered by a line in `list.ts`.
 */
export interface RoutePolicy<K extends string = string, S extends Shape = Shape, M = unknown> {
  /** The key in a route. */
  readonly key: K;
  readonly schema: S;
  /** The policy answers every request, or chooses the cluster: a route that has it needs no `cluster`. */
  readonly replacesCluster?: boolean;
  /** Reports what the schema alone cannot see. Any part of `config` may be missing because it was wrong. */
  check?(config: NonNullable<Draft<Value<S>>>, context: CheckContext): void;
  /** The clusters that the configuration names, with their paths within it: they must exist, and carry HTTP. */
  clusters?(config: NonNullable<Draft<Value<S>>>): readonly ClusterReference[];
  /** Declares the metrics of the policy, once for each process. */
  metrics?(registry: Registry): M;
  /**
   * Loads what the configuration names from outside, such as modules, before it is applied; null for nothing. What cannot be
   * loaded is a problem of the configuration. Must not reject.
   */
  load?(config: NonNullable<Value<S>>, context: LoadContext): Promise<PolicyPart | null>;
  /** Compiles the configuration of one route; null where nothing is to be done, several stages for a list of things to do. */
  compile(config: NonNullable<Value<S>>, env: CompileEnv<M>): Stage | readonly Stage[] | null;
}

export interface ClusterReference {
  /** Path within the configuration of the policy: `[0].cluster`, `.cluster`. */
  readonly path: string;
  readonly name: string | undefined;
}

/** What the checks of a policy may read besides its own configuration. */
export interface CheckContext {
  /** The other keys of the route, typed, by their names in code: `timeoutMs`, `retry`, `match`. */
  readonly route: Readonly<Record<string, unknown>>;
  /** The cluster of the route, where it is known. */
  readonly cluster: ClusterFacts | undefined;
  /** The clusters that requests of the route may go to: `cluster`, or those of the policy that replaces it. */
  readonly leadsTo: readonly string[];
  /** What is wrong with a regular expression; undefined for nothing. */
  checkRegex(pattern: string): string | undefined;
  /** `path` is within the configuration of the policy: `.delay`, `[1].name`, '' for all of it. */
  problem(path: string, message: string): void;
  warning(path: string, message: string): void;
}

/** What a policy that loads something may look at, once the whole configuration has been checked. */
export interface LoadContext extends CheckContext {
  readonly clock: Clock;
  /** Relative paths start from its folder; undefined for a run without a file. */
  readonly configFile: string | undefined;
  /** `modules` of the configuration. */
  readonly modules: ModuleSettings;
  /** The typed value of a mapping by another schema. Undefined, and problems are reported, where it is wrong. */
  read(schema: Section, raw: Raw, path: string): object | undefined;
}

/** Which modules may be loaded, and how long they may take. */
export interface ModuleSettings {
  /** Any file, none, or files within these directories. */
  readonly allow: boolean | readonly string[];
  readonly slowMs: number;
  readonly timeoutMs: number;
}

/** What is known of a cluster before it is built. */
export interface ClusterFacts {
  readonly name?: string;
  readonly protocol?: string;
  readonly endpoints?: readonly unknown[];
  readonly discovery?: unknown;
}

/** What the stage of one route is compiled from. */
export interface CompileEnv<M = unknown> {
  readonly listener: string;
  readonly route: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** What `metrics` returned. */
  readonly metrics: M;
  /** What `load` returned. */
  readonly part: PolicyPart | null;
  /** A cluster that `clusters` named. */
  cluster(name: string): Cluster;
}

/** Infers the types of a policy from its parts. */
export function definePolicy<const K extends string, S extends Shape, M = undefined>(
  policy: RoutePolicy<K, S, M>,
): RoutePolicy<K, S, M> {
  return policy;
}

/** The labels of a route's own series. */
export function routeLabels({ record }: Pick<RequestView, 'record'>): Readonly<Record<string, string>> {
  return { 'outrigger.listener': record.listener, 'outrigger.route': record.route };
}
