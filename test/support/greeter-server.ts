import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { type CallHooks, echoHandlers, later } from './echo-service.ts';
import {
  echoService,
  greeterService,
  type HelloReply,
  type HelloRequest,
  healthService,
  orcaService,
} from './protos.ts';

/**
 * What `grpc.health.v1` says: a serving status, SERVICE_UNKNOWN (NOT_FOUND to a Check, as the protocol has it), or
 * UNIMPLEMENTED as from a server without the service.
 */
export type HealthAnswer = 'SERVING' | 'NOT_SERVING' | 'UNKNOWN' | 'SERVICE_UNKNOWN' | 'UNIMPLEMENTED';

export interface GreeterOptions {
  name?: string;
  /** 0, the default, lets the system choose; a fixed one to come back where a killed replica was. */
  port?: number;
  /** 127.0.0.1, the default, or another address of this machine. */
  host?: string;
  delayMs?: number;
  health?: HealthAnswer;
  /** Has a Health/Watch, which tells of each change of `health`. */
  watch?: boolean;
  /** Waited before each answer of Health/Check. */
  healthDelayMs?: number;
  /** SETTINGS_MAX_CONCURRENT_STREAMS of each connection; unlimited where unset. */
  maxConcurrentStreams?: number;
  /** Handlers of OpenRcaService, which streams load reports; UNIMPLEMENTED where unset. */
  loadReports?: grpc.UntypedServiceImplementation;
  /** Hears of the deadline of each call that has one, in milliseconds from its arrival. */
  onDeadline?: (ms: number) => void;
}

/** A real gRPC server (grpc-js) with the Greeter, Echo and Health services, that a test bends while it runs. */
export interface Greeter {
  readonly name: string;
  readonly port: number;
  /** `127.0.0.1:port`, with the host it was told. */
  readonly address: string;
  /** Waited before each reply; may be set at any time. */
  delayMs: number;
  /** Every Greeter and Echo call ends with this instead of its reply; null for none. */
  failure: Partial<grpc.StatusObject> | null;
  /** What the next Health/Check says. */
  health: HealthAnswer;
  /** Greeter and Echo calls begun, running now, and seen cancelled. */
  readonly calls: number;
  readonly active: number;
  readonly cancelled: number;
  readonly healthChecks: number;
  /** Sockets accepted so far, and open now. */
  readonly connections: number;
  readonly openConnections: number;
  /** Request metadata of the latest call. */
  readonly lastMetadata: grpc.Metadata | null;
  /** Deadline of the latest call, in milliseconds from when it arrived; Infinity where it had none. */
  readonly lastDeadlineMs: number;
  /** Authority of the latest call. */
  readonly lastAuthority: string;
  /** Ends as a crash does: the port closes and every socket is reset. */
  kill(): Promise<void>;
  /** Ends as a rollout does: GOAWAY, calls in flight finish, then the port closes. */
  stop(): Promise<void>;
}

/** Starts a replica. */
export async function startGreeter(options: GreeterOptions = {}): Promise<Greeter> {
  const state = new GreeterState(options);
  const mebibytes64 = 64 << 20;
  const server = new grpc.Server({
    'grpc.max_receive_message_length': mebibytes64,
    'grpc.max_send_message_length': mebibytes64,
    interceptors: [state.watch],
    ...(options.maxConcurrentStreams && { 'grpc.max_concurrent_streams': options.maxConcurrentStreams }),
  });
  const hooks: CallHooks = {
    replica: state.name,
    delayMs: () => state.delayMs,
    failure: () => state.failure,
  };
  server.addService(greeterService, greeterHandlers(hooks));
  server.addService(echoService, echoHandlers(hooks));
  server.addService(healthService, healthHandlers(state, options));
  if (options.loadReports !== undefined) server.addService(orcaService, options.loadReports);

  // Our own listening socket, so that kill() can reset connections as a crash does.
  const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  const listener = createServer({ noDelay: true }, (socket) => {
    state.accepted(socket);
    injector.injectConnection(socket);
  });
  const closed = once(listener, 'close');
  listener.listen(options.port ?? 0, state.host);
  await once(listener, 'listening');
  state.port = (listener.address() as AddressInfo).port;

  state.kill = async () => {
    listener.close();
    for (const socket of state.sockets) socket.resetAndDestroy();
    server.forceShutdown();
    await closed;
  };
  state.stop = async () => {
    listener.close();
    await new Promise<void>((done) => server.tryShutdown(() => done()));
    // Node's server.close() has closed the sessions by then, so grpc-js does not wait for them: the sockets tell.
    await closed;
  };
  return state;
}

class GreeterState implements Greeter {
  readonly name: string;
  delayMs: number;
  failure: Partial<grpc.StatusObject> | null = null;
  readonly watchers = new Set<grpc.ServerWritableStream<unknown, HealthReply>>();
  private answer: HealthAnswer;
  port = 0;
  readonly host: string;
  calls = 0;
  active = 0;
  cancelled = 0;
  healthChecks = 0;
  connections = 0;
  lastMetadata: grpc.Metadata | null = null;
  lastDeadlineMs = Number.POSITIVE_INFINITY;
  lastAuthority = '';
  readonly sockets = new Set<Socket>();
  private readonly onDeadline: (ms: number) => void;
  kill: () => Promise<void> = async () => {};
  stop: () => Promise<void> = async () => {};

