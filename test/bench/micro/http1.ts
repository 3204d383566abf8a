/**
 * What an HTTP/1.1 message costs in the parser and the serialiser alone, without socket and proxy.
 * `node test/bench/micro/http1.ts` prints the median and the best of several rounds in nanoseconds of CPU per head of 12
 * fields, and per KiB of a body. The first argument selects rows by a part of their name, the
 * second is the number of rounds.
 */
import { Field } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { HeadCache } from '../../../src/http1/head-cache.ts';
import type { MessageHead, MessageListener } from '../../../src/http1/message.ts';
import { MessageParser } from '../../../src/http1/message-parser.ts';
import { writeChunk, writeReplyHead, writeRequestHead } from '../../../src/http1/message-writer.ts';
import { OutputBuffer } from '../../../src/transport/output-buffer.ts';

const rounds = Number(process.argv[3] ?? 15);
const limits = { headBytesMax: 65_536, fieldsMax: 100, chunkExtensionBytesMax: 1024 };

const common = [
  'Host: shop.example.com',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'Accept-Language: en-US,en;q=0.5',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Referer: https://shop.example.com/categories/shoes',
  'Connection: keep-alive',
  'Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=dark; consent=1',
  'Sec-Fetch-Dest: document',
  'Sec-Fetch-Mode: navigate',
  'Sec-Fetch-Site: same-origin',
];
let count = 0;
function id(): string {
  return (Math.imul(++count, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0');
}
function traceparent(): string {
  return `00-4bf92f3577b34da6a3ce929d${id()}-00f067aa${id()}-01`;
}

function head(path: string, lines: readonly string[]): string {
  return `GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
}

/** The part of the name of the rows to measure. */
const wanted = process.argv[2] ?? '';

let heard: MessageHead | null = null;
const listener: MessageListener = {
  head: (of) => {
    heard = of;
  },
  data() {},
  end() {},
  failed({ words }) {
    throw new Error(words);
  },
};

/** Nanoseconds of CPU for one of `units`. */
function timed(units: number, run: () => void): number {
  const start = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(start);
  return ((user + system) * 1000) / units;
}

function report(name: string, results: number[]): void {
  const sorted = results.sort((a, b) => a - b);
  const median = sorted[sorted.length >> 1];
  console.log(`${name.padEnd(44)} ${median.toFixed(0).padStart(6)} ns, best ${sorted[0].toFixed(0)} ns`);
}

/** Heads that arrive one a read, as they do on keep-alive connections that wait for each reply. */
function parseHeads(name: string, make: (i: number) => string, connections = 1): void {
  if (!name.includes(wanted)) return;
  const heads = 4000;
  const cache = new HeadCache();
  const parsers = Array.from(
    { length: connections },
    () => new MessageParser('request', 'http', limits, cache, listener),
  );
  // One buffer, as with the shared one that sockets are read into.
  const block = Buffer.allocUnsafeSlow(65_536);
  const results: number[] = [];
  for (let round = 0; round < rounds; round++) {
    let nanoseconds = 0;
    for (let made = 0; made < heads; ) {
      const ends = [0];
      for (let at = 0; made < heads; made++) {
        const text = make(made);
        if (at + text.length > block.length) break;
        at += block.write(text, at, 'latin1');
        ends.push(at);
      }
      nanoseconds += timed(1, () => {
        for (let i = 1; i < ends.length; i++) parsers[i % connections].receive(block, ends[i - 1], ends[i]);
      });
    }
    results.push(nanoseconds / heads);
  }
  report(name, results);
}

function parseBody(name: string, chunkBytes: number): void {
  if (!name.includes(wanted)) return;
  const bodyBytes = 1 << 20;
  const cache = new HeadCache();
  const parser = new MessageParser('request', 'http', limits, cache, listener);
  const chunk = `${chunkBytes.toString(16)}\r\n${'x'.repeat(chunkBytes)}\r\n`;
  const wire = Buffer.from(
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(bodyBytes / chunkBytes)}0\r\n\r\n`,
  );
  const results: number[] = [];
  for (let round = 0; round < rounds; round++)
    results.push(
      timed((8 * bodyBytes) / 1024, () => {
        for (let i = 0; i < 8; i++)
          for (let at = 0; at < wire.length; at += 65_536)
            parser.receive(wire, at, Math.min(at + 65_536, wire.length));
      }),
    );
  report(name, results);
}

function write(
  name: string,
  block: () => HeaderBlock,
  put: (out: OutputBuffer, block: HeaderBlock) => unknown,
): void {
  if (!name.includes(wanted)) return;
  const heads = 4000;
  const out = new OutputBuffer();
  const results: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const blocks = Array.from({ length: heads }, block);
    results.push(
      timed(heads, () => {
        for (let i = 0; i < heads; i++) {
          put(out, blocks[i]);
          out.clear();
        }
      }),
    );
  }
  report(name, results);
}

