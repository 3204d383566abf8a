import type { Http2Connection } from '../http2/connection.ts';

/** How long connections to an endpoint live by themselves, milliseconds. */
export interface ConnectionLifeSettings {
  /** Without a call for so long it is closed. */
  readonly idleTimeoutMs: number;
  /** The same while another connection to the endpoint could carry the calls. */
  readonly surplusIdleTimeoutMs: number;
  /** Then it takes no new calls, give or take 10%; Infinity for no limit. */
  readonly maxAgeMs: number;
  /** Null for none. */
  readonly keepalive: KeepaliveSettings | null;
}

export interface KeepaliveSettings {
  /** After so long without a byte from the peer it is asked for one. */
  readonly intervalMs: number;
  /** It has so long to answer. */
  readonly timeoutMs: number;
  /** Also while there is no call; servers that do not expect it close the connection for it (gRFC A8). */
  readonly withoutCalls: boolean;
}

export const defaultConnectionLife: ConnectionLifeSettings = {
  idleTimeoutMs: 3_600_000,
  surplusIdleTimeoutMs: 60_000,
  maxAgeMs: Number.POSITIVE_INFINITY,
  keepalive: null,
};

/** What is to become of a connection. */
export type ConnectionVerdict = 'lives' | 'idle' | 'old' | 'dead';

/** Bounds of the interval between two checks, milliseconds; within them it is a quarter of the shortest timeout. */
const checkMsMax = 15_000;
const checkMsMin = 10;

/** Returns how often a pool checks its connections, milliseconds. */
export function checkIntervalMs({ keepalive, ...settings }: ConnectionLifeSettings): number {
  const { idleTimeoutMs, surplusIdleTimeoutMs, maxAgeMs } = settings;
  const ping = keepalive === null ? checkMsMax * 4 : Math.min(keepalive.intervalMs, keepalive.timeoutMs);
  const shortest = Math.min(idleTimeoutMs, surplusIdleTimeoutMs, maxAgeMs, ping);
  return Math.min(Math.max(shortest / 4, checkMsMin), checkMsMax);
}

/**
 * The age, the idleness and the keepalive of one connection, found by regular checks: its calls do
 * nothing for it.
 */
export class ConnectionLife {
  private readonly connection: Http2Connection;
  private readonly settings: ConnectionLifeSettings;
  private readonly oldAtMs: number;
  private readonly pingIntervalMs: number;
  private streamsSeen = -1;
  private idleSinceMs: number;
  private heardMs: number;
  /** When a PING was sent that is not answered yet; answered is what is followed by any byte. */
  private pingedMs: number | null = null;

  /**
   * @param jitter 0 to 1, so that connections made together do not end together
   * @param patience what the keepalive interval is multiplied by
   */
  constructor(
    connection: Http2Connection,
    settings: ConnectionLifeSettings,
    nowMs: number,
    jitter: number,
    patience: number,
  ) {
    this.connection = connection;
    this.settings = settings;
    this.oldAtMs = nowMs + settings.maxAgeMs * (0.9 + 0.2 * jitter);
    this.pingIntervalMs = (settings.keepalive?.intervalMs ?? 0) * patience;
    this.idleSinceMs = nowMs;
    this.heardMs = nowMs;
  }

  /**
   * @param surplus another connection would do
   * @param late the check was delayed, and perhaps what the peer sent was as well: its silence proves nothing
   */
  check(nowMs: number, surplus: boolean, late: boolean): ConnectionVerdict {
    const { connection, settings } = this;
    if (settings.keepalive !== null && this.silent(settings.keepalive, nowMs, late)) return 'dead';
    if (!connection.accepting) return 'lives';
    if (connection.active > 0 || connection.nextStreamId !== this.streamsSeen) {
      this.streamsSeen = connection.nextStreamId;
      this.idleSinceMs = nowMs;
    }
    const idleMsMax = surplus
      ? Math.min(settings.surplusIdleTimeoutMs, settings.idleTimeoutMs)
      : settings.idleTimeoutMs;
    if (nowMs - this.idleSinceMs >= idleMsMax) return 'idle';
    return nowMs >= this.oldAtMs ? 'old' : 'lives';
  }

  private silent(keepalive: KeepaliveSettings, nowMs: number, late: boolean): boolean {
    const { connection } = this;
    if (connection.nowMs > this.heardMs) {
      this.heardMs = connection.nowMs;
      this.pingedMs = null;
    }
    if (this.pingedMs !== null) {
      if (late) this.pingedMs = nowMs;
      return nowMs - this.pingedMs >= keepalive.timeoutMs;
    }
    const pingsAllowed = connection.active > 0 || keepalive.withoutCalls;
    if (pingsAllowed && nowMs - this.heardMs >= this.pingIntervalMs) {
      connection.ping();
      this.pingedMs = nowMs;
    }
    return false;
  }
}
