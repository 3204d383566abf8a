import { connectPeer, type PeerOptions, type RawPeer } from './raw-peer.ts';

/** How the connections of a siege ended. */
export interface Siege {
  readonly connections: number;
  /** Connections that were told GOAWAY with ENHANCE_YOUR_CALM. */
  readonly calmed: number;
  /** Connections that the sidecar closed. */
  readonly closed: number;
}

/**
 * Attackers that come back: `parallel` connections at a time, each with one `attack`, and the next one when it is over, until
 * the time is over or `connectionsMax` have been used.
 */
export async function siege(
  target: string,
  { parallel = 2, forMs = 1500, connectionsMax = 200, ...options }: SiegeOptions,
  attack: (peer: RawPeer, leftMs: number) => Promise<void>,
): Promise<Siege> {
  const untilMs = performance.now() + forMs;
  const result = { connections: 0, calmed: 0, closed: 0 };
  const attacker = async (): Promise<void> => {
    while (performance.now() < untilMs && result.connections < connectionsMax) {
      result.connections++;
      const peer = await connectPeer(target, options);
      await attack(peer, untilMs - performance.now());
      await lastWords(peer);
      if (peer.goawayCode === 0xb) result.calmed++;
      if (peer.closed) result.closed++;
      peer.destroy();
    }
  };
  await Promise.all(Array.from({ length: parallel }, attacker));
  return result;
}

export interface SiegeOptions extends PeerOptions {
  readonly parallel?: number;
  readonly forMs?: number;
  readonly connectionsMax?: number;
}

/** Waits for the other side to close, if it is about to. */
async function lastWords(peer: RawPeer): Promise<void> {
  for (let i = 0; i < 20 && !peer.closed; i++) await new Promise((resolve) => setTimeout(resolve, 5));
}
