import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { patienceMs } from './until.ts';

/** A UDP server that answers each datagram with its name and what it got. */
export interface UdpReplica {
  /** `127.0.0.1:port`. */
  readonly address: string;
  readonly name: string;
  /** Datagrams so far. */
  readonly received: string[];
  /** Answers so long after the datagram; null for not at all. */
  delayMs: number | null;
  /** Datagrams to the port are refused from now on. */
  kill(): Promise<void>;
}

export async function startUdpReplica(name: string, port = 0): Promise<UdpReplica> {
  const socket = createSocket('udp4');
  const timers = new Set<NodeJS.Timeout>();
  const received: string[] = [];
  let closed: Promise<void> | null = null;
  const replica = {
    name,
    received,
    delayMs: 0 as number | null,
    address: '',
    kill() {
      for (const timer of timers) clearTimeout(timer);
      closed ??= closeSocket(socket);
      return closed;
    },
  };
  socket.on('message', (bytes, from) => {
    received.push(bytes.toString());
    if (replica.delayMs === null) return;
    const answer = (): void => void socket.send(`${name} ${bytes}`, from.port, from.address);
    if (replica.delayMs === 0) answer();
    else timers.add(setTimeout(answer, replica.delayMs));
  });
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  replica.address = `127.0.0.1:${socket.address().port}`;
  return replica;
}

/** A UDP client with one port. */
export interface UdpClient {
  readonly port: number;
  /** Everything that came and was not taken. */
  readonly inbox: Buffer[];
  send(bytes: string | Buffer): void;
  /** The next datagram. Rejects when none comes. */
  next(): Promise<Buffer>;
  /** Sends and resolves with the answer. */
  ask(text: string): Promise<string>;
  close(): Promise<void>;
}

/** `target` is `host:port`. Datagrams from any other address are not received. */
export async function startUdpClient(target: string): Promise<UdpClient> {
  const socket = createSocket('udp4');
  const [host, port] = target.split(':');
  const inbox: Buffer[] = [];
  const waiting: Array<(bytes: Buffer) => void> = [];
  socket.on('message', (bytes) => {
    const taker = waiting.shift();
    if (taker === undefined) inbox.push(bytes);
    else taker(bytes);
  });
  socket.on('error', () => {});
  socket.connect(Number(port), host);
  await once(socket, 'connect');
  const client: UdpClient = {
    port: socket.address().port,
    inbox,
    send: (bytes) => socket.send(bytes),
    next: () =>
      new Promise((resolve, reject) => {
        const first = inbox.shift();
        if (first !== undefined) return resolve(first);
        const timer = setTimeout(() => reject(new Error('no datagram came')), patienceMs);
        waiting.push((bytes) => {
          clearTimeout(timer);
          resolve(bytes);
        });
      }),
    async ask(text) {
      client.send(text);
      return String(await client.next());
    },
    close: () => closeSocket(socket),
  };
  return client;
}

function closeSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => void socket.close(resolve));
}
