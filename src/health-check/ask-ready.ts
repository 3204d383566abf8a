import { connect, type Socket } from 'node:net';
import { formatAddress, reachableHost } from '../core/address.ts';
import type { Target } from './target.ts';

export interface ReadyAnswer {
  readonly isReady: boolean;
  /** What the sidecar says, or why there is no answer. */
  readonly text: string;
}

/** Bytes of an answer that are read; `/ready` has some hundred. */
const answerBytesMax = 8_192;

/**
 * Requests `/ready`, which proves that the event loop of the sidecar runs. Resolves in any case, `timeoutMs` after the last byte at
 * the latest.
 * Speaks HTTP over a plain socket: loading Node's HTTP client takes longer than all the rest of a check.
 */
export async function askReady({ address, usesTls }: Target, timeoutMs: number): Promise<ReadyAnswer> {
  const at = formatAddress(address);
  const options =
    address.kind === 'unix'
      ? { path: address.path }
      : { host: reachableHost(address.host), port: address.port };
  // Who answers is the sidecar of this very container, so its certificate, for names of the outside, is not verified.
  const socket = usesTls
    ? (await import('node:tls')).connect({ ...options, rejectUnauthorized: false })
    : connect(options);
  return new Promise((resolve) => {
    let answer = '';
    const finish = (text: string, isReady = false): void => {
      socket.destroy();
      resolve({ isReady, text });
    };
    socket.setEncoding('utf8');
    // A timer of the socket, because to load the modules of the clock takes longer than the check itself.
    socket.setTimeout(timeoutMs, () => finish(`${at} does not answer within ${timeoutMs} ms`));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      finish(`${at} cannot be reached: ${error.code ?? error.message}`),
    );
    socket.on('data', (chunk: string) => {
      answer += chunk;
      if (answer.length > answerBytesMax) finish(`${at} answers with more than ${answerBytesMax} bytes`);
    });
    socket.on('end', () => {
      const { isReady, text } = readAnswer(answer);
      finish(text ?? `${at} is not the admin address of Outrigger`, isReady);
    });
    sendRequest(socket);
  });
}

function sendRequest(socket: Socket): void {
  socket.write('GET /ready HTTP/1.1\r\nhost: localhost\r\naccept: text/plain\r\nconnection: close\r\n\r\n');
}

function readAnswer(answer: string): { isReady: boolean; text?: string } {
  const headEnd = answer.indexOf('\r\n\r\n');
  const head = answer.slice(0, headEnd);
  if (headEnd < 0 || !/\r\nserver: outrigger(\r\n|$)/i.test(head)) return { isReady: false };
  return { isReady: /^HTTP\/1\.1 200 /.test(head), text: answer.slice(headEnd + 4).trim() };
}