  constructor(options: GreeterOptions) {
    this.name = options.name ?? 'replica';
    this.host = options.host ?? '127.0.0.1';
    this.delayMs = options.delayMs ?? 0;
    this.answer = options.health ?? 'SERVING';
    this.onDeadline = options.onDeadline ?? (() => {});
  }
  get address(): string {
    return `${this.host}:${this.port}`;
  }
  get health(): HealthAnswer {
    return this.answer;
  }
  set health(answer: HealthAnswer) {
    this.answer = answer;
    for (const watcher of this.watchers) watcher.write({ status: answer });
  }
  get openConnections(): number {
    return this.sockets.size;
  }

  accepted(socket: Socket): void {
    this.connections++;
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => {}); // a peer that resets is no news here
  }

  /** Sees each call begin and end; an interceptor, since grpc-js has no event for "status sent". */
  readonly watch: grpc.ServerInterceptor = (method, next) => {
    if (method.path.startsWith('/grpc.health.')) {
      this.healthChecks++;
      return new grpc.ServerInterceptingCall(next);
    }
    if (method.path.startsWith('/xds.service.orca.')) return new grpc.ServerInterceptingCall(next);
    this.began(next);
    let over = false;
    const ended = (byCancel: boolean): void => {
      if (over) return; // grpc-js tells of a cancel after every call, the finished ones too
      over = true;
      this.active--;
      if (byCancel) this.cancelled++;
    };
    const listener: grpc.ServerListener = {
      onReceiveMetadata: (metadata, pass) => {
        this.lastMetadata = metadata;
        pass(metadata);
      },
      onCancel: () => ended(true),
    };
    return new grpc.ServerInterceptingCall(next, {
      start: (pass) => pass(listener),
      sendStatus: (status, pass) => {
        ended(false);
        pass(status);
      },
    });
  };

  private began(call: grpc.ServerInterceptingCallInterface): void {
    this.calls++;
    this.active++;
    this.lastAuthority = call.getHost();
    const deadline = call.getDeadline();
    this.lastDeadlineMs = (deadline instanceof Date ? deadline.getTime() : deadline) - Date.now();
    if (Number.isFinite(this.lastDeadlineMs)) this.onDeadline(this.lastDeadlineMs);
  }
}

function greeterHandlers(hooks: CallHooks): grpc.UntypedServiceImplementation {
  const hello = (name: string): HelloReply => ({ message: `Hello ${name}`, replica: hooks.replica });
  return {
    SayHello: (call: grpc.ServerUnaryCall<HelloRequest, HelloReply>, done: grpc.sendUnaryData<HelloReply>) =>
      later(call, hooks.delayMs(), () => done(hooks.failure(), hello(call.request.name))),
    SayHelloStreamReply: (call: grpc.ServerWritableStream<HelloRequest, HelloReply>) =>
      later(call, hooks.delayMs(), () => {
        for (let i = 0; i < 3; i++) call.write(hello(`${call.request.name} ${i}`));
        endWith(hooks, call);
      }),
    SayHelloBidiStream: (call: grpc.ServerDuplexStream<HelloRequest, HelloReply>) => {
      call.on('data', (request: HelloRequest) =>
        later(call, hooks.delayMs(), () => call.write(hello(request.name))),
      );
      call.on('end', () => later(call, hooks.delayMs(), () => endWith(hooks, call)));
    },
  };
}

function endWith(
  hooks: CallHooks,
  call:
    | grpc.ServerWritableStream<HelloRequest, HelloReply>
    | grpc.ServerDuplexStream<HelloRequest, HelloReply>,
): void {
  const failure = hooks.failure();
  if (failure === null) call.end();
  else call.emit('error', failure);
}

interface HealthReply {
  status: string;
}

function healthHandlers(
  state: GreeterState,
  { healthDelayMs = 0, watch = false }: GreeterOptions,
): grpc.UntypedServiceImplementation {
  return {
    Check: (call: grpc.ServerUnaryCall<unknown, HealthReply>, done: grpc.sendUnaryData<HealthReply>) =>
      later(call, healthDelayMs, () => {
        if (state.health === 'UNIMPLEMENTED')
          done({ code: grpc.status.UNIMPLEMENTED, details: 'unknown service' });
        else if (state.health === 'SERVICE_UNKNOWN')
          done({ code: grpc.status.NOT_FOUND, details: 'unknown service' });
        else done(null, { status: state.health });
      }),
    ...(watch && {
      Watch: (call: grpc.ServerWritableStream<unknown, HealthReply>) => {
        state.watchers.add(call);
        call.on('cancelled', () => state.watchers.delete(call));
        call.write({ status: state.health });
      },
    }),
  };
}
