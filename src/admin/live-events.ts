import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../core/clock.ts';

export const liveIntervalMs = 1_000;
export const liveClientsMax = 16;
/** A reader this many snapshots behind is gone or stuck: it is disconnected and may connect again. */
export const liveSkipsMax = 15;

interface LiveClient {
  readonly response: ServerResponse;
  /** Whether its reader may still read, by the credentials of now. */
  readonly isAllowed: () => boolean;
  /** Snapshots left out in a row because earlier ones have not been read. */
  skipped: number;
}

/**
 * Server-sent events: each reader gets the history once and a snapshot every second. The snapshot is made and encoded
 * once for all of them, and not at all while there is none. A slow reader misses snapshots rather than piling them up.
 */
export class LiveEvents {
  private readonly clock: Clock;
  private readonly snapshot: () => unknown;
  private readonly history: () => unknown;
  private readonly clients = new Set<LiveClient>();
  private timer: Timer | undefined;

  constructor(clock: Clock, snapshot: () => unknown, history: () => unknown) {
    this.clock = clock;
    this.snapshot = snapshot;
    this.history = history;
  }

  /** As many readers as may be: `add` must not be called. */
  get full(): boolean {
    return this.clients.size >= liveClientsMax;
  }

  /** Adds a reader whose response head has been written; `isAllowed` is asked again by `recheck`. */
  add(response: ServerResponse, isAllowed: () => boolean = () => true): void {
    const client = { response, isAllowed, skipped: 0 };
    this.clients.add(client);
    response.on('close', () => this.remove(client));
    response.write(`retry: 1000\n\n${event('history', this.history)}${event('snapshot', this.snapshot)}`);
    this.timer ??= this.clock.after(liveIntervalMs, () => this.tick());
  }

  /** Ends the streams of readers that the credentials of now no longer let in. */
  recheck(): void {
    for (const client of this.clients) {
      if (client.isAllowed()) continue;
      this.remove(client);
      client.response.end();
    }
  }

  close(): void {
    for (const client of this.clients) client.response.end();
    this.clients.clear();
    this.stop();
  }

  private tick(): void {
    this.timer = this.clock.after(liveIntervalMs, () => this.tick());
    const text = event('snapshot', this.snapshot);
    for (const client of this.clients) {
      if (!client.response.writableNeedDrain) {
        client.skipped = 0;
        client.response.write(text);
      } else if (++client.skipped > liveSkipsMax) {
        client.response.destroy();
      }
    }
  }

  private remove(client: LiveClient): void {
    this.clients.delete(client);
    if (this.clients.size === 0) this.stop();
  }

  private stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }
}

/** JSON has no raw newline, so one `data:` line holds it. What cannot be made is said in its place. */
function event(name: string, make: () => unknown): string {
  try {
    return `event: ${name}\ndata: ${JSON.stringify(make())}\n\n`;
  } catch (error) {
    return `event: trouble\ndata: ${JSON.stringify({ message: String(error) })}\n\n`;
  }
}
