import type { RequestView } from '../../call/stage.ts';
import type { Endpoint } from '../../upstream/endpoint.ts';
import { requestIdOf } from '../request-id.ts';

/** What variables are worked out from. `endpoint` is null before one is picked, and for replies of Outrigger itself. */
export interface VariableSource {
  readonly request: RequestView;
  readonly endpoint: Endpoint | null;
}

export interface Variable {
  /** The value is final only when an attempt begins: later stages may choose the cluster. */
  readonly late: boolean;
  of(source: VariableSource): string;
}

const early = (of: (request: RequestView) => string): Variable => ({
  late: false,
  of: ({ request }) => of(request),
});
const late = (of: Variable['of']): Variable => ({ late: true, of });

/** The variables of header values, by the name that stands between braces; '' is for what is not known. */
export const variables = {
  'client.address': early(({ record }) => record.clientAddress),
  'client.port': early(({ record }) => (record.clientPort > 0 ? String(record.clientPort) : '')),
  'client.identity': early(({ peer }) => peer.identity ?? ''),
  listener: early(({ record }) => record.listener),
  route: early(({ record }) => record.route),
  cluster: late(({ request }) => request.record.cluster),
  endpoint: late(({ endpoint }) => endpoint?.address ?? ''),
  'trace.id': early(({ record }) => record.traceId.toString()),
  'request.id': early(({ record }) => requestIdOf(record)),
  'request.method': early(({ requestHead }) => requestHead.method),
  'request.path': early(({ requestHead }) => withoutQuery(requestHead.path)),
  'request.authority': early(({ requestHead }) => requestHead.authority),
} as const satisfies Record<string, Variable>;

/** A query may hold secrets, and the endpoint has it anyway. */
function withoutQuery(path: string): string {
  const query = path.indexOf('?');
  return query < 0 ? path : path.slice(0, query);
}
