import type { Environment } from '../../config/environment.ts';
import { type Clock, systemClock, type Timer } from '../../core/clock.ts';
import { type Child, startChild } from './children.ts';
import { type DemoReplica, replicaBack, replicaGone } from './report.ts';

const replicaSettings = [
  { name: 'a', weight: 1, serviceMs: 2 },
  { name: 'b', weight: 2, serviceMs: 2 },
  { name: 'c', weight: 1, serviceMs: 30 },
] as const;
type ReplicaSettings = (typeof replicaSettings)[number];

export interface FleetOptions {
  /** What the processes inherit. */
  readonly env: Environment;
  /** Hears of replicas that end and come back, a line each. */
  readonly print: (line: string) => void;
  /** From the end of a replica to its restart, milliseconds. */
  readonly restartAfterMs: number;
  readonly clock?: Clock;
}

/**
 * The three replicas, each a process. One that ends is started again on the same port, so that its recovery can be seen
 * as well as its failure.
 */
export class Fleet {
  /** As the demo shows them; the PIDs are those of the first start. */
  readonly replicas: readonly DemoReplica[];
  /** How often a replica ended that nobody asked to. */
  lost = 0;
  private readonly options: FleetOptions;
  private readonly clock: Clock;
  private readonly children = new Set<Child>();
  private readonly restarts = new Set<Timer>();
  private ending = false;

  /** Resolves once all of them listen; rejects, with nothing left running, where one does not. */
  static async start(options: FleetOptions): Promise<Fleet> {
    const fleet = new Fleet(options);
    try {
      const started = await Promise.allSettled(replicaSettings.map((settings) => fleet.launch(settings, 0)));
      const replicas = started.map((result) => {
        if (result.status === 'rejected') throw result.reason;
        return result.value;
      });
      return Object.assign(fleet, { replicas });
    } catch (error) {
      await fleet.end();
      throw error;
    }
  }

  private constructor(options: FleetOptions) {
    this.options = options;
    this.clock = options.clock ?? systemClock;
    this.replicas = [];
  }

  /** Ends them all, for good. */
  async end(): Promise<void> {
    this.ending = true;
    for (const timer of this.restarts) timer.cancel();
    await Promise.all([...this.children].map((child) => child.end()));
  }

  /** Starts a replica on a port, 0 for any; resolves once it listens. */
  private launch(settings: ReplicaSettings, port: number): Promise<DemoReplica> {
    const { name, weight, serviceMs } = settings;
    return new Promise((resolve, reject) => {
      let boundPort = 0;
      const child = startChild(
        { role: 'replica', replica: { name, serviceMs, port } },
        this.options.env,
        (message) => {
          if (message.kind !== 'listening') return;
          boundPort = message.port;
          resolve({ name, weight, serviceMs, address: `127.0.0.1:${boundPort}`, pid: child.pid });
        },
        (how) => {
          this.children.delete(child);
          if (boundPort === 0) reject(new Error(`replica ${name} did not start: ${how}`));
          else this.lose(settings, boundPort, how);
        },
      );
      this.children.add(child);
    });
  }

  private lose(settings: ReplicaSettings, port: number, how: string): void {
    this.lost++;
    this.options.print(replicaGone(settings.name, how, this.options.restartAfterMs));
    this.restartLater(settings, port);
  }

  private restartLater(settings: ReplicaSettings, port: number): void {
    const timer = this.clock.after(this.options.restartAfterMs, () => {
      this.restarts.delete(timer);
      this.launch(settings, port).then(
        ({ pid }) => this.options.print(replicaBack(settings.name, pid)),
        // Another process has taken the port: it may give it back.
        () => {
          if (!this.ending) this.restartLater(settings, port);
        },
      );
    });
    this.restarts.add(timer);
  }
}
