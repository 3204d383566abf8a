import { cookieName, headerName } from '../../schema/names.ts';
import { choice, duration, text, toggle } from '../../schema/scalar-type.ts';
import { key, optionalSection } from '../../schema/shape.ts';
import { balancerKind } from '../kind.ts';
import { sticky as bySession, stickyAffinity } from '../sticky.ts';
import { chooseLeast } from './least-request.ts';
import { chooseByTable } from './maglev.ts';

const sticky = optionalSection(
  {
    doc: 'For `sticky_cookie`: how a session says which endpoint it is bound to; `cookie` or `metadata`. A session that is new, or whose endpoint is gone or unusable, gets one by `least_request`, and the reply says which.',
    example: '{ cookie: { name: session } }',
  },
  {
    cookie: optionalSection(
      { doc: 'A cookie, for clients that keep them; always `HttpOnly`.', example: '{ name: session }' },
      {
        name: key(cookieName, { required: true, doc: 'Name of the cookie. It holds a signed token.' }),
        path: key(
          text({
            label: 'cookie path',
            charsMax: 1024,
            pattern: /^\/[\x21-\x3a\x3c-\x7e]*$/,
            write: 'a path that begins with "/"',
          }),
          { default: '/', doc: 'Paths that the client sends it with.' },
        ),
        ttl: key(duration({ min: '1s', max: '8760h' }), {
          otherwise: 'as long as the session of the client',
          doc: 'How long the client keeps it, from when it was set.',
        }),
        sameSite: key(choice(['strict', 'lax', 'none']), {
          default: 'lax',
          doc: 'Whether the client sends it with requests that another site began.',
        }),
        secure: key(toggle, { default: false, doc: 'Whether the client sends it over TLS only.' }),
      },
    ),
    metadata: key(headerName, {
      doc: 'A header (a metadata key), for gRPC clients: the reply has the token in its first metadata, and the client sends it with its next calls. A value of its own, such as a session name, binds a call by its hash.',
    }),
    secret: key(
      text({ label: 'secret', charsMax: 1024, pattern: /^.{16,}$/s, write: '16 characters or more' }),
      {
        otherwise:
          'made at every start: sessions do not outlive a restart, and other sidecars do not know them',
        doc: 'What tokens are signed with (HMAC-SHA-256). Sidecars with the same secret know the same sessions.',
        secret: true,
      },
    ),
  },
);

/** `sticky_cookie`: the endpoint that a session was bound to; `least_request` for new sessions. */
export const stickyCookie = balancerKind({
  name: 'sticky_cookie',
  doc: 'the endpoint that a session was bound to (`sticky`)',
  keys: { sticky },
  clientsChoose: true,

  check({ sticky }, { protocol, problem }) {
    if (protocol === 'tcp')
      problem(
        '.policy',
        '"sticky_cookie" is for http2 and http1, since a tcp connection has no cookies; write ip_hash',
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
