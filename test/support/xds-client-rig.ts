import { VirtualClock } from '../../src/core/clock.ts';
import type { Logger } from '../../src/core/logger.ts';
import { SeededRandom } from '../../src/core/random.ts';
import type { Result } from '../../src/core/result.ts';
import type { JsonObject } from '../../src/reflection/json.ts';
import { RawMessage } from '../../src/reflection/raw-message.ts';
import { AdsClient } from '../../src/xds/client/ads-client.ts';
import type {
  AdsDeps,
  AdsSettings,
  AdsStream,
  AdsStreamHandlers,
  ResourceUpdate,
} from '../../src/xds/client/interface.ts';
import type { ResourceKind, ResourceProblem } from '../../src/xds/resource.ts';
import { ControlPlane, type ControlPlaneStream } from './xds-control-plane.ts';
import { deltaResponse, type SentResource, sotwResponse } from './xds-messages.ts';

export const adsSettings: AdsSettings = {
  server: '127.0.0.1:18000',
  delta: false,
  node: { id: 'test', cluster: '', locality: { region: '', zone: '', subZone: '' }, metadata: {} },
  userAgentVersion: '0.0.0',
  tls: null,
};

/** Resources of these tests are a name and a text; `undecodable` is one that the codec refuses. */
export function decodeText(
  _kind: ResourceKind,
  _typeUrl: string,
  bytes: Buffer,
): Result<{ name: string; message: JsonObject }> {
  const message = new RawMessage(bytes);
  const text = message.text(2);
  if (text === 'undecodable') return { error: 'the bytes are not a valid text' };
  return { value: { name: message.text(1), message: { text } } };
}

/** Whoever judges: applies every text but those that begin with `bad`, and notes all updates. */
export class TextJudge {
  readonly updates: ResourceUpdate[] = [];
  readonly applied = new Map<ResourceKind, Map<string, string>>();
  /** Called for each update, before it is judged. */
  onUpdate: (update: ResourceUpdate) => void = () => {};

  of(kind: ResourceKind): Record<string, string> {
    return Object.fromEntries(this.applied.get(kind) ?? []);
  }

  readonly judge = (update: ResourceUpdate): ResourceProblem[] => {
    this.updates.push(update);
    this.onUpdate(update);
    const texts = this.applied.get(update.kind) ?? new Map<string, string>();
    this.applied.set(update.kind, texts);
    const problems: ResourceProblem[] = [];
    for (const name of update.removed) texts.delete(name);
    for (const { kind, name, message } of update.changed) {
      const text = String(message.text);
      if (text.startsWith('bad')) problems.push({ kind, name, path: 'text', message: `is ${text}` });
      else texts.set(name, text);
    }
    return problems;
  };
}

/** A stream in memory whose messages wait until they are delivered, in either direction. */
export class MemoryStream implements AdsStream {
  readonly toClient: Buffer[] = [];
  readonly toServer: Buffer[] = [];
  readonly handlers: AdsStreamHandlers;
  paused = false;
  closed = false;
  private readonly server: ControlPlaneStream;

  constructor(plane: ControlPlane, handlers: AdsStreamHandlers) {
    this.handlers = handlers;
    this.server = plane.open((message) => this.toClient.push(message));
  }

  send(message: Buffer): void {
    if (this.closed) throw new Error('sent on a stream that is closed');
    this.toServer.push(message);
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  close(): void {
    this.closed = true;
    this.server.close();
  }

  /** The control plane resets the stream; what is under way is lost. */
  reset(reason: string): void {
    this.server.close();
    this.handlers.ended(reason);
  }

  /** Delivers one message; false if none waits. */
  deliver(direction: 'client' | 'server'): boolean {
    if (this.closed || (direction === 'client' && this.paused)) return false;
    const message = direction === 'client' ? this.toClient.shift() : this.toServer.shift();
    if (message === undefined) return false;
    if (direction === 'client') this.handlers.received(message);
    else this.server.receive(message);
    return true;
  }
}

/** A client over streams in memory and virtual time. */
export class ClientRig {
  readonly clock = new VirtualClock();
  readonly judge = new TextJudge();
  readonly plane: ControlPlane;
  readonly streams: MemoryStream[] = [];
  readonly warnings: string[] = [];
  readonly client: AdsClient;
  /** Whether a connection is up at once; otherwise it fails, or waits without an end. */
  reachable: boolean | 'never' = true;

  constructor(
    delta: boolean,
    options: { seed?: number; plane?: ControlPlane; deps?: Partial<AdsDeps> } = {},
  ) {
    this.plane = options.plane ?? new ControlPlane(delta);
    const note = (message: string, facts?: object): void => {
      this.warnings.push(`${message} ${JSON.stringify(facts)}`);
    };
    const logger: Logger = { debug() {}, info() {}, warn: note, error: note };
    this.client = new AdsClient(
      { ...adsSettings, delta },
      {
        clock: this.clock,
        random: new SeededRandom(options.seed ?? 1),
        logger,
        openStream: (_, handlers) => this.openStream(handlers),
        decode: decodeText,
        judge: this.judge.judge,
        ...options.deps,
      },
    );
  }

  get stream(): MemoryStream {
    return this.streams[this.streams.length - 1];
  }

  /** Delivers all messages in both directions, until none is left; time stands still. */
  settle(): void {
    const { stream } = this;
    if (stream === undefined) return;
    for (let i = 0; stream.deliver('server') || stream.deliver('client'); i++)
      if (i > 100_000) throw new Error('the two never come to rest');
  }

  /** Lets waits of the client end, and delivers what follows. */
  settleWithin(ms: number): void {
    const stepMs = 100;
    for (let at = 0; at < ms; at += stepMs) {
      this.settle();
      this.clock.advance(stepMs);
    }
    this.settle();
  }

  /** A response as this variant of the protocol has it. */
  responseOf(typeUrl: string, resources: readonly SentResource[]): Buffer {
    const response = { typeUrl, version: '99', nonce: 'n', resources };
    return this.plane.delta ? deltaResponse(response) : sotwResponse(response);
  }

  private openStream(handlers: AdsStreamHandlers): AdsStream {
    const stream = new MemoryStream(this.plane, handlers);
    this.streams.push(stream);
    if (this.reachable === 'never') stream.pause();
    else if (this.reachable) this.clock.after(0, () => handlers.opened());
    else
      this.clock.after(0, () => {
        stream.close();
        handlers.ended('UNAVAILABLE: connection refused');
      });
    return stream;
  }
}