/** The block of a head that came before. */
function repeated(text: string, role: 'request' | 'reply'): HeaderBlock {
  const cache = new HeadCache();
  const wire = Buffer.from(text, 'latin1');
  for (let i = 0; i < 4; i++) {
    const parser = new MessageParser(role, 'http', limits, cache, listener);
    parser.expectReply('GET', false);
    parser.receive(wire, 0, wire.length);
  }
  return (heard as MessageHead).block;
}

const known = head('/shoes', [...common, 'X-Requested-With: x']);
const replyText = `HTTP/1.1 200 OK\r\nServer: x\r\nDate: Mon, 30 Nov 2026 19:00:00 GMT\r\nContent-Type: text/html\r\nETag: "abc"\r\nCache-Control: no-cache\r\nContent-Length: 100\r\n\r\n`;
parseHeads('parse, the same head', () => known);
parseHeads(
  'parse, 10 heads in turn, 50 connections',
  (i) => head(`/shoes/${i % 10}`, [...common, 'X-Requested-With: x']),
  47,
);
parseHeads('parse, one new header', () =>
  head('/shoes', [...common.slice(0, 5), `traceparent: ${traceparent()}`, ...common.slice(5)]),
);
parseHeads('parse, a new path', () => head(`/shoes/${id()}`, [...common, 'X-Requested-With: x']));
parseHeads('parse, all new', () =>
  head(
    `/shoes/${id()}`,
    common.map((line) => `${line}${id()}`).map((line) => line.replace('keep-alive', 'x')),
  ),
);
parseBody('parse, chunks of 16 KiB, per KiB', 16_384);
parseBody('parse, chunks of 64 B, per KiB', 64);
const requestOptions = { fallbackHost: '', clientAddress: '127.0.0.1' };
const replyOptions = { minorVersion: 1, keepAlive: true } as const;
const request = repeated(known, 'request');
const reply = repeated(replyText, 'reply');
write(
  'write request, the same head',
  () => request,
  (out, block) => writeRequestHead(out, block, 'none', 0, requestOptions),
);
write(
  'write request, one new header',
  () => new HeaderBlock([new Field('traceparent', traceparent())], request),
  (out, block) => writeRequestHead(out, block, 'none', 0, requestOptions),
);
write(
  'write request, all new',
  () => new HeaderBlock(request.allFields),
  (out, block) => writeRequestHead(out, block, 'none', 0, requestOptions),
);
write(
  'write reply, the same head',
  () => reply,
  (out, block) => writeReplyHead(out, block, 'length', 100, replyOptions),
);
write(
  'write reply, all new',
  () => new HeaderBlock(reply.allFields),
  (out, block) => writeReplyHead(out, block, 'length', 100, replyOptions),
);
const body = Buffer.alloc(16_384);
write(
  'write, a chunk of 16 KiB',
  () => request,
  (out) => writeChunk(out, body, 0, body.length),
);
