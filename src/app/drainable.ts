import type { AdminServer } from '../admin/server.ts';
import { type Drainable, type DrainTarget, waitWhile } from '../lifecycle.ts';
import type { Listener } from '../listeners/listener.ts';
import { portSharers } from '../listeners/port-sharers.ts';
import type { ListenerParts } from './build-listener.ts';
import { type AppParts, activeCalls, endedCalls, everyCluster, everyListener } from './parts.ts';

/** The sidecar as its drain sees it. */
export function drainableOf(parts: AppParts, admin: () => AdminServer | null): Drainable {
  return new SidecarDrain(parts, admin);
}

/** Some listeners as a drain sees them: all at the end of the process, one that a reload takes away. */
export class ListenersDrain implements DrainTarget {
  private readonly listeners: () => readonly ListenerParts[];

  constructor(listeners: () => readonly ListenerParts[]) {
    this.listeners = listeners;
  }

  async announce(): Promise<void> {
    await Promise.all(
      this.listeners().map(async ({ listener, tcp }) => {
        await listener.announceShutdown();
        tcp?.drain();
      }),
    );
  }

  refuse(): void {
    for (const { listener } of this.listeners()) listener.shutdown();
  }

  get connections(): number {
    return this.listeners().reduce((sum, { listener }) => sum + listener.connections, 0);
  }

  get activeCalls(): number {
    return activeCalls(this.listeners());
  }

  get endedCalls(): number {
    return endedCalls(this.listeners());
  }

  get undelivered(): number {
    return this.listeners().reduce((sum, { listener }) => sum + listener.undelivered, 0);
  }

  cut(): number {
    let cut = 0;
    for (const { context, tcp } of this.listeners()) {
      cut += context.calls.cutAll() + (tcp?.connections ?? 0);
      tcp?.close();
    }
    return cut;
  }
}

class SidecarDrain extends ListenersDrain implements Drainable {
  private readonly parts: AppParts;
  private readonly admin: () => AdminServer | null;

  constructor(parts: AppParts, admin: () => AdminServer | null) {
    super(() => everyListener(parts));
    this.parts = parts;
    this.admin = admin;
  }

  async handOver(): Promise<void> {
    const { running, deps } = this.parts;
    const { handoverMs } = running.config.drain;
    if (handoverMs === undefined) return;
    const { clock, logger } = deps;
    deps.logger.info('waiting for a successor', { handoverMs });
    const alone = (): boolean => running.listeners.some(({ listener }) => !hasSuccessor(listener));
    await waitWhile(alone, clock, clock.now() + handoverMs);
    if (alone()) return logger.warn('no successor came: going without', { handoverMs });
    logger.info('a successor is there: clients are sent over');
    // Its own admin server may be waiting for this address.
    await this.admin()?.close();
  }

  async close(): Promise<void> {
    for (const { listener } of everyListener(this.parts)) listener.close();
    for (const cluster of everyCluster(this.parts)) {
      cluster.stop();
      cluster.close();
    }
    this.parts.memory.stop();
    await this.parts.telemetry.shutdown();
    await this.admin()?.close();
  }
}

/** A socket file cannot be shared, so it has none to wait for; where nobody tells, the whole time is waited. */
function hasSuccessor({ address, settings }: Listener): boolean {
  return !settings.shared || (portSharers(address) ?? 1) > 1;
}
