/** The interface of `outrigger`. It names no other file, so that the types of the package need nothing but Node's. */

/** A configuration in the shape of the configuration file; docs/configuration.md lists the keys. */
export interface SidecarConfig {
  readonly listeners: ReadonlyArray<{
    readonly name: string;
    /** `127.0.0.1:0` gets a free port. */
    readonly listen: string;
    readonly [key: string]: unknown;
  }>;
  readonly clusters: ReadonlyArray<{ readonly name: string; readonly [key: string]: unknown }>;
  readonly [section: string]: unknown;
}

export interface SidecarOptions {
  /** Gets each line of the log, without its line end. `log.level` and `log.format` of the configuration apply. Default: no log. */
  readonly log?: (line: string) => void;
  /** Closes the sidecar when it is aborted; `startSidecar` then rejects with its reason if it has not resolved yet. */
  readonly signal?: AbortSignal;
  /**
   * The environment: `OUTRIGGER_*` and the variables that the configuration names as `${NAME}`. Default: empty, so that a test does
   * not depend on the machine. The OpenTelemetry exporters, if the configuration turns them on, read `process.env`.
   */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Replaces the port of every TCP and UDP address that the sidecar listens on by a free one, for a configuration with fixed ports. Default: false. */
  readonly freePorts?: boolean;
}

/** Something wrong with a configuration. */
export interface ConfigurationProblem {
  /** The file as it was given, or `configuration` for an object. */
  readonly file: string;
  /** From 1; 0 for an object. */
  readonly line: number;
  readonly column: number;
  /** `clusters[0].endpoints[1].address`; '' for the configuration as a whole. */
  readonly path: string;
  /** What is wrong and what to write. */
  readonly message: string;
}

/** How a drain ended. */
export interface DrainSummary {
  /** Requests that finished while the sidecar drained. */
  readonly finished: number;
  /** Requests that Outrigger terminated when `drain.grace` was over. */
  readonly terminated: number;
}

/** A sidecar that runs in this process. */
export interface Sidecar {
  /**
   * Returns the address of a listener, with the port that it got: `127.0.0.1:41234` or `unix:/path`. Without a name, of the first
   * listener. Throws if no listener has the name.
   */
  address(listener?: string): string;
  /** Addresses of all listeners, by name. */
  readonly addresses: ReadonlyMap<string, string>;
  /** URL of the admin API and the live page, without a slash at its end: `http://127.0.0.1:41235`; `unix:/path` for a socket. */
  readonly adminUrl: string;
  /**
   * Resolves when the sidecar is ready and each cluster that a listener uses has a usable endpoint. Rejects with the reasons after
   * `timeoutMs` (10,000 if not given), and if the sidecar drains.
   */
  ready(options?: { readonly timeoutMs?: number }): Promise<void>;
  /** Drains as on SIGTERM: `drain.delay`, `drain.grace` and `drain.goawayDelay` of the configuration apply. The admin API still answers. */
  drain(): Promise<DrainSummary>;
  /** Terminates the requests in flight, closes all sockets and stops all timers. May be called again. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
