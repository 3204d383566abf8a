import type { ApiServer, ReplyReceiver } from '../../../../src/discovery/kubernetes/api-server.ts';

/** One endpoint as a test writes it. */
export interface FakeEndpoint {
  readonly address: string;
  readonly ready?: boolean | null;
  readonly serving?: boolean | null;
  readonly terminating?: boolean | null;
  readonly zone?: string;
  readonly hints?: readonly string[];
}

export interface FakePort {
  readonly name?: string | null;
  readonly port?: number | null;
  readonly protocol?: string;
}

/** An EndpointSlice as the API server sends it, without a version. */
export function sliceObject(
  name: string,
  endpoints: readonly FakeEndpoint[],
  ports: readonly FakePort[] | null = [{ name: 'grpc', port: 50_051 }],
  addressType = 'IPv4',
) {
  return {
    metadata: { name, namespace: 'shop', labels: { 'kubernetes.io/service-name': 'orders' } },
    addressType,
    ports: ports?.map((port) => ({ protocol: 'TCP', ...port })) ?? null,
    endpoints: endpoints.map(({ address, ready, serving, terminating, zone, hints }) => ({
      addresses: [address],
      conditions: { ready, serving, terminating },
      zone,
      ...(hints && { hints: { forZones: hints.map((hint) => ({ name: hint })) } }),
    })),
  };
}

type SliceObject = ReturnType<typeof sliceObject>;

interface Event {
  readonly version: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: object;
}

export interface FakeRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly receiver: ReplyReceiver;
  open: boolean;
}

/** What the next requests get in place of an answer. */
export type Fault =
  | { readonly kind: 'down' }
  | { readonly kind: 'silent' }
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly body?: object | string;
      readonly retryAfter?: string;
    };

/** An API server in memory, with versions, watch lists, pages, bookmarks and compaction. It answers in a microtask. */
export class FakeApiServer implements ApiServer {
  readonly requests: FakeRequest[] = [];
  fault: Fault | null = null;
  knowsWatchLists = true;
  namespace = 'shop';
  pageSize = Number.POSITIVE_INFINITY;
  /** Splits what is sent into chunks. */
  chunk: (bytes: Buffer) => readonly Buffer[] = (bytes) => [bytes];
  private version = 1;
  private oldest = 0;
  private readonly slices = new Map<string, object>();
  private readonly history: Event[] = [];

  get(pathOf: (namespace: string) => string, receiver: ReplyReceiver): () => void {
    const url = new URL(pathOf(this.namespace), 'http://api');
    const request: FakeRequest = { path: url.pathname, query: url.searchParams, receiver, open: true };
    this.requests.push(request);
    queueMicrotask(() => {
      if (request.open) this.answer(request);
    });
    return () => {
      request.open = false;
    };
  }

  /** The latest request. */
  get last(): FakeRequest {
    return this.requests[this.requests.length - 1];
  }

  get watches(): FakeRequest[] {
    return this.requests.filter(({ open, query }) => open && query.has('watch'));
  }

  put(slice: SliceObject): void {
    const { name } = slice.metadata;
    this.change(this.slices.has(name) ? 'MODIFIED' : 'ADDED', name, slice);
  }

  remove(name: string): void {
    const slice = this.slices.get(name);
    if (slice !== undefined) this.change('DELETED', name, slice as SliceObject);
  }

  /** Every watch that is open gets one. */
  bookmark(): void {
    for (const watch of this.watches)
      this.send(watch, { type: 'BOOKMARK', object: versioned({}, this.version) });
  }

  /** Sends a line to every watch. */
  sendLine(line: string): void {
    for (const watch of this.watches) this.sendText(watch, `${line}\n`);
  }

  /** Objects that nobody watches change: the version grows. */
  changeOthers(): void {
    this.version++;
  }

  /** Versions of before are gone. */
  compact(): void {
    this.oldest = this.version;
  }

  /** Ends every watch, as after its timeout. */
  endWatches(): void {
    for (const watch of this.watches) this.end(watch);
  }

  /** Breaks every connection. */
  breakAll(): void {
    for (const request of this.requests.filter(({ open }) => open)) {
      request.open = false;
      request.receiver.failed('connection reset');
    }
  }

  private change(type: Event['type'], name: string, slice: SliceObject): void {
    const version = ++this.version;
    const object = versioned(slice, version);
    if (type === 'DELETED') this.slices.delete(name);
    else this.slices.set(name, object);
    const event: Event = { version, type, object };
    this.history.push(event);
    // A fault is of new requests; a server that is down sends nothing at all.
    if (this.fault?.kind !== 'down') for (const watch of this.watches) this.send(watch, event);
  }

  private answer(request: FakeRequest): void {
    const { fault } = this;
    if (fault?.kind === 'silent') return;
    if (fault?.kind === 'down') {
      request.open = false;
      return request.receiver.failed('connection refused');
    }
    if (fault?.kind === 'text') {
      request.receiver.head(200, '');
      this.sendText(request, fault.text);
      return this.end(request);
    }
    if (fault?.kind === 'status')
      return this.refuse(request, fault.status, fault.body ?? {}, fault.retryAfter);
    if (request.query.has('watch')) this.answerWatch(request);
    else this.answerList(request);
  }

  private answerWatch(request: FakeRequest): void {
    const { query } = request;
    if (query.has('sendInitialEvents')) {
      if (!this.knowsWatchLists)
        return this.refuse(request, 422, { message: 'sendInitialEvents is forbidden' });
      request.receiver.head(200, '');
      for (const object of this.slices.values()) this.send(request, { type: 'ADDED', object });
      const annotations = { 'k8s.io/initial-events-end': 'true' };
      return this.send(request, {
        type: 'BOOKMARK',
        object: versioned({ metadata: { annotations } }, this.version),
      });
    }
    const from = Number(query.get('resourceVersion'));
    request.receiver.head(200, '');
    if (from < this.oldest) {
      this.send(request, {
        type: 'ERROR',
        object: { kind: 'Status', code: 410, message: 'too old resource version' },
      });
      return this.end(request);
    }
    for (const event of this.history) if (event.version > from) this.send(request, event);
  }

  private answerList(request: FakeRequest): void {
    const [at, start] = (request.query.get('continue') ?? `${this.version}/0`).split('/').map(Number);
    if (at < this.oldest) return this.refuse(request, 410, { message: 'the continue token is too old' });
    const all = [...this.slices.values()];
    const end = start + this.pageSize;
    const next = end < all.length ? `${at}/${end}` : undefined;
    const metadata = { resourceVersion: String(at), continue: next };
    request.receiver.head(200, '');
    const list = { kind: 'EndpointSliceList', metadata, items: all.slice(start, end) };
    this.sendText(request, JSON.stringify(list));
    this.end(request);
  }

  private refuse(request: FakeRequest, status: number, body: object | string, retryAfter = ''): void {
    request.receiver.head(status, retryAfter);
    this.sendText(
      request,
      typeof body === 'string' ? body : JSON.stringify({ kind: 'Status', code: status, ...body }),
    );
    this.end(request);
  }

  private send(request: FakeRequest, { type, object }: { type: string; object: object }): void {
    this.sendText(request, `${JSON.stringify({ type, object })}\n`);
  }

  private sendText(request: FakeRequest, text: string): void {
    for (const chunk of this.chunk(Buffer.from(text))) if (request.open) request.receiver.data(chunk);
  }

  private end(request: FakeRequest): void {
    if (!request.open) return;
    request.open = false;
    request.receiver.end();
  }
}

function versioned(object: object & { metadata?: object }, version: number): object {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
}
