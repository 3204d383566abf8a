import type { Clock, Timer } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import type { ApiServer } from './api-server.ts';
import { Backoff } from './backoff.ts';
import { Exchange, type ExchangeOwner } from './exchange.ts';
import { LineSplitter } from './line-splitter.ts';
import { type ListRequest, listPath, watchPath } from './paths.ts';
import { refusalOf } from './refusal.ts';
import { SliceSet } from './slice-set.ts';
import { parseListPage, parseWatchEvent, type WatchEvent } from './watch-event.ts';

/** What happens to the slices of a service. */
export interface ListWatchOwner {
  /** `slices` have changed, or were listed for the first time. */
  changed(): void;
  /** The server has just been heard, and nothing is wrong. */
  confirmed(): void;
  /** In one line; the slices stand as they are until it is over. */
  failed(message: string): void;
}

export interface ListWatchDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly api: ApiServer;
}

/** No byte of a list, or of the initial events of a watch list. */
const listIdleMs = 15_000;
/** The API server sends a bookmark about once a minute: after two that did not come the connection is not trusted any more. */
const watchIdleMs = 150_000;
/** A watch that was silent for this long is opened again when calls to endpoints fail. */
const refreshIdleMs = 15_000;
/** Watches are not opened more often, whatever the server does with them. */
const watchIntervalMinMs = 1000;
/** Of one page; a page has `slicesPerPage` slices. */
const listBytesMax = 32 << 20;
/** A server whose list expires again and again is in trouble. */
const relistIntervalMinMs = 5000;
/** Slices that cannot be used and are remembered. */
const malformedMax = 100;
/** A watch that lived this long and breaks is opened again at once: it is a failure only where that fails. */
const watchLifeMinMs = 10_000;
/** A watch that is open for this long works, though nothing happened in it yet. */
const confirmAfterMs = 1000;
/** Sidecars whose API server restarts do not all return at the same moment. */
const reopenSpreadMs = 500;
/** Statuses of servers that do not know watch lists, or whose etcd cannot serve them (500). */
const noWatchList = new Set([400, 405, 406, 415, 422, 500, 501]);

/**
 * Keeps the slices of a service as the API server has them: lists them, watches from there, and goes on where a watch ended.
 *
 * ```
 *            410 Gone, expired
 *   .---------------------------------.
 *   v                                 |
 * listing --- all there ---> watching +--- ended, silent ---> watching, from the latest version
 *   |                                 |
 *   '--- failed ---> waiting <--------'  failed: with increasing intervals, or as Retry-After says
 * ```
 *
 * A list is a watch that begins with every slice (`sendInitialEvents`) where the server knows that, and pages otherwise. Whatever
 * fails, `slices` stays as it was; a new list replaces it at once and as a whole.
 */
export class ListWatch {
  slices = new SliceSet();
  private readonly request: ListRequest;
  private readonly deps: ListWatchDeps;
  private readonly owner: ListWatchOwner;
  private readonly backoff: Backoff;
  private phase: 'new' | 'listing' | 'watching' | 'waiting' | 'stopped' = 'new';
  private exchange: Exchange | null = null;
  /** The next attempt. */
  private timer: Timer | null = null;
  /** Where the next watch goes on, '' to list again. */
  private version = '';
  private usesWatchLists = true;
  private listedMs = Number.NEGATIVE_INFINITY;
  private openedMs = Number.NEGATIVE_INFINITY;
  /** What is wrong with slices that cannot be used, by name. */
  private malformed = new Map<string, string>();
  private namespace = '';

  constructor(request: ListRequest, deps: ListWatchDeps, owner: ListWatchOwner) {
    this.request = request;
    this.deps = deps;
    this.owner = owner;
    this.backoff = new Backoff(deps.random);
  }

  start(): void {
    if (this.phase === 'new') this.list();
  }

  /** Calls to endpoints fail: a watch that has been silent may have missed why. */
  refresh(): void {
    if (this.phase !== 'watching' || this.exchange === null) return;
    const nowMs = this.deps.clock.now();
    if (nowMs - this.exchange.lastMs >= refreshIdleMs && nowMs - this.openedMs >= refreshIdleMs) this.watch();
  }

  stop(): void {
    this.phase = 'stopped';
    this.timer?.cancel();
    this.exchange?.close();
  }

  private list(): void {
    this.phase = 'listing';
    this.listedMs = this.deps.clock.now();
    this.malformed.clear();
    if (this.usesWatchLists) this.watchList();
    else this.listPage(new SliceSet(), '');
  }

  private watchList(): void {
    const found = new SliceSet();
    // The server may know no watch lists and take this for another watch, of which nobody knows where the list ends.
    const incomplete = (): void => {
      if (this.phase === 'listing') this.usesWatchLists = false;
    };
    this.open((namespace) => watchPath(namespace, this.request, this.deps.random, ''), listIdleMs, {
      data: this.eventReader(found),
      ended: () => {
        incomplete();
        this.ended();
      },
      refused: (status, body, retryAfter) => this.watchListRefused(status, body, retryAfter),
      failed: (error, hasBegun) => {
        if (hasBegun) incomplete();
        this.watchFailed(error);
      },
    });
  }

  private watchListRefused(status: number, body: string, retryAfter: string): void {
    if (!noWatchList.has(status)) return this.refused(status, body, retryAfter);
    this.usesWatchLists = false;
    this.list();
  }

