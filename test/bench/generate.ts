import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runToEnd } from './child-process.ts';
import type { LoopResult, LoopWork } from './closed-loop.ts';
import type { Http1Work } from './closed-loop-http1.ts';
import type { Scenario } from './scenarios.ts';

export interface Generated {
  readonly calls: number;
  readonly seconds: number;
  /** Where the scenario asks for it. */
  readonly p50Ms?: number;
  readonly p99Ms?: number;
}

/** gRPC's five bytes before a message: not compressed, and its length. */
const framingBytes = 5;
const closedLoop = fileURLToPath(new URL('./closed-loop.ts', import.meta.url));
const closedLoopHttp1 = fileURLToPath(new URL('./closed-loop-http1.ts', import.meta.url));

/** Makes so many calls through `port`. Rejects unless every one of them was answered, rightly. */
export function generate(
  scenario: Scenario,
  port: number,
  calls: number,
  core: number,
  dir: string,
): Promise<Generated> {
  if (scenario.protocol !== 'grpc') return byHttp1Loop(scenario, port, calls, core);
  return scenario.churn
    ? byClosedLoop(scenario, port, calls, core)
    : byH2load(scenario, port, calls, core, dir);
}

async function byHttp1Loop(
  scenario: Scenario,
  port: number,
  calls: number,
  core: number,
): Promise<Generated> {
  const { connections, messageBytes, requestBytes = messageBytes, latency } = scenario;
  const work: Http1Work = {
    port,
    tls: scenario.tls === true,
    connections,
    calls,
    requestBytes,
    replyBytes: messageBytes,
    churn: scenario.churn === 'heads',
    reconnect: scenario.reconnect === true,
  };
  const output = await runToEnd([process.execPath, closedLoopHttp1, JSON.stringify(work)], core);
  const { seconds, p50Ms, p99Ms } = JSON.parse(output) as LoopResult;
  return { calls, seconds, ...(latency && { p50Ms, p99Ms }) };
}

async function byClosedLoop(
  scenario: Scenario,
  port: number,
  calls: number,
  core: number,
): Promise<Generated> {
  const { connections, inFlight, messageBytes, churn } = scenario;
  const work: LoopWork = { port, connections, inFlight, calls, messageBytes, churn };
  const result = JSON.parse(
    await runToEnd([process.execPath, closedLoop, JSON.stringify(work)], core),
  ) as LoopResult;
  return { calls: result.calls, seconds: result.seconds };
}

async function byH2load(
  scenario: Scenario,
  port: number,
  calls: number,
  core: number,
  dir: string,
): Promise<Generated> {
  const { connections, inFlight, messageBytes, latency, tls } = scenario;
  const body = Buffer.alloc(framingBytes + messageBytes, 0x6f);
  body.writeUInt8(0, 0);
  body.writeUInt32BE(messageBytes, 1);
  const bodyFile = `${dir}/body`;
  const logFile = `${dir}/h2load.log`;
  writeFileSync(bodyFile, body);
  rmSync(logFile, { force: true });
  const text = await runToEnd(
    [
      'h2load',
      ...['-n', String(calls), '-c', String(connections), '-m', String(inFlight), '-t', '1'],
      ...['-d', bodyFile, '-H', 'content-type: application/grpc', '-H', 'te: trailers'],
      ...(latency ? [`--log-file=${logFile}`] : []),
      `http${tls ? 's' : ''}://127.0.0.1:${port}/bench.Echo/Unary`,
    ],
    core,
  );
  judge(text, calls, calls * body.length);
  return { calls, seconds: secondsOf(text), ...(latency && latenciesOf(logFile)) };
}

/** h2load's own account: every request answered with 2xx, and as many bytes of body as were sent. */
function judge(text: string, calls: number, bodyBytes: number): void {
  const succeeded = Number(/(\d+) succeeded/.exec(text)?.[1]);
  const fine = Number(/status codes: (\d+) 2xx/.exec(text)?.[1]);
  const dataBytes = Number(/\((\d+)\) data/.exec(text)?.[1]);
  if (succeeded !== calls || fine !== calls)
    throw new Error(`of ${calls} calls ${succeeded} came back and ${fine} with status 2xx`);
  if (dataBytes !== bodyBytes)
    throw new Error(`the replies had ${dataBytes} bytes of body, not ${bodyBytes}`);
}

function secondsOf(text: string): number {
  const found = /finished in ([\d.]+)(us|ms|s|m|h)?,/.exec(text);
  const unit = { us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 }[found?.[2] ?? 's'] ?? 1;
  return Number(found?.[1]) * unit;
}

/** Of the log's lines: start, status and duration in microseconds. */
function latenciesOf(logFile: string): { p50Ms: number; p99Ms: number } {
  const micros = readFileSync(logFile, 'latin1')
    .trim()
    .split('\n')
    .map((line) => Number(line.split('\t')[2]))
    .sort((a, b) => a - b);
  const at = (share: number) => (micros[Math.floor(share * (micros.length - 1))] ?? Number.NaN) / 1000;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}
