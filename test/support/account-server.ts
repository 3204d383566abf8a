import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { loadService } from './protos.ts';
import { type Answer, addReflection, fileDescriptors, type ReflectionVersions } from './reflection-server.ts';

export const accountService = loadService('test/account.proto', 'outrigger.test.Account');

/** The definitions of the Account service, as its reflection service sends them. */
export const accountFiles: ReadonlyMap<string, Buffer> = fileDescriptors('test/account.proto');

export interface Login {
  user?: string;
  password?: string;
  email?: string;
  labels?: Record<string, string>;
  blob?: Uint8Array;
}

export interface Session {
  accessToken: string;
  balance: { cents: string; currency: string } | null;
  nextPageToken: string;
}

export interface AccountClient extends grpc.Client {
  login(
    request: Login,
    metadata: grpc.Metadata,
    done: (error: grpc.ServiceError | null, reply?: Session) => void,
  ): void;
  watch(request: Login): grpc.ClientReadableStream<Session>;
}

export function connectAccount(target: string, options?: grpc.ClientOptions): AccountClient {
  const Client = grpc.makeGenericClientConstructor(accountService, 'Account');
  return new Client(target, grpc.credentials.createInsecure(), options) as unknown as AccountClient;
}

/** `email: fail@…` ends a call with NOT_FOUND. */
export interface AccountServer {
  readonly address: string;
  kill(): Promise<void>;
}

export type Reflection = ReflectionVersions | 'none' | Answer;

/** Starts a server with the Account service and a reflection service: of a version, none, or one that lies. */
export async function startAccountServer(reflection: Reflection): Promise<AccountServer> {
  const server = new grpc.Server();
  server.addService(accountService, {
    Login(call: grpc.ServerUnaryCall<Login, Session>, done: grpc.sendUnaryData<Session>) {
      if (call.request.email?.startsWith('fail@'))
        done({ code: grpc.status.NOT_FOUND, details: 'no such user' });
      else done(null, session(call.request));
    },
    Watch(call: grpc.ServerWritableStream<Login, Session>) {
      for (let i = 0; i < 3; i++) call.write(session(call.request));
      call.end();
    },
  });
  if (typeof reflection === 'function') addReflection(server, accountFiles, 'v1', reflection);
  else if (reflection !== 'none') addReflection(server, accountFiles, reflection);
  const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  const sockets = new Set<Socket>();
  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    injector.injectConnection(socket);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    address: `127.0.0.1:${(listener.address() as AddressInfo).port}`,
    async kill() {
      const closed = once(listener, 'close');
      listener.close();
      for (const socket of sockets) socket.resetAndDestroy();
      server.forceShutdown();
      await closed;
    },
  };
}

function session({ user = '' }: Login): Session & { opened: object } {
  return {
    accessToken: `token-of-${user}`,
    balance: { cents: '1250', currency: 'EUR' },
    opened: { seconds: 1_700_000_000, nanos: 0 },
    nextPageToken: 'page-2',
  };
}
