import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../core/clock.ts';

export const liveIntervalMs = 1_000;
export const liveClientsMax = 16;
/** A reader this many snapshots behind is gone or stuck: its stream ends, and it may connect again. */
export const liveSkipsMax = 15;
/** Snapshots after which a stream that has ended, and whose reader takes nothing, is cut off. */
export const liveEndingTicksMax = 5;

/** A part of what readers see, sent as an event of this name when it has changed. */
export interface LiveSection {
  readonly name: string;
  readonly make: () => unknown;
  /** Without it, the section is made every `liveIntervalMs`. */
  readonly pace?: LivePace;
}

/** When sections are made again that are large, or that cost a page much to show. */
export interface LivePace {
  /** Milliseconds from one making to the next, and what must not wait that long: with another `urgency` they are made at once. */
  read(): { readonly everyMs: number; readonly urgency: string };
}

interface LiveClient {
  readonly response: ServerResponse;
  /** Whether its reader may still read, by the credentials of now. */
  readonly isAllowed: () => boolean;
  /** Of each section, the version that was sent. */
  readonly sent: number[];
  /** Consecutive snapshots left out because earlier ones have not been read. */
  skipped: number;
}

/** A section as it was made last. */
interface Made {
  readonly section: LiveSection;
  text: string;
  version: number;
}

/** When the sections of a pace were made last, and with which urgency. */
interface Paced {
  madeAtMs: number;
  urgency: string;
}

/**
 * Server-sent events: each reader gets the history and every section once, and later, by its pace, each section that has changed. They
 * are made and encoded once for all readers, and not at all while there is none: a reader more costs only its bytes. A slow reader
 * misses snapshots, so that they do not pile up, and its stream ends in the end, with the reason as the last event.
 */
export class LiveEvents {
  private readonly clock: Clock;
  private readonly made: readonly Made[];
  private readonly paces = new Map<LivePace, Paced>();
  private readonly history: () => unknown;
  private readonly clients = new Set<LiveClient>();
  /** Of the history, until the next tick. */
  private historyText = '';
  private timer: Timer | undefined;

  constructor(clock: Clock, sections: readonly LiveSection[], history: () => unknown) {
    this.clock = clock;
    this.made = sections.map((section) => ({ section, text: '', version: 0 }));
    for (const { pace } of sections)
      if (pace !== undefined) this.paces.set(pace, { madeAtMs: Number.NEGATIVE_INFINITY, urgency: '' });
    this.history = history;
  }

  /** As many readers as may be: `add` must not be called. */
  get full(): boolean {
    return this.clients.size >= liveClientsMax;
  }

  /** Adds a reader whose response head has been written; `isAllowed` is asked again by `recheck`. */
  add(response: ServerResponse, isAllowed: () => boolean = () => true): void {
    // Others may connect within the same second: they get what was made for the first.
    if (this.timer === undefined) {
      this.makeSections();
      this.timer = this.clock.after(liveIntervalMs, () => this.tick());
    }
    if (this.historyText === '') this.historyText = event('history', this.history);
    const client: LiveClient = { response, isAllowed, sent: [], skipped: 0 };
    this.clients.add(client);
    response.on('close', () => this.remove(client));
    response.write(`retry: 1000\n\n${this.historyText}${this.newsFor(client)}`);
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
    this.historyText = '';
    this.makeSections();
    for (const client of this.clients) {
      if (client.response.writableNeedDrain || client.skipped > liveSkipsMax) this.skip(client);
      else {
        client.skipped = 0;
        client.response.write(this.newsFor(client));
      }
    }
  }

  /** The last event says why, for a reader that only was slow; one that takes nothing at all is cut off. */
  private skip(client: LiveClient): void {
    const { response } = client;
    client.skipped++;
    if (client.skipped === liveSkipsMax + 1)
      response.end(event('closing', () => ({ reason: 'the reader is too slow' })));
    else if (client.skipped > liveSkipsMax + liveEndingTicksMax) response.destroy();
  }

  private makeSections(): void {
    const nowMs = this.clock.now();
    const due = new Set<LivePace>();
    for (const [pace, paced] of this.paces) if (isDue(pace, paced, nowMs)) due.add(pace);
    for (const one of this.made) {
      const { pace } = one.section;
      if (pace !== undefined && !due.has(pace)) continue;
      const text = event(one.section.name, one.section.make);
      if (text === one.text) continue;
      one.text = text;
      one.version++;
    }
  }

  /** The sections that the reader does not have yet. */
  private newsFor({ sent }: LiveClient): string {
    let news = '';
    for (const [i, { text, version }] of this.made.entries()) {
      if (sent[i] === version) continue;
      sent[i] = version;
      news += text;
    }
    return news;
  }

  private remove(client: LiveClient): void {
    this.clients.delete(client);
    if (this.clients.size === 0) this.stop();
  }

  private stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.historyText = '';
  }
}

/** Whether the sections of a pace are to be made now, which is remembered. Ticks may come a little early. */
function isDue(pace: LivePace, paced: Paced, nowMs: number): boolean {
  try {
    const { everyMs, urgency } = pace.read();
    if (nowMs - paced.madeAtMs < everyMs - liveIntervalMs / 2 && urgency === paced.urgency) return false;
    paced.urgency = urgency;
  } catch {
    // The sections say what is wrong.
  }
  paced.madeAtMs = nowMs;
  return true;
}

/** JSON has no raw newline, so one `data:` line holds it. What cannot be made is said in its place. */
function event(name: string, make: () => unknown): string {
  try {
    return `event: ${name}\ndata: ${JSON.stringify(make())}\n\n`;
  } catch (error) {
    return `event: trouble\ndata: ${JSON.stringify({ message: String(error) })}\n\n`;
  }
}
