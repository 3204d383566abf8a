import { isDeepStrictEqual } from 'node:util';
import type { SentObject, SentResource } from '../../core/sent-resource.ts';

/** What a listener or cluster of the configuration is from. */
export interface Source {
  readonly object: SentObject['object'];
  readonly name: string;
  readonly resources: readonly SentResource[];
  /** The service whose endpoint assignment a cluster uses; '' for none. */
  readonly service: string;
}

interface Since<T> {
  readonly atMs: number;
  readonly value: T;
}

/** Versions of one object that are remembered: a call is explained by those that held when it began. */
const versionsMax = 8;

/** The resources that the configuration is from, now and a few versions before. Times are of the monotonic clock, milliseconds. */
export class SentHistory {
  private readonly sources = new Map<string, Array<Since<Source>>>();
  private readonly endpoints = new Map<string, Array<Since<SentResource>>>();

  /** A configuration took the place of the one before. Objects that it does not have are forgotten. */
  apply(sources: readonly Source[], nowMs: number): void {
    const keys = new Set(sources.map(keyOf));
    for (const key of this.sources.keys()) if (!keys.has(key)) this.sources.delete(key);
    for (const source of sources) add(this.sources, keyOf(source), { atMs: nowMs, value: source });
  }

  /** An endpoint assignment is used from now on. */
  assign(resource: SentResource, nowMs: number): void {
    add(this.endpoints, resource.name, { atMs: nowMs, value: resource });
  }

  /** The control plane no longer has these. */
  unassign(services: readonly string[]): void {
    for (const service of services) this.endpoints.delete(service);
  }

  /** The resources that a listener and a cluster were from at a moment; nothing for those of the file. */
  at(listener: string, clusters: readonly string[], atMs: number): SentResource[] {
    const keys = [`listener ${listener}`, ...clusters.map((name) => `cluster ${name}`)];
    return keys.flatMap((key) => {
      const source = latest(this.sources.get(key), atMs);
      return source === undefined ? [] : this.resourcesOf(source, atMs);
    });
  }

  /** Every object of the active configuration that the control plane sent. */
  objects(): SentObject[] {
    return [...this.sources.values()].map((list) => {
      const source = (list.at(-1) as Since<Source>).value;
      const { object, name } = source;
      return { object, name, resources: this.resourcesOf(source, Number.POSITIVE_INFINITY) };
    });
  }

  private resourcesOf({ resources, service }: Source, atMs: number): SentResource[] {
    const assigned = latest(this.endpoints.get(service), atMs);
    return assigned === undefined ? [...resources] : [...resources, assigned];
  }
}

function keyOf({ object, name }: Source): string {
  return `${object} ${name}`;
}

function add<T>(all: Map<string, Array<Since<T>>>, key: string, entry: Since<T>): void {
  const list = all.get(key) ?? [];
  all.set(key, list);
  if (isDeepStrictEqual(list.at(-1)?.value, entry.value)) return;
  list.push(entry);
  if (list.length > versionsMax) list.shift();
}

function latest<T>(list: ReadonlyArray<Since<T>> | undefined, atMs: number): T | undefined {
  return list?.findLast((entry) => entry.atMs <= atMs)?.value;
}
