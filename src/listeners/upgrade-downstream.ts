import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { ProxyContext } from '../call/plan.ts';
import { type Chosen, UpgradeCall } from '../call/upgrade-call.ts';
import type { Clock } from '../core/clock.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { InternalErrors } from '../core/internal-errors.ts';
import { directReply } from '../http1/error-reply.ts';
import { proxyUpgrade, type UpgradeChoice } from '../http1/upgrade.ts';
import { peerOf } from './peers.ts';

/** Endpoints that a WebSocket or a TCP connection is offered to, one after the other, before its client gets an error. */
export const connectAttemptsMax = 3;

export interface UpgradeDownstreamDeps {
  readonly clock: Clock;
  readonly internalErrors: InternalErrors;
  /** The listener's context of the moment. */
  context(): ProxyContext;
}

/** Takes over a connection whose client asks for a WebSocket, until either side ends it. Never throws. */
export function upgradeDownstream(
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  deps: UpgradeDownstreamDeps,
): void {
  forward(request, socket, head, deps).catch((error) => {
    deps.internalErrors.caught('http1', error);
    socket.destroy();
  });
}

async function forward(
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  deps: UpgradeDownstreamDeps,
): Promise<void> {
  const peer = peerOf(socket);
  let call: UpgradeCall | null = null;
  const callFor = (block: HeaderBlock): UpgradeCall => {
    if (call !== null) return call;
    const made = new UpgradeCall(deps.context(), peer, block, () => socket.destroy());
    socket.once('close', () => made.left());
    call = made;
    return made;
  };
  const outcome = await proxyUpgrade(request, socket, head, {
    clock: deps.clock,
    connectAttemptsMax,
    choose: (block) =>
      new Promise((resolve) => callFor(block).choose((choice) => resolve(upgradeChoice(choice)))),
  });
  (call as UpgradeCall | null)?.ended(outcome);
}

function upgradeChoice(choice: Chosen): UpgradeChoice {
  if (choice.kind === 'error') return choice;
  if (choice.kind === 'reply') {
    const { head, body } = choice.reply;
    return { kind: 'reply', status: head.status, bytes: directReply(head, body) };
  }
  const { endpoint, ...chosen } = choice.chosen;
  return { kind: 'endpoint', target: { ...chosen, ...endpoint.dial, address: endpoint.target } };
}
