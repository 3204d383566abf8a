import type { Socket } from 'node:net';
import { PassthroughCall } from '../call/passthrough-call.ts';
import type { ProxyContext } from '../call/plan.ts';
import type { Clock } from '../core/clock.ts';
import type { InternalErrors } from '../core/internal-errors.ts';
import type { Logger } from '../core/logger.ts';
import { createTcpPassthrough, type TcpPassthrough } from '../tcp/passthrough.ts';
import { peerOf } from './peers.ts';
import { connectAttemptsMax } from './upgrade-downstream.ts';

export interface TcpDownstreamDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly internalErrors: InternalErrors;
  /** The listener's context of the moment. */
  context(): ProxyContext;
  /** Milliseconds without a byte either way, of the moment; 0 for no limit. */
  idleTimeoutMs(): number;
}

/** The connections of a listener with `protocol: tcp`. */
export function tcpDownstream(deps: TcpDownstreamDeps): TcpPassthrough {
  const calls = new WeakMap<Socket, PassthroughCall>();
  return createTcpPassthrough({
    clock: deps.clock,
    connectAttemptsMax,
    get idleTimeoutMs() {
      return deps.idleTimeoutMs();
    },
    internalErrors: deps.internalErrors,
    pick(client) {
      let call = calls.get(client);
      if (call === undefined) {
        call = new PassthroughCall('tcp', () => deps.context(), peerOf(client));
        calls.set(client, call);
      }
      const choice = call.choose();
      if ('code' in choice) return choice;
      const { target, dial } = choice.endpoint;
      const { connectTimeoutMs } = dial;
      return { address: target, connectTimeoutMs, release: choice.release };
    },
    ended(outcome, client) {
      const call = calls.get(client);
      call?.ended(outcome);
      if (outcome.error === '') return;
      deps.logger.warn('TCP connection failed', {
        cluster: call?.record.cluster,
        endpoint: outcome.endpoint,
        code: outcome.error,
        reason: outcome.detail,
      });
    },
  });
}
