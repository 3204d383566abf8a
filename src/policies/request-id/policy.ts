import { type RequestView, requestTraffic } from '../../call/stage.ts';
import { ownText } from '../../core/bounded-text.ts';
import { Field } from '../../core/field.ts';
import { isSecretKey } from '../../core/secret-keys.ts';
import { headerName } from '../../schema/names.ts';
import { shown } from '../../schema/problem.ts';
import { toggle } from '../../schema/scalar-type.ts';
import { key, optionalSection } from '../../schema/shape.ts';
import { addNote } from '../../telemetry/call-record.ts';
import { wrongName } from '../header-names.ts';
import { definePolicy } from '../policy.ts';
import { requestIdFact, requestIdOf } from '../request-id.ts';
import { withHeaders } from '../with-headers.ts';
import { randomUuid } from './uuid.ts';

/** Characters of an id that a client may choose. */
const idCharsMax = 128;
const usableId = /^[\x21-\x7e]+$/;

/** An id that every part of a system logs a request by. */
export const requestId = definePolicy({
  key: 'requestId',
  schema: optionalSection(
    {
      doc: 'Assigns an id to each request. The endpoint gets it in a header; the access log and `/explain` show it.',
      example: '{ reply: true }',
    },
    {
      header: key(headerName, { default: 'x-request-id', doc: 'Header that carries the id.' }),
      trustIncoming: key(toggle, {
        default: true,
        doc: 'Keeps the id that the client sent, if it is a single header of at most 128 printable ASCII characters without spaces. Otherwise the request gets a new UUID.',
      }),
      reply: key(toggle, { default: false, doc: 'Also adds the header to the reply to the client.' }),
    },
  ),

  check({ header }, { problem }) {
    if (header === undefined) return;
    const name = header.toLowerCase();
    const error = wrongName('request', 'set', name);
    if (error !== undefined) problem('.header', error.replace(/; [^;]*$/, '; write x-request-id'));
    else if (isSecretKey(name))
      problem('.header', `${shown(header)} holds credentials, and ids are logged; write x-request-id`);
    else if (name.endsWith('-bin'))
      problem(
        '.header',
        `${shown(header)} is for base64, as every name that ends in "-bin"; write x-request-id`,
      );
  },

  compile({ header, trustIncoming, reply }, { random }) {
    const name = header.toLowerCase();
    const names: ReadonlySet<string> = new Set([name]);
    const note = ({ record }: RequestView, id: string, how: 'kept' | 'generated'): void =>
      addNote(record, { policy: 'requestId', text: `${how} ${id}`, facts: { [requestIdFact]: id } });
    return {
      policy: 'requestId',
      appliesTo: requestTraffic,
      request(request) {
        const incoming = trustIncoming ? incomingId(request, name) : '';
        if (incoming !== '') note(request, incoming, 'kept');
        else {
          const id = randomUuid(random);
          request.useHead(withHeaders(request.outgoing, names, [new Field(name, id)]));
          note(request, id, 'generated');
        }
        return null;
      },
      reply: reply
        ? ({ record }, head) => {
            const id = requestIdOf(record);
            return id === '' ? head : withHeaders(head, names, [new Field(name, id)]);
          }
        : undefined,
    };
  },
});

/** The id that the client sent; '' where it sent none, several, or one that cannot be logged as it is. */
function incomingId({ requestHead }: RequestView, name: string): string {
  const ids = requestHead.all(name);
  if (ids.length !== 1) return '';
  const [id] = ids;
  return id.length <= idCharsMax && usableId.test(id) ? ownText(id) : '';
}
