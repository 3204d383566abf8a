import type { Protocol } from '../scenarios.ts';

/** Where a proxy listens and what it balances over. */
export interface Ports {
  readonly listen: number;
  /** For an admin or metrics port, if the proxy has one. */
  readonly admin: number;
  /** Takes OTLP over HTTP. */
  readonly collector: number;
  readonly replicas: readonly number[];
  /** A certificate for localhost, signed by itself, and its key, as files: for whoever speaks TLS, on every side. */
  readonly cert: string;
  readonly key: string;
}

/** How to start a proxy and know that it serves. */
export interface Launch {
  readonly command: string[];
  /** On top of ours. */
  readonly env?: Record<string, string>;
  /** Answers 200 once calls may come; without it a port that is open is enough. */
  readonly readyUrl?: string;
}

/** A proxy that the bench can run: everyone does the same work (see `contract` below). */
export interface Peer {
  readonly name: string;
  /** What it is configured for: it runs in the scenarios of that protocol, with TLS or without as they say. */
  readonly protocol: Protocol;
  /** Runs in these scenarios alone, beside the table: it does not do the same work as the others (`comparisons`). */
  readonly only?: readonly string[];
  /** TLS from the client, TLS with a client certificate to the replicas. */
  readonly tls?: true;
  /** '' where it can run here, else what is missing and how to get it. */
  missing(): string;
  /** Its version in a few words. */
  version(): string;
  /** Writes what it needs below `dir`. */
  prepare(dir: string, ports: Ports): Launch;
}

/**
 * The work every peer is configured for: the same protocol on both sides (HTTP/2, HTTP/1.1, bare TCP), every path to one pool
 * of three replicas of equal weight by least requests (of TCP by least connections), connections kept, one worker on one core,
 * no access log, no time limit on a call, a `traceparent` on each upstream call that no other call has, and on HTTP/1.1
 * `x-forwarded-for` and `x-forwarded-proto`.
 */
export const contract =
  'the same protocol on both sides, least requests over three replicas, one worker, unique traceparent per call';
