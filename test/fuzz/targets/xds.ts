import { VirtualClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { AdsSession } from '../../../src/xds/client/session.ts';
import { typeUrls } from '../../../src/xds/type-urls.ts';
import { adsSettings, decodeText, TextJudge } from '../../support/xds-client-rig.ts';
import {
  deltaResponse,
  readDeltaRequest,
  readSotwRequest,
  type SentResponse,
  sotwResponse,
  wrappedSotwResponse,
} from '../../support/xds-messages.ts';
import { bytesOf, check, type FuzzTarget } from '../target.ts';

const typeUrl = typeUrls.cluster;

function respond(delta: boolean, response: SentResponse): Buffer {
  return delta ? deltaResponse(response) : sotwResponse(response);
}

/** One session, a good response, the input as the next one, and another good response. */
function run(input: Uint8Array): void {
  const delta = (input[0] ?? 0) % 2 === 1;
  const judge = new TextJudge();
  const session = new AdsSession(
    { ...adsSettings, delta },
    {
      clock: new VirtualClock(),
      random: new SeededRandom(1),
      logger: silentLogger,
      openStream: () => {
        throw new Error('a session opens no stream');
      },
      decode: decodeText,
      judge: judge.judge,
    },
  );
  session.subscribe('cluster', 'all');
  session.begin();
  const good = (body: string, version: string): void => {
    const resources = [{ name: 'a', version, body }];
    const received = session.receive(respond(delta, { typeUrl, version, nonce: version, resources }));
    check(received.outcome === 'judged' && received.reason === '', 'a good response is accepted');
    check(judge.of('cluster').a === body, `a is ${judge.of('cluster').a} and not ${body}`);
    check(session.takeReplies('cluster').length === 1, 'a response has one answer');
  };
  good('one', '1');
  const received = session.receive(Buffer.from(input.subarray(1)));
  const replies = session.takeReplies('cluster');
  check(
    replies.length === (received.outcome === 'judged' ? 1 : 0),
    `${received.outcome} with ${replies.length} answers`,
  );
  for (const reply of replies) {
    const request = delta ? readDeltaRequest(reply) : readSotwRequest(reply);
    check(request.typeUrl === typeUrl, `the answer is for ${request.typeUrl}`);
    check(received.outcome === 'judged' && request.reason === received.reason, 'the answer has the reason');
  }
  const [status] = session.status();
  check(status.resources === Object.keys(judge.of('cluster')).length, 'the status counts what is applied');
  good('two', '2');
}

const resources = [
  { name: 'a', version: '3', body: 'x' },
  { name: 'b', version: '1', body: 'bad' },
  { name: 'a', version: '3', body: 'y' },
  { name: 'c', version: '2', body: 'undecodable' },
  { name: 'd', version: '2', body: null },
];
const response = { typeUrl, version: '9', nonce: 'n', resources, removed: ['a', 'e'] };

export const xds: FuzzTarget = {
  about:
    'whatever a control plane sends is answered once or ends its stream, and the next good response is applied',
  inputBytesMax: 2000,
  recordBytes: 1,
  headBytes: 1,
  dictionary: [typeUrl, typeUrls.listener, 'bad', 'undecodable', '\x0a\x01a', '\x12\x00'].map(bytesOf),
  seeds: () => [
    Buffer.concat([Buffer.of(0), sotwResponse({ ...response, resources: resources.slice(0, 4) })]),
    Buffer.concat([Buffer.of(0), wrappedSotwResponse(response)]),
    Buffer.concat([Buffer.of(1), deltaResponse(response)]),
    Buffer.concat([Buffer.of(0), sotwResponse({ ...response, resources: [] })]),
    Buffer.from([0]),
  ],
  run,
};
