import { requestTraffic } from '../../call/stage.ts';
import { choice, choices, number } from '../../schema/scalar-type.ts';
import { key, optionalSection } from '../../schema/shape.ts';
import { definePolicy } from '../policy.ts';
import { type ForwardingSettings, forward, forwardedHeaders } from './forwarding.ts';

/** More proxies than this are a mistake. */
const hopsMax = 32;

/** What endpoints get to know of the client: `X-Forwarded-For` and its companions, and `Forwarded` (RFC 7239). */
export const forwarded = definePolicy({
  key: 'forwarded',
  schema: optionalSection(
    {
      doc: 'Headers that report the client of a request to the endpoint. Without this section, HTTP/1.1 endpoints get `x-forwarded-for` and `x-forwarded-proto`, and HTTP/2 endpoints get the headers that the client sent.',
      example: '{ mode: append, trustedHops: 1 }',
    },
    {
      mode: key(choice(['append', 'set', 'off']), {
        default: 'append',
        doc: '`append` adds the client to the values that it sent, `set` replaces them, `off` forwards them unchanged.',
      }),
      headers: key(choices(forwardedHeaders), {
        default: ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host'],
        doc: 'The headers that Outrigger writes.',
      }),
      trustedHops: key(number({ min: 0, max: hopsMax }), {
        otherwise: 'Outrigger keeps every value',
        doc: 'For `append`: number of trusted proxies in front of Outrigger. Outrigger keeps only the values that they added: one for each proxy, counted from the end.',
      }),
    },
  ),

  check({ mode, headers, trustedHops }, { problem }) {
    if (mode !== undefined && mode !== 'append' && trustedHops !== undefined)
      problem(
        '.trustedHops',
        `${trustedHops} is for mode: append, and this is mode: ${mode}; write mode: append, or leave it out`,
      );
    if (headers?.length === 0 && mode === 'append')
      problem('.headers', 'is empty; write [x-forwarded-for], or mode: off');
  },

  compile({ mode, headers, trustedHops = Number.POSITIVE_INFINITY }) {
    const stage = { policy: 'forwarded', appliesTo: requestTraffic, writesForwarded: true };
    if (mode === 'off') return stage;
    const settings: ForwardingSettings = {
      mode,
      headers: forwardedHeaders.filter((name) => headers.includes(name)),
      trustedHops,
    };
    return {
      ...stage,
      request(request) {
        const { peer, record, requestHead, outgoing } = request;
        const { scheme, authority } = requestHead;
        const connection = {
          address: record.clientAddress,
          scheme: peer.scheme ?? (scheme === 'https' ? 'https' : 'http'),
          authority,
        };
        request.useHead(forward(outgoing, connection, settings));
        return null;
      },
    };
  },
});
