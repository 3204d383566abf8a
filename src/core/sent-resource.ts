/** A resource that a control plane sent, and that a part of the configuration is from. */
export interface SentResource {
  /** `listener`, `route`, `cluster` or `endpoint`. */
  readonly kind: string;
  /** Its type URL. */
  readonly type: string;
  readonly name: string;
  /** The version with which its present contents came: of the response, or with delta of the resource. */
  readonly version: string;
}

/** A listener or cluster of the configuration that a control plane sent. */
export interface SentObject {
  readonly object: 'listener' | 'cluster';
  /** Its name in the configuration. */
  readonly name: string;
  readonly resources: readonly SentResource[];
}

/** Returns the kind, name and version of a resource: `route configuration "routes", version 7`. */
export function sentResourceText({ kind, name, version }: SentResource): string {
  return `${words[kind] ?? kind} "${name}", version ${version || '(none)'}`;
}

const words: Readonly<Record<string, string>> = {
  route: 'route configuration',
  endpoint: 'endpoint assignment',
};
