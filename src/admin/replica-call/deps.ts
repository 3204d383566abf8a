/** The way that a call takes: which listener, and which endpoint. */
export interface ReplicaCallWay {
  /** Undefined for the first outbound listener. */
  readonly listener: string | undefined;
  /** The address of the endpoint that the call is pinned to; undefined for one that the balancer picks. */
  readonly endpoint: string | undefined;
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
}

export interface ReplicaCallRequest extends ReplicaCallWay {
  /** `package.Service/Method`. */
  readonly method: string;
  /** The messages of the request as JSON: one, an array of them, or one on each line. */
  readonly data: string;
  /** Undefined for the default. */
  readonly timeoutMs: number | undefined;
}

/** What is sent to the client, or why it is refused: an HTTP status, and a sentence that says what to do. */
export type ReplicaCallAnswer =
  | { readonly value: object }
  | { readonly status: 400 | 403 | 404 | 409 | 429 | 502; readonly problem: string };

/** Calls that operators make from the live page. */
export interface ReplicaCallDeps {
  /** Lists the methods that the reflection service of the endpoint names. Never rejects. */
  methods(way: ReplicaCallWay): Promise<ReplicaCallAnswer>;
  /** Makes a call. Never rejects. */
  call(request: ReplicaCallRequest): Promise<ReplicaCallAnswer>;
  /** Ends those that run. */
  close(): void;
}
