import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { Random } from '../../core/random.ts';
import type { Result } from '../../core/result.ts';
import type { JsonObject } from '../../reflection/json.ts';
import type { TlsFiles } from '../../security/tls-files.ts';
import type { Resource, ResourceKind, ResourceProblem } from '../resource.ts';

/** Who this process is to the control plane (`envoy.config.core.v3.Node`). '' and `{}` are not sent. */
export interface NodeIdentity {
  readonly id: string;
  readonly cluster: string;
  readonly locality: { readonly region: string; readonly zone: string; readonly subZone: string };
  /** For example `{ "GENERATOR": "grpc" }` for Istio. */
  readonly metadata: JsonObject;
}

/** TLS to the control plane. The files are read again for each connection, so that renewed ones are used. */
export interface ControlPlaneTls extends TlsFiles {
  /** Name in the certificate of the control plane; '' for the host of `server`. */
  readonly serverName: string;
}

export interface AdsSettings {
  /** `host:port` or `unix:/path`. */
  readonly server: string;
  /** Delta (incremental) ADS in place of the state of the world. */
  readonly delta: boolean;
  readonly node: NodeIdentity;
  /** Version of Outrigger, which the control plane sees as `user_agent_version`. */
  readonly userAgentVersion: string;
  /** null for plaintext. */
  readonly tls: ControlPlaneTls | null;
}

/** What one response changed. */
export interface ResourceUpdate {
  readonly kind: ResourceKind;
  /** Resources that are new, that have other bytes than those accepted last, or that were refused last. */
  readonly changed: readonly Resource[];
  /** Names of resources that were accepted or refused before, and that the control plane no longer has. */
  readonly removed: readonly string[];
  /** Whether the response held all resources of the kind: true for listeners and clusters in the state of the world. */
  readonly complete: boolean;
}

/** Messages of the Protocol Buffers wire format in both directions, over one gRPC stream. */
export interface AdsStream {
  send(message: Buffer): void;
  /** Stops and resumes reading; the control plane then runs into flow control. */
  pause(): void;
  resume(): void;
  /** Ends the stream and its connection. No handler is called afterwards. */
  close(): void;
}

export interface AdsStreamHandlers {
  /** The connection is up. */
  opened(): void;
  received(message: Buffer): void;
  /** The stream is over; `reason` is a sentence that says why. Called once at most. */
  ended(reason: string): void;
}

export interface AdsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly openStream: (settings: AdsSettings, handlers: AdsStreamHandlers) => AdsStream;
  /** Decodes one resource. The error is a sentence that says what is wrong with the bytes. */
  readonly decode: (
    kind: ResourceKind,
    typeUrl: string,
    bytes: Buffer,
  ) => Result<{ readonly name: string; readonly message: JsonObject }>;
  /**
   * Applies an update and returns what is wrong with it: nothing is an ACK. A resource of the update that a problem names
   * is refused, and its last good version stays; the other ones are applied. Called once for each response, also for one that
   * changes nothing.
   */
  readonly judge: (update: ResourceUpdate) => readonly ResourceProblem[];
}

/** Times are milliseconds since the Unix epoch; null for never. */
export interface KindStatus {
  readonly kind: ResourceKind;
  /** Names that are subscribed to; `all` for every resource that the control plane has. */
  readonly requested: 'all' | number;
  /** Version of the last response that was accepted as a whole, '' for none. With delta, `system_version_info`. */
  readonly version: string;
  /** Resources with a version that was accepted. */
  readonly resources: number;
  /** Names that are subscribed to and were never received, at most `missingShownMax` of them. */
  readonly missing: readonly string[];
  /** Resources whose last version was refused, with the reason. */
  readonly refused: readonly ResourceProblem[];
  readonly bytes: number;
  readonly lastResponseAtMs: number | null;
  readonly lastAckAtMs: number | null;
  readonly lastNackAtMs: number | null;
  /** Reason of the last NACK, '' for none. It stays after an ACK. */
  readonly lastNack: string;
  readonly acks: number;
  readonly nacks: number;
}

export interface ControlPlaneStatus {
  readonly server: string;
  readonly delta: boolean;
  readonly connected: boolean;
  /** Since when it is connected or disconnected. */
  readonly sinceMs: number;
  /** What the control plane calls itself, '' if it does not say. */
  readonly controlPlane: string;
  /** Why the last stream ended or a response was ignored, '' for none. */
  readonly lastError: string;
  readonly lastErrorAtMs: number | null;
  /** When the next attempt to connect begins; null while connected or connecting. */
  readonly retryAtMs: number | null;
  /** Streams that were opened, and those that ended. */
  readonly streamsOpened: number;
  readonly streamsFailed: number;
  /** Responses for types that were not requested, which are ignored. */
  readonly ignoredResponses: number;
  /** Times that a control plane returned to a version that it had replaced before. */
  readonly versionReturns: number;
  /** Milliseconds for which the configuration may be stale: since the connection was lost. 0 while connected. */
  readonly staleMs: number;
  /** Kinds with a subscription, in the order of `resourceKinds`. */
  readonly kinds: readonly KindStatus[];
}
