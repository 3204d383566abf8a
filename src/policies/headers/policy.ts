import { type RequestView, requestTraffic } from '../../call/stage.ts';
import { FieldKind } from '../../core/field.ts';
import type { HeaderBlock } from '../../core/header-block.ts';
import { metadata } from '../../schema/metadata-type.ts';
import { nameList } from '../../schema/name-list.ts';
import { shown } from '../../schema/problem.ts';
import { key, optionalSection } from '../../schema/shape.ts';
import type { Draft } from '../../schema/typed.ts';
import type { Endpoint } from '../../upstream/endpoint.ts';
import { type Part, wrongName, wrongValue } from '../header-names.ts';
import { definePolicy } from '../policy.ts';
import { type ChangesConfig, compileChanges, type HeaderChanges, operations } from './changes.ts';
import { parseTemplate } from './template.ts';

const namesMax = 32;

const removedNames = nameList({
  label: 'list of header names',
  itemsMax: namesMax,
  charsMax: 128,
  pattern: /^:?[A-Za-z0-9!#$%&'*+.^_`|~-]+$/,
  write: 'header names, such as [x-internal]',
});

/** Names are checked with the rest of the policy, which knows the kind of message. */
const headerValues = metadata({ label: 'headers', reserved: {}, grpc: false });

const changesOf = (doc: string) =>
  optionalSection(
    { doc, example: '{ set: { x-client: "{client.address}" } }' },
    {
      remove: key(removedNames, { default: [], doc: 'Headers to remove, with all their values.' }),
      set: key(headerValues, {
        default: {},
        secret: 'byName',
        doc: 'Headers that replace those with the same name. An empty value removes the header.',
      }),
      add: key(headerValues, {
        default: {},
        secret: 'byName',
        doc: 'Headers to add. Existing headers with the same name stay.',
      }),
      append: key(headerValues, {
        default: {},
        secret: 'byName',
        doc: 'Values to append, after a comma, to the last header with this name. If there is none, Outrigger adds the header.',
      }),
    },
  );

/** Changes to the headers of requests and replies, and to the trailers of replies. gRPC calls these metadata. */
export const headers = definePolicy({
  key: 'headers',
  schema: optionalSection(
    {
      doc: 'Adds, replaces and removes headers (metadata, for gRPC). Values can contain variables, such as `{client.address}`; see docs/policies/headers.md.',
      example: '{ request: { set: { x-client: "{client.address}" } } }',
    },
    {
      request: changesOf('Changes to the headers of the request that the endpoint gets.'),
      reply: changesOf(
        'Changes to the headers of the reply that the client gets, including errors of Outrigger.',
      ),
      replyTrailers: changesOf(
        'Changes to the trailers of the reply. A Trailers-Only gRPC reply gets these changes in addition to those of `reply`.',
      ),
    },
  ),

  check({ request, reply, replyTrailers }, { problem, route }) {
    for (const [part, changes] of Object.entries({ request, reply, replyTrailers }))
      if (changes !== undefined)
        checkChanges(part as Part, changes, route.requestId !== undefined, (within, message) =>
          problem(`.${part}${within}`, message),
        );
    if (request === undefined && reply === undefined && replyTrailers === undefined)
      problem('', 'changes nothing; write request:, reply: or replyTrailers:, or leave it out');
  },

  compile({ request = {}, reply = {}, replyTrailers = {} }) {
    const ofRequest = compileChanges(request);
    const replyChanges = allChanges(reply);
    const trailerChanges = allChanges(replyTrailers);
    const { early, late } = ofRequest;
    return {
      policy: 'headers',
      appliesTo: requestTraffic,
      request: early.empty
        ? undefined
        : (request) => {
            request.useHead(early.apply(request.outgoing, { request, endpoint: null }));
            return null;
          },
      attempt: late.empty ? undefined : (request, head, endpoint) => late.apply(head, { request, endpoint }),
      reply:
        replyChanges.empty && trailerChanges.empty
          ? undefined
          : (request, head, endpoint) => {
              const changed = replyChanges.apply(head, request, endpoint);
              return isTrailersOnly(request, head)
                ? trailerChanges.apply(changed, request, endpoint)
                : changed;
            },
      trailers: trailerChanges.empty
        ? undefined
        : (request, trailers, endpoint) => trailerChanges.apply(trailers, request, endpoint),
    };
  },
});

interface ReplyChanges {
  readonly empty: boolean;
  apply(block: HeaderBlock, request: RequestView, endpoint: Endpoint | null): HeaderBlock;
}

/** Of a reply everything is known at once. */
function allChanges(config: ChangesConfig): ReplyChanges {
  const { early, late }: Record<string, HeaderChanges> = compileChanges(config);
  return {
    empty: early.empty && late.empty,
    apply: (block, request, endpoint) => {
      const source = { request, endpoint };
      return late.apply(early.apply(block, source), source);
    },
  };
}

/** A gRPC reply without messages may have its status in the head (gRPC over HTTP/2, "Trailers-Only"). */
function isTrailersOnly({ traffic }: RequestView, head: HeaderBlock): boolean {
  return traffic === 'grpc' && head.ofKind(FieldKind.GrpcStatus) !== undefined;
}

/** What is wrong with the changes of one kind of message. */
function checkChanges(
  part: Part,
  changes: NonNullable<Draft<ChangesConfig>>,
  hasRequestId: boolean,
  problem: (within: string, message: string) => void,
): void {
  /** The first operation of each name. */
  const seen = new Map<string, string>();
  const once = (operation: string, name: string): void => {
    const before = seen.get(name);
    if (before === undefined) seen.set(name, operation);
    else problem(`.${operation}`, `${shown(name)} is in ${before} as well; write it in one of them`);
  };
  for (const written of changes.remove ?? []) {
    if (written === undefined) continue;
    const name = written.toLowerCase();
    const error = wrongName(part, 'remove', name);
    if (error === undefined) once('remove', name);
    else problem('.remove', error);
  }
  for (const operation of operations)
    for (const [written, value] of Object.entries(changes[operation] ?? {})) {
      if (value === undefined) continue;
      const name = written.toLowerCase();
      const template = parseTemplate(value);
      const error = wrongName(part, operation, name) ?? wrongValue(name, value) ?? template.error;
      if (!hasRequestId && template.value?.uses('request.id'))
        problem(
          `.${operation}`,
          '"{request.id}" is empty without requestId; write requestId: {} in the route',
        );
      if (error === undefined) once(operation, name);
      else problem(`.${operation}`, error);
    }
}
