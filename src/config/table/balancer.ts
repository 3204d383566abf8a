import { policyNames } from '../../core/policy-name.ts';
import { cookieName, headerName } from '../../schema/names.ts';
import { choice, duration, number, text, toggle, wordOr } from '../../schema/scalar-type.ts';
import { key, list, optionalSection, section } from '../../schema/shape.ts';

const hashSource = section(
  { doc: 'One place where a key may be: one of these.', example: '{ header: x-user-id }' },
  {
    header: key(headerName, {
      doc: 'Name of a header (a metadata key, for gRPC); its first value. Letter case of the name counts for nothing.',
    }),
    cookie: key(cookieName, { doc: 'Name of a cookie.' }),
    source: key(toggle, {
      doc: '`true`: the address of the client, as its connection says. For one that a proxy passed on use its header.',
    }),
    path: key(toggle, { doc: '`true`: the path without the query.' }),
  },
);

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

/** Which of the usable endpoints gets a call. */
export const balancer = section(
  { doc: 'Which of the usable endpoints gets a call.', reload: 'live' },
  {
    policy: key(choice(policyNames), {
      default: 'least_request',
      doc: '`least_request`: the fewest calls in flight for its weight. `peak_ewma`: the shortest wait, by latency and calls in flight, of two drawn. `round_robin`: in turn. `random`: at random. `ring_hash` and `maglev`: calls of one key (`hash`) to one endpoint. `ip_hash`: `maglev` by the client address. `sticky_cookie`: the endpoint that a session was bound to (`sticky`). All heed weights.',
    }),
    choices: key(wordOr('auto', number({ min: 1, max: 1000 })), {
      default: 'auto',
      doc: 'For `least_request`: how many endpoints compete for a call. `auto`: all up to 32, else five drawn; 2 is the power of two choices.',
    }),
    bias: key(number({ min: 0.1, max: 10, whole: false }), {
      default: 1,
      doc: 'For `least_request`: exponent on the calls in flight. Above 1 a busy endpoint is shunned more than its weight says, below 1 less.',
    }),
    slowGuard: key(toggle, {
      default: false,
      doc: 'For `least_request`: an endpoint that answers more than twice as slowly as the mean counts as so much busier, and is forgiven within a second of silence.',
    }),
    peakEwma: section(
      { doc: 'For `peak_ewma`: how latency is learnt, from the pick to the head of the reply.' },
      {
        decay: key(duration({ min: '10ms', max: '10m' }), {
          default: '10s',
          doc: 'Time constant with which an estimate falls. It rises at once.',
        }),
        initial: key(duration({ min: '1ms', max: '1m' }), {
          default: '30ms',
          doc: 'What an endpoint is taken to need before its first answer.',
        }),
      },
    ),
    failPenalty: section(
      { doc: 'For `least_request` and `peak_ewma`: keeps a replica that fails fast from seeming idle.' },
      {
        load: key(number({ min: 0, max: 10_000, whole: false }), {
          default: 20,
          doc: 'Calls in flight that a failed one pretends for a while, from the second consecutive failure on; 0 switches this off. Use 5 where 5% and more of the calls fail as ordinary answers.',
        }),
        decay: key(duration({ min: '1ms', max: '10m' }), {
          default: '1s',
          doc: 'Time constant with which the pretended load fades. A success clears it.',
        }),
      },
    ),
    hash: list(
      {
        noun: 'source of a key',
        doc: 'For `ring_hash` and `maglev`: where the key of a call is to be found. The first that is there and not empty counts; a call without any goes to a random endpoint.',
      },
      hashSource,
    ),
    sticky,
    slowStart: optionalSection(
      {
        doc: 'Lets the weight of an endpoint grow that is new or usable again, for all but the hash policies.',
        example: '{ window: 30s }',
      },
      {
        window: key(duration({ min: '100ms', max: '1h' }), {
          required: true,
          doc: 'How long it grows. Twice the time to warm up is right for `least_request`, six times for `round_robin`.',
        }),
        aggression: key(number({ min: 0.1, max: 100, whole: false }), {
          default: 0.5,
          doc: 'The weight is `max(0.1, (time / window)^(1 / aggression))` of what it will be: above 1 it grows fast at first, below 1 slowly.',
        }),
      },
    ),
    preferZone: key(toggle, {
      default: true,
      doc: 'Whether endpoints of the own `zone`, where one is set, get all calls as long as they can carry their share.',
    }),
    panicPercent: key(number({ min: 0, max: 100 }), {
      default: 0,
      doc: 'Below this part of usable endpoints all are used, unusable ones too; 0 for never. A call without a usable endpoint fails at once otherwise.',
    }),
    boundedLoad: optionalSection(
      {
        doc: 'For the hash policies: a key whose endpoint has too many calls in flight goes to another one, always the same.',
        example: '{ factor: 1.25 }',
      },
      {
        factor: key(number({ min: 1.01, max: 100, whole: false }), {
          default: 1.25,
          doc: 'How many times its share of the calls in flight an endpoint may have.',
        }),
      },
    ),
    ringSize: section(
      { doc: 'For `ring_hash`: points on the ring. The more, the nearer shares come to the weights.' },
      {
        perEndpoint: key(number({ min: 1, max: 65_536 }), {
          default: 1024,
          doc: 'Of the lightest endpoint; the others have more by their weights.',
        }),
        max: key(number({ min: 1, max: 1_000_000 }), {
          default: 65_536,
          doc: 'In all at most, however many endpoints there are and however their weights differ.',
        }),
      },
    ),
    tableSize: key(number({ min: 2, max: 262_147 }), {
      default: 65_537,
      doc: 'For `maglev` and `ip_hash`: entries of the table, a prime, a hundred times as many as endpoints or more.',
    }),
  },
);
