/**
 * What HPACK costs per header block: `node test/bench/micro/hpack.ts`. Prints the median and the best of several
 * rounds in nanoseconds. Targets on the call path: a memo hit below 150, a churned block below 1500.
 */
import { constantField, Field } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { HpackCaches } from '../../../src/http2/hpack/caches.ts';
import { HpackDecoder } from '../../../src/http2/hpack/decoder.ts';
import { DynamicTable } from '../../../src/http2/hpack/dynamic-table.ts';
import { HpackEncoder } from '../../../src/http2/hpack/encoder.ts';
import { writeInteger } from '../../../src/http2/hpack/integer.ts';
import { independentBytes, writeIndexingLiteral } from '../../../src/http2/hpack/representation.ts';
import { OutputBuffer } from '../../../src/transport/output-buffer.ts';
import { literalField } from '../wire/block-reader.ts';
import { grpcGoHeaders, grpcGoUnique, IndexingEncoder } from '../wire/indexing-encoder.ts';

/** One set of caches for all decoders, as in a process. */
const limits = { tableBytesMax: 4096, listBytesMax: 65_536, fieldsMax: 100, caches: new HpackCaches() };
const rounds = 15;
const blocks = 30_000;

/** The head of a unary gRPC call as a common client sends it; the trace header makes ten. */
const request: readonly Field[] = [
  constantField(':method', 'POST'),
  constantField(':scheme', 'http'),
  constantField(':path', '/helloworld.Greeter/SayHello'),
  constantField(':authority', 'localhost:50051'),
  constantField('content-type', 'application/grpc'),
  constantField('te', 'trailers'),
  constantField('user-agent', 'grpc-node-js/1.14.7'),
  constantField('grpc-accept-encoding', 'identity,deflate,gzip'),
  constantField('accept-encoding', 'identity'),
];

function traceField(number: number): Field {
  const id = Math.imul(number + 1, 0x9e3779b1) >>> 0;
  const hex = id.toString(16).padStart(8, '0');
  return new Field('traceparent', `00-4bf92f3577b34da6a3ce929d${hex}-00f067aa${hex}-01`);
}

function traced(number: number, base: HeaderBlock): HeaderBlock {
  return new HeaderBlock([traceField(number)], base);
}

function encodedOnce(encoder: HpackEncoder, block: HeaderBlock): Buffer {
  const out = new OutputBuffer();
  encoder.encode(block, out);
  return Buffer.from(out.bytes.subarray(0, out.length));
}

/** As an encoder that indexes everything: the trace header is inserted each time, which moves all the others. */
function indexEverything(count: number): Buffer[] {
  const table = new DynamicTable();
  return Array.from({ length: count }, (_, number) => {
    const wire = Buffer.alloc(512);
    let at = 0;
    for (const field of [...request, traceField(number)]) {
      const bytes = independentBytes(field);
      const index = table.entries().indexOf(field);
      if (bytes.length === 1) wire[at++] = bytes[0];
      else if (index >= 0) at = writeInteger(wire, at, 0x80, 7, 62 + index);
      else {
        at = writeIndexingLiteral(wire, at, bytes);
        table.insert(field);
      }
    }
    return Buffer.from(wire.subarray(0, at));
  });
}

/** Runs `round` as often as it takes; it times `count` blocks itself and returns nanoseconds. */
function measure(name: string, count: number, round: () => bigint): void {
  const figures: number[] = [];
  for (let i = 0; i < rounds; i++) figures.push(Number(round()) / count);
  figures.sort((a, b) => a - b);
  const median = figures[rounds >> 1].toFixed(0).padStart(6);
  console.log(`${name.padEnd(62)}${median}   best ${figures[0].toFixed(0).padStart(5)}`);
}

function timed(run: () => void): bigint {
  const start = process.hrtime.bigint();
  run();
  return process.hrtime.bigint() - start;
}

/** From one buffer, as what a connection reads. */
function decodeAll(name: string, wires: readonly Buffer[]): void {
  const bytes = Buffer.concat(wires);
  const average = (bytes.length / wires.length).toFixed(0);
  measure(`decode: ${name} (${average} bytes)`, wires.length, () => {
    const decoder = new HpackDecoder(limits);
    return timed(() => {
      let start = 0;
      for (const wire of wires) {
        const end = start + wire.length;
        if (decoder.decode(bytes, start, end) === null) throw new Error(decoder.error ?? '');
        start = end;
      }
    });
  });
}

/** As the bench's own generator with `churn`: the fixed fields without indexing, and three values to be indexed. */
function indexUnique(count: number): Buffer[] {
  const repeated = request.slice(2, 7).map((field) => literalField(field.name, field.value, false));
  const start = Buffer.concat([Buffer.of(0x83, 0x86), ...repeated]);
  return Array.from({ length: count }, (_, number) => {
    const id = number.toString(16).padStart(16, '0');
    return Buffer.concat([
      start,
      literalField('x-request-id', `${id}-${id}`, true),
      literalField('authorization', `Bearer ${id}${id}${id}`, true),
      literalField('x-session', id, true),
    ]);
  });
}

function indexAsGrpcGo(count: number): Buffer[] {
  const goEncoder = new IndexingEncoder();
  const headers = grpcGoHeaders('localhost:50051', '/helloworld.Greeter/SayHello');
  return Array.from({ length: count }, (_, number) =>
    goEncoder.encode([...headers, ...grpcGoUnique(number + 1)]),
  );
}

function encodeAll(name: string, heads: readonly HeaderBlock[]): void {
  const encoder = new HpackEncoder();
  const out = new OutputBuffer(64 * 1024);
  for (const head of heads.slice(0, 3)) encoder.encode(head, out);
  measure(`encode: ${name}`, heads.length, () =>
    timed(() => {
      for (const head of heads) {
        if (out.length > 32 * 1024) out.clear();
        encoder.encode(head, out);
      }
    }),
  );
}

console.log(`${'ns per block'.padEnd(62)}median`);
const encoder = new HpackEncoder();
const plain = new HeaderBlock(request);
const first = encodedOnce(encoder, plain);
const indexed = encodedOnce(encoder, plain);
decodeAll('memo hit', [first, ...Array.from({ length: blocks }, () => indexed)]);
decodeAll('10 fields, one a new entry of the table (churn)', indexEverything(blocks));
decodeAll('9 fields, two new entries, as grpc-go (churn)', indexAsGrpcGo(blocks));
decodeAll('10 fields, five known literals, three new entries (churn)', indexUnique(blocks));
const unindexed = Array.from({ length: blocks }, (_, number) => encodedOnce(encoder, traced(number, plain)));
decodeAll('10 fields, one a new literal', [first, ...unindexed]);

const base = new HeaderBlock(request);
base.repeated = true;
const traces = Array.from({ length: blocks }, (_, number) => traceField(number));
encodeAll(
  'memo hit',
  traces.map(() => base),
);
encodeAll(
  'memo hit on the base, a new trace header',
  traces.map((trace) => new HeaderBlock([trace], base)),
);
encodeAll(
  '10 fields of the table or new (churn)',
  traces.map((trace) => new HeaderBlock([...request, trace])),
);
