import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { Http1Work } from '../../bench/closed-loop-http1.ts';
import { sampleHttp1 } from '../../bench/verify-http1.ts';
import { bodyOf, MessageSplitter } from '../../bench/wire/http1.ts';
import { localhostCertificate, localhostKey } from '../health/localhost-certificate.ts';

const bench = (file: string) => fileURLToPath(new URL(`../../bench/${file}`, import.meta.url));
const run = promisify(execFile);

const get = {
  tls: false,
  connections: 3,
  calls: 30,
  requestBytes: 0,
  replyBytes: 100,
  churn: false,
  reconnect: false,
} satisfies Omit<Http1Work, 'port'>;
const generate = (work: Http1Work) =>
  run(process.execPath, [bench('closed-loop-http1.ts'), JSON.stringify(work)]);

describe("the bench's HTTP/1.1 replica and generator", () => {
  let replica: ChildProcess;
  let port: number;
  before(async () => {
    replica = spawn(process.execPath, [bench('replica-http1.ts'), '0'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const [text] = (await once(replica.stdout!, 'data')) as [Buffer];
    [port] = JSON.parse(text.toString()) as [number];
  });
  after(async () => {
    replica.stdin?.end();
    await once(replica, 'exit');
  });

  it("sends and echoes bodies of any size to Node's client", () => sampleHttp1(port, false));

  it('is what the generator takes for right, in every kind of row', async () => {
    for (const kind of [
      {},
      { churn: true },
      { reconnect: true },
      { requestBytes: 1024, replyBytes: 1024 },
      { requestBytes: 1024, replyBytes: 1024, churn: true },
      { replyBytes: 1 << 20 },
      { requestBytes: 1 << 20, replyBytes: 1 << 20 },
    ]) {
      const { stdout } = await generate({ ...get, ...kind, port });
      expect(JSON.parse(stdout).calls, JSON.stringify(kind)).to.equal(30);
    }
  });

  it('takes TLS with the client certificate alone', async () => {
    const dir = mkdtempSync(`${tmpdir()}/outrigger-bench-`);
    writeFileSync(`${dir}/cert.pem`, localhostCertificate);
    writeFileSync(`${dir}/key.pem`, localhostKey);
    const secured = spawn(
      process.execPath,
      [bench('replica-http1.ts'), '--cert', `${dir}/cert.pem`, '--key', `${dir}/key.pem`, '0'],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    try {
      const [text] = (await once(secured.stdout!, 'data')) as [Buffer];
      const [tlsPort] = JSON.parse(text.toString()) as [number];
      const failure = await generate({ ...get, tls: true, port: tlsPort }).catch((error: Error) => error);
      expect(failure).to.be.instanceOf(Error);
    } finally {
      secured.stdin?.end();
      await once(secured, 'exit');
      rmSync(dir, { recursive: true });
    }
  });
});

describe("the bench's HTTP/1.1 generator", () => {
  let server: Server;
  let answer = '';
  const sockets: Socket[] = [];
  before(async () => {
    server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {}).on('data', () => socket.write(answer));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });

  const head = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n';
  const body = bodyOf(4).toString('latin1');
  for (const [what, text, complaint] of [
    ['another status', 'HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n', 'HTTP/1.1 502'],
    ['another length', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc', 'a content-length of 3, not 4'],
    ['another body', `${head}abcd`, 'a body is not what was sent'],
    ['bytes behind the reply', `${head}${body}surplus`, 'bytes follow the reply'],
  ] as const)
    it(`fails where a reply has ${what}`, async () => {
      answer = text;
      const { port } = server.address() as AddressInfo;
      const failure = await generate({ ...get, connections: 1, calls: 1, replyBytes: 4, port }).catch(
        (error: Error & { stderr: string }) => error,
      );
      expect(failure).to.be.instanceOf(Error);
      expect((failure as { stderr: string }).stderr).to.include(complaint);
    });
});

describe("the bench's splitter of HTTP/1.1 messages", () => {
  it('gives the same for any split of two messages', () => {
    const messages = Buffer.from('A: 3\r\n\r\nabcB: 0\r\n\r\n', 'latin1');
    for (let cut = 0; cut <= messages.length; cut++) {
      const seen: string[] = [];
      const splitter = new MessageSplitter(
        (head) => {
          seen.push(head);
          return Number(head[3]);
        },
        (bytes, start, end) => seen.push(bytes.toString('latin1', start, end)),
        () => seen.push('end'),
      );
      // What is behind the length is of an earlier read.
      for (const part of [messages.subarray(0, cut), messages.subarray(cut)])
        splitter.take(Buffer.concat([part, Buffer.from('\r\n\r\n')]), part.length);
      expect(seen.join('|').replace(/\|(?=bc|c\|)/g, ''), `cut at ${cut}`).to.equal(
        'A: 3\r\n\r\n|abc|end|B: 0\r\n\r\n|end',
      );
      expect(splitter.idle).to.equal(true);
    }
  });
});
