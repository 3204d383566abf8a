import { isIPv6 } from 'node:net';
import { type RequestView, requestTraffic, type Stage, type Verdict } from '../../call/stage.ts';
import { formatAddress } from '../../core/address.ts';
import { boundedText } from '../../core/bounded-text.ts';
import type { HeaderBlock } from '../../core/header-block.ts';
import { shown } from '../../schema/problem.ts';
import { text } from '../../schema/scalar-type.ts';
import { key, optionalSection } from '../../schema/shape.ts';
import { addNote } from '../../telemetry/call-record.ts';
import type { Endpoint } from '../../upstream/endpoint.ts';
import { checkPathChange, compilePathChange, pathKeys } from '../path-change.ts';
import { type CheckContext, definePolicy } from '../policy.ts';
import { HeadRewrite } from './head-rewrite.ts';

/** Stands for the name of the endpoint that a request goes to. */
const ofEndpoint = '{endpoint}';

const authority = text({
  label: 'authority',
  charsMax: 260,
  pattern: /^([A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?|\{endpoint\})$/,
  write: `a host name or host:port, or "${ofEndpoint}" for the name of the endpoint`,
});

const portMax = 65_535;

/** Characters of a path in records. */
const shownPathCharsMax = 200;

/** Forwards requests with another path or authority than they came with. */
export const rewrite = definePolicy({
  key: 'rewrite',
  schema: optionalSection(
    {
      doc: 'Changes the path or the authority of the forwarded request. Routes match the original path. The query stays unchanged.',
      example: '{ pathPrefix: { from: /api, to: / } }',
    },
    {
      ...pathKeys,
      authority: key(authority, {
        doc: '`:authority` or `Host` that the endpoint gets. `"{endpoint}"` is the host name of the endpoint from discovery, otherwise its IP address; followed by the port, unless that is 80 or, with TLS, 443.',
      }),
    },
  ),

  check(config, context) {
    checkPathChange(config, context);
    checkAuthority(config.authority, context);
    if (Object.values(config).every((value) => value === undefined))
      context.problem('', 'rewrites nothing; write pathPrefix, pathRegex, path or authority');
  },

  compile({ authority: written, ...config }): Stage {
    const change = compilePathChange(config);
    const fixed = written === ofEndpoint ? undefined : written;
    const early = new HeadRewrite(change, fixed ?? null);
    return {
      policy: 'rewrite',
      appliesTo: requestTraffic,
      ...((change !== null || fixed !== undefined) && { request: (request) => rewriteHead(request, early) }),
      ...(written === ofEndpoint && { attempt: endpointAuthority() }),
    };
  },
});

function checkAuthority(written: string | undefined, { problem }: Pick<CheckContext, 'problem'>): void {
  const [, ipv6, port] = /^(?:\[(.*)\]|[^:]*)(?::(\d+))?$/.exec(written ?? '') ?? [];
  if (ipv6 !== undefined && !isIPv6(ipv6))
    problem('.authority', `${shown(written)} is not an IPv6 address; write one such as [2001:db8::1]`);
  if (Number(port ?? 1) > portMax)
    problem('.authority', `${shown(written)} has a port above ${portMax}; write one from 1 to ${portMax}`);
}

function rewriteHead(request: RequestView, rewrite: HeadRewrite): Verdict {
  const rewritten = rewrite.apply(request.outgoing);
  if ('code' in rewritten) return { kind: 'error', error: rewritten };
  request.useHead(rewritten.head);
  if (rewritten.path !== null)
    addNote(request.record, {
      policy: 'rewrite',
      text: `forwarded with the path ${boundedText(rewritten.path, shownPathCharsMax)}`,
    });
  return null;
}

/** The hook of attempts that gives each endpoint its own name. */
function endpointAuthority(): NonNullable<Stage['attempt']> {
  const rewrites = new WeakMap<Endpoint, HeadRewrite>();
  return (_request, head, endpoint): HeaderBlock => {
    let rewrite = rewrites.get(endpoint);
    if (rewrite === undefined) {
      rewrite = new HeadRewrite(null, authorityOf(endpoint));
      rewrites.set(endpoint, rewrite);
    }
    const rewritten = rewrite.apply(head);
    return 'code' in rewritten ? head : rewritten.head;
  };
}

/** The name that led to an endpoint, with its port unless that is the scheme's own (RFC 9110 section 4.2). */
function authorityOf({ target, hostname, dial }: Endpoint): string {
  if (target.kind === 'unix') return 'localhost';
  const { port } = target;
  // A zone is of this machine alone (RFC 6874 section 4).
  const host = hostname === '' ? target.host.replace(/%.*$/, '') : hostname;
  const whole = formatAddress({ kind: 'tcp', host, port });
  return port === (dial.tls === null ? 80 : 443) ? whole.slice(0, whole.lastIndexOf(':')) : whole;
}
