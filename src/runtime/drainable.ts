import type { AdminServer } from '../admin/server.ts';
import type { Address } from '../core/address.ts';
import type { NetworkListener } from '../listeners/network-listener.ts';
import { portSharers } from '../listeners/port-sharers.ts';
import type { ListenerParts } from './build-listener.ts';
import { type Drainable, type DrainTarget, type HandOverControl, waitWhile } from './lifecycle.ts';
import { type AppState, activeCalls, endedCalls, everyCluster, everyListener } from './parts.ts';

/** The admin server as a drain sees it. */
type ClosableAdmin = Pick<AdminServer, 'address' | 'close'>;

/** The sidecar as its drain sees it. */
export function drainableOf(parts: AppState, admin: () => ClosableAdmin | null): Drainable {
  return new SidecarDrain(parts, admin);
}

/** Some listeners as a drain sees them: all at the end of the process, one that a reload takes away. */
export class ListenersDrain implements DrainTarget {
  private readonly listeners: () => readonly ListenerParts[];

  constructor(listeners: () => readonly ListenerParts[]) {
    this.listeners = listeners;
  }

  async stopAccepting(): Promise<void> {
    await Promise.all(
      this.listeners().map(async ({ listener, passthrough }) => {
        await listener.stopAccepting();
        passthrough?.drain();
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

  abortCalls(): number {
    let cut = 0;
    for (const { context, passthrough } of this.listeners()) {
      cut += context.calls.abortAll() + (passthrough?.connections ?? 0);
      passthrough?.close();
    }
    return cut;
  }
}

class SidecarDrain extends ListenersDrain implements Drainable {
  private readonly parts: AppState;
  private readonly admin: () => ClosableAdmin | null;

  constructor(parts: AppState, admin: () => ClosableAdmin | null) {
    super(() => everyListener(parts));
    this.parts = parts;
    this.admin = admin;
  }

  announce(goawayDelayMs: number): void {
    for (const { listener } of everyListener(this.parts)) listener.announceShutdown(goawayDelayMs);
  }

  resume(): void {
    for (const { listener } of everyListener(this.parts)) listener.resume();
  }

  async handOver(control: HandOverControl): Promise<boolean> {
    const { running, deps } = this.parts;
    const { handoverMs } = running.config.drain;
    if (handoverMs === undefined) return false;
    const { clock, logger } = deps;
    deps.logger.info('waiting for a successor', { handoverMs });
    const endMs = clock.now() + handoverMs;
    control.acceptsUntil(endMs);
    const alone = (): boolean => running.listeners.some(({ listener }) => !hasSuccessor(listener));
    await waitWhile(() => alone() && !control.over, clock, endMs);
    if (control.over) return false;
    const admin = this.admin();
    if (!alone() && admin !== null) {
      control.commit();
      // Who has the admin address is the one that stays. A successor that has waited too long for it goes again, perhaps in
      // this moment: only one that takes it has come for good, and nobody else is to be left without a listener.
      await admin.close();
      const untaken = (): boolean => !anyPort(running.config.admin.listen) && isFree(admin.address);
      await waitWhile(() => (untaken() || alone()) && !control.over, clock, endMs);
    }
    if (alone()) {
      logger.warn('no successor took over: shutting down without a handover', { handoverMs });
      return false;
    }
    logger.info('the successor is listening: clients move to it');
    return true;
  }

  async close(): Promise<void> {
    this.parts.inboundDrain.end();
    for (const { listener } of everyListener(this.parts)) listener.close();
    for (const cluster of everyCluster(this.parts)) {
      cluster.stop();
      cluster.close();
    }
    this.parts.memory.stop();
    this.parts.balance.stop();
    await this.parts.telemetry.shutdown();
    await this.admin()?.close();
  }
}

/** Each process gets a port of its own. */
function anyPort(address: Address): boolean {
  return address.kind === 'tcp' && address.port === 0;
}

/** Nobody listens there; false where the system does not report it. */
function isFree(address: Address): boolean {
  return portSharers(address) === 0;
}

/** A socket file cannot be shared, so it has none to wait for; where the system does not report it, the whole time is waited. */
function hasSuccessor({ address, settings: { shared, protocol } }: NetworkListener): boolean {
  return !shared || (portSharers(address, protocol === 'udp' ? 'udp' : 'tcp') ?? 1) > 1;
}
