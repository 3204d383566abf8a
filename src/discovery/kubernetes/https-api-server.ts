import {
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { ApiAccess, FindAccess } from './access.ts';
import type { ApiServer, ReplyReceiver } from './api-server.ts';

/** A peer that is gone without a word is noticed after this and ten unanswered probes, a second apart. */
const keepAliveMs = 15_000;
/** Of the reply's head. */
const headBytesMax = 65_536;
/** What a token may have (RFC 6750): nothing that ends a header. */
const tokenPattern = /^[\x21-\x7e]*$/;

/**
 * The API server over HTTPS. Each request has a connection of its own, and with it credentials and CA as they are then: discovery
 * makes one request in some minutes, so there is nothing to share.
 *
 * Why not `@kubernetes/client-node`: measured with version 2.0.1, it brings 68 packages and 83 MB, takes 24 MiB of heap and a second
 * to load, for two requests of one resource. Outrigger as a whole is smaller than that.
 */
export class HttpsApiServer implements ApiServer {
  private readonly findAccess: FindAccess;

  constructor(findAccess: FindAccess) {
    this.findAccess = findAccess;
  }

  get(pathOf: (namespace: string) => string, receiver: ReplyReceiver): () => void {
    let sent: ClientRequest | null = null;
    let isCancelled = false;
    void this.findAccess().then(({ value: access, error }) => {
      if (isCancelled) return;
      if (access === undefined) return receiver.failed(error);
      if (!tokenPattern.test(access.token))
        return receiver.failed('the token has characters that no token has');
      try {
        sent = send(access, pathOf(access.namespace), receiver);
      } catch (thrown) {
        // Certificates that cannot be parsed.
        receiver.failed(reasonOf(thrown));
      }
    });
    return () => {
      isCancelled = true;
      sent?.destroy();
    };
  }
}

function send(access: ApiAccess, path: string, receiver: ReplyReceiver): ClientRequest {
  const { host, port, isTls, ca, cert, key, token } = access;
  const options: RequestOptions = {
    host,
    port,
    path: `${access.basePath}${path}`,
    agent: false,
    maxHeaderSize: headBytesMax,
    headers: {
      accept: 'application/json',
      'user-agent': 'outrigger',
      ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
    },
  };
  const servername = access.serverName ?? (isIP(host) === 0 ? host : '');
  // Node compares the certificate with `servername`, or with the IP address where that is empty.
  const sent = isTls ? httpsRequest({ ...options, ca, cert, key, servername }) : httpRequest(options);
  sent.on('socket', (socket) => socket.setKeepAlive(true, keepAliveMs));
  sent.on('response', (reply) => relay(reply, receiver));
  sent.on('error', (error) => receiver.failed(reasonOf(error)));
  sent.end();
  return sent;
}

function relay(reply: IncomingMessage, receiver: ReplyReceiver): void {
  receiver.head(reply.statusCode ?? 0, reply.headers['retry-after'] ?? '');
  reply.on('data', (chunk: Buffer) => receiver.data(chunk));
  reply.on('end', () => receiver.end());
  reply.on('error', (error) => receiver.failed(reasonOf(error)));
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  ENOTFOUND: 'DNS does not know its name',
  EAI_AGAIN: 'DNS does not answer',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no route to it',
  ETIMEDOUT: 'no answer to the connection',
};

function reasonOf(thrown: unknown): string {
  const { code = '', message = String(thrown) } = thrown as NodeJS.ErrnoException;
  const known = reasons[code];
  if (known !== undefined) return known;
  const isCertificate = /CERT|SELF_SIGNED|ISSUER|ALTNAME/.test(code);
  return isCertificate ? `its certificate is not trusted (${code}); check the CA` : message;
}
