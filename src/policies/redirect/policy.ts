import { isIPv6 } from 'node:net';
import { type RequestView, requestTraffic, type Verdict } from '../../call/stage.ts';
import { boundedText } from '../../core/bounded-text.ts';
import { constantField, Field } from '../../core/field.ts';
import { GrpcStatus } from '../../core/grpc-status.ts';
import { HeaderBlock } from '../../core/header-block.ts';
import { shown } from '../../schema/problem.ts';
import { choice, number, type ScalarType, text, toggle, wrongKind } from '../../schema/scalar-type.ts';
import { key, optionalSection } from '../../schema/shape.ts';
import { addNote } from '../../telemetry/call-record.ts';
import { grpcReply } from '../direct-reply.ts';
import { checkPathChange, compilePathChange, pathKeys, splitTarget } from '../path-change.ts';
import { definePolicy } from '../policy.ts';
import { locationOf, type RedirectSettings } from './location.ts';
import { checkLoops, targetPrefixOf } from './loops.ts';

const statuses: readonly number[] = [301, 302, 303, 307, 308];

/** RFC 9110 section 15.4, without those that name several targets or none. */
const redirectStatus: ScalarType<number> = {
  label: '301, 302, 303, 307 or 308',
  unit: '',
  jsonSchema: { enum: [...statuses] },
  fromText: (value) => (/^\d{3}$/.test(value) ? Number(value) : value),
  toRaw: (value) => value,
  parse: (raw) => {
    const write = '301, 302, 303, 307 or 308';
    if (typeof raw !== 'number') return wrongKind(raw, write);
    return statuses.includes(raw)
      ? { value: raw }
      : { error: `${shown(raw)} is not the status of a redirect; write ${write}` };
  },
};

const host = text({
  label: 'host',
  charsMax: 255,
  pattern: /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])$/,
  write: 'a host name without scheme and port, such as example.com',
});

/** Characters of a target in records and in the message that a gRPC call gets. */
const shownTargetCharsMax = 200;

/** Sends clients to another URL. */
export const redirect = definePolicy({
  key: 'redirect',
  schema: optionalSection(
    {
      doc: 'Redirects every request of the route to another URL. Parts of the URL that you do not set stay as they are in the request. Replaces `cluster`.',
      example: '{ scheme: https, status: 308 }',
    },
    {
      status: key(redirectStatus, {
        default: 302,
        doc: 'HTTP status. 301 and 308 are permanent, and clients cache them; 307 and 308 keep the method and the body.',
      }),
      scheme: key(choice(['http', 'https']), { doc: 'Scheme of the target.' }),
      host: key(host, { doc: 'Host of the target.' }),
      port: key(number({ min: 1, max: 65_535 }), {
        otherwise:
          'the default port of the scheme if `scheme` or `host` is set, otherwise the port of the request',
        doc: 'Port of the target.',
      }),
      ...pathKeys,
      keepQuery: key(toggle, { default: true, doc: 'Keeps the query of the request in the target.' }),
    },
  ),
  replacesCluster: true,

  check(config, context) {
    checkPathChange(config, context);
    checkLoops(config, context);
    const [, ipv6] = /^\[(.*)\]$/.exec(config.host ?? '') ?? [];
    if (ipv6 !== undefined && !isIPv6(ipv6))
      context.problem(
        '.host',
        `${shown(config.host)} is not an IPv6 address; write one such as [2001:db8::1]`,
      );
    if (context.route.respond !== undefined)
      context.problem(
        '',
        'is beside respond, and each answers every request of the route; write one of them',
      );
  },

  compile({ status, keepQuery, ...config }, { route }) {
    const { scheme = null, host: to = null, port = null } = config;
    const settings: RedirectSettings = {
      scheme,
      host: to,
      port,
      change: compilePathChange(config),
      targetPrefix: targetPrefixOf(config),
      keepQuery,
    };
    const statusField = constantField(':status', String(status));
    return {
      policy: 'redirect',
      appliesTo: requestTraffic,
      request({ requestHead, outgoing, traffic, record }: RequestView): Verdict {
        const found = locationOf(requestHead, outgoing.path, settings);
        if (found.error !== null) return { kind: 'error', error: found.error };
        const { location, isLoop } = found;
        // The query may hold secrets.
        const [shownTarget] = splitTarget(boundedText(location, shownTargetCharsMax));
        if (isLoop) return loopError(route, shownTarget);
        if (traffic === 'grpc') return grpcVerdict(shownTarget);
        addNote(record, { policy: 'redirect', text: `redirected to ${shownTarget}` });
        const head = new HeaderBlock([statusField, new Field('location', location)]);
        return { kind: 'reply', reply: { head, body: null } };
      },
    };
  },
});

function loopError(route: string, target: string): Verdict {
  const detail = `route ${route} redirects this request to itself, ${target}`;
  return { kind: 'error', error: { code: 'no_route', detail, mayHaveProcessed: false, httpStatus: 500 } };
}

/** No gRPC client follows a redirect: a 3xx would only be an unknown error to it. */
function grpcVerdict(target: string): Verdict {
  const message = `the route redirects to ${target}, and gRPC calls follow no redirects; call that host`;
  return { kind: 'reply', reply: grpcReply(GrpcStatus.UNIMPLEMENTED, message) };
}