  private listPage(found: SliceSet, next: string): void {
    const chunks: Buffer[] = [];
    let bytes = 0;
    this.open((namespace) => listPath(namespace, this.request, next), listIdleMs, {
      data: (chunk) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > listBytesMax) this.broken(`an answer of more than ${listBytesMax} bytes`);
      },
      ended: () => this.pageCame(found, Buffer.concat(chunks).toString()),
      refused: (status, body, retryAfter) => this.refused(status, body, retryAfter),
      failed: (error) => this.wait(`the API server cannot be used: ${error}`),
    });
  }

  private pageCame(found: SliceSet, text: string): void {
    const { value: page, error } = parseListPage(text);
    if (page === undefined) return this.broken(error);
    for (const slice of page.slices) this.note(slice.name, found.put(slice));
    for (const { name, error: wrong } of page.malformed) this.note(name, wrong);
    if (page.next !== '') return this.listPage(found, page.next);
    this.listed(found, page.version);
    this.watch();
  }

  private listed(found: SliceSet, version: string): void {
    this.phase = 'watching';
    for (const name of this.malformed.keys()) {
      const lastGood = this.slices.get(name);
      if (lastGood !== undefined) found.put(lastGood);
    }
    this.slices = found;
    this.version = version;
    this.owner.changed();
    this.confirm();
  }

  private watch(): void {
    if (this.phase === 'stopped') return;
    this.phase = 'watching';
    const { version } = this;
    this.open((namespace) => watchPath(namespace, this.request, this.deps.random, version), watchIdleMs, {
      begun: () => {
        this.timer = this.deps.clock.after(confirmAfterMs, () => this.confirm());
      },
      data: this.eventReader(this.slices),
      ended: () => this.ended(),
      refused: (status, body, retryAfter) => this.refused(status, body, retryAfter),
      failed: (error) => this.watchFailed(error),
    });
  }

  /** Applies the events of a reply, until one of them ends the exchange. */
  private eventReader(slices: SliceSet): (chunk: Buffer) => void {
    const lines = new LineSplitter();
    return (chunk) => {
      const { exchange } = this;
      const complete = lines.push(chunk);
      if (complete === null) return this.broken('an event that is too long');
      for (const line of complete) {
        if (this.exchange !== exchange || this.phase === 'stopped') return;
        const { value: event, error } = parseWatchEvent(line);
        if (event === undefined) return this.broken(error);
        if (event.kind === 'error') return this.refused(event.status, event.body, event.retryAfter);
        if (this.phase === 'watching') this.watched(event);
        else if (event.kind === 'bookmark' && event.isListed) {
          exchange?.setIdleTimeout(watchIdleMs);
          this.listed(slices, event.version);
        } else this.apply(slices, event);
      }
    };
  }

  private watched(event: Exclude<WatchEvent, { kind: 'error' }>): void {
    this.version = event.version;
    if (this.apply(this.slices, event)) this.owner.changed();
    this.confirm();
  }

  /** Gives true where slices changed. */
  private apply(slices: SliceSet, event: Exclude<WatchEvent, { kind: 'error' }>): boolean {
    switch (event.kind) {
      case 'put':
        this.note(event.slice.name, slices.put(event.slice));
        return true;
      case 'delete':
        this.note(event.name, '');
        slices.delete(event.name);
        return true;
      case 'malformed':
        this.note(event.name, event.error);
        return false;
      case 'bookmark':
        return false;
    }
  }

  /** Remembers what is wrong with a slice, '' for nothing. */
  private note(name: string, error: string): void {
    if (error === '') this.malformed.delete(name);
    else if (this.malformed.size < malformedMax) this.malformed.set(name, error);
  }

  /** The server works; what it said of one slice may be of no use all the same. */
  private confirm(): void {
    this.backoff.reset();
    const [malformed] = this.malformed.values();
    if (malformed === undefined) this.owner.confirmed();
    else this.owner.failed(`the API server sent what Outrigger cannot use: ${malformed}`);
  }

  /** A watch ends after some minutes as a rule; the next goes on where it ended. */
  private ended(): void {
    if (this.version === '') return this.wait('the API server ended the list early');
    const { clock } = this.deps;
    const waitMs = this.openedMs + watchIntervalMinMs - clock.now();
    this.again(Math.max(0, waitMs) * (1 + this.deps.random.next()));
  }

  private watchFailed(error: string): void {
    const livedMs = this.deps.clock.now() - this.openedMs;
    if (this.phase === 'watching' && livedMs >= watchLifeMinMs)
      this.again(reopenSpreadMs * this.deps.random.next());
    else this.wait(`the API server cannot be used: ${error}`);
  }

  private refused(status: number, body: string, retryAfter: string): void {
    if (status === 410) return this.expired();
    const { message, waitMs } = refusalOf(status, body, retryAfter, this.namespace);
    this.wait(message, waitMs);
  }

  /** The server has forgotten the version (410 Gone): everything is listed again. */
  private expired(): void {
    this.version = '';
    const isRepeated = this.deps.clock.now() - this.listedMs < relistIntervalMinMs;
    if (isRepeated) this.wait('the API server expires its list again and again (410 Gone)');
    else this.again(0);
  }

  private broken(error: string): void {
    this.wait(`the API server sent ${error}`);
  }

  private wait(message: string, atLeastMs = 0): void {
    this.again(this.backoff.next(atLeastMs));
    this.owner.failed(message);
  }

  private again(delayMs: number): void {
    if (this.phase === 'stopped') return;
    this.phase = 'waiting';
    this.exchange?.close();
    this.exchange = null;
    this.timer?.cancel();
    this.timer = this.deps.clock.after(delayMs, () => (this.version === '' ? this.list() : this.watch()));
  }

  private open(pathOf: (namespace: string) => string, idleMs: number, owner: ExchangeOwner): void {
    this.exchange?.close();
    this.openedMs = this.deps.clock.now();
    const path = (namespace: string): string => {
      this.namespace = namespace;
      return pathOf(namespace);
    };
    this.exchange = new Exchange(this.deps.api, this.deps.clock, path, idleMs, owner);
  }
}
