import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { expect } from 'chai';
import { type Clock, systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { TraceId } from '../../../src/core/trace-id.ts';
import {
  type AccessLog,
  type AccessLogTarget,
  accessLogLine,
  createAccessLog,
} from '../../../src/telemetry/access-log.ts';
import { accessLogCloseMsMax, accessLogQueueCharsMax } from '../../../src/telemetry/line-output.ts';
import { attemptRecord, callRecord } from './records.ts';

function logTo(
  to: AccessLogTarget,
  stdout: Writable = new PassThrough(),
  sample = 1,
  clock: Clock = systemClock,
): AccessLog {
  const streams = { stdout, stderr: stdout };
  const log = createAccessLog({
    to,
    sample,
    random: new SeededRandom(3),
    clock,
    logger: silentLogger,
    streams,
  });
  if (log === null) throw new Error('no log');
  return log;
}

/** A clock whose only timer fires when the test says so. */
function endingClock() {
  let fire: (() => void) | undefined;
  let waitsMs = 0;
  const after: Clock['after'] = (delayMs, callback) => {
    [waitsMs, fire] = [delayMs, callback];
    return { cancel: () => {} };
  };
  const expire = (ms: number): void => {
    expect(waitsMs).to.equal(ms);
    fire?.();
  };
  return { clock: { ...systemClock, after }, expire };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('telemetry/access-log', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'outrigger-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is nothing at all where it is not asked for', () => {
    const options = { sample: 1, random: new SeededRandom(1), clock: systemClock, logger: silentLogger };
    expect(createAccessLog({ ...options, to: { kind: 'none' } })).to.equal(null);
  });

  it('goes by the share of the route where it has one: of calls alone, of errors too, or of none', async () => {
    const out = new PassThrough();
    const log = logTo({ kind: 'stdout' }, out);
    const ok = callRecord({ path: '/a.B/Fine' });
    const failed = callRecord({ path: '/a.B/Failed', grpcStatus: 14 });
    for (const record of [ok, failed]) {
      log.write(record, { sample: 0, errors: false });
      log.write(record, { sample: 0, errors: true });
      log.write(record);
    }
    await log.close();
    const methods = String(out.read())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).method);
    expect(methods).to.deep.equal(['a.B/Fine', 'a.B/Failed', 'a.B/Failed']);
  });

  it('logs a gRPC call', () => {
    const record = callRecord({
      traceId: TraceId.read('4bf92f3577b34da6a3ce929d0e0e4736'),
      attempts: [attemptRecord({ endpoint: 'a:1' }), attemptRecord({ number: 2, startedMs: 1010 })],
    });
    expect(JSON.parse(accessLogLine(record))).to.deep.equal({
      time: '2023-11-14T22:13:20.000Z',
      id: 1,
      listener: 'outbound',
      route: 'hello',
      cluster: 'greeter',
      endpoint: '127.0.0.1:50051',
      client: '127.0.0.1:40000',
      authority: 'greeter:50051',
      method: 'helloworld.Greeter/SayHello',
      status: 'OK',
      endedBy: 'upstream',
      attempts: 2,
      durationMs: 20,
      headMs: 15,
      upstreamMs: 9,
      requestBytes: 12,
      responseBytes: 34,
      requestMessages: 1,
      responseMessages: 1,
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      sampled: false,
    });
  });

  it('logs every attempt of a call that was retried', () => {
    const record = callRecord({
      attempts: [
        attemptRecord({
          endpoint: 'a:1',
          grpcStatus: 14,
          endedMs: 1003,
          verdict: 'UNAVAILABLE: tried again',
        }),
        attemptRecord({ endpoint: 'b:1', number: 2, kind: 'hedge', startedMs: 1010, pick: '' }),
        attemptRecord({ endpoint: 'c:1', number: 3, kind: 'hedge', grpcStatus: 1 }),
      ],
      chosen: 2,
    });
    const line = JSON.parse(accessLogLine(record));
    expect(line).to.include({ endpoint: 'b:1', attempts: 3, upstreamMs: 9 });
    expect(line.history.slice(0, 2)).to.deep.equal([
      {
        endpoint: 'a:1',
        kind: 'first',
        pick: 'lowest active/weight of 3',
        status: 'UNAVAILABLE',
        verdict: 'UNAVAILABLE: tried again',
        startMs: 1,
        durationMs: 2,
      },
      { endpoint: 'b:1', kind: 'hedge', status: 'OK', startMs: 10, durationMs: 9 },
    ]);
    expect(JSON.parse(accessLogLine(callRecord()))).not.to.have.property('history');
  });

  it('has what the upstream said of its status, of the call and of each attempt', () => {
    const attempts = [
      attemptRecord({ grpcStatus: 14, verdict: 'tried again', message: 'not now' }),
      attemptRecord({ number: 2, kind: 'retry', grpcStatus: 5, message: 'no such order' }),
    ];
    const parsed = JSON.parse(accessLogLine(callRecord({ grpcStatus: 5, attempts })));
    expect(parsed.message).to.equal('no such order');
    expect(parsed.history.map(({ message }: { message: string }) => message)).to.deep.equal([
      'not now',
      'no such order',
    ]);
    expect(JSON.parse(accessLogLine(callRecord()))).to.not.have.property('message');
    // Where Outrigger made the reply, its own sentence is there.
    const own = callRecord({ grpcStatus: 14, error: 'upstream_reset', detail: 'it broke', attempts });
    expect(JSON.parse(accessLogLine(own)))
      .to.include({ detail: 'it broke' })
      .and.not.have.property('message');
  });

  it('logs a request that failed, on one line whatever its path', () => {
    const line = accessLogLine(
      callRecord({
        grpc: false,
        grpcStatus: -1,
        httpMethod: 'GET',
        path: '/a"\n\u0000é',
        httpStatus: 503,
        headMs: 0,
        error: 'no_endpoint',
        detail: 'none',
        endedBy: 'outrigger',
        attempts: [],
      }),
    );
    expect(line).not.to.include('\n');
    const parsed = JSON.parse(line);
    expect(parsed).to.include({
      method: 'GET',
      path: '/a"\n\u0000é',
      status: 503,
      endpoint: '',
      attempts: 0,
    });
    expect(parsed).to.include({ error: 'no_endpoint', detail: 'none', endedBy: 'outrigger' });
    expect(parsed).to.not.have.any.keys('headMs', 'traceId', 'requestMessages');
  });

  it('escapes what could control a terminal, in whatever field it comes', () => {
    const evil = 'a\u001b[2J\u007f\u0085\u009b\u2028\u202e\u2066\ud800b';
    const line = accessLogLine(
      callRecord({
        grpc: false,
        grpcStatus: -1,
        httpMethod: evil,
        path: evil,
        authority: evil,
        clientAddress: evil,
        detail: evil,
        attempts: [attemptRecord({ verdict: evil, pick: evil, error: evil, endpoint: evil })],
      }),
    );
    expect(line).to.match(/^[\x20-\x7e]*$/);
    expect(JSON.parse(line)).to.include({ path: evil, authority: evil, detail: evil, endpoint: evil });
  });

  it('writes the lines of one turn with one write', async () => {
    const writes: string[] = [];
    const stdout = new Writable({
      write: (chunk, _encoding, done) => {
        writes.push(String(chunk));
        done();
      },
    });
    const log = logTo({ kind: 'stdout' }, stdout);
    log.write(callRecord({ id: 1 }));
    log.write(callRecord({ id: 2 }));
    await turn();
    expect(writes).to.have.lengthOf(1);
    expect(
      writes[0]
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).id),
    ).to.deep.equal([1, 2]);
    await log.close();
  });

  it('appends to a file, and goes on in a new one after reopen', async () => {
    const path = join(folder, 'access.log');
    const first = logTo({ kind: 'file', path });
    first.write(callRecord({ id: 1 }));
    await first.close();
    const second = logTo({ kind: 'file', path });
    second.write(callRecord({ id: 2 }));
    await turn();
    // As logrotate does it: moved away, then told.
    renameSync(path, `${path}.1`);
    second.write(callRecord({ id: 3 }));
    second.reopen();
    let id = 3;
    const text = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');
    while (text(path) === '') {
      second.write(callRecord({ id: ++id }));
      await turn();
    }
    await second.close();
    const lines = `${text(`${path}.1`)}${text(path)}`.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).id)).to.deep.equal(
      Array.from({ length: id }, (_, i) => i + 1),
    );
    expect(second.droppedLines).to.equal(0);
  });

  it('loses and tears no line over many reopenings, and writes out every file that it replaced', async () => {
    const path = join(folder, 'access.log');
    const log = logTo({ kind: 'file', path });
    const filler = `/${'x'.repeat(20_000)}`;
    let id = 0;
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 10; i++) log.write(callRecord({ id: ++id, path: filler }));
      if (existsSync(path)) renameSync(path, `${path}.${round}`);
      log.reopen();
      log.reopen();
      for (let turns = 0; turns < round; turns++) await turn();
    }
    await log.close();
    const lines = readdirSync(folder).flatMap((name) =>
      readFileSync(join(folder, name), 'utf8').trimEnd().split('\n'),
    );
    const ids = lines.filter((line) => line !== '').map((line) => JSON.parse(line).id as number);
    expect(ids.sort((a, b) => a - b)).to.deep.equal(Array.from({ length: 200 }, (_, i) => i + 1));
    expect(log.droppedLines).to.equal(0);
  });

  it('goes on in the open file where the new one cannot be opened, and takes the next chance', async () => {
    const warnings: string[] = [];
    const infos: string[] = [];
    const logger = {
      ...silentLogger,
      warn: (message: string) => void warnings.push(message),
      info: (message: string) => void infos.push(message),
    };
    const inner = join(folder, 'logs');
    mkdirSync(inner);
    const to = { kind: 'file', path: join(inner, 'access.log') } as const;
    const log = createAccessLog({ to, sample: 1, random: new SeededRandom(1), clock: systemClock, logger })!;
    log.write(callRecord({ id: 1 }));
    while (!existsSync(to.path)) await turn();
    renameSync(inner, join(folder, 'moved'));
    log.reopen();
    while (warnings.length === 0) await turn();
    expect(warnings).to.deep.equal(['cannot reopen the access log; lines still go to the file that is open']);
    expect(infos).to.deep.equal([]);
    log.write(callRecord({ id: 2 }));
    mkdirSync(inner);
    log.reopen();
    const text = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');
    let id = 2;
    while (text(to.path) === '') {
      log.write(callRecord({ id: ++id }));
      await turn();
    }
    expect(infos).to.deep.equal(['log file reopened']);
    await log.close();
    const lines = `${text(join(folder, 'moved', 'access.log'))}${text(to.path)}`.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).id)).to.deep.equal(
      Array.from({ length: id }, (_, i) => i + 1),
    );
    expect(log.droppedLines).to.equal(0);
  });

  it('says once that a file cannot be written, drops and counts', async () => {
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
    const path = join(folder, 'missing', 'access.log');
    const log = createAccessLog({
      to: { kind: 'file', path },
      sample: 1,
      random: new SeededRandom(1),
      clock: systemClock,
      logger,
    });
    while (warnings.length === 0) await turn();
    for (let i = 0; i < 3; i++) {
      log?.write(callRecord());
      await turn();
    }
    await log?.close();
    expect(warnings).to.deep.equal(['cannot write the access log; lines are dropped']);
    expect(log?.droppedLines).to.equal(3);
  });

  it('outlives a reader that goes away', async () => {
    const gone = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) });
    const log = logTo({ kind: 'stdout' }, gone);
    log.write(callRecord());
    await turn();
    await turn();
    log.write(callRecord());
    expect(log.droppedLines).to.equal(1);
    await log.close();
  });

  it('keeps a bounded number of characters for a reader that stalls', async () => {
    const stalled = new Writable({ write() {} });
    const log = logTo({ kind: 'stdout' }, stalled);
    const record = callRecord({ path: `/${'x'.repeat(64 * 1024)}` });
    for (let i = 0; i < 200; i++) {
      log.write(record);
      if (i % 10 === 0) await turn();
    }
    expect(stalled.writableLength).to.be.below(accessLogQueueCharsMax + 20 * 64 * 1024);
    expect(log.droppedLines).to.be.within(200 - 70, 200 - 60);
  });

  it('ends though its reader stands still', async () => {
    const { clock, expire } = endingClock();
    const log = logTo({ kind: 'stdout' }, new Writable({ write() {} }), 1, clock);
    log.write(callRecord());
    const closed = log.close();
    expire(accessLogCloseMsMax);
    await closed;
  });

  it('writes to a named pipe that nobody reads yet, and ends though nobody ever does', async () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    const { clock, expire } = endingClock();
    const log = logTo({ kind: 'file', path }, undefined, 1, clock);
    log.write(callRecord({ id: 1 }));
    await turn();
    const reader = createReadStream(path);
    const [chunk] = await once(reader, 'data');
    expect(JSON.parse(String(chunk)).id).to.equal(1);
    reader.destroy();
    log.reopen();
    // More than a pipe holds (pipe(7)).
    for (let i = 0; i < 100; i++) log.write(callRecord({ path: `/${'x'.repeat(8192)}` }));
    await turn();
    const closed = log.close();
    expire(accessLogCloseMsMax);
    await closed;
    expect(log.droppedLines).to.equal(0);
  });

  it('writes its part of the calls, and every failed one', async () => {
    const lines: string[] = [];
    const stdout = new Writable({
      write: (chunk, _encoding, done) => {
        lines.push(...String(chunk).trimEnd().split('\n'));
        done();
      },
    });
    const log = logTo({ kind: 'stdout' }, stdout, 0.25);
    for (let i = 0; i < 1000; i++) log.write(callRecord());
    for (let i = 0; i < 50; i++) log.write(callRecord({ grpcStatus: 14 }));
    await log.close();
    const failed = lines.filter((line) => line.includes('"UNAVAILABLE"'));
    expect(failed).to.have.lengthOf(50);
    expect(lines.length - 50, 'seed 3').to.be.within(200, 300);
  });
});
