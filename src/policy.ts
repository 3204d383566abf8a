/**
 * `outrigger/policy`: what a policy module is made from. A module has the interface of a built-in policy.
 *
 *     import { definePolicy, headerName, key, requestTraffic, section } from 'outrigger/policy';
 *
 *     export default definePolicy({
 *       key: 'headerCheck',
 *       schema: section({ doc: 'Requires a header.' }, { header: key(headerName, { required: true, doc: 'Its name.' }) }),
 *       compile: ({ header }) => ({
 *         policy: 'headerCheck',
 *         appliesTo: requestTraffic,
 *         request: ({ requestHead }) =>
 *           requestHead.get(header) === undefined
 *             ? { kind: 'error', error: { code: 'denied', detail: `no ${header}`, mayHaveProcessed: false } }
 *             : null,
 *       }),
 *     });
 */
export {
  type DirectReply,
  type Follower,
  type PolicyFact,
  type RequestView,
  type Resume,
  replyTraffic,
  requestTraffic,
  type Stage,
  type Traffic,
  type Verdict,
} from './call/stage.ts';
export { Field } from './core/field.ts';
export { HeaderBlock } from './core/header-block.ts';
export type { ReplyError, ReplyErrorCode } from './core/reply-error.ts';
export {
  type CheckContext,
  type CompileEnv,
  definePolicy,
  type RoutePolicy,
  routeLabels,
} from './policies/policy.ts';
export { headerName } from './schema/names.ts';
export { choice, choices, duration, listOf, name, number, size, text, toggle } from './schema/scalar-type.ts';
export { key, list, optionalSection, section } from './schema/shape.ts';
export { addNote, type CallRecord, type PolicyNote } from './telemetry/call-record.ts';
