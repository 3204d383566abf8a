import type { Random } from '../../core/random.ts';

/** Which slices are asked for. */
export interface ListRequest {
  readonly service: string;
}

/** Of one page of a list: 100 endpoints each as a rule, 1,000 at the most. */
const slicesPerPage = 20;
/** The server ends a watch after this long, at random: connections spread over the API servers again. */
const watchSecMin = 240;

/** Returns the path of a page of a list; `next` is the token of the page before. */
export function listPath(namespace: string, request: ListRequest, next: string): string {
  const query: Record<string, string> = { limit: String(slicesPerPage) };
  if (next !== '') query.continue = next;
  return pathOf(namespace, request, query);
}

/** Returns the path of a watch from a version on; from '' on one that begins with every slice (KEP-3157). */
export function watchPath(namespace: string, request: ListRequest, random: Random, version: string): string {
  const query: Record<string, string> = {
    watch: '1',
    allowWatchBookmarks: 'true',
    timeoutSeconds: String(Math.round(watchSecMin * (1 + random.next()))),
  };
  if (version === '')
    Object.assign(query, { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' });
  else query.resourceVersion = version;
  return pathOf(namespace, request, query);
}

function pathOf(namespace: string, { service }: ListRequest, query: Record<string, string>): string {
  const search = new URLSearchParams({ labelSelector: `kubernetes.io/service-name=${service}`, ...query });
  return `/apis/discovery.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/endpointslices?${search}`;
}
