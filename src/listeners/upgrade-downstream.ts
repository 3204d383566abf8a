import { drainingError } from '../call/call-errors.ts';
import type { Peer } from '../call/peer.ts';
import type { ProxyContext } from '../call/plan.ts';
import { type Chosen, UpgradeCall } from '../call/upgrade-call.ts';
import type { Clock } from '../core/clock.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { InternalErrors } from '../core/internal-errors.ts';
import type { MessageStream } from '../core/message-stream.ts';
import type { Random } from '../core/random.ts';
import type { HeadCache } from '../http1/head-cache.ts';
import type { Tunnel } from '../http1/tunnel.ts';
import { TunnelDuplex } from '../http1/tunnel-duplex.ts';
import { proxyUpgrade, type UpgradeChoice } from '../http1/upgrade.ts';
import { http1UpgradeClient, http2UpgradeClient, type UpgradeClient } from '../http1/upgrade-client.ts';
import { handshakeOfConnect } from '../http1/websocket-head.ts';

/** Endpoints that a WebSocket or a TCP connection is offered to, one after the other, before its client gets an error. */
export const connectAttemptsMax = 3;

export interface UpgradeDownstreamDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly headCache: HeadCache;
  readonly internalErrors: InternalErrors;
  /** The listener's context of the moment. */
  context(): ProxyContext;
}

/** Takes over a connection whose client asks for a WebSocket, until either side ends it. Never throws. */
export function upgradeTunnel(
  head: HeaderBlock,
  tunnel: Tunnel,
  peer: Peer,
  deps: UpgradeDownstreamDeps,
): void {
  upgrade(head, http1UpgradeClient(new TunnelDuplex(tunnel)), peer, deps);
}

/** Takes over a stream whose client asks for a WebSocket by an extended CONNECT (RFC 8441), until either side ends it. Never throws. */
export function upgradeStream(
  head: HeaderBlock,
  stream: MessageStream,
  peer: Peer,
  deps: UpgradeDownstreamDeps,
): void {
  upgrade(handshakeOfConnect(head), http2UpgradeClient(stream), peer, deps);
}

function upgrade(head: HeaderBlock, client: UpgradeClient, peer: Peer, deps: UpgradeDownstreamDeps): void {
  forward(head, client, peer, deps).catch((error) => {
    deps.internalErrors.caught('http1', error);
    client.duplex.destroy();
  });
}

async function forward(
  head: HeaderBlock,
  client: UpgradeClient,
  peer: Peer,
  deps: UpgradeDownstreamDeps,
): Promise<void> {
  const { duplex } = client;
  let abort = (): void => void duplex.destroy();
  const call = new UpgradeCall(deps.context(), peer, head, () => abort());
  duplex.once('close', () => call.left());
  const outcome = await proxyUpgrade(client, {
    clock: deps.clock,
    random: deps.random,
    heads: deps.headCache,
    connectAttemptsMax,
    opened: (goAway) => {
      abort = () => goAway(drainingError(true));
    },
    choose: () => new Promise((resolve) => call.choose((choice) => resolve(upgradeChoice(choice)))),
    errorReply: (error) => call.errorReply(error),
  });
  call.ended(outcome);
}

function upgradeChoice(choice: Chosen): UpgradeChoice {
  if (choice.kind !== 'endpoint') return choice;
  const { endpoint, openStream, streamFailure, ...chosen } = choice.chosen;
  const http2 = openStream === null ? null : { open: openStream, failureOf: streamFailure };
  return { kind: 'endpoint', target: { ...chosen, address: endpoint.target, dial: endpoint.dial, http2 } };
}
