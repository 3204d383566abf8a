import type { Clock, Timer } from '../core/clock.ts';
import type { EndpointSpec } from '../core/endpoint-spec.ts';
import type { Logger } from '../core/logger.ts';
import { pluralize } from '../core/pluralize.ts';
import type { Result } from '../core/result.ts';
import {
  type DiscoverySource,
  type DiscoveryStatus,
  type Publish,
  sameEndpoints,
  withoutRepeats,
} from './source.ts';

/** A file that lists endpoints, as the source sees it; injected, so that tests need no file system. */
export interface EndpointFile {
  readonly path: string;
  /** What distinguishes one state of the file from another, symbolic links followed; an error where there is no file. */
  signature(): Promise<Result<string>>;
  /** The list as it is now, or all that is wrong with it in words that name the place and the fix. Never throws. */
  read(): Result<readonly EndpointSpec[]>;
}

/**
 * A file that was just written is checked again after this many milliseconds, and read only if it has not changed
 * meanwhile: half a list of endpoints is a list of endpoints too.
 */
const settleMs = 100;

/** A check that hangs (a file system that is gone) times out. */
const statTimeoutMs = 10_000;

/**
 * Endpoints from a file that is polled: by name, so that it may be written in place, replaced by
 * another (rename), or be a symbolic link that is turned, as Kubernetes does with a ConfigMap; and on every file system,
 * which no notification is. What is wrong changes nothing: the last good list stands.
 */
export class FileSource implements DiscoverySource {
  readonly describe: string;
  readonly advice = 'check the path in discovery, and the list in the file';
  private readonly file: EndpointFile;
  private readonly intervalMs: number;
  private readonly deps: { readonly clock: Clock; readonly logger: Logger };
  private publish: Publish | null = null;
  private stopped = false;
  private timer: Timer | null = null;
  /** Counts polls; an answer to an earlier one is too late. */
  private polls = 0;
  private polling = false;
  /** Of what was read last, well or not. */
  private readSignature: string | null = null;
  /** Of a file that has changed and may still be written to. */
  private pendingSignature: string | null = null;
  private endpoints: readonly EndpointSpec[] = [];
  private answered = false;
  private lastAnswerMs = 0;
  private lastError = '';

  constructor(
    file: EndpointFile,
    intervalMs: number,
    deps: { readonly clock: Clock; readonly logger: Logger },
  ) {
    this.file = file;
    this.intervalMs = intervalMs;
    this.deps = deps;
    this.describe = `file ${file.path}`;
  }

  get status(): DiscoveryStatus {
    const { answered, endpoints, lastAnswerMs, lastError } = this;
    return { answered, endpoints: endpoints.length, lastAnswerMs, lastError };
  }

  start(publish: Publish): void {
    if (this.publish !== null || this.stopped) return;
    this.publish = publish;
    this.poll();
  }

  /** The file is polled so often that there is no need. */
  refresh(): void {}

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
  }

  private poll(): void {
    const { clock } = this.deps;
    const number = ++this.polls;
    this.polling = true;
    const settle = (found: Result<string>): void => {
      if (this.stopped || number !== this.polls || !this.polling) return;
      this.polling = false;
      this.timer?.cancel();
      const soon = this.found(found);
      // Whoever was just notified may have stopped this source.
      if (!this.stopped) this.timer = clock.after(soon ? settleMs : this.intervalMs, () => this.poll());
    };
    this.timer = clock.after(statTimeoutMs, () =>
      settle({ error: `cannot be read within ${statTimeoutMs / 1000} s` }),
    );
    this.file.signature().then(settle, (error: unknown) => settle({ error: `cannot be read: ${error}` }));
  }

  /** Returns true when the file is to be checked again soon. */
  private found({ value: signature, error }: Result<string>): boolean {
    if (signature === undefined) {
      // Whatever comes in its place is news, even with the same signature.
      this.readSignature = null;
      this.failed(`${this.file.path} ${error}`);
      return false;
    }
    if (signature === this.readSignature) {
      this.pendingSignature = null;
      if (this.lastError === '') this.lastAnswerMs = this.deps.clock.now();
      return false;
    }
    // At the start there is no good list to lose, and calls may wait.
    if (this.answered && signature !== this.pendingSignature) {
      this.pendingSignature = signature;
      return true;
    }
    this.pendingSignature = null;
    this.readSignature = signature;
    const { value, error: wrong } = this.file.read();
    if (value === undefined) this.failed(wrong);
    else this.succeeded(withoutRepeats(value));
    return false;
  }

  private failed(error: string): void {
    if (this.lastError !== error) {
      const count = this.endpoints.length;
      const meanwhile = this.answered
        ? `keeping the last ${pluralize(count, 'endpoint')}`
        : 'there is no endpoint until it can be read';
      this.deps.logger.warn(`${error}; ${meanwhile}`, { file: this.file.path, endpoints: count });
    }
    this.lastError = error;
  }

  private succeeded(endpoints: readonly EndpointSpec[]): void {
    this.lastAnswerMs = this.deps.clock.now();
    if (this.lastError !== '') {
      this.lastError = '';
      this.deps.logger.info(`${this.describe} is valid again`, { endpoints: endpoints.length });
    }
    if (this.answered && sameEndpoints(endpoints, this.endpoints)) return;
    this.answered = true;
    this.endpoints = Object.freeze(endpoints);
    this.publish?.(this.endpoints);
  }
}
