import { type RequestView, type Resume, requestTraffic, type Stage, type Verdict } from '../../call/stage.ts';
import type { Clock } from '../../core/clock.ts';
import type { HeaderBlock } from '../../core/header-block.ts';
import { type ReplyError, replyErrors } from '../../core/reply-error.ts';
import { checkedBlock, checkedReplyHead } from './checked-head.ts';
import { guardedFacts } from './guarded-facts.ts';
import { GuardedRequest } from './guarded-request.ts';
import { Failed, type Hook, type ModuleWatch } from './module-watch.ts';

/** The stage of a module, whose failures end one request each. `timeoutMs` bounds how long it may take to decide. */
export function guardStage(stage: Stage, watch: ModuleWatch, timeoutMs: number): Stage {
  const head =
    <E>(hook: Hook, work: ((request: RequestView, block: HeaderBlock, endpoint: E) => unknown) | undefined) =>
    (request: RequestView, block: HeaderBlock, endpoint: E): HeaderBlock | ReplyError => {
      const result = watch.run(hook, () => {
        const made = work!.call(stage, new GuardedRequest(request, watch), block, endpoint);
        return isReplyError(made) ? made : checkedBlock(made, block);
      });
      return result instanceof Failed ? result.error : result;
    };
  return {
    policy: stage.policy,
    appliesTo: stage.appliesTo ?? requestTraffic,
    timeoutMs: stage.timeoutMs,
    telemetry: stage.telemetry,
    facts: stage.facts && (() => guardedFacts(stage, watch)),
    request:
      stage.request === undefined
        ? undefined
        : (request, resume) => new Decision(stage, watch, request.clock, resume).start(request, timeoutMs),
    attempt: stage.attempt && head('attempt', stage.attempt),
    reply: stage.reply && head('reply', stage.reply),
    trailers: stage.trailers && head('trailers', stage.trailers),
  };
}

function isReplyError(value: unknown): value is ReplyError {
  const { code, detail } = (value ?? {}) as Partial<ReplyError>;
  return typeof code === 'string' && Object.hasOwn(replyErrors, code) && typeof detail === 'string';
}

/**
 * What a module decides about one request: at once, by a promise, or by `resume` after `wait`. Whichever comes first counts: the
 * decision, the end of its time, or the end of the request.
 */
class Decision {
  private readonly stage: Stage;
  private readonly watch: ModuleWatch;
  private readonly clock: Clock;
  private readonly resume: Resume;
  private state: 'asking' | 'waiting' | 'over' = 'asking';
  /** What the module decided by `resume` before its hook returned. */
  private early: { readonly verdict: Verdict } | null = null;
  private cancelTimer = (): void => {};

  constructor(stage: Stage, watch: ModuleWatch, clock: Clock, resume: Resume) {
    this.stage = stage;
    this.watch = watch;
    this.clock = clock;
    this.resume = resume;
  }

  start(request: RequestView, timeoutMs: number): Verdict {
    const { stage, watch } = this;
    const asked = watch.run('request', (): unknown =>
      stage.request!(new GuardedRequest(request, watch), (verdict) => this.decide(verdict)),
    );
    if (asked instanceof Failed) return this.end({ kind: 'error', error: asked.error });
    const cancel = isWait(asked) ? () => void watch.run('request', () => asked.cancel()) : () => {};
    if (isPromise(asked))
      asked.then(
        (verdict) => this.decide(verdict),
        (error) => this.fail('exception', error),
      );
    else if (!isWait(asked)) return this.end(this.checked(asked));
    if (this.early !== null) return this.end(this.early.verdict);
    this.state = 'waiting';
    const timer = this.clock.after(timeoutMs, () => {
      cancel();
      this.fail('timeout', `it has not decided within ${timeoutMs} ms`);
    });
    this.cancelTimer = () => timer.cancel();
    return {
      kind: 'wait',
      cancel: () => {
        if (this.state === 'over') return;
        this.end(null);
        cancel();
      },
    };
  }

  private decide(verdict: unknown): void {
    if (this.state === 'over') return;
    const checked = isWait(verdict) ? this.wrong('a wait within a wait') : this.checked(verdict);
    if (this.state === 'asking') this.early ??= { verdict: checked };
    else this.resume(this.end(checked));
  }

  private fail(why: 'exception' | 'timeout', reason: unknown): void {
    if (this.state === 'over') return;
    this.resume(this.end({ kind: 'error', error: this.watch.failed('request', why, reason).error }));
  }

  private end(verdict: Verdict): Verdict {
    this.state = 'over';
    this.cancelTimer();
    return verdict;
  }

  private checked(value: unknown): Verdict {
    if (value === null || value === undefined) return null;
    const { kind, error, reply } = value as { kind?: unknown; error?: unknown; reply?: unknown };
    if (kind === 'error' && isReplyError(error)) return { kind, error };
    if (kind !== 'reply' || typeof reply !== 'object' || reply === null) return this.wrong('no verdict');
    const { head, body } = reply as { head: HeaderBlock; body: unknown };
    if (body !== null && !(body instanceof Uint8Array)) return this.wrong('a body that is no Uint8Array');
    const block = this.watch.run('request', () => checkedReplyHead(head, body));
    if (block instanceof Failed) return { kind: 'error', error: block.error };
    return { kind, reply: { head: block, body } };
  }

  private wrong(what: string): Verdict {
    const reason = `its request hook returned ${what}`;
    return { kind: 'error', error: this.watch.failed('request', 'wrong value', reason).error };
  }
}

type Wait = Extract<Verdict, { readonly kind: 'wait' }>;

function isWait(value: unknown): value is Wait {
  return (value as Partial<Wait> | null)?.kind === 'wait' && typeof (value as Wait).cancel === 'function';
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>> | null)?.then === 'function';
}
