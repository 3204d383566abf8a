import type { Duplex } from 'node:stream';
import type { HeaderBlock } from '../core/header-block.ts';
import type { ReplyError } from '../core/reply-error.ts';
import { abortSocket } from '../transport/abort-socket.ts';
import { endSocket } from './error-reply.ts';
import {
  UpgradeAttempt,
  type UpgradeDeps,
  type UpgradeOutcome,
  type UpgradeTarget,
} from './upgrade-attempt.ts';
import { opensByMistake, type UpgradeClient } from './upgrade-client.ts';

/** A reply of Outrigger itself. */
export interface OwnReply {
  readonly head: HeaderBlock;
  readonly body: Uint8Array | null;
}

export type UpgradeChoice =
  | { readonly kind: 'endpoint'; readonly target: UpgradeTarget }
  | { readonly kind: 'error'; readonly error: ReplyError }
  | { readonly kind: 'reply'; readonly reply: OwnReply };

export interface UpgradeOptions extends UpgradeDeps {
  /** Endpoints attempted before the client gets an error; each took no connection. */
  readonly connectAttemptsMax: number;
  /** Routes, admits and picks. An error or a reply is what the client gets. */
  choose(): Promise<UpgradeChoice>;
  /** The reply that says an error. */
  errorReply(error: ReplyError): OwnReply;
}

/**
 * Forwards a WebSocket (RFC 6455 section 4.1, RFC 8441) through http2-proxy: the handshake to an endpoint that `choose` picks,
 * then bytes both ways until either side ends. Never rejects. When it resolves, the upstream's side is gone and
 * the client's is closed or closing.
 */
export async function proxyUpgrade(client: UpgradeClient, options: UpgradeOptions): Promise<UpgradeOutcome> {
  const { duplex } = client;
  duplex.on('error', () => {}); // http2-proxy stops listening when it is done; an error after that must not throw.
  const outcome: UpgradeOutcome = {
    httpStatus: 0,
    bytesFromClient: 0,
    bytesToClient: 0,
    attempts: 0,
    error: '',
    detail: '',
    declined: null,
  };
  const stopWatching = watchForLeaving(duplex);
  for (;;) {
    outcome.attempts += 1;
    const choice = await options.choose();
    if (choice.kind === 'error') return refuse(choice.error);
    if (choice.kind === 'reply') return decline(choice.reply);
    const attempt = new UpgradeAttempt(choice.target, client, outcome, options, stopWatching);
    const failure = await attempt.run();
    const error = failure?.reply ?? null;
    choice.target.release(attempt.ending(failure), error);
    if (error === null || duplex.destroyed || attempt.answered) return finish(attempt, error);
    if (!failure!.mayRetry || outcome.attempts >= options.connectAttemptsMax) return refuse(error);
  }

  function refuse(error: ReplyError): UpgradeOutcome {
    outcome.error = error.code;
    outcome.detail = error.detail;
    return send(options.errorReply(error));
  }

  function decline(reply: OwnReply): UpgradeOutcome {
    if (!opensByMistake(client, reply.head)) return send(reply);
    const detail = `a policy answers a WebSocket over HTTP/2 with status ${reply.head.status}, which would open it`;
    return refuse({ code: 'policy_failed', detail, mayHaveProcessed: false });
  }

  function send({ head, body }: OwnReply): UpgradeOutcome {
    outcome.httpStatus = head.status;
    if (duplex.destroyed) return outcome;
    client.head(head, body?.length ?? 0);
    endSocket(duplex, options.clock, body);
    return outcome;
  }

  function finish(attempt: UpgradeAttempt, error: ReplyError | null): UpgradeOutcome {
    outcome.error = error?.code ?? '';
    outcome.detail = error?.detail ?? '';
    // Half a reply must not look whole; a WebSocket says itself, by its close frame, whether its end is clean.
    if (error !== null && attempt.answered && outcome.httpStatus !== 101) abortSocket(duplex);
    else endSocket(duplex, options.clock, null);
    return outcome;
  }
}

/**
 * Reads ahead, into the bounded buffer of the client's side, while nobody else reads: what is not read does not show that
 * its peer is gone. Who leaves before the answer is disconnected, and with it the attempt. Gives the way to stop.
 */
function watchForLeaving(duplex: Duplex): () => void {
  const check = () => {
    // Reading nothing out of an empty buffer is what brings `end` up.
    if (duplex.readableLength === 0) duplex.read(0);
  };
  const left = () => duplex.destroy();
  duplex.on('readable', check);
  duplex.once('end', left);
  return () => {
    duplex.off('readable', check);
    duplex.off('end', left);
  };
}
