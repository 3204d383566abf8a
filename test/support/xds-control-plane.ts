import { type ResourceKind, resourceKinds } from '../../src/xds/resource.ts';
import { kindOf, typeUrls } from '../../src/xds/type-urls.ts';
import {
  deltaResponse,
  type ReceivedRequest,
  readDeltaRequest,
  readSotwRequest,
  type SentResource,
  sotwResponse,
} from './xds-messages.ts';

/** What a control plane serves of one kind. */
interface Served {
  readonly bodies: Map<string, { readonly body: string | Buffer; readonly version: string }>;
  version: number;
}

/** A response with the answer that it got. */
export interface SentWithAnswer {
  readonly kind: ResourceKind;
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly SentResource[];
  answer: ReceivedRequest | null;
}

/**
 * A control plane as a model without I/O: it serves named texts of each kind, in the state of the world or with delta, pushes what
 * changes to all of its streams, and notes every request. It follows the xDS protocol by itself and shares no code with the client.
 */
export class ControlPlane {
  readonly delta: boolean;
  readonly requests: ReceivedRequest[] = [];
  readonly responses: SentWithAnswer[] = [];
  readonly streams = new Set<ControlPlaneStream>();
  private readonly served: ReadonlyMap<ResourceKind, Served>;
  private nonces = 0;

  constructor(delta: boolean) {
    this.delta = delta;
    this.served = new Map(resourceKinds.map((kind) => [kind, { bodies: new Map(), version: 1 }]));
  }

  /** Opens a stream; `send` gets its responses. */
  open(send: (message: Buffer) => void): ControlPlaneStream {
    const stream = this.delta ? new DeltaServerStream(this, send) : new SotwServerStream(this, send);
    this.streams.add(stream);
    return stream;
  }

  of(kind: ResourceKind): Served {
    return this.served.get(kind) as Served;
  }

  /** Serves these texts, or removes those that are null, and pushes. */
  serve(kind: ResourceKind, bodies: Readonly<Record<string, string | Buffer | null>>): void {
    const served = this.of(kind);
    const version = String(++served.version);
    for (const [name, body] of Object.entries(bodies))
      if (body === null) served.bodies.delete(name);
      else served.bodies.set(name, { body, version });
    for (const stream of this.streams) stream.push(kind);
  }

  /** Goes back to an earlier version with other contents, as after a restart from an old snapshot. */
  rewind(kind: ResourceKind, version: number, bodies: Readonly<Record<string, string>>): void {
    const served = this.of(kind);
    served.version = version;
    served.bodies.clear();
    for (const [name, body] of Object.entries(bodies))
      served.bodies.set(name, { body, version: String(version) });
    for (const stream of this.streams) stream.push(kind);
  }

  answersOf(kind: ResourceKind): Array<ReceivedRequest | null> {
    return this.responses.filter((response) => response.kind === kind).map(({ answer }) => answer);
  }

  nonce(): string {
    return `nonce-${++this.nonces}`;
  }
}

/** The end of a stream at the control plane. */
export interface ControlPlaneStream {
  receive(message: Buffer): void;
  push(kind: ResourceKind): void;
  close(): void;
}

abstract class ServerStream implements ControlPlaneStream {
  protected readonly plane: ControlPlane;
  private readonly deliver: (message: Buffer) => void;

  constructor(plane: ControlPlane, deliver: (message: Buffer) => void) {
    this.plane = plane;
    this.deliver = deliver;
  }

  receive(message: Buffer): void {
    const request = this.plane.delta ? readDeltaRequest(message) : readSotwRequest(message);
    this.plane.requests.push(request);
    const kind = kindOf(request.typeUrl);
    if (kind === undefined) throw new Error(`the client requested ${request.typeUrl}`);
    const answered = this.plane.responses.find(({ nonce }) => nonce === request.nonce);
    if (answered !== undefined) answered.answer ??= request;
    this.requested(kind, request);
  }

  abstract push(kind: ResourceKind): void;
  protected abstract requested(kind: ResourceKind, request: ReceivedRequest): void;

  close(): void {
    this.plane.streams.delete(this);
  }

  protected respond(kind: ResourceKind, resources: SentResource[], removed: readonly string[]): string {
    const nonce = this.plane.nonce();
    const version = String(this.plane.of(kind).version);
    const response = { typeUrl: typeUrls[kind], version, nonce, resources, removed };
    this.plane.responses.push({ kind, version, nonce, resources, answer: null });
    this.deliver(this.plane.delta ? deltaResponse(response) : sotwResponse(response));
    return nonce;
  }
}

class SotwServerStream extends ServerStream {
  private readonly known = new Map<
    ResourceKind,
    { names: readonly string[]; all: boolean; nonce: string; version: string }
  >();

  protected requested(kind: ResourceKind, request: ReceivedRequest): void {
    const { names } = request;
    const before = this.known.get(kind);
    if (before === undefined) {
      const all = names.length === 0 || names.includes('*');
      this.known.set(kind, { names, all, nonce: '', version: request.version });
      return this.push(kind);
    }
    // An answer to a response that another one has replaced.
    if (request.nonce !== before.nonce) return;
    const isMore = names.some((name) => !before.names.includes(name));
    const all = names.includes('*') || (names.length === 0 && before.all);
    this.known.set(kind, { ...before, names, all, version: isMore ? '' : before.version });
    this.push(kind);
  }

  push(kind: ResourceKind): void {
    const known = this.known.get(kind);
    const { bodies, version } = this.plane.of(kind);
    if (known === undefined || known.version === String(version)) return;
    if (!known.all && known.names.length === 0) return;
    const resources = [...bodies]
      .filter(([name]) => known.all || known.names.includes(name))
      .map(([name, { body }]) => ({ name, body }));
    const nonce = this.respond(kind, resources, []);
    this.known.set(kind, { ...known, nonce, version: String(version) });
  }
}

class DeltaServerStream extends ServerStream {
  private readonly known = new Map<
    ResourceKind,
    { readonly names: Set<string>; all: boolean; readonly versions: Map<string, string> }
  >();

  protected requested(kind: ResourceKind, request: ReceivedRequest): void {
    const isFirst = !this.known.has(kind);
    const known = this.known.get(kind) ?? {
      names: new Set<string>(),
      all: false,
      versions: new Map(Object.entries(request.initialVersions)),
    };
    this.known.set(kind, known);
    if (isFirst) known.all = request.names.length === 0;
    for (const name of request.names)
      if (name === '*') known.all = true;
      else known.names.add(name);
    for (const name of request.unsubscribe)
      if (name === '*') known.all = false;
      else known.names.delete(name);
    for (const name of known.versions.keys())
      if (!known.all && !known.names.has(name)) known.versions.delete(name);
    this.push(kind);
  }

  push(kind: ResourceKind): void {
    const known = this.known.get(kind);
    if (known === undefined) return;
    const { bodies } = this.plane.of(kind);
    const resources: SentResource[] = [];
    for (const [name, { body, version }] of bodies) {
      if ((!known.all && !known.names.has(name)) || known.versions.get(name) === version) continue;
      resources.push({ name, version, body });
      known.versions.set(name, version);
    }
    const removed = [...known.versions.keys()].filter((name) => !bodies.has(name));
    for (const name of removed) known.versions.delete(name);
    if (resources.length + removed.length > 0) this.respond(kind, resources, removed);
  }
}
