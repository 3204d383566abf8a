import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { isIPv4 } from 'node:net';

export interface DnsServer {
  /** `127.0.0.1:port`, as `Resolver.setServers` takes it. */
  readonly address: string;
  /** Every question so far: `A orders.test`. */
  readonly questions: readonly string[];
  /** What the server does with a question; `answer` at first. */
  mode: 'answer' | 'silent' | 'servfail' | 'refuse';
  /** The addresses of a name, IPv4 and IPv6 mixed; it exists from now on, even with none. */
  set(name: string, addresses: readonly string[], ttlSec?: number): void;
  /** The SRV records of a name. */
  setService(name: string, services: readonly ServiceRecord[], ttlSec?: number): void;
  /** The name does not exist (NXDOMAIN), as every name at first. */
  remove(name: string): void;
  close(): Promise<void>;
}

export interface ServiceRecord {
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  readonly priority: number;
}

const typeA = 1;
const typeAaaa = 28;
const typeSrv = 33;
const typeNames: Readonly<Record<number, string>> = { [typeA]: 'A', [typeAaaa]: 'AAAA', [typeSrv]: 'SRV' };
const rcodes = { answer: 0, servfail: 2, nxdomain: 3, refuse: 5 };

/** A DNS server of our own on a loopback UDP port: A, AAAA and SRV for the names it is told (RFC 1035, 3596, 2782). */
export async function startDnsServer(onQuestion: (question: string) => void = () => {}): Promise<DnsServer> {
  const names = new Map<
    string,
    { addresses: readonly string[]; services: readonly ServiceRecord[]; ttlSec: number }
  >();
  const questions: string[] = [];
  const socket = createSocket('udp4');
  const reply = (query: Buffer, peer: RemoteInfo): void => {
    const question = readQuestion(query);
    if (question === null) return;
    const { name, type, end } = question;
    const asked = `${typeNames[type] ?? type} ${name}`;
    questions.push(asked);
    onQuestion(asked);
    if (server.mode === 'silent') return;
    const known = names.get(name);
    const data = server.mode === 'answer' && known ? recordsOf(type, known) : [];
    const rcode = server.mode === 'answer' && !known ? rcodes.nxdomain : rcodes[server.mode];
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8580 | rcode, 2); // a response, authoritative, recursion desired and available
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(data.length, 6);
    const answers = data.map((bytes) => record(type, known?.ttlSec ?? 0, bytes));
    socket.send(Buffer.concat([header, query.subarray(12, end), ...answers]), peer.port, peer.address);
  };
  socket.on('message', reply);
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const server: DnsServer = {
    address: `127.0.0.1:${socket.address().port}`,
    questions,
    mode: 'answer',
    set: (name, addresses, ttlSec = 0) =>
      void names.set(name.toLowerCase(), { addresses, services: [], ttlSec }),
    setService: (name, services, ttlSec = 0) =>
      void names.set(name.toLowerCase(), { addresses: [], services, ttlSec }),
    remove: (name) => void names.delete(name.toLowerCase()),
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
  return server;
}

/** The first question of a query: its name, its type, and where it ends. Null for what is no query. */
function readQuestion(query: Buffer): { name: string; type: number; end: number } | null {
  const labels: string[] = [];
  let at = 12;
  while (at < query.length && query[at] !== 0) {
    const length = query[at];
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const end = at + 5; // the root label, type and class
  if (end > query.length) return null;
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end };
}

/** What the records of a type hold, one each. */
function recordsOf(
  type: number,
  { addresses, services }: { addresses: readonly string[]; services: readonly ServiceRecord[] },
): Buffer[] {
  if (type === typeSrv) return services.map(serviceBytes);
  return addresses
    .filter((address) => type === (isIPv4(address) ? typeA : typeAaaa))
    .map((address) => (isIPv4(address) ? Buffer.from(address.split('.').map(Number)) : ipv6Bytes(address)));
}

/** One record; its name is a pointer to the question's (RFC 1035 section 4.1.4). */
function record(type: number, ttlSec: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttlSec, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function serviceBytes({ host, port, weight, priority }: ServiceRecord): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt16BE(priority, 0);
  head.writeUInt16BE(weight, 2);
  head.writeUInt16BE(port, 4);
  const labels = host.split('.').map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`));
  return Buffer.concat([head, ...labels, Buffer.from([0])]);
}

function ipv6Bytes(address: string): Buffer {
  const [left, right] = address.split('::');
  const groups = (text: string | undefined) =>
    text ? text.split(':').map((group) => Number.parseInt(group, 16)) : [];
  const head = groups(left);
  const tail = groups(right);
  const bytes = Buffer.alloc(16);
  for (const [i, group] of head.entries()) bytes.writeUInt16BE(group, 2 * i);
  for (const [i, group] of tail.entries()) bytes.writeUInt16BE(group, 16 - 2 * (tail.length - i));
  return bytes;
}
