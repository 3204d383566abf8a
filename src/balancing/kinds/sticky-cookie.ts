import { layer4Unit } from '../../core/layer4.ts';
import { cookieName, headerName } from '../../schema/names.ts';
import { choice, duration, text, toggle } from '../../schema/scalar-type.ts';
import { key, optionalSection } from '../../schema/shape.ts';
import { balancerKind } from '../kind.ts';
import { sticky as bySession, stickyAffinity } from '../sticky.ts';
import { chooseLeast } from './least-request.ts';
import { chooseByTable } from './maglev.ts';

const sticky = optionalSection(
  {
    doc: 'For `sticky_cookie`: where the client sends the token that names the endpoint of its session. Set `cookie` or `metadata`. For a new session, or if the endpoint is gone or unusable, `least_request` picks an endpoint, and the reply carries a new token.',
    example: '{ cookie: { name: session } }',
  },
  {
    cookie: optionalSection(
      {
        doc: 'A cookie, for clients that store cookies. The cookie is always `HttpOnly`.',
        example: '{ name: session }',
      },
      {
        name: key(cookieName, { required: true, doc: 'Name of the cookie. Its value is a signed token.' }),
        path: key(
          text({
            label: 'cookie path',
            charsMax: 1024,
            pattern: /^\/[\x21-\x3a\x3c-\x7e]*$/,
            write: 'a path that begins with "/"',
          }),
          {
            default: '/',
            doc: '`Path` attribute: the client sends the cookie with requests for these paths.',
          },
        ),
        ttl: key(duration({ min: '1s', max: '8760h' }), {
          otherwise: 'a session cookie',
          doc: 'How long the client keeps the cookie.',
        }),
        sameSite: key(choice(['strict', 'lax', 'none']), {
          default: 'lax',
          doc: '`SameSite` attribute: whether the client sends the cookie with requests that another site started.',
        }),
        secure: key(toggle, {
          default: false,
          doc: '`Secure` attribute: the client sends the cookie over TLS only.',
        }),
      },
    ),
    metadata: key(headerName, {
      doc: 'A header (a metadata key), for gRPC clients. The reply carries the token in its initial metadata, and the client sends it with its next calls. If the client sends a value of its own, such as a session name, Outrigger picks the endpoint by the hash of that value.',
    }),
    secret: key(
      text({ label: 'secret', charsMax: 1024, pattern: /^.{16,}$/s, write: '16 characters or more' }),
      {
        otherwise:
          'random at each start: sessions do not survive a restart, and other sidecars do not recognize them',
        doc: 'Key that signs the tokens (HMAC-SHA-256). Sidecars with the same secret recognize the same sessions.',
        secret: true,
      },
    ),
  },
);

/** `sticky_cookie`: the endpoint that a session was bound to; `least_request` for new sessions. */
export const stickyCookie = balancerKind({
  name: 'sticky_cookie',
  doc: 'the endpoint that the session is bound to (`sticky`)',
  keys: { sticky },
  clientsChoose: true,

  check({ sticky }, { protocol, problem }) {
    const unit = layer4Unit(protocol);
    if (unit !== null)
      problem(
        '.policy',
        `"sticky_cookie" is for http2 and http1, since ${unit} has no cookies; write ip_hash`,
      );
    else if (sticky?.cookie === undefined && sticky?.metadata === undefined)
      problem(
        '.sticky',
        'has neither cookie nor metadata; write cookie: { name: session }, or metadata: x-session for gRPC',
      );
    if (sticky?.cookie?.sameSite === 'none' && sticky.cookie.secure === false)
      problem(
        '.sticky.cookie.secure',
        'is false, and browsers drop a cookie with sameSite: none then; write true',
      );
  },
  checkUnused({ sticky }, { policy, problem }) {
    if (sticky !== undefined)
      problem('.sticky', `is for sticky_cookie, and this policy is ${policy}; leave it out`);
  },

  affinity: (settings) => stickyAffinity(settings.sticky ?? {}),
  create({ over, groups, settings, random }) {
    const header = settings.sticky?.metadata;
    return bySession({
      endpoints: groups.flatMap((group) => group.endpoints),
      settings: settings.sticky ?? {},
      newSession: over((endpoints) => chooseLeast(endpoints, settings, random)),
      byName:
        header === undefined
          ? null
          : over((endpoints) => chooseByTable(endpoints, settings, [{ header }], random)),
    });
  },
});
