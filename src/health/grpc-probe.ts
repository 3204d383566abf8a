import type { Address } from '../core/address.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { HealthClient, type HealthClientSettings, type HealthCall as Running } from './grpc-health-client.ts';
import { type HealthOutcome, resultOfCheck, resultOfResponse } from './grpc-reply.ts';
import { decodeResponse, type HealthCheckResponse } from './health-messages.ts';
import { type Probe, type ProbeResult, type ProbeVerdict, timedOut } from './probe.ts';

export interface GrpcProbeSettings extends HealthClientSettings {
  /** Full name of a service; '' asks for the server as a whole. */
  readonly service: string;
  /** `watch`: the server says each change at once, besides the probes, which see that it still answers. */
  readonly mode: 'check' | 'watch';
}

/** Verdicts after which the next probe needs a connection of its own. */
const reconnectsAfter: ReadonlySet<ProbeVerdict> = new Set<ProbeVerdict>([
  'failed',
  'no_answer',
  'unavailable',
  'connection_closed',
]);

/**
 * `grpc.health.v1.Health/Check` on a connection of its own, which is kept between probes. After no answer it is given up and
 * the next probe connects again, so that nothing stands between a replica that returned and the probe that would see it.
 */
export function grpcProbe(address: Address, clock: Clock, settings: GrpcProbeSettings): Probe {
  return new GrpcProbe(address, clock, settings);
}

class GrpcProbe implements Probe {
  private readonly address: Address;
  private readonly clock: Clock;
  private readonly settings: GrpcProbeSettings;
  private publish: ((result: ProbeResult) => void) | null = null;
  private client: HealthClient | null = null;
  private watch: Running | null = null;
  /** False once the server has said that it gives no Watch: then Check alone must do. */
  private mayWatch: boolean;
  /** What the open Watch reported last; null where none is open, or it has not reported yet. */
  private watched: ProbeResult | null = null;
  private watchOpenedMs = 0;
  private watchNotBeforeMs = 0;
  private watchDelayMs = 0;
  private closed = false;
  private abandon: () => void = () => {};

  constructor(address: Address, clock: Clock, settings: GrpcProbeSettings) {
    this.address = address;
    this.clock = clock;
    this.settings = settings;
    this.mayWatch = settings.mode === 'watch';
  }

  listen(publish: (result: ProbeResult) => void): void {
    this.publish = publish;
  }

  async check(timeoutMs: number): Promise<ProbeResult> {
    if (this.closed) return givenUp;
    const startedMs = this.clock.now();
    const kept = this.client?.usable === true;
    let { outcome, result } = await this.ask(timeoutMs, timeoutMs);
    // A connection that was kept and ends is no news of the server: it may have been idle or old. Only a new one tells.
    const leftMs = timeoutMs - (this.clock.now() - startedMs);
    if (kept && (outcome?.kind === 'closed' || outcome?.kind === 'goaway') && !this.closed && leftMs > 0) {
      this.disconnect();
      ({ outcome, result } = await this.ask(leftMs, timeoutMs));
    }
    const { verdict } = result;
    if (reconnectsAfter.has(verdict)) this.disconnect();
    else if (this.client?.usable === false) this.disconnect();
    else if (this.mayOpenWatch && this.client !== null) this.open(this.client);
    // A Check that says nothing about health does not contradict the Watch, which does and will report a change.
    return verdict === 'inconclusive' && this.watched !== null ? this.watched : result;
  }

  close(): void {
    this.closed = true;
    this.disconnect();
    this.abandon();
  }

  /** Within `leftMs` of `timeoutMs`; `outcome` is null where the time was over first. */
  private ask(
    leftMs: number,
    timeoutMs: number,
  ): Promise<{ outcome: HealthOutcome | null; result: ProbeResult }> {
    if (this.client?.usable !== true) {
      this.disconnect();
      this.client = new HealthClient(this.address, this.settings);
    }
    const { client } = this;
    return new Promise((resolve) => {
      let response: HealthCheckResponse | null = null;
      let timer: Timer | null = null;
      const settle = (outcome: HealthOutcome | null, result: ProbeResult): void => {
        timer?.cancel();
        this.abandon = () => {};
        resolve({ outcome, result });
      };
      const call = client.call({
        method: 'Check',
        service: this.settings.service,
        timeoutMs: Math.ceil(leftMs),
        onMessage(bytes) {
          response = read(bytes, call);
        },
        onEnd: (outcome) => settle(outcome, resultOfCheck(outcome, response)),
      });
      timer = this.clock.after(leftMs, () => {
        call.cancel();
        settle(null, lateResult(timeoutMs, client));
      });
      this.abandon = () => settle(null, givenUp);
    });
  }

  private get mayOpenWatch(): boolean {
    return this.mayWatch && this.watch === null && this.clock.now() >= this.watchNotBeforeMs;
  }

  private open(client: HealthClient): void {
    this.watchOpenedMs = this.clock.now();
    const call: Running = client.call({
      method: 'Watch',
      service: this.settings.service,
      timeoutMs: null,
      onMessage: (bytes) => {
        const response = read(bytes, call);
        if (response === null || this.watch !== call) return;
        this.watched = resultOfResponse(response);
        this.publish?.(this.watched);
      },
      onEnd: (outcome) => {
        if (this.watch === call) this.watchEnded(outcome);
      },
    });
    this.watch = call;
  }

  private watchEnded(outcome: HealthOutcome): void {
    this.watch = null;
    this.watched = null;
    const nowMs = this.clock.now();
    const shortLived = nowMs - this.watchOpenedMs < watchLifeMs;
    this.watchDelayMs = shortLived ? Math.min(Math.max(watchDelayMs, 2 * this.watchDelayMs), watchLifeMs) : 0;
    this.watchNotBeforeMs = nowMs + this.watchDelayMs;
    const { verdict, reason } = resultOfCheck(outcome, null);
    // A server that refuses Watch, in whatever words, would refuse it again.
    const refused = outcome.kind === 'reply' && outcome.reply.messages === 0 && verdict !== 'unavailable';
    if (refused) this.mayWatch = false;
    // A probe follows soon, and finds out what that means.
    else this.publish?.({ verdict: 'failed', reason: `Health/Watch ended: ${reason}` });
  }

  private disconnect(): void {
    const { client } = this;
    this.watch = null;
    this.watched = null;
    this.client = null;
    client?.close();
  }
}

/** A Watch that ends earlier was of little use: the next one waits, with increasing intervals up to this, milliseconds. */
const watchLifeMs = 60_000;
/** After the first such Watch, milliseconds. Each end is a failure that is probed at once: without a wait, for ever. */
const watchDelayMs = 1000;

const givenUp: ProbeResult = { verdict: 'failed', reason: 'given up' };

/** A server that has sent its SETTINGS, and now says nothing, is another thing than one that takes no connection. */
function lateResult(timeoutMs: number, { established }: HealthClient): ProbeResult {
  const late = timedOut(timeoutMs);
  return established ? { ...late, verdict: 'no_answer' } : late;
}

/** Null where the bytes are no message, which the reply then notes. */
function read(bytes: Buffer, { reply }: Running): HealthCheckResponse | null {
  try {
    return decodeResponse(bytes);
  } catch (error) {
    reply.malformed = `a message that is no HealthCheckResponse: ${(error as Error).message}`;
    return null;
  }
}
