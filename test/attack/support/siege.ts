import { setTimeout as sleep } from 'node:timers/promises';
import { connectPeer, type PeerOptions, type RawPeer } from './raw-peer.ts';

/** How the connections of a siege ended. */
export interface Siege {
  readonly connections: number;
  /** Connections that were told GOAWAY with ENHANCE_YOUR_CALM. */
  readonly calmed: number;
  /** Connections that the sidecar closed. */
  readonly closed: number;
}

/** Between the connections of one attacker. */
const pauseMs = 5;

/**
 * Attackers that come back: `parallel` connections at a time, each with one `attack`, and the next one when it is over, until
 * the time is over or `connectionsMax` have been used.
 */
export async function siege(
  target: string,
  { parallel = 2, forMs = 1000, connectionsMax = 500, ...options }: SiegeOptions,
  attack: (peer: RawPeer, leftMs: number) => Promise<void>,
): Promise<Siege> {
  const untilMs = performance.now() + forMs;
  const result = { connections: 0, calmed: 0, closed: 0 };
  const attacker = async (): Promise<void> => {
    while (performance.now() < untilMs && result.connections < connectionsMax) {
      result.connections++;
      const peer = await connectPeer(target, options);
      // The last one has the time to be stopped, too.
      await attack(peer, Math.max(500, untilMs - performance.now()));
      await lastWords(peer);
      if (process.env.ATTACK_FACTS && peer.goawayCode !== 0xb)
        console.log('        not calmed:', peer.goawayCode, peer.goawayText, peer.closed, peer.counts.join());
      if (peer.goawayCode === 0xb) result.calmed++;
      if (peer.closed) result.closed++;
      peer.destroy();
      await sleep(pauseMs);
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
  for (let i = 0; i < 200 && !peer.closed; i++) await sleep(5);
}
