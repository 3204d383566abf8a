import { type RequestView, replyTraffic, type Verdict } from '../../call/stage.ts';
import { constantField, Field } from '../../core/field.ts';
import { HeaderBlock } from '../../core/header-block.ts';
import type { MatchDraft } from '../../routing/match-check.ts';
import { nameList } from '../../schema/name-list.ts';
import { listed, shown } from '../../schema/problem.ts';
import { duration, toggle } from '../../schema/scalar-type.ts';
import { key, optionalSection } from '../../schema/shape.ts';
import { addNote } from '../../telemetry/call-record.ts';
import { definePolicy } from '../policy.ts';
import { withHeaders } from '../with-headers.ts';
import { AllowedOrigins, wrongOrigin } from './origins.ts';

const origins = nameList({
  label: 'list of origins',
  itemsMax: 100,
  charsMax: 300,
  pattern: /^\S+$/,
  write: 'origins, such as [https://app.example.com, "https://*.example.com"]',
});
const methods = nameList({
  label: 'list of HTTP methods',
  itemsMax: 32,
  charsMax: 32,
  pattern: /^(\*|[A-Z][A-Z-]*)$/,
  write: 'methods in capitals, such as [GET, PUT], or ["*"]',
});
const headerNames = nameList({
  label: 'list of header names',
  itemsMax: 100,
  charsMax: 128,
  pattern: /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/,
  write: 'header names, such as [content-type, x-grpc-web], or ["*"]',
});

const allowCredentials = constantField('access-control-allow-credentials', 'true');
const allowAny = constantField('access-control-allow-origin', '*');
const varyOrigin = constantField('vary', 'Origin');

/** What an endpoint says of the same is removed: two answers are none to a browser, and the route decides. */
const decidedHere: ReadonlySet<string> = new Set([
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-expose-headers',
]);

/** Which web pages of other origins may read the replies of a route (WHATWG Fetch, "CORS protocol"). */
export const cors = definePolicy({
  key: 'cors',
  schema: optionalSection(
    {
      doc: 'CORS: which web pages from other origins may send requests to the route. Outrigger answers the preflight requests of browsers itself.',
      example: '{ allowOrigins: [https://app.example.com] }',
    },
    {
      allowOrigins: key(origins, {
        required: true,
        doc: 'Allowed origins: `https://app.example.com`, `https://*.example.com` for all subdomains, or `*` for all origins.',
      }),
      allowMethods: key(methods, {
        default: ['GET', 'HEAD', 'POST'],
        doc: 'Methods that these pages may use.',
      }),
      allowHeaders: key(headerNames, {
        default: [],
        doc: 'Headers that these pages may send, in addition to the CORS-safelisted request headers.',
      }),
      exposeHeaders: key(headerNames, {
        default: [],
        doc: 'Headers of the reply that these pages may read, in addition to the CORS-safelisted response headers.',
      }),
      allowCredentials: key(toggle, {
        default: false,
        doc: 'Allows these pages to send cookies and client certificates. If `true`, none of the lists can contain `*`.',
      }),
      maxAge: key(duration({ min: '0s', max: '24h' }), {
        otherwise: '5 seconds in most browsers',
        doc: 'How long browsers cache the answer to a preflight request, in whole seconds.',
      }),
    },
  ),

  check(config, { problem, warning, route }) {
    const { allowOrigins, allowCredentials: credentials } = config;
    if (allowOrigins?.length === 0) problem('.allowOrigins', 'is empty; write at least one origin');
    for (const origin of allowOrigins ?? []) {
      const error = origin === undefined ? undefined : wrongOrigin(origin);
      if (error !== undefined) problem('.allowOrigins', error);
    }
    if (credentials)
      for (const name of ['allowOrigins', 'allowMethods', 'allowHeaders', 'exposeHeaders'] as const)
        if (config[name]?.includes('*'))
          problem(`.${name}`, '"*" is not for credentials, which browsers refuse; write each of them');
    const { method = [], grpc } = (route.match ?? {}) as MatchDraft;
    const methods = [method].flat();
    if (methods.length > 0 && !methods.includes('OPTIONS'))
      warning(
        '',
        `answers no preflight request: these have method OPTIONS, and the route matches ${listed(methods.map(shown), 'and')} alone`,
      );
    else if (grpc !== undefined)
      warning(
        '',
        'answers no preflight request: the route matches gRPC calls alone, which browsers do not make',
      );
  },

  compile({
    allowOrigins,
    allowMethods,
    allowHeaders,
    exposeHeaders,
    allowCredentials: credentials,
    maxAgeMs,
  }) {
    const allowed = new AllowedOrigins(allowOrigins);
    const preflight = listFields(
      ['access-control-allow-methods', allowMethods],
      ['access-control-allow-headers', allowHeaders],
    );
    if (maxAgeMs !== undefined)
      preflight.push(constantField('access-control-max-age', String(Math.floor(maxAgeMs / 1000))));
    const always = credentials ? [allowCredentials] : [];
    const exposed = listFields(['access-control-expose-headers', exposeHeaders]);
    const isAllowed = (origin: string): boolean => origin !== '' && allowed.allows(origin);
    return {
      policy: 'cors',
      appliesTo: replyTraffic,

      request(request): Verdict {
        if (!isPreflight(request)) return null;
        const origin = originOf(request);
        const fields = isAllowed(origin) ? preflight : [];
        if (fields !== preflight)
          addNote(request.record, { policy: 'cors', text: `does not allow the origin ${shown(origin)}` });
        // The hook below adds the rest, as it does for every other reply.
        const head = new HeaderBlock([constantField(':status', '204'), ...fields]);
        return { kind: 'reply', reply: { head, body: null } };
      },

      reply(request, head) {
        const origin = originOf(request);
        const added = variesAlready(head, allowed) ? [] : [varyOrigin];
        // Without `vary`, the reply must be the same where the request names no origin: a cache may give it to a page later.
        if (allowed.any || isAllowed(origin)) {
          added.push(allowed.any ? allowAny : new Field('access-control-allow-origin', origin), ...always);
          if (!isPreflight(request)) added.push(...exposed);
        }
        return withHeaders(head, decidedHere, added);
      },
    };
  },
});

function listFields(...lists: ReadonlyArray<readonly [name: string, values: readonly string[]]>): Field[] {
  return lists
    .filter(([, values]) => values.length > 0)
    .map(([name, values]) => constantField(name, values.join(', ')));
}

/** The origin of the page that asks; '' where there is none, or more than one. */
function originOf({ requestHead }: RequestView): string {
  const [origin = '', ...others] = requestHead.all('origin');
  return others.length === 0 ? origin : '';
}

/** A question of a browser, not a request of a page (WHATWG Fetch, "CORS-preflight request"). */
function isPreflight({ requestHead }: RequestView): boolean {
  if (requestHead.method !== 'OPTIONS') return false;
  return (
    requestHead.get('origin') !== undefined && requestHead.get('access-control-request-method') !== undefined
  );
}

/** A cache must not give the reply for one origin to another (RFC 9110 section 12.5.5). */
function variesAlready(head: HeaderBlock, allowed: AllowedOrigins): boolean {
  if (allowed.any) return true;
  const names = head.all('vary').flatMap((value) => value.toLowerCase().split(','));
  return names.some((name) => name.trim() === 'origin' || name.trim() === '*');
}
