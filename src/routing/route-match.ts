/**
 * What a route asks of a call's head. Every condition that is given must hold; an empty match holds for every call.
 * Configuration's own type is structurally the same.
 */
export interface RouteMatch {
  /** `greeter`, `greeter:8080`, `*.example.com` or `*`; letter case is ignored, and so is the port unless one is given. */
  readonly authority?: string;
  /** The whole path, without the query. */
  readonly path?: string;
  /** Whole segments: `/api` holds for `/api` and `/api/x`, not for `/apiary`; `/api/` does not hold for `/api`. One of several. */
  readonly pathPrefix?: string | readonly string[];
  /** A regular expression for the whole path, without the query; see `safe-regex.ts`. */
  readonly pathRegex?: string;
  /** A gRPC call (by content type) of a service, of a method, or of both. */
  readonly grpc?: GrpcMatch;
  /** `:method`, case-sensitive (RFC 9110 section 9.1). One of several. */
  readonly method?: string | readonly string[];
  /** All of them must hold. */
  readonly headers?: readonly ValueMatch[];
  /** Cookies by name, in the case in which they are written; all of them must hold. */
  readonly cookies?: readonly ValueMatch[];
  /** Parameters of the query, decoded; all of them must hold. */
  readonly query?: readonly ValueMatch[];
  /** The address of the client is in one of these ranges; see `address-range.ts`. */
  readonly source?: string | readonly string[];
}

export interface GrpcMatch {
  /** With its package: `helloworld.Greeter`. */
  readonly service?: string;
  readonly method?: string;
}

/**
 * One header, cookie or parameter. Of `exact`, `prefix`, `regex` and `present`, those that are given must hold for one and the same value;
 * a name that came several times holds if any of its values does. With none given, presence is asked for.
 */
export interface ValueMatch {
  readonly name: string;
  readonly exact?: string;
  readonly prefix?: string;
  /** For the whole value. */
  readonly regex?: string;
  /** `false` asks that it be absent. */
  readonly present?: boolean;
  /** Turns the verdict round, also for an absent header: `exact: a, invert: true` holds where nothing says `a`. */
  readonly invert?: boolean;
}
