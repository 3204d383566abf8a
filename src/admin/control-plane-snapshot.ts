/** What a control plane sent of one kind of resources, and what became of it. Times are milliseconds since the Unix epoch; null for never. */
export interface ResourceKindSnapshot {
  readonly kind: string;
  /** Names that are asked for; `all` for every resource that the control plane has. */
  readonly requested: 'all' | number;
  /** Version that was accepted last, '' for none. */
  readonly version: string;
  readonly resources: number;
  /** Names that were asked for and never came. */
  readonly missing: readonly string[];
  readonly refused: ReadonlyArray<{ readonly name: string; readonly path: string; readonly message: string }>;
  readonly lastAckAtMs: number | null;
  readonly lastNackAtMs: number | null;
  /** Reason of the last NACK, '' for none. */
  readonly lastNack: string;
  readonly acks: number;
  readonly nacks: number;
}

/** A note on a resource. */
interface ResourceNote {
  readonly kind: string;
  readonly name: string;
  readonly path: string;
}

/** The control plane and what it sent (`GET /xds`). */
export interface ControlPlaneSnapshot {
  readonly server: string;
  readonly delta: boolean;
  readonly connected: boolean;
  readonly sinceMs: number;
  readonly controlPlane: string;
  readonly lastError: string;
  /** Milliseconds for which the configuration may be stale; 0 while connected. */
  readonly staleMs: number;
  /** A configuration of it is in use. */
  readonly applied: boolean;
  /** Why the last configuration was refused as a whole, '' if it was not. */
  readonly refused: string;
  readonly warnings: ReadonlyArray<ResourceNote & { readonly message: string }>;
  /** Listeners that wait for another resource. */
  readonly waiting: ReadonlyArray<ResourceNote & { readonly for: string }>;
  readonly kinds: readonly ResourceKindSnapshot[];
}
