import type { Result } from '../../core/result.ts';

/** How the API server is reached at this moment. Files may change, so it is found again for each request. */
export interface ApiAccess {
  readonly isTls: boolean;
  readonly host: string;
  readonly port: number;
  /** Before the path of each request, '' as a rule. */
  readonly basePath: string;
  /** PEM; undefined for the CA certificates of the system. */
  readonly ca: string | undefined;
  /** PEM of a client certificate. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** What the certificate of the server is verified against; undefined for `host`. */
  readonly serverName: string | undefined;
  /** '' for none. */
  readonly token: string;
  /** That the credentials name, '' for none. */
  readonly namespace: string;
}

/** Finds the API server and credentials, or says what is missing. Never throws, never rejects. */
export type FindAccess = () => Promise<Result<ApiAccess>>;

/** Reads a small text file, or says why not: `/a/b does not exist`. Never rejects. */
export type ReadText = (path: string) => Promise<Result<string>>;
