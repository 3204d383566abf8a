import type { Result } from '../../core/result.ts';
import type { AdminDeps } from '../deps.ts';
import { json, type Reply, text } from '../reply.ts';
import type { ReplicaCallAnswer } from './deps.ts';
import { callBodyBytesMax, parseCall, parseWay } from './request.ts';

/** What the handlers need of an admin request. */
interface Question {
  readonly deps: AdminDeps;
  readonly body: Buffer;
}

/** Calls to replicas: they change what the replicas do, so that they need what every change needs. */
export const replicaCallRoutes = [
  {
    method: 'POST',
    path: '/call',
    about: 'make a gRPC call through a listener, with a JSON body; see docs/call.md',
    bodyBytesMax: callBodyBytesMax,
    handle: ({ deps, body }: Question) => answered(parseCall(body), (call) => deps.replicaCalls.call(call)),
  },
  {
    method: 'POST',
    path: '/call/methods',
    about: 'the methods that the reflection service of an endpoint lists',
    bodyBytesMax: callBodyBytesMax,
    handle: ({ deps, body }: Question) => answered(parseWay(body), (way) => deps.replicaCalls.methods(way)),
  },
] as const;

async function answered<T>(
  { value, error }: Result<T>,
  ask: (value: T) => Promise<ReplicaCallAnswer>,
): Promise<Reply> {
  if (error !== undefined) return text(error, 400);
  const answer = await ask(value);
  return 'value' in answer ? json(answer.value) : text(answer.problem, answer.status);
}
