import { randomBytes } from 'node:crypto';
import type { AdminDeps, EndpointPin } from '../admin/deps.ts';
import type { ReplicaCallAnswer, ReplicaCallDeps, ReplicaCallWay } from '../admin/replica-call/deps.ts';
import { formatAddress } from '../core/address.ts';
import { isLoopbackHost } from '../core/loopback.ts';
import { TraceId } from '../core/trace-id.ts';
import type { CallWay, JobResult } from '../replica-call/jobs.ts';
import { jobsMax, timeoutDefaultMs } from '../replica-call/limits.ts';
import { chooseListener, reachableAddress } from '../replica-call/listener.ts';
import { ReplicaCalls } from '../replica-call/replica-calls.ts';
import { newTraceId } from '../replica-call/trace-context.ts';
import { chosenAttempt } from '../telemetry/call-status.ts';
import { pinHeader, pinLifetimeMs } from '../upstream/endpoint-pins.ts';
import { explainDeps } from './explain-deps.ts';
import type { AppState } from './parts.ts';

/** Returns the admin functions by which operators send calls to endpoints of their choice. */
export function operatorCalls(parts: AppState): Pick<AdminDeps, 'pinEndpoint' | 'replicaCalls'> {
  return {
    pinEndpoint: (address) => (isAllowed(parts) ? pin(parts, address) : 'forbidden'),
    replicaCalls: new OperatorCalls(parts),
  };
}

function isAllowed({ running }: AppState): boolean {
  const { listen, pinnedCalls } = running.config.admin;
  return pinnedCalls ?? (listen.kind === 'unix' || isLoopbackHost(listen.host));
}

function pin({ running }: AppState, address: string): EndpointPin | 'unknown' {
  // A secret: whoever knows it chooses where calls go.
  const value = randomBytes(16).toString('hex');
  let found = false;
  for (const { cluster } of running.clusters.values()) found = cluster.pinEndpoint(address, value) || found;
  return found ? { header: pinHeader, value, forMs: pinLifetimeMs } : 'unknown';
}

type Refusal = Extract<ReplicaCallAnswer, { readonly problem: string }>;

/** Calls from the live page: through a listener of this sidecar, as those of `outrigger call`. */
class OperatorCalls implements ReplicaCallDeps {
  private readonly parts: AppState;
  private readonly calls: ReplicaCalls;

  constructor(parts: AppState) {
    this.parts = parts;
    this.calls = new ReplicaCalls(parts.deps.clock);
  }

  async methods(asked: ReplicaCallWay): Promise<ReplicaCallAnswer> {
    const way = this.wayOf(asked);
    if ('problem' in way) return way;
    const result = await this.calls.methods({ kind: 'methods', ...way });
    return result.value === undefined ? refusalOf(result) : result;
  }

  async call(asked: Parameters<ReplicaCallDeps['call']>[0]): Promise<ReplicaCallAnswer> {
    const way = this.wayOf(asked);
    if ('problem' in way) return way;
    const { method, data, timeoutMs = timeoutDefaultMs } = asked;
    const traceId = newTraceId(this.parts.deps.random);
    const result = await this.calls.call({ kind: 'call', ...way, method, data, timeoutMs, traceId });
    if (result.value === undefined) return refusalOf(result);
    return { value: { ...result.value, ...this.recordOf(traceId) } };
  }

  close(): void {
    this.calls.close();
  }

  private wayOf({ listener, endpoint, headers }: ReplicaCallWay): CallWay | Refusal {
    const { parts } = this;
    if (!isAllowed(parts))
      return {
        status: 403,
        problem:
          'Refused: admin.listen is not a loopback address, so calls cannot be made from here; set admin.pinnedCalls: true to allow it.',
      };
    const known = parts.running.listeners.map(({ listener: { address, settings } }) => ({
      ...settings,
      address: formatAddress(address),
    }));
    const found = chooseListener(known, listener);
    if (found.error !== undefined) return { status: 404, problem: `Not sent: ${found.error}.` };
    const { name, address } = found.value;
    if (parts.running.config.listeners.find((one) => one.name === name)?.tls !== undefined)
      return {
        status: 409,
        problem: `Not sent: the listener "${name}" requires TLS; use outrigger call --listener ${name} --tls-ca FILE.`,
      };
    if (this.calls.isFull)
      return {
        status: 429,
        problem: `Not sent: ${jobsMax} calls run already, which is the maximum; wait for one of them.`,
      };
    const pinned = endpoint === undefined ? null : pin(parts, endpoint);
    if (pinned === 'unknown')
      return {
        status: 404,
        problem: `Not sent: no cluster has the endpoint "${endpoint}"; /clusters lists the endpoints.`,
      };
    const pinHeaders = pinned === null ? [] : [[pinned.header, pinned.value] as const];
    return {
      target: reachableAddress(address),
      version: parts.deps.version,
      headers: [...headers, ...pinHeaders],
    };
  }

  /** What the sidecar remembers of a call; the reader may want to have it explained. */
  private recordOf(traceId: string): { readonly id: number | null; readonly endpoint: string } {
    const [record] = explainDeps(this.parts).callsOfTrace(TraceId.read(traceId));
    if (record === undefined) return { id: null, endpoint: '' };
    if (record.endedMs !== 0) this.parts.telemetry.recent.shown([record]);
    return { id: record.id, endpoint: chosenAttempt(record)?.endpoint ?? '' };
  }
}

function refusalOf({ error, isRequest }: Extract<JobResult<object>, { readonly error: string }>): Refusal {
  return { status: isRequest ? 400 : 502, problem: `Not sent: ${error}` };
}
