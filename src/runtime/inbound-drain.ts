import type { InboundDrainPhase, UndrainOutcome } from '../admin/deps.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { NetworkListener } from '../listeners/network-listener.ts';
import type { DrainSettings } from './lifecycle.ts';

/** An inbound listener as its drain sees it. */
type InboundListener = Pick<NetworkListener, 'announceShutdown' | 'resume'>;

export interface InboundDrainDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly listeners: () => readonly InboundListener[];
  readonly settings: () => Pick<DrainSettings, 'delayMs' | 'goawayDelayMs'>;
}

/**
 * Moves the clients of the inbound listeners to another connection while every call is still served: the first step when a pod ends.
 * A native sidecar gets SIGTERM only after the service has ended, too late to tell the clients of the service.
 *
 *     announcing ──delay, GOAWAY again──▶ announced
 *         └───────────undrain──────────────┴──▶ null
 */
export class InboundDrain {
  /** Null where nothing was asked for. */
  phase: InboundDrainPhase | null = null;
  private timer: Timer | null = null;
  private readonly deps: InboundDrainDeps;

  constructor(deps: InboundDrainDeps) {
    this.deps = deps;
  }

  /** Makes readiness fail, and asks the clients to take their next calls on another connection. Asked for again, it does nothing. */
  begin(): void {
    if (this.phase !== null) return;
    const { clock, logger } = this.deps;
    const { delayMs, goawayDelayMs } = this.deps.settings();
    this.phase = 'announcing';
    logger.info('draining the inbound listeners', { delayMs });
    this.announce();
    this.timer = clock.after(delayMs, () => {
      // Clients that connected before they knew that this pod ends.
      this.announce();
      this.timer = clock.after(goawayDelayMs, () => {
        this.timer = null;
        this.phase = 'announced';
        logger.info('the inbound listeners are drained: they still serve, until the process stops');
      });
    });
  }

  cancel(): UndrainOutcome {
    if (this.phase === null) return 'not_draining';
    this.end();
    for (const listener of this.deps.listeners()) listener.resume();
    this.deps.logger.info('the drain of the inbound listeners was cancelled');
    return 'undrained';
  }

  /** The whole sidecar drains now, or closes. */
  end(): void {
    this.timer?.cancel();
    this.timer = null;
    this.phase = null;
  }

  private announce(): void {
    const { goawayDelayMs } = this.deps.settings();
    for (const listener of this.deps.listeners()) listener.announceShutdown(goawayDelayMs);
  }
}
